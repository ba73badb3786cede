#include "agent/backoff.h"
#include "agent/docker_stats.h"
#include "agent/unix_stream.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "proto/limits.h"

struct docker_stats {
    struct loop *loop;
    struct docker_client *docker;
    struct stats_set *set;
    char *id, *path;
    int64_t every; /* ns; 0: a stream */
    unsigned int processors;
    struct unix_stream *light;     /* from a daemon behind a unix socket */
    struct docker_request *stream; /* from any other */
    char *last; /* the newest sample: as a text it takes a tenth of what its tree would */
    size_t last_len;
    struct clock_timer again;
    struct backoff backoff;
};

static void open_stream(struct docker_stats *st);

static void on_again(struct clock_timer *t)
{
    open_stream(container_of(t, struct docker_stats, again));
}

static void on_text(const char *p, size_t n, void *user)
{
    struct docker_stats *st = user;
    _cleanup_json_ json_t *v = json_read(p, n, JSON_READ_PEER, NULL);

    if (!v || !stats_set_add(st->set, v, st->processors))
        return;
    backoff_reset(&st->backoff);
    st->last = xrealloc(st->last, n);
    memcpy(st->last, p, n);
    st->last_len = n;
}

static void open_later(struct docker_stats *st)
{
    loop_timer_start(st->loop, &st->again, backoff_next(&st->backoff), on_again);
}

static void on_end(const struct docker_result *r, void *user)
{
    struct docker_stats *st = user;

    (void)r;
    st->stream = NULL;
    open_later(st);
}

static void on_light_end(void *user)
{
    struct docker_stats *st = user;

    st->light = NULL;
    open_later(st);
}

static void open_light(struct docker_stats *st, const char *path)
{
    _cleanup_free_ char *target = docker_target(st->docker, st->path);
    struct unix_stream_call c = {
        .socket = path,
        .host = DOCKER_HOST_NAME,
        .target = target,
        .max_object = STATS_LINE_MAX,
        .idle = DOCKER_STATS_INACTIVITY,
        .object = on_text,
        .end = on_light_end,
        .user = st,
    };

    st->light = unix_stream_open(st->loop, &c);
    if (!st->light)
        open_later(st);
}

static void open_any(struct docker_stats *st)
{
    struct docker_stream_call c = {
        .path = st->path,
        .max_line = STATS_LINE_MAX,
        .idle_timeout = DOCKER_STATS_INACTIVITY,
        .text = on_text,
        .done = on_end,
        .user = st,
    };

    st->stream = docker_stream(st->docker, &c);
    if (!st->stream)
        open_later(st);
}

/* ---- a sample now and then ---- */

static void on_sample(const struct docker_result *r, void *user)
{
    struct docker_stats *st = user;
    _cleanup_free_ char *text = r->ok ? json_text(r->json) : NULL;

    st->stream = NULL;
    if (!text) {
        open_later(st);
        return;
    }
    on_text(text, strlen(text), st);
    /* from the second on: not all containers at the same moment */
    loop_timer_start(st->loop, &st->again,
                     st->every + (st->set->seen < 2 ? backoff_spread(0, st->every * 8 / 10) : 0),
                     on_again);
}

static void ask(struct docker_stats *st)
{
    st->stream = docker_stats_once(st->docker, st->id, on_sample, st);
    if (!st->stream)
        open_later(st);
}

static void open_stream(struct docker_stats *st)
{
    const char *path = docker_socket(st->docker);

    if (st->every) {
        ask(st);
        return;
    }
    if (path)
        open_light(st, path);
    else
        open_any(st);
}

struct docker_stats *docker_stats_new(struct loop *l, struct docker_client *d, const char *id,
                                      int64_t every, struct stats_set *set)
{
    struct docker_stats *st = new0(struct docker_stats);
    long processors = sysconf(_SC_NPROCESSORS_ONLN);

    st->loop = l;
    st->docker = d;
    st->set = set;
    st->every = every;
    st->id = xstrdup(id);
    st->path = xasprintf("/containers/%s/stats?stream=1", id);
    st->processors = processors > 0 ? (unsigned int)processors : 1;
    backoff_init(&st->backoff, 1 * NS_PER_S, 10 * NS_PER_S, 2.0, 0.5);
    /* soon, not now: who calls this has an inspected container at hand, and what lives as long as
     * the stream would lie between its pieces, thousands of times */
    loop_timer_start(st->loop, &st->again, 0, on_again);
    return st;
}

json_t *docker_stats_last(const struct docker_stats *st)
{
    return st->last ? json_read(st->last, st->last_len, JSON_READ_PEER, NULL) : NULL;
}

void docker_stats_free(struct docker_stats *st)
{
    if (!st)
        return;
    loop_timer_stop(st->loop, &st->again);
    docker_cancel(st->stream);
    unix_stream_close(st->light);
    free(st->last);
    free(st->id);
    free(st->path);
    free(st);
}
