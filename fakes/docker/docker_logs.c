/* What containers wrote, and who reads it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container_io.h"

struct log_stream {
    struct list link;
    struct exchange *x;
    struct container *c;
    bool out, err, stamps, details, raw;
    int64_t since, until;     /* wall; until -1: none */
    struct clock_timer timer; /* then it is over, when it follows until a time */
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
    len = e->len + strlen(stamp) + (s->stamps ? 1 : 0) + (s->details ? 1 : 0);
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
    if (s->details)
        buf_addc(&b, ' '); /* the attributes that no log option asked for */
    buf_add(&b, buf_str(&o->text) + e->at, e->len);
    exchange_write(s->x, buf_str(&b), buf_len(&b));
    buf_release(&b);
}

/* newline: the line was ended by one; a piece of a long line, or the last one, may not be. */
static void add_line(struct container *c, bool is_err, const char *line, size_t n, bool newline)
{
    struct output *o = c->output;
    struct list *pos;

    if (buf_len(&o->text) + n + 1 > LOG_BYTES_MAX && o->n > 1)
        forget_oldest(o);
    grow_array(o->entries, o->n, o->cap);
    o->entries[o->n++] = (struct log_entry){.wall = clock_wall(docker_clock(c->d)),
                                            .at = (uint32_t)buf_len(&o->text),
                                            .len = (uint32_t)(n + newline),
                                            .is_err = is_err};
    buf_add(&o->text, line, n);
    if (newline)
        buf_addc(&o->text, '\n');
    list_for_each (pos, &c->log_streams)
        send_entry(container_of(pos, struct log_stream, link), o, &o->entries[o->n - 1]);
}

static void end_part(struct container *c, bool is_err, bool newline)
{
    struct buf *part = &c->output->part[is_err];

    add_line(c, is_err, buf_str(part), buf_len(part), newline);
    buf_release(part);
}

static void log_bytes(struct container *c, bool is_err, const char *p, size_t n)
{
    struct buf *part;

    if (!c->output) {
        c->output = new0(struct output);
        buf_init(&c->output->text, LOG_BYTES_MAX + 2 * OUTPUT_LINE_MAX);
        buf_init(&c->output->part[0], OUTPUT_LINE_MAX);
        buf_init(&c->output->part[1], OUTPUT_LINE_MAX);
    }
    part = &c->output->part[is_err];
    while (n) {
        const char *end = memchr(p, '\n', n);
        size_t room = OUTPUT_LINE_MAX - buf_len(part), len = end ? (size_t)(end - p) : n;
        bool newline = end && len <= room;

        len = len < room ? len : room;
        if (newline && !buf_len(part)) {
            add_line(c, is_err, p, len, true);
        } else {
            buf_add(part, p, len);
            if (newline || buf_len(part) == OUTPUT_LINE_MAX)
                end_part(c, is_err, newline);
        }
        p += len + newline;
        n -= len + newline;
    }
}

void container_output(struct container *c, bool is_err, const char *p, size_t n)
{
    if (c->tty)
        is_err = false; /* a terminal knows no difference */
    if (c->io)
        stdio_output(c->io, is_err, p, n);
    log_bytes(c, is_err, p, n);
}

void container_output_end(struct container *c)
{
    for (int i = 0; c->output && i < 2; i++)
        if (buf_len(&c->output->part[i]))
            end_part(c, i == 1, false);
    if (c->io)
        stdio_end(c->io);
}

void container_write(struct container *c, bool is_err, const char *text)
{
    struct buf b = BUF_INIT(SIZE_MAX / 4);

    for (; *text; text++) {
        if (*text == '\n' && c->tty)
            buf_addc(&b, '\r');
        buf_addc(&b, *text);
    }
    if (!buf_len(&b) || buf_str(&b)[buf_len(&b) - 1] != '\n')
        buf_adds(&b, c->tty ? "\r\n" : "\n");
    container_output(c, is_err, buf_str(&b), buf_len(&b));
    buf_release(&b);
}

void output_free(struct output *o)
{
    if (!o)
        return;
    free(o->entries);
    buf_release(&o->text);
    buf_release(&o->part[0]);
    buf_release(&o->part[1]);
    free(o);
}

/* --- reading ----------------------------------------------------------------------------- */

static void log_stream_free(struct log_stream *s)
{
    clock_timer_stop(docker_clock(s->c->d), &s->timer);
    list_del(&s->link);
    free(s);
}

static void log_stream_gone(struct exchange *x)
{
    log_stream_free(x->data);
}

static void log_stream_end(struct log_stream *s)
{
    struct exchange *x = s->x;

    x->on_gone = NULL;
    log_stream_free(s);
    exchange_end(x);
}

static void on_until(struct clock_timer *t)
{
    log_stream_end(container_of(t, struct log_stream, timer));
}

void log_streams_end(struct container *c)
{
    while (!list_empty(&c->log_streams))
        log_stream_end(container_of(c->log_streams.next, struct log_stream, link));
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
        r = problem(p, 500, "strconv.ParseInt: parsing \"%s\": invalid syntax", s);
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
    s->details = exchange_param_bool(x, "details");
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
    s->c = c;
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
    if (s->until >= 0)
        clock_timer_start(docker_clock(c->d), &s->timer, s->until - clock_wall(docker_clock(c->d)),
                          on_until);
}
