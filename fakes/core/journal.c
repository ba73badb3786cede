#include "fakes/core/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

static const char *const kind_names[] = {
    [RECORD_REQUEST] = "request",   [RECORD_ANSWER] = "answer",
    [RECORD_FRAME_IN] = "frame-in", [RECORD_FRAME_OUT] = "frame-out",
    [RECORD_CONNECT] = "connect",   [RECORD_DISCONNECT] = "disconnect",
    [RECORD_PROCESS] = "process",   [RECORD_STATE] = "state",
    [RECORD_FAULT] = "fault",       [RECORD_STEP] = "step",
    [RECORD_NOTE] = "note",
};

const char *record_kind_name(enum record_kind kind)
{
    return kind < RECORD_KIND_MAX ? kind_names[kind] : "unknown";
}

void journal_init(struct journal *j, struct loop *loop)
{
    *j = (struct journal){.loop = loop, .keep = true, .fd = -1};
    log_init(&j->masks, LOG_NOTHING, -1);
}

static void record_free(struct record *r)
{
    json_decref(r->data);
    free(r->what);
    free(r);
}

void journal_release(struct journal *j)
{
    for (size_t i = 0; i < j->n; i++)
        record_free(j->records[i]);
    free(j->records);
    for (size_t i = 0; i < j->n_peers; i++)
        free(j->peers[i]);
    free(j->peers);
    log_release(&j->masks);
    if (j->fd >= 0)
        close(j->fd);
    journal_init(j, j->loop);
}

int journal_open(struct journal *j, const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

    if (fd < 0)
        return err_sys(e, errno, "journal %s", path);
    if (j->fd >= 0)
        close(j->fd);
    j->fd = fd;
    return 0;
}

void journal_secret(struct journal *j, const char *value)
{
    log_secret(&j->masks, value);
}

static const char *intern(struct journal *j, const char *peer)
{
    for (size_t i = 0; i < j->n_peers; i++)
        if (str_eq(j->peers[i], peer))
            return j->peers[i];
    grow_array(j->peers, j->n_peers, j->cap_peers);
    return j->peers[j->n_peers++] = xstrdup(peer);
}

json_t *record_json(const struct record *r)
{
    json_t *o = json_object();
    const char *key;
    json_t *v;

    json_put_int(o, "n", (int64_t)r->n);
    json_put(o, "t", json_real((double)r->mono / NS_PER_S));
    json_put(o, "rt", json_real((double)r->real / NS_PER_S));
    json_put_str(o, "peer", r->peer);
    json_put_str(o, "kind", record_kind_name(r->kind));
    json_put_str(o, "what", r->what);
    json_put_str(o, "group", r->group);
    if (r->conn)
        json_put_int(o, "conn", (int64_t)r->conn);
    if (r->exchange)
        json_put_int(o, "exchange", (int64_t)r->exchange);
    json_object_foreach (r->data, key, v)
        json_object_set(o, key, v);
    return o;
}

/* A journal that cannot be written is told once, by the harness, from write_error. */
static void write_line(struct journal *j, const struct record *r)
{
    struct buf b = BUF_INIT(8 * JOURNAL_BODY_MAX);
    json_t *o = record_json(r);
    struct err e = ERR_INIT;

    json_write(&b, o);
    buf_addc(&b, '\n');
    if (io_write_all(j->fd, buf_str(&b), buf_len(&b), &e) < 0 && !j->write_error)
        j->write_error = e.sys;
    json_decref(o);
    buf_release(&b);
}

/* Replaces secrets in every string below v. Strings only: keys are names, and names are no secrets.
 */
static json_t *masked(const struct journal *j, json_t *v)
{
    const char *key;
    json_t *kid;
    size_t i;

    if (json_is_string(v)) {
        struct buf b = BUF_INIT(SIZE_MAX / 4);
        json_t *s;

        buf_add(&b, json_string_value(v), json_string_length(v));
        log_mask(&j->masks, &b);
        if (buf_len(&b) == json_string_length(v) && !strcmp(buf_str(&b), json_string_value(v))) {
            buf_release(&b);
            return json_incref(v);
        }
        s = json_stringn(buf_str(&b), buf_len(&b));
        buf_release(&b);
        return s;
    }
    if (json_is_object(v)) {
        json_t *o = json_object();

        json_object_foreach (v, key, kid)
            json_object_set_new(o, key, masked(j, kid));
        return o;
    }
    if (json_is_array(v)) {
        json_t *a = json_array();

        json_array_foreach (v, i, kid)
            json_array_append_new(a, masked(j, kid));
        return a;
    }
    return json_incref(v);
}

struct record *journal_record(struct journal *j, const struct record_info *info, json_t *data)
{
    struct record *r = new0(struct record);

    if (!data)
        data = json_object();
    if (j->masks.n_secrets) {
        json_t *clean = masked(j, data);

        json_decref(data);
        data = clean;
    }
    *r = (struct record){.n = ++j->count,
                         .mono = loop_now(j->loop),
                         .real = loop_real(j->loop),
                         .kind = info->kind,
                         .peer = intern(j, info->peer),
                         .what = xstrdup(info->what ? info->what : ""),
                         .group = info->group,
                         .conn = info->conn,
                         .exchange = info->exchange,
                         .foreign = info->foreign,
                         .data = data};
    if (j->fd >= 0)
        write_line(j, r);
    if (!j->keep) {
        if (j->on_record)
            j->on_record(j, r, j->on_record_data);
        record_free(r);
        return NULL;
    }
    grow_array(j->records, j->n, j->room);
    j->records[j->n++] = r;
    if (j->on_record)
        j->on_record(j, r, j->on_record_data);
    return r;
}

struct record *journal_add(struct journal *j, enum record_kind kind, const char *peer,
                           const char *what, json_t *data)
{
    return journal_record(j, &(struct record_info){.kind = kind, .peer = peer, .what = what}, data);
}

void journal_put_body(struct journal *j, json_t *data, const char *p, size_t n)
{
    size_t whole = n;
    json_t *v = NULL;

    (void)j;
    if (!n)
        return;
    if (n > JOURNAL_BODY_MAX) {
        n = JOURNAL_BODY_MAX;
        json_put_int(data, "body_cut", (int64_t)whole);
    } else if (*p == '{' || *p == '[') {
        v = json_read(p, n, JSON_READ_PEER, NULL);
    }
    if (!v && str_utf8_valid(p, n) && !memchr(p, 0, n))
        v = json_stringn_nocheck(p, n);
    if (v) {
        json_put(data, "body", v);
    } else {
        struct buf b = BUF_INIT(2 * JOURNAL_BODY_MAX);

        str_base64(&b, p, n);
        json_put_str(data, "body_base64", buf_str(&b));
        buf_release(&b);
    }
}

void journal_state(struct journal *j, const char *peer, const char *what, const char *from,
                   const char *to)
{
    json_t *d = json_object();

    json_put_str(d, "from", from);
    json_put_str(d, "to", to);
    journal_add(j, RECORD_STATE, peer, what, d);
}

void journal_note(struct journal *j, const char *peer, const char *fmt, ...)
{
    json_t *d = json_object();
    va_list ap;
    char *s;

    va_start(ap, fmt);
    s = xvasprintf(fmt, ap);
    va_end(ap);
    json_put_str(d, "text", s);
    free(s);
    journal_add(j, RECORD_NOTE, peer, "note", d);
}
