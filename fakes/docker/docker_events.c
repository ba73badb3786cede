/* Events: emitted by changes of state, kept for `since`, sent to who listens. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/engine.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/trouble.h"

static const char *const type_names[] = {
    [EVENT_CONTAINER] = "container", [EVENT_IMAGE] = "image",   [EVENT_VOLUME] = "volume",
    [EVENT_NETWORK] = "network",     [EVENT_DAEMON] = "daemon", [EVENT_BUILDER] = "builder",
};

struct event_stream {
    struct list link;
    struct exchange *x;
    struct filters filters;
    struct clock_timer until;
};

static void event_free(struct event *e)
{
    if (!e)
        return;
    free(e->action);
    free(e->actor);
    pairs_release(&e->attributes);
    free(e->line);
    free(e);
}

/* The members of 2014 (status, id, from) stand before those of today, for containers and images. */
static void write_event(struct buf *b, const struct event *e)
{
    buf_addc(b, '{');
    if (e->type == EVENT_CONTAINER || e->type == EVENT_IMAGE) {
        const char *from = pairs_get(&e->attributes, "image");

        buf_adds(b, "\"status\":");
        gojson_add_html(b, e->action);
        buf_addc(b, ',');
        if (*e->actor) {
            buf_adds(b, "\"id\":");
            gojson_add_html(b, e->actor);
            buf_addc(b, ',');
        }
        if (e->type == EVENT_CONTAINER && from && *from) {
            buf_adds(b, "\"from\":");
            gojson_add_html(b, from);
            buf_addc(b, ',');
        }
    }
    buf_addf(b, "\"Type\":\"%s\",\"Action\":", type_names[e->type]);
    gojson_add_html(b, e->action);
    buf_adds(b, ",\"Actor\":{\"ID\":");
    gojson_add_html(b, e->actor);
    buf_adds(b, ",\"Attributes\":");
    pairs_write(b, &e->attributes, true);
    buf_addf(b, "},\"scope\":\"local\",\"time\":%lld,\"timeNano\":%lld}\n",
             (long long)(e->wall / NS_PER_S), (long long)e->wall);
}

static bool event_name_fits(const struct filters *f, const struct event *e)
{
    const struct filter *names = filters_get(f, "event");

    for (size_t i = 0; names && i < names->n; i++)
        if (str_eq(names->values[i], "health_status") || str_eq(names->values[i], "exec_create") ||
            str_eq(names->values[i], "exec_start"))
            return filters_prefix(f, "event", e->action);
    return filters_exact(f, "event", e->action);
}

/* By id or name, or the beginning of either. */
static bool actor_fits(const struct filters *f, const char *kind, const struct event *e)
{
    const char *name = pairs_get(&e->attributes, "name");

    return filters_prefix(f, kind, e->actor) || (name && filters_prefix(f, kind, name));
}

static bool without_tag_fits(const struct filters *f, const char *name)
{
    char *copy = xstrdup(name), *colon = strrchr(copy, ':');
    bool fits;

    if (colon && !strchr(colon, '/'))
        *colon = '\0';
    fits = filters_exact(f, "image", copy);
    free(copy);
    return fits;
}

static bool image_fits(const struct filters *f, const struct event *e)
{
    const char *name = pairs_get(&e->attributes, e->type == EVENT_CONTAINER ? "image" : "name");

    return filters_exact(f, "image", e->actor) || without_tag_fits(f, e->actor) ||
           (name && (filters_exact(f, "image", name) || without_tag_fits(f, name)));
}

static bool event_fits(const struct filters *f, const struct event *e)
{
    if (!f->n)
        return true;
    return event_name_fits(f, e) && filters_exact(f, "type", type_names[e->type]) &&
           filters_exact(f, "scope", "local") && actor_fits(f, "container", e) &&
           actor_fits(f, "plugin", e) && actor_fits(f, "volume", e) &&
           actor_fits(f, "network", e) && actor_fits(f, "daemon", e) && image_fits(f, e) &&
           filters_pairs(f, "label", &e->attributes);
}

static void send_event(struct event_stream *s, const struct event *e)
{
    if (event_fits(&s->filters, e))
        exchange_write(s->x, e->line, e->line_len);
}

static void stream_free(struct event_stream *s);

/* before: one that was held back, and comes behind this one. */
static void send_by_fate(struct event_stream *s, const struct event *e, enum event_fate fate,
                         const struct event *before)
{
    struct exchange *x = s->x;

    if (fate == EVENT_SENT) {
        send_event(s, e);
        if (before)
            send_event(s, before);
    } else if (fate == EVENT_CUT && event_fits(&s->filters, e)) {
        exchange_write(x, e->line, e->line_len / 2);
        x->on_gone = NULL;
        stream_free(s);
        exchange_abort(x, false);
    }
}

void docker_event(struct docker *d, enum event_type type, const char *action, const char *actor,
                  const struct pairs *base, const char *const *more, size_t n_more)
{
    struct event *e = new0(struct event), **slot = &d->events[d->n_events % EVENTS_KEPT];
    struct buf b = BUF_INIT(ANSWER_MAX);
    const struct event *before;
    enum event_fate fate;
    struct list *pos, *tmp;

    e->wall = clock_wall(docker_clock(d));
    e->type = type;
    e->action = xstrdup(action);
    e->actor = xstrdup(actor);
    e->attributes = pairs_merge(base, more, n_more);
    write_event(&b, e);
    e->line_len = buf_len(&b);
    e->line = buf_steal(&b, NULL);
    event_free(*slot);
    *slot = e;
    d->n_events++;
    fate = trouble_event(d, action, &before);
    list_for_each_safe (pos, tmp, &d->event_streams)
        send_by_fate(container_of(pos, struct event_stream, link), e, fate, before);
}

static void stream_free(struct event_stream *s)
{
    clock_timer_stop(docker_clock(docker_of(s->x)), &s->until);
    list_del(&s->link);
    filters_release(&s->filters);
    free(s);
}

static void stream_gone(struct exchange *x)
{
    stream_free(x->data);
}

static void on_until(struct clock_timer *t)
{
    struct event_stream *s = container_of(t, struct event_stream, until);
    struct exchange *x = s->x;

    x->on_gone = NULL;
    stream_free(s);
    exchange_end(x);
}

/* A point in time of the query: unix time with a fraction. 0 also when it is absent. */
static int read_when(struct exchange *x, const char *name, int64_t *ret, bool *ret_given,
                     struct problem *p)
{
    char *s = exchange_param(x, name);
    int r = 0;

    *ret_given = s && *s;
    *ret = 0;
    if (*ret_given &&
        (strspn(s, "-0123456789.") != strlen(s) || parse_when(docker_of(x), s, ret) < 0)) {
        char *dot = strchr(s, '.');

        if (dot)
            *dot = '\0';
        r = problem(p, 500, "strconv.ParseInt: parsing \"%s\": invalid syntax", s);
    }
    free(s);
    return r;
}

static void send_kept(struct docker *d, struct event_stream *s, int64_t since, int64_t until)
{
    uint64_t first = d->n_events > EVENTS_KEPT ? d->n_events - EVENTS_KEPT : 0;

    for (uint64_t i = first; i < d->n_events; i++) {
        const struct event *e = d->events[i % EVENTS_KEPT];

        if (e->wall >= since && (until < 0 || e->wall <= until))
            send_event(s, e);
    }
}

void get_events(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    int64_t since, until, now = clock_wall(docker_clock(d));
    struct event_stream *s;
    struct filters filters;
    struct problem p = {0};
    bool from, to;

    if (read_when(x, "since", &since, &from, &p) < 0 ||
        read_when(x, "until", &until, &to, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    if (from && to && since > until) {
        docker_refuse_text(x, 400, "`since` time (%lld) cannot be after `until` time (%lld)",
                           (long long)(since / NS_PER_S), (long long)(until / NS_PER_S));
        return;
    }
    if (filters_read(&filters, x, NULL, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    s = new0(struct event_stream);
    s->x = x;
    s->filters = filters;
    list_add_tail(&d->event_streams, &s->link);
    docker_begin(x, "application/json");
    if (from)
        send_kept(d, s, since, to ? until : -1);
    if (to && until <= now) {
        stream_free(s);
        exchange_end(x);
        return;
    }
    x->data = s;
    x->on_gone = stream_gone;
    if (to)
        clock_timer_start(docker_clock(d), &s->until, until - now, on_until);
}

void docker_events_release(struct docker *d)
{
    while (!list_empty(&d->event_streams))
        stream_free(container_of(d->event_streams.next, struct event_stream, link));
    docker_events_forget(d);
}

void docker_events_forget(struct docker *d)
{
    for (size_t i = 0; i < EVENTS_KEPT; i++)
        event_free(d->events[i]);
    memset(d->events, 0, sizeof(d->events));
    d->n_events = 0;
}
