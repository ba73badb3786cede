#include "agent/docker_events.h"
#include "base/mem.h"
#include "base/str.h"

struct docker_events {
    struct loop *loop;
    struct docker_client *docker;
    struct log *log;
    struct docker_events_sink sink;
    struct docker_request *stream;
    struct clock_timer again;
    int64_t wait;
    bool was_open; /* at least once */
    bool is_open;
};

static void open_stream(struct docker_events *ev);

int docker_event_parse(const json_t *v, enum docker_event *ret_event, const char **ret_id,
                       int *ret_exit)
{
    const json_t *actor = json_object_get(v, "Actor");
    const char *type = json_str(v, "Type");
    const char *word = json_str(v, "status"), *id = json_str(v, "id");
    const char *code = json_str(json_object_get(actor, "Attributes"), "exitCode");
    uint64_t n;
    int event;

    if (type && !str_eq(type, "container"))
        return -1;
    if (!word)
        word = json_str(v, "Action");
    if (!id)
        id = json_str(actor, "ID");
    event = word ? docker_event_from(word) : -1;
    if (event < 0 || !id || !*id)
        return -1;
    *ret_event = (enum docker_event)event;
    *ret_id = id;
    *ret_exit = code && str_u64(code, 0x7fffffff, &n) == 0 ? (int)n : -1;
    return 0;
}

static void on_line(const json_t *v, void *user)
{
    struct docker_events *ev = user;
    enum docker_event event;
    const char *id;
    int code;

    if (docker_event_parse(v, &event, &id, &code) == 0)
        ev->sink.event(event, id, code, ev->sink.user);
}

static void on_opened(void *user)
{
    struct docker_events *ev = user;
    bool gap = ev->was_open;

    ev->was_open = ev->is_open = true;
    log_event(ev->log, gap ? LOG_INFO : LOG_DEBUG, "Docker's event stream is open", NULL);
    ev->sink.opened(gap, ev->sink.user);
}

static void on_again(struct clock_timer *t)
{
    open_stream(container_of(t, struct docker_events, again));
}

static void on_end(const struct docker_result *r, void *user)
{
    struct docker_events *ev = user;
    int64_t wait = ev->wait;
    bool first = ev->is_open || ev->wait == EVENTS_BACKOFF_MIN;

    ev->stream = NULL;
    /* a stream that was open gets its first new try at once */
    if (ev->is_open && ev->wait == EVENTS_BACKOFF_MIN)
        wait = 0;
    log_event(ev->log, first ? LOG_WARN : LOG_DEBUG,
              "Docker's event stream ended: opening it again", "error",
              *r->message ? r->message : NULL, NULL);
    ev->is_open = false;
    ev->wait = ev->wait * 2 > EVENTS_BACKOFF_MAX ? EVENTS_BACKOFF_MAX : ev->wait * 2;
    loop_timer_start(ev->loop, &ev->again, wait, on_again);
}

/* A stream that has held for a while is a good one: the next end is a first one again. */
static void on_held(struct clock_timer *t)
{
    struct docker_events *ev = container_of(t, struct docker_events, again);

    if (ev->is_open)
        ev->wait = EVENTS_BACKOFF_MIN;
    else
        loop_timer_start(ev->loop, &ev->again, 5 * EVENTS_BACKOFF_MAX, on_held);
}

static void open_stream(struct docker_events *ev)
{
    struct docker_stream_call c = {
        .path = docker_call_info(DOCKER_EVENTS)->path,
        .max_line = EVENTS_LINE_MAX,
        .opened = on_opened,
        .line = on_line,
        .done = on_end,
        .user = ev,
    };

    ev->stream = docker_stream(ev->docker, &c);
    loop_timer_start(ev->loop, &ev->again, 5 * EVENTS_BACKOFF_MAX, ev->stream ? on_held : on_again);
}

struct docker_events *docker_events_new(struct loop *l, struct docker_client *d, struct log *log,
                                        const struct docker_events_sink *sink)
{
    struct docker_events *ev = new0(struct docker_events);

    ev->loop = l;
    ev->docker = d;
    ev->log = log;
    ev->sink = *sink;
    ev->wait = EVENTS_BACKOFF_MIN;
    open_stream(ev);
    return ev;
}

void docker_events_free(struct docker_events *ev)
{
    if (!ev)
        return;
    loop_timer_stop(ev->loop, &ev->again);
    docker_cancel(ev->stream);
    free(ev);
}
