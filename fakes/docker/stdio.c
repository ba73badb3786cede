#include "fakes/docker/stdio.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/conn.h"
#include "fakes/docker/frames.h"

/* One frame is not longer than what dockerd reads at once. */
#define FRAME_MAX (32u << 10)

void stdio_init(struct stdio *io)
{
    list_init(&io->attached);
}

/* --- out ---------------------------------------------------------------------------------- */

void attach_send(struct attach *a, bool is_err, const char *p, size_t n)
{
    if (a->frames) {
        frames_write(a->frames, p, n);
        return;
    }
    while (n) {
        size_t part = n < FRAME_MAX ? n : FRAME_MAX;
        struct buf b = BUF_INIT(FRAME_MAX + 8);
        unsigned char head[8] = {is_err ? 2 : 1, 0, 0, 0, 0, 0, part >> 8 & 0xff, part & 0xff};

        if (!a->raw)
            buf_add(&b, head, sizeof(head));
        buf_add(&b, p, part);
        exchange_write(a->x, buf_str(&b), buf_len(&b));
        buf_release(&b);
        p += part;
        n -= part;
    }
}

static bool anybody_is_slow(const struct stdio *io, size_t limit)
{
    struct list *pos;

    list_for_each (pos, &io->attached)
        if (exchange_queued(container_of(pos, struct attach, link)->x) > limit)
            return true;
    return false;
}

void stdio_output(struct stdio *io, bool is_err, const char *p, size_t n)
{
    struct list *pos;

    list_for_each (pos, &io->attached) {
        struct attach *a = container_of(pos, struct attach, link);

        if (is_err ? a->err : a->out)
            attach_send(a, is_err, p, n);
    }
    if (io->flow && !io->paused && anybody_is_slow(io, EXCHANGE_HIGH)) {
        io->paused = true;
        io->flow(io, false);
    }
}

static void go_on(struct stdio *io)
{
    if (!io->paused || anybody_is_slow(io, EXCHANGE_LOW))
        return;
    io->paused = false;
    if (io->flow)
        io->flow(io, true);
}

static void on_drain(struct exchange *x)
{
    const struct attach *a = x->data;

    go_on(a->io);
}

/* --- in ----------------------------------------------------------------------------------- */

/* Gives the bytes to the process but for the detach keys; true when those were pressed. A part of
 * them that turned out to be none is input after all. */
static bool input_with_keys(struct attach *a, const char *p, size_t n)
{
    struct buf plain = BUF_INIT(n + DETACH_KEYS_MAX);
    bool pressed = false;

    for (size_t i = 0; i < n && !pressed; i++) {
        if ((unsigned char)p[i] == a->keys[a->matched]) {
            pressed = ++a->matched == a->n_keys;
            continue;
        }
        buf_add(&plain, a->keys, a->matched);
        a->matched = (unsigned char)p[i] == a->keys[0] && a->n_keys > 1;
        if (!a->matched)
            buf_addc(&plain, p[i]);
    }
    if (buf_len(&plain) && a->io->input)
        a->io->input(a->io, buf_str(&plain), buf_len(&plain));
    buf_release(&plain);
    return pressed;
}

/* Keeps what came before the process; then nothing more is read. */
static void keep(struct attach *a, const char *p, size_t n)
{
    buf_add(&a->waiting, p, n);
    a->ended_early = !n;
    conn_pause(a->x->conn);
}

static void take_input(struct attach *a, const char *p, size_t n)
{
    if (!a->in)
        return;
    if (a->io->early) {
        keep(a, p, n);
    } else if (!n) {
        a->in = false;
        if (!a->ends_input)
            attach_end(a); /* its output ends too, as dockerd has it */
        else if (a->io->input)
            a->io->input(a->io, NULL, 0);
    } else if (!a->n_keys) {
        if (a->io->input)
            a->io->input(a->io, p, n);
    } else if (input_with_keys(a, p, n)) {
        if (a->detached)
            a->detached(a);
        attach_end(a);
    }
}

/* The end of a websocket ends what goes the other way too. */
static void take_frames(struct attach *a, const char *p, size_t n)
{
    struct buf input = BUF_INIT(n);
    bool over = !n || frames_read(a->frames, p, n, &input) < 0;

    if (over) {
        if (a->in && a->ends_input)
            take_input(a, NULL, 0);
        attach_end(a);
    } else if (buf_len(&input)) {
        take_input(a, buf_str(&input), buf_len(&input));
    }
    buf_release(&input);
}

static void on_bytes(struct exchange *x, const char *p, size_t n)
{
    struct attach *a = x->data;

    if (a->frames)
        take_frames(a, p, n);
    else
        take_input(a, p, n);
}

void stdio_hold(struct stdio *io, bool hold)
{
    struct list *pos;

    list_for_each (pos, &io->attached) {
        struct conn *conn = container_of(pos, struct attach, link)->x->conn;

        if (hold)
            conn_pause(conn);
        else
            conn_resume(conn);
    }
}

void stdio_set_early(struct stdio *io, bool early)
{
    struct list *pos, *tmp;

    io->early = early;
    if (early)
        return;
    list_for_each_safe (pos, tmp, &io->attached) {
        struct attach *a = container_of(pos, struct attach, link);
        struct exchange *x = a->x;
        struct buf waiting = a->waiting;
        bool ended = a->ended_early;

        buf_init(&a->waiting, EXCHANGE_HIGH);
        conn_resume(x->conn);
        if (buf_len(&waiting))
            take_input(a, buf_str(&waiting), buf_len(&waiting));
        /* unless it was the detach keys, and it is gone */
        if (ended && (tmp == &io->attached ? io->attached.prev : tmp->prev) == pos)
            take_input(a, NULL, 0);
        buf_release(&waiting);
    }
}

/* --- coming and going --------------------------------------------------------------------- */

static void attach_free(struct attach *a)
{
    struct stdio *io = a->io;

    list_del(&a->link);
    frames_free(a->frames);
    buf_release(&a->waiting);
    free(a);
    go_on(io);
}

static void on_gone(struct exchange *x)
{
    struct attach *a = x->data;

    /* a terminal or a pipe whose only writer has left */
    if (a->in && a->ends_input && a->io->input)
        a->io->input(a->io, NULL, 0);
    attach_free(a);
}

struct attach *attach_begin(struct stdio *io, struct exchange *x, const struct attach *how)
{
    bool upgrade = exchange_header(x, "Upgrade") != NULL;
    struct attach *a = xmemdup(how, sizeof(*how));

    if (a->websocket && !(a->frames = frames_new(x, a->binary, on_bytes))) {
        free(a);
        return NULL;
    }
    a->io = io;
    a->x = x;
    buf_init(&a->waiting, EXCHANGE_HIGH);
    list_add_tail(&io->attached, &a->link);
    x->data = a;
    x->on_gone = on_gone;
    x->on_drain = on_drain;
    if (a->frames)
        return a;
    if (upgrade)
        x->reason = "UPGRADED";
    exchange_hijack(x, upgrade ? 101 : 200, NULL, on_bytes);
    return a;
}

void attach_end(struct attach *a)
{
    struct exchange *x = a->x;

    x->on_gone = NULL;
    x->on_drain = NULL;
    if (a->frames)
        frames_close(a->frames);
    attach_free(a);
    exchange_end(x);
}

void stdio_end(struct stdio *io)
{
    while (!list_empty(&io->attached))
        attach_end(container_of(io->attached.next, struct attach, link));
}

/* --- detach keys -------------------------------------------------------------------------- */

/* One of "a", "ctrl-a", "ctrl-@", "DEL"; -1: none. */
static int key_from(const char *s, size_t n)
{
    static const char special[] = "@[\\]^_";
    const char *at;

    if (n == 1)
        return (unsigned char)*s;
    if (n == 3 && !strncasecmp(s, "DEL", 3))
        return 127;
    if (n != 6 || strncmp(s, "ctrl-", 5) != 0)
        return -1;
    if (s[5] >= 'a' && s[5] <= 'z')
        return s[5] - 'a' + 1;
    at = strchr(special, s[5]);
    return at && s[5] == '@' ? 0 : at ? 26 + (int)(at - special) : -1;
}

int detach_keys(const char *s, unsigned char out[DETACH_KEYS_MAX], size_t *ret_n)
{
    size_t count = 0;

    if (!s || !*s)
        s = "ctrl-p,ctrl-q";
    for (;;) {
        size_t n = strcspn(s, ",");
        int key = key_from(s, n);

        if (key < 0 || count == DETACH_KEYS_MAX)
            return -1;
        out[count++] = (unsigned char)key;
        if (!s[n])
            break;
        s += n + 1;
    }
    *ret_n = count;
    return 0;
}
