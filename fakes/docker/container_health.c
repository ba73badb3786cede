/*
 * Health checks. A check is made each interval; what it finds is what the image
 * declares for that time. Where the declaration changes, a check is made at once,
 * so that the status changes at the declared moment and not an interval later.
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"

#define INTERVAL_DEFAULT (30 * NS_PER_S)
#define RETRIES_DEFAULT  3

static int64_t duration_of(const json_t *healthcheck, const char *member, int64_t dflt)
{
    int64_t ns = json_int(healthcheck, member, 0);

    return ns > 0 ? ns : dflt;
}

/* The command as exec events show it: CMD-SHELL goes through the shell. */
static char *test_text(const json_t *test)
{
    struct buf b = BUF_INIT(1 << 20);
    const char *kind = json_string_value(json_array_get(test, 0));

    if (str_eq(kind, "CMD-SHELL"))
        buf_adds(&b, "/bin/sh -c");
    for (size_t i = 1; i < json_array_size(test); i++) {
        const char *word = json_string_value(json_array_get(test, i));

        buf_addf(&b, "%s%s", buf_len(&b) ? " " : "", word ? word : "");
    }
    return buf_steal(&b, NULL);
}

struct health *health_new(struct container *c, const json_t *healthcheck)
{
    const json_t *test = json_object_get(healthcheck, "Test");
    const char *kind = json_string_value(json_array_get(test, 0));
    struct health *h;

    if (!str_eq(kind, "CMD") && !str_eq(kind, "CMD-SHELL"))
        return NULL;
    h = new0(struct health);
    h->c = c;
    h->test = test_text(test);
    h->interval = duration_of(healthcheck, "Interval", INTERVAL_DEFAULT);
    h->start_period = duration_of(healthcheck, "StartPeriod", 0);
    h->retries = json_int(healthcheck, "Retries", 0);
    if (h->retries <= 0)
        h->retries = RETRIES_DEFAULT;
    return h;
}

void health_free(struct health *h)
{
    if (!h)
        return;
    clock_timer_stop(docker_clock(h->c->d), &h->timer);
    free(h->test);
    free(h);
}

static void become(struct health *h, enum health_status to)
{
    char *what = xasprintf("health of container %s", h->c->name), action[40];

    if (h->status == to) {
        free(what);
        return;
    }
    journal_state(fake_journal(&h->c->d->fake), "docker", what, health_status_name(h->status),
                  health_status_name(to));
    free(what);
    h->status = to;
    snprintf(action, sizeof(action), "health_status: %s", health_status_name(to));
    if (to == HEALTH_HEALTHY || to == HEALTH_UNHEALTHY)
        container_event(h->c, action, NULL, NULL);
}

/* The exec that a check is. */
static void exec_events(struct health *h, int exit_code)
{
    struct container *c = h->c;
    char id[65], code[12], *action;
    const char *const more[] = {"image", c->image, "name", c->name, "execID", id, "exitCode", code};

    world_hex(c->d->fake.world, 32, id);
    snprintf(code, sizeof(code), "%d", exit_code);
    action = xasprintf("exec_create: %s", h->test);
    docker_event(c->d, EVENT_CONTAINER, action, c->id, &c->labels, more, 3);
    free(action);
    action = xasprintf("exec_start: %s", h->test);
    docker_event(c->d, EVENT_CONTAINER, action, c->id, &c->labels, more, 3);
    free(action);
    docker_event(c->d, EVENT_CONTAINER, "exec_die", c->id, &c->labels, more, 4);
}

/* One check. declared: its outcome decides at once, without retries. */
static void probe(struct health *h, bool declared)
{
    struct clock *clock = docker_clock(h->c->d);
    bool failed = h->outcome == HEALTH_UNHEALTHY || h->outcome == HEALTH_STARTING;
    int64_t now = clock_wall(clock);

    exec_events(h, failed);
    if (h->n_log == HEALTH_LOG_MAX) {
        memmove(h->log, h->log + 1, (HEALTH_LOG_MAX - 1) * sizeof(*h->log));
        h->n_log--;
    }
    h->log[h->n_log++] = (struct health_result){now, now, failed};
    if (!failed) {
        h->streak = 0;
        become(h, HEALTH_HEALTHY);
        return;
    }
    if (h->outcome == HEALTH_STARTING) {
        become(h, HEALTH_STARTING);
        return;
    }
    if (h->status == HEALTH_STARTING && !declared && clock_mono(clock) - h->began < h->start_period)
        return;
    h->streak = declared && h->streak + 1 < h->retries ? h->retries : h->streak + 1;
    if (h->streak >= h->retries)
        become(h, HEALTH_UNHEALTHY);
}

static void on_health(struct clock_timer *t);

static void arm(struct health *h)
{
    struct clock *clock = docker_clock(h->c->d);
    int64_t next = h->next_probe;

    if (h->next_step >= 0 && h->next_step < next)
        next = h->next_step;
    clock_timer_start(clock, &h->timer, next - clock_mono(clock), on_health);
}

/* When the declared step after this one begins. */
static void next_step(struct health *h)
{
    const struct behaviour *b = h->c->b;
    const struct health_step *s = h->step < b->n_steps ? &b->steps[h->step] : NULL;
    int64_t now = clock_mono(docker_clock(h->c->d));

    h->next_step = s && s->lasts >= 0 && h->step + 1 < b->n_steps ? now + s->lasts : -1;
    h->outcome = s ? s->status : HEALTH_NONE;
}

static void on_health(struct clock_timer *t)
{
    struct health *h = container_of(t, struct health, timer);
    int64_t now = clock_mono(docker_clock(h->c->d));

    if (h->next_step >= 0 && now >= h->next_step) {
        h->step++;
        next_step(h);
        probe(h, true);
        h->next_probe = now + h->interval;
    } else {
        probe(h, false);
        h->next_probe = now + h->interval;
    }
    arm(h);
}

void health_start(struct health *h)
{
    int64_t now = clock_mono(docker_clock(h->c->d));

    h->began = now;
    h->step = 0;
    h->streak = 0;
    h->watching = true;
    h->status = HEALTH_STARTING;
    h->next_probe = now + h->interval;
    next_step(h);
    if (h->outcome == HEALTH_HEALTHY || h->outcome == HEALTH_UNHEALTHY) {
        h->step = SIZE_MAX; /* declared from the first moment on: the step begins at once */
        h->next_step = now;
    }
    arm(h);
}

void health_stop(struct health *h)
{
    if (!h->watching)
        return;
    clock_timer_stop(docker_clock(h->c->d), &h->timer);
    h->watching = false;
    h->status = HEALTH_UNHEALTHY; /* without an event, as the engine does */
}

void health_resume(struct health *h)
{
    int64_t now = clock_mono(docker_clock(h->c->d));

    if (h->watching)
        return;
    h->watching = true;
    h->next_probe = now + h->interval;
    if (h->next_step >= 0 && h->next_step < now)
        h->next_step = now;
    arm(h);
}

void health_set(struct health *h, enum health_status status)
{
    h->outcome = status;
    h->next_step = -1;
    probe(h, true);
    h->next_probe = clock_mono(docker_clock(h->c->d)) + h->interval;
    arm(h);
}
