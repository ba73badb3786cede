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
#define SAID_MAX         4096 /* of what a check writes, as dockerd keeps it */

static int64_t duration_of(const json_t *healthcheck, const char *member, int64_t dflt)
{
    int64_t ns = json_int(healthcheck, member, 0);

    return ns > 0 ? ns : dflt;
}

/* The command as an exec has it: CMD-SHELL goes through the shell of the container. */
static json_t *test_exec(const json_t *test, const json_t *shell)
{
    json_t *how = json_object(), *cmd = json_array(), *v;
    size_t i;

    if (str_eq(json_string_value(json_array_get(test, 0)), "CMD-SHELL")) {
        json_array_foreach ((json_t *)(uintptr_t)shell, i, v)
            json_array_append(cmd, v);
        if (!i) {
            json_array_append_new(cmd, json_string("/bin/sh"));
            json_array_append_new(cmd, json_string("-c"));
        }
    }
    for (i = 1; i < json_array_size(test); i++)
        json_array_append(cmd, json_array_get(test, i));
    json_put(how, "Cmd", cmd);
    return how;
}

/* The same as exec events show it: a blank stands behind the program in any case. */
static char *test_text(const json_t *cmd)
{
    struct buf b = BUF_INIT(1 << 20);
    json_t *v;
    size_t i;

    json_array_foreach ((json_t *)(uintptr_t)cmd, i, v)
        buf_addf(&b, "%s%s", i ? " " : "", json_string_value(v) ? json_string_value(v) : "");
    if (i == 1)
        buf_addc(&b, ' ');
    return buf_steal(&b, NULL);
}

struct health *health_new(struct container *c, const json_t *config)
{
    const json_t *healthcheck = json_object_get(config, "Healthcheck");
    const json_t *test = json_object_get(healthcheck, "Test");
    const char *kind = json_string_value(json_array_get(test, 0));
    struct health *h;

    if (!str_eq(kind, "CMD") && !str_eq(kind, "CMD-SHELL"))
        return NULL;
    h = new0(struct health);
    h->c = c;
    buf_init(&h->said, SAID_MAX);
    h->exec = test_exec(test, json_object_get(config, "Shell"));
    h->test = test_text(json_object_get(h->exec, "Cmd"));
    h->timeout = duration_of(healthcheck, "Timeout", TIMEOUT_DEFAULT);
    h->interval = duration_of(healthcheck, "Interval", INTERVAL_DEFAULT);
    h->start_period = duration_of(healthcheck, "StartPeriod", 0);
    h->start_interval =
        docker_today(c->d) ? duration_of(healthcheck, "StartInterval", h->interval) : h->interval;
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
    buf_release(&h->said);
    for (size_t i = 0; i < h->n_log; i++)
        free(h->log[i].output);
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

/* Until it was healthy once, within its start period, it may be looked at more often. */
static int64_t interval_now(const struct health *h)
{
    int64_t since = clock_mono(docker_clock(h->c->d)) - h->began;

    return h->status == HEALTH_STARTING && since < h->start_period ? h->start_interval
                                                                   : h->interval;
}

static void note(struct health *h, int exit_code, const char *output)
{
    if (h->n_log == HEALTH_LOG_MAX) {
        free(h->log[0].output);
        memmove(h->log, h->log + 1, (HEALTH_LOG_MAX - 1) * sizeof(*h->log));
        h->n_log--;
    }
    h->log[h->n_log++] =
        (struct health_result){h->check_began, clock_wall(docker_clock(h->c->d)), exit_code,
                               output && *output ? xstrdup(output) : NULL};
}

/* A check is over. declared: its outcome decides at once, without retries. */
static void check_ended(struct health *h, int exit_code, const char *output, bool declared)
{
    struct clock *clock = docker_clock(h->c->d);
    char code[12];

    snprintf(code, sizeof(code), "%d", exit_code);
    exec_event(h, "exec_die", code);
    note(h, exit_code, output);
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
    check_ended(h, failed, NULL, declared);
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

static void real_ended(struct health *h, int exit_code, const char *output)
{
    clock_timer_stop(docker_clock(h->c->d), &h->patience);
    check_ended(h, exit_code, output, false);
    h->next_probe = clock_mono(docker_clock(h->c->d)) + interval_now(h);
    arm(h);
}

static void on_check_output(void *data, bool is_err, const char *p, size_t n)
{
    struct health *h = data;
    size_t room = SAID_MAX - buf_len(&h->said);

    (void)is_err;
    h->said_more |= n > room;
    buf_add(&h->said, p, n < room ? n : room);
}

/* What it wrote, as far as dockerd keeps that; to be freed. */
static char *said(const struct health *h)
{
    return xasprintf("%s%s", buf_str(&h->said), h->said_more ? "..." : "");
}

static void on_check_over(void *data, int exit_code)
{
    struct health *h = data;
    _cleanup_free_ char *output = said(h);

    h->run = NULL;
    real_ended(h, exit_code, output);
}

/* "1.5s", "2m0s", as far as a limit is given so. */
static char *go_duration(int64_t ns, char out[40])
{
    int64_t minutes = ns / (60 * NS_PER_S);
    double seconds = (double)(ns % (60 * NS_PER_S)) / NS_PER_S;

    if (ns < NS_PER_S)
        snprintf(out, 40, "%gms", (double)ns / NS_PER_MS);
    else if (minutes)
        snprintf(out, 40, "%lldm%gs", (long long)minutes, seconds);
    else
        snprintf(out, 40, "%gs", seconds);
    return out;
}

/* As dockerd notes one that took too long. */
static void on_patience(struct clock_timer *t)
{
    struct health *h = container_of(t, struct health, patience);
    _cleanup_free_ char *output = said(h), *text = NULL;
    char limit[40];
    bool more = docker_modern(h->c->d) && *output;

    text = xasprintf("Health check exceeded timeout (%s)%s%s", go_duration(h->timeout, limit),
                     more ? ": " : "", more ? output : "");
    health_end_check(h);
    real_ended(h, -1, text);
}

static void real_probe(struct health *h)
{
    const struct run_owner owner = {h, on_check_output, on_check_over, NULL, 0};
    struct problem p = {0};

    check_began(h);
    buf_clear(&h->said);
    h->said_more = false;
    h->run = exec_process_start(h->c, h->exec, &owner, &p);
    if (h->run)
        clock_timer_start(docker_clock(h->c->d), &h->patience, h->timeout, on_patience);
    else
        real_ended(h, -1, p.text);
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
        h->next_probe = now + interval_now(h);
    } else {
        probe(h, false);
        h->next_probe = now + interval_now(h);
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
    h->next_probe = now + interval_now(h);
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
    h->next_probe = now + interval_now(h);
    if (h->next_step >= 0 && h->next_step < now)
        h->next_step = now;
    arm(h);
}

void health_set(struct health *h, enum health_status status)
{
    h->outcome = status;
    h->next_step = -1;
    probe(h, true);
    h->next_probe = clock_mono(docker_clock(h->c->d)) + interval_now(h);
    arm(h);
}
