#include "fakes/ecs/service.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/launch.h"
#include "fakes/ecs/place.h"
#include "fakes/ecs/service_history.h"
#include "proto/arn.h"

/* --- events ---------------------------------------------------------------------------- */

static void event(struct plane *p, struct plane_service *s, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static void event(struct plane *p, struct plane_service *s, const char *fmt, ...)
{
    _cleanup_free_ char *text = NULL, *message = NULL;
    json_t *o = json_object();
    char id[37];
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    message = xasprintf("(service %s) %s", s->name, text);
    if (str_eq(json_str(json_array_get(s->events, 0), "message"), message)) {
        json_decref(o);
        return; /* the same once more says nothing new */
    }
    world_uuid(p->world, id);
    json_put_str(o, "id", id);
    json_put(o, "createdAt", plane_time(loop_wall(&p->world->loop)));
    json_put_str(o, "message", message);
    json_array_insert_new(s->events, 0, o);
    if (json_array_size(s->events) > SERVICE_EVENTS_MAX)
        json_array_remove(s->events, SERVICE_EVENTS_MAX);
    journal_note(&p->world->journal, "ecs", "%s", message);
}

static void set_status(struct plane *p, struct plane_service *s, const char *to)
{
    char *what = xasprintf("service %s", s->name);

    journal_state(&p->world->journal, "ecs", what, s->status, to);
    free(what);
    s->status = to;
}

static void set_rollout(struct plane *p, struct plane_service *s, struct service_deployment *d,
                        const char *to, const char *why)
{
    char *what = xasprintf("deployment %s", d->id);

    journal_state(&p->world->journal, "ecs", what, d->rollout ? d->rollout : "none", to);
    free(what);
    d->rollout = to;
    d->updated_at = loop_wall(&p->world->loop);
    free(d->rollout_reason);
    d->rollout_reason = xasprintf("ECS deployment %s %s.", d->id, why);
    if (!str_eq(to, "COMPLETED"))
        return;
    s->completed = d->definition;
    history_completed(p, s);
}

/* --- the set --------------------------------------------------------------------------- */

static void set_free(struct service_set *set)
{
    if (!set)
        return;
    free(set->arn);
    free(set->client_token);
    json_decref(set->given);
    json_decref(set->tags);
    free(set);
}

static void drop_deployment(struct plane_service *s, size_t k)
{
    free(s->deployments[k].id);
    free(s->deployments[k].revision);
    set_free(s->deployments[k].set);
    free(s->deployments[k].rollout_reason);
    s->n_deployments--;
    memmove(&s->deployments[k], &s->deployments[k + 1],
            (s->n_deployments - k) * sizeof(*s->deployments));
}

static void service_free(struct plane_service *s)
{
    while (s->n_deployments)
        drop_deployment(s, s->n_deployments - 1);
    free(s->deployments);
    free(s->arn);
    free(s->name);
    free(s->client_token);
    json_decref(s->given);
    json_decref(s->connect);
    json_decref(s->tags);
    json_decref(s->events);
    json_decref(s->history);
    json_decref(s->revisions);
    free(s->completed_revision);
    free(s);
}

struct plane_service *service_find(const struct plane *p, const struct plane_cluster *c,
                                   const char *name_or_arn)
{
    void *v;

    if (!name_or_arn)
        return NULL;
    for (size_t i = 0; map_next(&p->services, &i, NULL, &v);) {
        struct plane_service *s = v;

        if (s->cluster == c && (str_eq(s->name, name_or_arn) || str_eq(s->arn, name_or_arn)))
            return s;
    }
    return NULL;
}

struct plane_service *service_add(struct plane *p, struct plane_cluster *c, const char *name)
{
    struct plane_service *s = service_find(p, c, name);

    if (s) {
        map_remove(&p->services, s->arn);
        service_free(s);
    }
    if (map_count(&p->services) >= SERVICES_MAX)
        return NULL;
    s = new0(struct plane_service);
    s->arn = plane_arn(p, "service", c->name, name);
    s->name = xstrdup(name);
    s->cluster = c;
    s->status = "none";
    s->given = json_object();
    s->tags = json_array();
    s->events = json_array();
    s->history = json_array();
    s->revisions = json_array();
    s->min_percent = 100;
    s->max_percent = 200;
    s->created_at = loop_wall(&p->world->loop);
    s->deployments = new0_array(struct service_deployment, SERVICE_DEPLOYMENTS_MAX + 1);
    map_set(&p->services, s->arn, s);
    set_status(p, s, "ACTIVE");
    return s;
}

static char *new_id(struct plane *p)
{
    uint64_t n = fault_table_random(&p->world->faults, UINT64_MAX);

    return xasprintf("ecs-svc/%019llu", (unsigned long long)(n % 10000000000000000000ULL));
}

void service_deploy(struct plane *p, struct plane_service *s, struct plane_definition *d)
{
    struct service_deployment *first = s->deployments;

    if (s->n_deployments == SERVICE_DEPLOYMENTS_MAX)
        drop_deployment(s, s->n_deployments - 1); /* its tasks belong to nobody and are stopped */
    if (s->n_deployments)
        first->primary = false;
    memmove(first + 1, first, s->n_deployments * sizeof(*first));
    s->n_deployments++;
    *first = (struct service_deployment){.id = new_id(p),
                                         .definition = d,
                                         .primary = true,
                                         .created_at = loop_wall(&p->world->loop)};
    history_deployed(p, s);
    set_rollout(p, s, first, "IN_PROGRESS", "in progress");
    s->steady = false;
    service_kick(p);
}

void service_drain(struct plane *p, struct plane_service *s)
{
    s->desired = 0;
    set_status(p, s, "DRAINING");
    service_kick(p);
}

size_t service_count(const struct plane *p, const struct plane_cluster *c)
{
    size_t n = 0;
    void *v;

    for (size_t i = 0; map_next(&p->services, &i, NULL, &v);) {
        const struct plane_service *s = v;

        n += s->cluster == c && str_eq(s->status, "ACTIVE");
    }
    return n;
}

void services_clear(struct plane *p)
{
    void *v;

    loop_cancel(&p->world->loop, &p->scheduler);
    for (size_t i = 0; map_next(&p->services, &i, NULL, &v);)
        service_free(v);
    map_release(&p->services);
}

/* --- counting -------------------------------------------------------------------------- */

static bool of_service(const struct plane_task *t, const struct plane_service *s)
{
    return t->launch && t->last != PLANE_TASK_STOPPED && str_eq(t->launch->service, s->arn);
}

struct service_tally service_tally(const struct plane *p, const struct plane_service *s,
                                   const struct service_deployment *d)
{
    struct service_tally n = {0};
    void *v;

    for (size_t i = 0; map_next(&p->tasks, &i, NULL, &v);) {
        const struct plane_task *t = v;
        bool wanted = t->desired != PLANE_TASK_STOPPED;

        if (!of_service(t, s) || (d && !str_eq(t->launch->deployment, d->id)))
            continue;
        n.running += t->last == PLANE_TASK_RUNNING;
        n.pending += t->last < PLANE_TASK_RUNNING && wanted;
        n.wanted += wanted;
        n.healthy += t->last == PLANE_TASK_RUNNING && wanted;
    }
    return n;
}

static bool on_active_instance(const struct plane *p, const struct plane_task *t)
{
    const struct plane_instance *i = plane_instance(p, NULL, t->instance_arn);

    return i && i->status == INSTANCE_ACTIVE;
}

/* Protection is from scaling in and from deployments, not from the end of the service. */
static bool is_protected(const struct plane *p, const struct plane_service *s,
                         const struct plane_task *t)
{
    return str_eq(s->status, "ACTIVE") && t->launch->protect &&
           t->launch->protect_until > loop_wall(&p->world->loop);
}

/* --- the scheduler --------------------------------------------------------------------- */

/* How the placement of one more task of the service is asked for. */
static void need_of(const struct plane_service *s, const struct service_deployment *d,
                    struct place *need, const char *group)
{
    struct err e = ERR_INIT;

    place_need(need, d->definition, NULL);
    need->group = group;
    /* both were checked when they were given */
    place_constrain(need, json_object_get(d->definition->doc, "placementConstraints"), &e);
    place_constrain(need, json_object_get(s->given, "placementConstraints"), &e);
    place_by(need, json_object_get(s->given, "placementStrategy"), &e);
    need->distinct = need->distinct || s->daemon;
}

static void start_on(struct plane *p, struct plane_service *s, struct service_deployment *d,
                     struct plane_instance *i, const char *group)
{
    const char *propagate = json_str(s->given, "propagateTags");
    struct plane_task *t;

    t = launch_task(p,
                    &(struct launch_order){
                        .cluster = s->cluster,
                        .definition = d->definition,
                        .group = group,
                        .started_by = d->id,
                        .service = s->arn,
                        .deployment = d->id,
                        .launch_type = json_str(d->set ? d->set->given : s->given, "launchType"),
                        .tags = str_eq(propagate, "SERVICE")           ? s->tags
                                : str_eq(propagate, "TASK_DEFINITION") ? d->definition->tags
                                                                       : NULL,
                        .exec = s->exec},
                    i);
    d->launched++;
    if (t)
        event(p, s, "has started 1 tasks: (task %s).", t->id);
}

/* Starts up to n tasks; returns true when it could not start all. */
static bool start_some(struct plane *p, struct plane_service *s, struct service_deployment *d,
                       int64_t n)
{
    _cleanup_free_ char *group = xasprintf("service:%s", s->name);
    json_t *failures _cleanup_json_ = json_array();
    struct place need = {0};
    struct plane_instance *i = NULL;

    need_of(s, d, &need, group);
    for (; n > 0; n--) {
        i = place_choose(p, &need, s->cluster, failures);
        if (!i)
            break;
        start_on(p, s, d, i, group);
    }
    place_release(&need);
    if (n <= 0)
        return false;
    if (!json_array_size(failures))
        event(p, s,
              "was unable to place a task because no container instance met all of its "
              "requirements. Reason: No Container Instances were found in your cluster.");
    else
        event(p, s,
              "was unable to place a task because no container instance met all of its "
              "requirements. The closest matching container-instance %s: %s.",
              arn_id(json_str(json_array_get(failures, 0), "arn")),
              json_str(json_array_get(failures, 0), "reason"));
    return true;
}

static void start_daemons(struct plane *p, struct plane_service *s)
{
    _cleanup_free_ char *group = xasprintf("service:%s", s->name);
    struct place need = {0};
    int64_t fit = 0;
    void *v;

    need_of(s, s->deployments, &need, group);
    for (size_t k = 0; map_next(&p->instances, &k, NULL, &v);) {
        struct plane_instance *i = v;

        if (i->cluster != s->cluster || place_refused(p, &need, i))
            continue;
        start_on(p, s, s->deployments, i, group);
        fit++;
    }
    place_release(&need);
    s->desired = service_tally(p, s, NULL).wanted;
}

static int64_t percent_up(int64_t n, int64_t percent)
{
    return (n * percent + 99) / 100;
}

static void stop_one(struct plane *p, struct plane_service *s, struct plane_task *t)
{
    _cleanup_free_ char *why =
        s->external
            ? xasprintf("Scaling activity initiated by (task set %s)", t->launch->deployment)
            : xasprintf("Scaling activity initiated by (deployment %s)", s->deployments[0].id);

    event(p, s, "has stopped 1 running tasks: (task %s).", t->id);
    launch_stop(p, t, "ServiceSchedulerInitiated", why);
}

/* Stops tasks of older deployments, and those on instances that drain, as far as enough others
 * run. */
static void stop_old(struct plane *p, struct plane_service *s)
{
    int64_t least = percent_up(s->desired, s->min_percent),
            healthy = service_tally(p, s, NULL).healthy;
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        struct plane_task *t = v;
        bool old;

        if (!of_service(t, s) || t->desired == PLANE_TASK_STOPPED || is_protected(p, s, t))
            continue;
        old = !str_eq(t->launch->deployment, s->deployments[0].id) || !on_active_instance(p, t);
        if (!old || (t->last == PLANE_TASK_RUNNING && healthy <= least))
            continue;
        healthy -= t->last == PLANE_TASK_RUNNING;
        stop_one(p, s, t);
    }
}

static void stop_unhealthy(struct plane *p, struct plane_service *s)
{
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        struct plane_task *t = v;

        if (!of_service(t, s) || t->desired == PLANE_TASK_STOPPED ||
            !str_eq(plane_task_healthy(t), "UNHEALTHY"))
            continue;
        event(p, s, "(task %s) failed container health checks.", t->id);
        launch_stop(p, t, "ServiceSchedulerInitiated", "Task failed container health checks");
    }
}

static bool of_deployment(const struct plane_task *t, const struct plane_service *s,
                          const struct service_deployment *d)
{
    return of_service(t, s) && (!d || str_eq(t->launch->deployment, d->id));
}

/* Stops up to n tasks of the deployment (NULL: of all): those that do not run yet first, then the
 * youngest. */
static void stop_surplus(struct plane *p, struct plane_service *s,
                         const struct service_deployment *d, int64_t n)
{
    while (n-- > 0) {
        struct plane_task *best = NULL;
        void *v;

        for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
            struct plane_task *t = v;

            if (of_deployment(t, s, d) && t->desired != PLANE_TASK_STOPPED &&
                !is_protected(p, s, t) && (!best || t->last <= best->last))
                best = t;
        }
        if (!best)
            return;
        stop_one(p, s, best);
    }
}

/* Wanted tasks of the deployment on instances where they may stay. */
static int64_t in_place(const struct plane *p, const struct plane_service *s,
                        const struct service_deployment *d)
{
    int64_t n = 0;
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        const struct plane_task *t = v;

        n += of_deployment(t, s, d) && t->desired != PLANE_TASK_STOPPED && on_active_instance(p, t);
    }
    return n;
}

static void finish(struct plane *p, struct plane_service *s)
{
    struct service_tally all = service_tally(p, s, NULL),
                         first = service_tally(p, s, &s->deployments[0]);

    if (str_eq(s->status, "DRAINING") && !all.running && !all.pending && !all.wanted) {
        set_status(p, s, "INACTIVE");
        return;
    }
    if (first.healthy != s->desired || all.wanted != s->desired || all.running != s->desired) {
        s->steady = false;
        return;
    }
    while (s->n_deployments > 1)
        drop_deployment(s, s->n_deployments - 1);
    if (str_eq(s->deployments[0].rollout, "IN_PROGRESS")) {
        set_rollout(p, s, s->deployments, "COMPLETED", "completed");
        event(p, s, "(deployment %s) deployment completed.", s->deployments[0].id);
    }
    if (!s->steady)
        event(p, s, "has reached a steady state.");
    s->steady = true;
}

static void wake_at(int64_t *wake, int64_t at)
{
    if (!*wake || at < *wake)
        *wake = at;
}

/* A protection that ends may be what the service waits for. */
static void wake_unprotected(const struct plane *p, const struct plane_service *s, int64_t *wake)
{
    int64_t now = loop_now(&p->world->loop), wall = loop_wall(&p->world->loop);
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        const struct plane_task *t = v;

        if (of_service(t, s) && t->desired != PLANE_TASK_STOPPED && is_protected(p, s, t))
            wake_at(wake, now + t->launch->protect_until - wall);
    }
}

/* --- task sets ---------------------------------------------------------------------------- */

int64_t service_set_count(const struct plane_service *s, const struct service_deployment *d)
{
    double n = (double)s->desired * d->set->scale / 100;

    return d->set->leaving ? 0 : (int64_t)n + (n > (double)(int64_t)n);
}

struct service_deployment *service_add_set(struct plane *p, struct plane_service *s,
                                           struct plane_definition *d, struct service_set *set)
{
    struct service_deployment *one = &s->deployments[s->n_deployments++];
    int64_t now = loop_wall(&p->world->loop);

    *one = (struct service_deployment){.id = new_id(p),
                                       .definition = d,
                                       .rollout = "none",
                                       .created_at = now,
                                       .updated_at = now,
                                       .set = set};
    set->steady_at = now;
    service_kick(p);
    return one;
}

/* Tasks on instances that drain go as soon as enough others run. */
static void leave_instances(struct plane *p, struct plane_service *s,
                            const struct service_deployment *d, int64_t least)
{
    int64_t healthy = service_tally(p, s, d).healthy;
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        struct plane_task *t = v;

        if (!of_deployment(t, s, d) || t->desired == PLANE_TASK_STOPPED ||
            on_active_instance(p, t) || is_protected(p, s, t) ||
            (t->last == PLANE_TASK_RUNNING && healthy <= least))
            continue;
        healthy -= t->last == PLANE_TASK_RUNNING;
        stop_one(p, s, t);
    }
}

static void note_steady(struct plane *p, struct plane_service *s, struct service_deployment *d,
                        bool steady)
{
    if (d->set->steady == steady)
        return;
    d->set->steady = steady;
    d->set->steady_at = loop_wall(&p->world->loop);
    if (steady)
        event(p, s, "(taskSet %s) has reached a steady state.", d->id);
}

static void schedule_set(struct plane *p, struct plane_service *s, struct service_deployment *d,
                         int64_t *wake)
{
    int64_t now = loop_now(&p->world->loop), want = service_set_count(s, d);
    int64_t have = in_place(p, s, d);
    struct service_tally n;

    if (have < want && d->not_before > now)
        wake_at(wake, d->not_before);
    else if (have < want && start_some(p, s, d, want - have))
        wake_at(wake, now + SERVICE_RETRY_NS);
    leave_instances(p, s, d, percent_up(want, s->min_percent));
    if (have > want)
        stop_surplus(p, s, d, have - want);
    n = service_tally(p, s, d);
    note_steady(p, s, d, n.running == want && n.wanted == want);
}

static void schedule_sets(struct plane *p, struct plane_service *s, int64_t *wake)
{
    struct service_tally n;

    for (size_t k = 0; k < s->n_deployments;) {
        struct service_deployment *d = &s->deployments[k];

        schedule_set(p, s, d, wake);
        n = service_tally(p, s, d);
        if (d->set->leaving && !n.running && !n.pending && !n.wanted)
            drop_deployment(s, k);
        else
            k++;
    }
    n = service_tally(p, s, NULL);
    if (str_eq(s->status, "DRAINING") && !n.running && !n.pending && !n.wanted)
        set_status(p, s, "INACTIVE");
}

/* One service nearer to what is wanted. *wake: when it has to be looked at again, 0: no need. */
static void schedule(struct plane *p, struct plane_service *s, int64_t *wake)
{
    int64_t now = loop_now(&p->world->loop), most, have, start;
    struct service_deployment *d = s->deployments;

    if (str_eq(s->status, "INACTIVE"))
        return;
    stop_unhealthy(p, s);
    if (s->external) {
        schedule_sets(p, s, wake);
        wake_unprotected(p, s, wake);
        return;
    }
    if (s->daemon && str_eq(s->status, "ACTIVE")) {
        stop_old(p, s);
        start_daemons(p, s);
    } else {
        most = s->desired * s->max_percent / 100;
        have = in_place(p, s, d);
        start = s->desired - have;
        if (most - service_tally(p, s, NULL).wanted < start)
            start = most - service_tally(p, s, NULL).wanted;
        if (start > 0 && d->not_before > now)
            wake_at(wake, d->not_before);
        else if (start > 0 && start_some(p, s, d, start))
            wake_at(wake, now + SERVICE_RETRY_NS);
        stop_old(p, s);
        if (have > s->desired)
            stop_surplus(p, s, NULL, have - s->desired);
    }
    wake_unprotected(p, s, wake);
    finish(p, s);
}

static void on_schedule(struct clock_timer *timer)
{
    struct plane *p = container_of(timer, struct plane, scheduler);
    int64_t wake = 0, now = loop_now(&p->world->loop);
    void *v;

    for (size_t i = 0; map_next(&p->services, &i, NULL, &v);)
        schedule(p, v, &wake);
    if (wake)
        loop_after(&p->world->loop, &p->scheduler, wake > now ? wake - now : 0, on_schedule);
}

void service_kick(struct plane *p)
{
    if (!map_count(&p->services))
        return;
    loop_cancel(&p->world->loop, &p->scheduler);
    loop_after(&p->world->loop, &p->scheduler, 0, on_schedule);
}

static struct plane_service *service_of(const struct plane *p, const struct plane_task *t)
{
    return t->launch && t->launch->service ? map_get(&p->services, t->launch->service) : NULL;
}

int64_t service_threshold(const struct plane_service *s)
{
    return s->desired / 2 < 3 ? 3 : s->desired / 2 > 200 ? 200 : s->desired / 2;
}

/* A new deployment of what the completed one had; its tasks are not taken over. */
static void go_back(struct plane *p, struct plane_service *s)
{
    _cleanup_free_ char *to = xasprintf("ecs-svc/%s", s->completed_revision);

    event(p, s, "rolling back to deployment %s.", to);
    service_deploy(p, s, s->completed);
    free(s->deployments[0].rollout_reason);
    s->deployments[0].rollout_reason =
        xasprintf("ECS deployment circuit breaker: rolling back to deploymentId %s.", to);
}

int service_roll_back(struct plane *p, struct plane_service *s, const char *why)
{
    struct service_deployment *d = s->deployments;

    if (!s->completed || s->completed == d->definition)
        return -1;
    set_rollout(p, s, d, "FAILED", "was stopped");
    d->not_before = INT64_MAX;
    history_failed(p, s, true, why);
    go_back(p, s);
    return 0;
}

static void trip(struct plane *p, struct plane_service *s, struct service_deployment *d)
{
    bool back = s->rollback && s->completed && s->completed != d->definition;

    if (!s->breaker || d->failed < service_threshold(s) || !str_eq(d->rollout, "IN_PROGRESS"))
        return;
    event(p, s, "(deployment %s) deployment failed: tasks failed to start.", d->id);
    set_rollout(p, s, d, "FAILED", "failed: tasks failed to start");
    d->not_before = INT64_MAX;
    if (d == s->deployments)
        history_failed(p, s, back, "ECS deployment circuit breaker: tasks failed to start.");
    if (back)
        go_back(p, s);
}

void service_task_changed(struct plane *p, const struct plane_task *t)
{
    struct plane_service *s = service_of(p, t);

    for (size_t i = 0; s && i < s->n_deployments; i++) {
        struct service_deployment *d = &s->deployments[i];

        if (!str_eq(d->id, t->launch->deployment))
            continue;
        if (t->last == PLANE_TASK_RUNNING) {
            d->failed = 0;
            d->not_before = 0;
        } else if (t->last == PLANE_TASK_STOPPED && !t->started_at && !t->stop_code) {
            int64_t wait = d->failed < 10 ? SERVICE_BACKOFF_NS << d->failed : SERVICE_BACKOFF_MAX;

            d->failed++;
            d->not_before = loop_now(&p->world->loop) +
                            (wait < SERVICE_BACKOFF_MAX ? wait : SERVICE_BACKOFF_MAX);
            trip(p, s, d);
        }
        break;
    }
    service_kick(p);
}
