/*
 * Health checks. A check is made each interval; what it finds is what the image
 * declares for that time. Where the declaration changes, a check is made at once,
 * so that the status changes at the declared moment and not an interval later.
 *
 * A container that is a process is really asked: the check runs in it, and has its
 * time-out. What its image declares about health is not looked at.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container_process.h"
#include "fakes/docker/gojson.h"

#define INTERVAL_DEFAULT (30 * NS_PER_S)
#define TIMEOUT_DEFAULT  (30 * NS_PER_S)
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

/* The command as an exec has it. */
static json_t *test_exec(const json_t *test)
{
    json_t *how = json_object(), *cmd = json_array();

    if (str_eq(json_string_value(json_array_get(test, 0)), "CMD-SHELL")) {
        json_array_append_new(cmd, json_string("/bin/sh"));
        json_array_append_new(cmd, json_string("-c"));
    }
    for (size_t i = 1; i < json_array_size(test); i++)
        json_array_append(cmd, json_array_get(test, i));
    json_put(how, "Cmd", cmd);
    return how;
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
    h->exec = test_exec(test);
    h->timeout = duration_of(healthcheck, "Timeout", TIMEOUT_DEFAULT);
    h->interval = duration_of(healthcheck, "Interval", INTERVAL_DEFAULT);
    h->start_period = duration_of(healthcheck, "StartPeriod", 0);
    h->retries = json_int(healthcheck, "Retries", 0);
    if (h->retries <= 0)
        h->retries = RETRIES_DEFAULT;
    return h;
}

void health_end_check(struct health *h)
{
    clock_timer_stop(docker_clock(h->c->d), &h->patience);
    if (h->run)
        run_abandon(steal_ptr(&h->run));
}

void health_free(struct health *h)
{
    if (!h)
        return;
    clock_timer_stop(docker_clock(h->c->d), &h->timer);
    health_end_check(h);
    json_decref(h->exec);
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

/* One event of the exec that a check is. code: NULL but at its end. */
static void exec_event(struct health *h, const char *action, const char *code)
{
    struct container *c = h->c;
    char *whole = code ? xstrdup(action) : xasprintf("%s: %s", action, h->test);
    const char *const more[] = {"image",  c->image,   "name",     c->name,
                                "execID", h->exec_id, "exitCode", code};

    docker_event(c->d, EVENT_CONTAINER, whole, c->id, &c->labels, more, code ? 4 : 3);
    free(whole);
}

static void check_began(struct health *h)
{
    world_hex(h->c->d->fake.world, 32, h->exec_id);
    h->check_began = clock_wall(docker_clock(h->c->d));
    exec_event(h, "exec_create", NULL);
    exec_event(h, "exec_start", NULL);
}

/* A check is over. declared: its outcome decides at once, without retries. */
static void check_ended(struct health *h, int exit_code, bool declared)
{
    struct clock *clock = docker_clock(h->c->d);
    char code[12];

    snprintf(code, sizeof(code), "%d", exit_code);
    exec_event(h, "exec_die", code);
    if (h->n_log == HEALTH_LOG_MAX) {
        memmove(h->log, h->log + 1, (HEALTH_LOG_MAX - 1) * sizeof(*h->log));
        h->n_log--;
    }
    h->log[h->n_log++] = (struct health_result){h->check_began, clock_wall(clock), exit_code};
    if (!exit_code) {
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

/* A simulated check is over when it begins. */
static void probe(struct health *h, bool declared)
{
    bool failed = h->outcome == HEALTH_UNHEALTHY || h->outcome == HEALTH_STARTING;

    check_began(h);
    check_ended(h, failed, declared);
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

/* --- checks of containers that are processes ----------------------------------------------- */

static void real_ended(struct health *h, int exit_code)
{
    clock_timer_stop(docker_clock(h->c->d), &h->patience);
    check_ended(h, exit_code, false);
    h->next_probe = clock_mono(docker_clock(h->c->d)) + h->interval;
    arm(h);
}

static void on_check_output(void *data, bool is_err, const char *p, size_t n)
{
    (void)data; /* nobody is attached to it */
    (void)is_err;
    (void)p;
    (void)n;
}

static void on_check_over(void *data, int exit_code)
{
    struct health *h = data;

    h->run = NULL;
    real_ended(h, exit_code);
}

static void on_patience(struct clock_timer *t)
{
    struct health *h = container_of(t, struct health, patience);

    health_end_check(h);
    real_ended(h, -1); /* as dockerd notes one that took too long */
}

static void real_probe(struct health *h)
{
    const struct run_owner owner = {h, on_check_output, on_check_over, NULL, 0};
    struct problem p = {0};

    check_began(h);
    h->run = exec_process_start(h->c, h->exec, &owner, &p);
    if (h->run)
        clock_timer_start(docker_clock(h->c->d), &h->patience, h->timeout, on_patience);
    else
        real_ended(h, 126);
    free(p.text);
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

    if (h->c->run) {
        real_probe(h);
        return;
    }
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
    if (h->c->run) {
        h->next_step = -1;
        h->outcome = HEALTH_NONE;
        arm(h);
        return;
    }
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
    health_end_check(h);
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
