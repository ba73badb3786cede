#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/http_answer.h"
#include "agent/json_stream.h"
#include "agent/unix_stream.h"
#include "base/cleanup.h"
#include "base/mem.h"

#define READ_SIZE (16u << 10)

struct unix_stream {
    struct loop *loop;
    uv_poll_t poll;
    int fd;
    struct clock_timer idle; /* or, before anything was tried, the end of an open that failed */
    int64_t idle_time;
    struct http_answer answer;
    struct json_stream objects;
    void (*object)(const char *p, size_t n, void *user);
    void (*end)(void *user);
    void *user;
};

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

void unix_stream_close(struct unix_stream *s)
{
    if (!s)
        return;
    loop_timer_stop(s->loop, &s->idle);
    json_stream_release(&s->objects);
    uv_poll_stop(&s->poll);
    close(s->fd);
    uv_close((uv_handle_t *)&s->poll, on_closed);
}

static void finish(struct unix_stream *s)
{
    void (*end)(void *user) = s->end;
    void *user = s->user;

    unix_stream_close(s);
    end(user);
}

static void on_idle(struct clock_timer *t)
{
    finish(container_of(t, struct unix_stream, idle));
}

static void on_object(const char *p, size_t n, void *user)
{
    struct unix_stream *s = user;

    s->object(p, n, s->user);
}

static void on_body(const char *p, size_t n, void *user)
{
    struct unix_stream *s = user;

    if (s->answer.status == 200)
        json_stream_feed(&s->objects, p, n);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    struct unix_stream *s = poll->data;
    char bytes[READ_SIZE];
    ssize_t n;

    (void)events;
    n = status < 0 ? 0 : recv(s->fd, bytes, sizeof(bytes), 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !http_answer_feed(&s->answer, bytes, (size_t)n, on_body, s)) {
        finish(s);
        return;
    }
    loop_timer_start(s->loop, &s->idle, s->idle_time, on_idle);
}

/* A request is smaller than the buffer of a new socket: it goes out whole, or not at all. */
static int ask(int fd, const struct unix_stream_call *c)
{
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    _cleanup_free_ char *text =
        xasprintf("GET %s HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n\r\n", c->target, c->host);

    snprintf(to.sun_path, sizeof(to.sun_path), "%s", c->socket);
    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        return -1;
    return send(fd, text, strlen(text), MSG_NOSIGNAL) == (ssize_t)strlen(text) ? 0 : -1;
}

struct unix_stream *unix_stream_open(struct loop *l, const struct unix_stream_call *c)
{
    struct unix_stream *s;
    int fd;

    if (strlen(c->socket) >= sizeof(((struct sockaddr_un *)0)->sun_path))
        return NULL;
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return NULL;
    s = new0(struct unix_stream);
    s->loop = l;
    s->fd = fd;
    s->idle_time = c->idle;
    s->object = c->object;
    s->end = c->end;
    s->user = c->user;
    json_stream_init(&s->objects, c->max_object, NULL, s);
    s->objects.text_fn = on_object;
    s->poll.data = s;
    if (uv_poll_init(&l->uv, &s->poll, fd) < 0) {
        close(fd);
        json_stream_release(&s->objects);
        free(s);
        return NULL;
    }
    if (ask(fd, c) < 0) {
        loop_timer_start(l, &s->idle, 0, on_idle);
        return s;
    }
    uv_poll_start(&s->poll, UV_READABLE, on_readable);
    loop_timer_start(l, &s->idle, c->idle, on_idle);
    return s;
}
