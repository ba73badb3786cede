/* What containers wrote, and who reads it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"

struct log_stream {
    struct list link;
    struct exchange *x;
    bool out, err, stamps, raw;
    int64_t since, until; /* wall; until -1: none */
};

/* --- output ------------------------------------------------------------------------------ */

static void forget_oldest(struct output *o)
{
    size_t drop = o->n / 2, bytes = o->entries[drop].at;

    buf_consume(&o->text, bytes);
    memmove(o->entries, o->entries + drop, (o->n - drop) * sizeof(*o->entries));
    o->n -= drop;
    for (size_t i = 0; i < o->n; i++)
        o->entries[i].at -= (uint32_t)bytes;
}

static void send_entry(struct log_stream *s, const struct output *o, const struct log_entry *e)
{
    struct buf b = BUF_INIT(LOG_BYTES_MAX + 256);
    size_t len;
    unsigned char head[8] = {0};
    char stamp[40] = "";

    if (!(e->is_err ? s->err : s->out) || e->wall < s->since ||
        (s->until >= 0 && e->wall > s->until))
        return;
    if (s->stamps)
        str_format_time(e->wall, 9, stamp);
    len = e->len + strlen(stamp) + (s->stamps ? 1 : 0);
    if (!s->raw) {
        head[0] = e->is_err ? 2 : 1;
        head[4] = (unsigned char)(len >> 24);
        head[5] = (unsigned char)(len >> 16);
        head[6] = (unsigned char)(len >> 8);
        head[7] = (unsigned char)len;
        buf_add(&b, head, sizeof(head));
    }
    if (s->stamps)
        buf_addf(&b, "%s ", stamp);
    buf_add(&b, buf_str(&o->text) + e->at, e->len);
    exchange_write(s->x, buf_str(&b), buf_len(&b));
    buf_release(&b);
}

static void add_line(struct container *c, bool is_err, const char *line, size_t n)
{
    struct output *o = c->output;
    struct list *pos;

    if (buf_len(&o->text) + n + 1 > LOG_BYTES_MAX && o->n > 1)
        forget_oldest(o);
    grow_array(o->entries, o->n, o->cap);
    o->entries[o->n++] = (struct log_entry){.wall = clock_wall(docker_clock(c->d)),
                                            .at = (uint32_t)buf_len(&o->text),
                                            .len = (uint32_t)n + 1,
                                            .is_err = is_err};
    buf_add(&o->text, line, n);
    buf_addc(&o->text, '\n');
    list_for_each (pos, &c->log_streams)
        send_entry(container_of(pos, struct log_stream, link), o, &o->entries[o->n - 1]);
}

void container_write(struct container *c, bool is_err, const char *text)
{
    if (!c->output) {
        c->output = new0(struct output);
        buf_init(&c->output->text, LOG_BYTES_MAX + (256 << 10));
    }
    do {
        size_t n = strcspn(text, "\n");

        add_line(c, is_err, text, n < (64 << 10) ? n : 64 << 10);
        text += n + (text[n] == '\n');
    } while (*text);
}

void output_free(struct output *o)
{
    if (!o)
        return;
    free(o->entries);
    buf_release(&o->text);
    free(o);
}

/* --- reading ----------------------------------------------------------------------------- */

static void log_stream_free(struct log_stream *s)
{
    list_del(&s->link);
    free(s);
}

static void log_stream_gone(struct exchange *x)
{
    log_stream_free(x->data);
}

void log_streams_end(struct container *c)
{
    while (!list_empty(&c->log_streams)) {
        struct log_stream *s = container_of(c->log_streams.next, struct log_stream, link);
        struct exchange *x = s->x;

        x->on_gone = NULL;
        log_stream_free(s);
        exchange_end(x);
    }
}

/* The last `tail` lines of the wanted streams; tail < 0: all. */
static void send_written(struct log_stream *s, const struct output *o, int64_t tail)
{
    size_t from = 0;

    if (!o)
        return;
    if (tail >= 0)
        for (from = o->n; from > 0 && tail > 0; from--)
            if (o->entries[from - 1].is_err ? s->err : s->out)
                tail--;
    for (; from < o->n; from++)
        send_entry(s, o, &o->entries[from]);
}

static const char *log_type(const struct exchange *x, const struct container *c)
{
    if (!docker_modern(c->d))
        return NULL;
    return c->tty || call_version(x) < API(42) ? "application/vnd.docker.raw-stream"
                                               : "application/vnd.docker.multiplexed-stream";
}

static int read_log_time(struct exchange *x, const char *name, int64_t *ret, struct problem *p)
{
    char *s = exchange_param(x, name);
    int64_t dflt = *ret;
    int r = 0;

    if (s && *s && parse_when(docker_of(x), s, ret) < 0)
        r = problem(p, docker_modern(docker_of(x)) ? 400 : 500,
                    "strconv.ParseInt: parsing \"%s\": invalid syntax", s);
    else if (*ret == 0)
        *ret = dflt; /* "0" is what clients send for none */
    free(s);
    return r;
}

void get_container_logs(struct fake *f, struct exchange *x)
{
    char *name = docker_param(x, "name"), *tail = exchange_param(x, "tail");
    struct log_stream *s = new0(struct log_stream);
    struct problem p = {0};
    struct container *c = NULL;
    int64_t lines;

    s->x = x;
    s->until = -1;
    s->out = exchange_param_bool(x, "stdout");
    s->err = exchange_param_bool(x, "stderr");
    s->stamps = exchange_param_bool(x, "timestamps");
    list_init(&s->link);
    if (!s->out && !s->err)
        problem(&p, 400, "Bad parameters: you must choose at least one stream");
    else if ((c = container_find((struct docker *)f, name, &p)) && str_eq(c->log_driver, "none"))
        problem(&p, 501, "configured logging driver does not support reading");
    if (!p.status && (read_log_time(x, "since", &s->since, &p) < 0 ||
                      read_log_time(x, "until", &s->until, &p) < 0))
        c = NULL;
    free(name);
    if (p.status) {
        free(tail);
        free(s);
        docker_refuse(x, &p);
        return;
    }
    s->raw = c->tty;
    if (!tail || str_i64(tail, &lines) < 0)
        lines = -1;
    free(tail);
    docker_begin(x, log_type(x, c));
    send_written(s, c->output, lines);
    if (!exchange_param_bool(x, "follow") || !container_running(c)) {
        free(s);
        exchange_end(x);
        return;
    }
    x->data = s;
    x->on_gone = log_stream_gone;
    list_add_tail(&c->log_streams, &s->link);
}
