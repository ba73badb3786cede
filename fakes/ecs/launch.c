#include "fakes/ecs/launch.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/credentials.h"
#include "fakes/ecs/acs.h"
#include "fakes/ecs/place.h"
#include "proto/acs_message.h"

enum { ROLE_TASK, ROLE_EXECUTION };

static const char *const role_members[2] = {"taskRoleArn", "executionRoleArn"};
static const char *const role_types[2] = {"TaskApplication", "TaskExecution"};

const char *launch_text(const struct plane_launch *l, const char *member)
{
    const char *text = json_str(l->overrides, member);

    return text && *text ? text : json_str(l->definition->doc, member);
}

json_t *launch_override(const json_t *overrides, const char *container)
{
    json_t *o;
    size_t i;

    json_array_foreach (json_object_get(overrides, "containerOverrides"), i, o)
        if (str_eq(json_str(o, "name"), container))
            return o;
    return NULL;
}

void launch_free(struct plane_launch *l)
{
    if (!l)
        return;
    free(l->group);
    free(l->started_by);
    free(l->reference_id);
    free(l->service);
    free(l->deployment);
    json_decref(l->overrides);
    json_decref(l->tcp);
    json_decref(l->udp);
    json_decref(l->credentials[ROLE_TASK]);
    json_decref(l->credentials[ROLE_EXECUTION]);
    free(l);
}

/* --- credentials ----------------------------------------------------------------------- */

/* New credentials of a role under the same credentialsId; keyring and journal learn of them when
 * they are sent (acs_send.c). */
static json_t *make_credentials(struct plane *p, const char *role, const char *id, int64_t until)
{
    struct aws_credentials k;
    json_t *o = json_object();
    char uuid[37], time[40];

    aws_credentials_make(p->world, &k);
    world_uuid(p->world, uuid);
    json_put_str(o, "credentialsId", id ? id : uuid);
    json_put_str(o, "roleArn", role);
    json_put_str(o, "accessKeyId", k.access_key);
    json_put_str(o, "secretAccessKey", k.secret_key);
    json_put_str(o, "sessionToken", k.token);
    json_put_str(o, "expiration", str_format_time(until, 0, time));
    aws_credentials_release(&k);
    return o;
}

static void give_credentials(struct plane *p, struct plane_launch *l)
{
    l->credentials_until = loop_wall(&p->world->loop) + LAUNCH_CREDENTIALS_NS;
    for (int k = 0; k < 2; k++) {
        const char *role = launch_text(l, role_members[k]);
        json_t *old = l->credentials[k];

        if (!role)
            continue;
        l->credentials[k] =
            make_credentials(p, role, json_str(old, "credentialsId"), l->credentials_until);
        json_decref(old);
    }
}

static bool has_credentials(const struct plane_task *t)
{
    return t->launch && (t->launch->credentials[0] || t->launch->credentials[1]);
}

/* --- sending --------------------------------------------------------------------------- */

static struct session *session_of(const struct plane *p, const char *instance_arn,
                                  struct acs **ret_acs)
{
    struct acs *a = (struct acs *)world_find(p->world, "acs");

    *ret_acs = a;
    return a && instance_arn ? session_find(&a->sessions, instance_arn) : NULL;
}

static void send_task(struct plane *p, struct plane_task *t)
{
    json_t *m _cleanup_json_ = NULL;
    struct acs *a;
    struct session *s = session_of(p, t->instance_arn, &a);

    if (!s)
        return;
    m = json_pack("{s:[o]}", "tasks", payload_task(p, t));
    acs_send_body(a, s, ACS_PAYLOAD, m);
}

static void send_credentials(struct plane *p, const struct plane_task *t)
{
    struct acs *a;
    struct session *s = session_of(p, t->instance_arn, &a);

    for (int k = 0; s && k < 2; k++) {
        json_t *m _cleanup_json_ = NULL;

        if (!t->launch->credentials[k])
            continue;
        m = json_object();
        json_put_str(m, "taskArn", t->arn);
        json_put_str(m, "taskClusterArn", t->cluster->arn);
        json_put_str(m, "roleType", role_types[k]);
        json_put(m, "roleCredentials", json_deep_copy(t->launch->credentials[k]));
        acs_send_body(a, s, ACS_ROLE_CREDENTIALS, m);
    }
}

static void arm_refresh(struct plane *p);

static void on_refresh(struct clock_timer *timer)
{
    struct plane *p = container_of(timer, struct plane, refresh);
    int64_t now = loop_wall(&p->world->loop);
    void *v;

    for (size_t i = 0; map_next(&p->tasks, &i, NULL, &v);) {
        struct plane_task *t = v;

        if (!has_credentials(t) || t->last == PLANE_TASK_STOPPED ||
            t->launch->credentials_until - LAUNCH_RENEW_NS > now)
            continue;
        give_credentials(p, t->launch);
        send_credentials(p, t);
    }
    arm_refresh(p);
}

static void arm_refresh(struct plane *p)
{
    int64_t first = 0, now = loop_wall(&p->world->loop);
    void *v;

    for (size_t i = 0; map_next(&p->tasks, &i, NULL, &v);) {
        const struct plane_task *t = v;

        if (has_credentials(t) && t->last != PLANE_TASK_STOPPED &&
            (!first || t->launch->credentials_until < first))
            first = t->launch->credentials_until;
    }
    loop_cancel(&p->world->loop, &p->refresh);
    if (first)
        loop_after(&p->world->loop, &p->refresh,
                   first - LAUNCH_RENEW_NS > now ? first - LAUNCH_RENEW_NS - now : 0, on_refresh);
}

/* Agents that can be told what is to be there: what they have beside it, they ask about. */
static bool syncs(const struct plane_instance *i)
{
    json_t *a;
    size_t n;

    json_array_foreach (i->attributes, n, a)
        if (str_eq(json_str(a, "name"), "ecs.capability.full-sync"))
            return true;
    return false;
}

/* Only for who has tasks of this control plane: in other worlds a scenario says what is sent. */
static void send_manifest(struct plane *p, const struct plane_instance *i)
{
    json_t *tasks = json_array(), *m _cleanup_json_ = json_pack("{s:o}", "tasks", tasks);
    bool ours = false;
    struct acs *a;
    struct session *s = session_of(p, i->arn, &a);
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        const struct plane_task *t = v;

        if (!str_eq(t->instance_arn, i->arn) || t->last == PLANE_TASK_STOPPED)
            continue;
        ours = ours || t->launch;
        json_array_append_new(tasks, json_pack("{s:s,s:s,s:s}", "taskArn", t->arn, "taskClusterArn",
                                               t->cluster->arn, "desiredStatus",
                                               plane_task_status_name(t->desired)));
    }
    if (!s || !ours || !syncs(i))
        return;
    acs_send_body(a, s, ACS_TASK_MANIFEST, m);
    free(p->manifest);
    p->manifest = xstrdup(json_str(m, "messageId"));
}

void launch_verify_stops(struct plane *p, struct session *s, const char *message_id,
                         const json_t *candidates)
{
    json_t *stop, *m _cleanup_json_ = NULL, *c;
    size_t i;

    if (!p->manifest || !str_eq(message_id, p->manifest))
        return; /* the scenario's own manifest: it answers itself */
    stop = json_array();
    json_array_foreach (candidates, i, c) {
        const struct plane_task *t = plane_task(p, NULL, json_str(c, "taskArn"));

        if (!t || t->desired == PLANE_TASK_STOPPED)
            json_array_append(stop, c);
    }
    m = json_pack("{s:s,s:o}", "messageId", message_id, "stopTasks", stop);
    acs_send_body((struct acs *)s->set->owner, s, ACS_TASK_STOP_VERIFICATION_ACK, m);
}

/* What the agent has not taken, or not finished, comes again: it knows what it knows. */
void launch_connected(struct plane *p, const struct plane_instance *i, bool credentials)
{
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        struct plane_task *t = v;

        if (!t->launch || t->last == PLANE_TASK_STOPPED || !str_eq(t->instance_arn, i->arn))
            continue;
        if (t->last < t->desired)
            send_task(p, t);
        else if (credentials && has_credentials(t))
            send_credentials(p, t);
    }
    send_manifest(p, i);
}

/* --- starting and stopping ------------------------------------------------------------- */

static struct plane_launch *make_launch(struct plane *p, const struct launch_order *o)
{
    struct plane_launch *l = new0(struct plane_launch);
    struct place need = {0};

    place_need(&need, o->definition, o->overrides);
    l->definition = o->definition;
    l->group = o->group ? xstrdup(o->group) : xasprintf("family:%s", o->definition->family->name);
    l->started_by = xstrdup(o->started_by);
    l->reference_id = xstrdup(o->reference_id);
    l->service = xstrdup(o->service);
    l->deployment = xstrdup(o->deployment);
    l->overrides = o->overrides ? json_deep_copy(o->overrides) : json_object();
    l->cpu = need.cpu;
    l->memory = need.memory;
    l->tcp = json_incref(need.tcp);
    l->udp = json_incref(need.udp);
    l->exec = o->exec;
    place_release(&need);
    give_credentials(p, l);
    return l;
}

static void name_containers(struct plane *p, struct plane_task *t)
{
    json_t *c;
    size_t i;

    json_array_foreach (json_object_get(t->launch->definition->doc, "containerDefinitions"), i, c) {
        _cleanup_free_ char *cluster = xasprintf("%s/%s", t->cluster->name, t->id);
        _cleanup_free_ char *arn = NULL;
        json_t *o = json_object();
        char uuid[37];

        world_uuid(p->world, uuid);
        arn = plane_arn(p, "container", cluster, uuid);
        json_put_str(o, "containerArn", arn);
        json_put_str(o, "image", json_str(c, "image"));
        json_put(t->containers, json_str(c, "name"), o);
    }
}

struct plane_task *launch_task(struct plane *p, const struct launch_order *o,
                               struct plane_instance *i)
{
    _cleanup_free_ char *arn = NULL, *revision = NULL;
    struct plane_task *t;
    char id[33];

    plane_tasks_prune(p);
    world_hex(p->world, 16, id);
    arn = plane_arn(p, "task", o->cluster->name, id);
    t = plane_task_add(p, o->cluster, arn);
    if (!t)
        return NULL;
    revision = xasprintf("%lld", (long long)o->definition->revision);
    t->instance_arn = xstrdup(i->arn);
    t->family = xstrdup(o->definition->family->name);
    t->revision = xstrdup(revision);
    t->launch_type = xstrdup(o->launch_type ? o->launch_type : "EC2");
    t->launch = make_launch(p, o);
    t->version = 1;
    if (o->tags) {
        json_decref(t->tags);
        t->tags = json_deep_copy(o->tags);
    }
    name_containers(p, t);
    send_task(p, t);
    if (has_credentials(t))
        arm_refresh(p);
    return t;
}

void launch_stop(struct plane *p, struct plane_task *t, const char *code, const char *reason)
{
    if (t->last == PLANE_TASK_STOPPED || t->desired == PLANE_TASK_STOPPED)
        return;
    t->stop_code = code;
    free(t->stop_reason);
    t->stop_reason = xstrdup(reason);
    t->stopping_at = loop_wall(&p->world->loop);
    plane_task_desire(p, t, PLANE_TASK_STOPPED);
    if (t->launch)
        send_task(p, t);
}
