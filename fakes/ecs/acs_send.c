/* Messages to the agent: what is filled in, what becomes known by them. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/keyring.h"
#include "fakes/ecs/acs.h"
#include "fakes/ecs/args.h"
#include "fakes/ecs/json_path.h"
#include "proto/acs_message.h"

enum fill {
    FILL_ID = 1 << 0,
    FILL_ARNS = 1 << 1, /* clusterArn, containerInstanceArn */
    FILL_TIME = 1 << 2, /* generatedAt, milliseconds */
    FILL_SEQ = 1 << 3,  /* seqNum: the next of this instance */
    FILL_TIMELINE = 1 << 4,
    FILL_HEALTHY = 1 << 5,
    FILL_MANIFEST = 1 << 6, /* messageId is that of the last manifest */
    WANTS_ACK = 1 << 7,
};

#define ATTACH (FILL_ID | FILL_ARNS | FILL_TIME | WANTS_ACK)

static const unsigned fills[ACS_MESSAGE_MAX] = {
    [ACS_HEARTBEAT] = FILL_ID | FILL_HEALTHY | WANTS_ACK,
    [ACS_PAYLOAD] = ATTACH | FILL_SEQ,
    [ACS_ROLE_CREDENTIALS] = FILL_ID,
    [ACS_ATTACH_TASK_ENI] = ATTACH,
    [ACS_ATTACH_INSTANCE_ENI] = ATTACH,
    [ACS_CONFIRM_ATTACHMENT] = ATTACH,
    [ACS_TASK_MANIFEST] = ATTACH | FILL_TIMELINE,
    [ACS_TASK_STOP_VERIFICATION_ACK] = FILL_MANIFEST | FILL_TIME,
    [ACS_STAGE_UPDATE] = FILL_ID | FILL_ARNS | WANTS_ACK,
    [ACS_PERFORM_UPDATE] = FILL_ID | FILL_ARNS | WANTS_ACK,
};

bool acs_wants_ack(int type)
{
    return fills[type] & WANTS_ACK;
}

/* Arguments of `send` that are no overrides. */
static bool is_own_argument(const char *name)
{
    return str_eq(name, "type") || str_eq(name, "body") || str_eq(name, "instance");
}

static void put_missing(json_t *m, const char *name, json_t *value)
{
    if (json_object_get(m, name))
        json_decref(value);
    else
        json_put(m, name, value);
}

static void put_id(struct acs *a, json_t *m)
{
    char id[37];

    if (json_object_get(m, "messageId"))
        return;
    world_uuid(a->base.fake.world, id);
    json_put_str(m, "messageId", id);
}

static void fill_in(struct acs *a, struct session *s, int type, json_t *m)
{
    struct plane_instance *i = plane_instance(a->base.plane, NULL, s->instance_arn);
    struct world *w = a->base.fake.world;
    unsigned f = fills[type];

    if (f & FILL_ID)
        put_id(a, m);
    if ((f & FILL_MANIFEST) && a->last_manifest)
        put_missing(m, "messageId", json_string(a->last_manifest));
    if ((f & FILL_ARNS) && i) {
        put_missing(m, "clusterArn", json_string(i->cluster->arn));
        put_missing(m, "containerInstanceArn", json_string(i->arn));
    }
    if (f & FILL_TIME)
        put_missing(m, "generatedAt", json_integer(loop_wall(&w->loop) / NS_PER_MS));
    if ((f & FILL_SEQ) && i)
        put_missing(m, "seqNum", json_integer(i->seq + 1));
    if ((f & FILL_TIMELINE) && i)
        put_missing(m, "timeline", json_integer(i->seq + 1));
    if (f & FILL_HEALTHY)
        put_missing(m, "healthy", json_true());
}

/* --- what becomes known ---------------------------------------------------------------- */

static void hide(struct journal *j, const json_t *v)
{
    const char *key;
    json_t *item;
    size_t i;

    json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
        if (str_eq(key, "secretAccessKey") || str_eq(key, "sessionToken"))
            journal_secret(j, json_string_value(item));
        hide(j, item);
    }
    json_array_foreach (v, i, item)
        hide(j, item);
}

/* The credentials that a task gets are good for signing. */
static void learn_credentials(struct acs *a, const json_t *c)
{
    const char *expiration = json_str(c, "expiration");
    struct keyring_new n = {.access_key = json_str(c, "accessKeyId"),
                            .secret_key = json_str(c, "secretAccessKey"),
                            .token = json_str(c, "sessionToken"),
                            .arn = json_str(c, "roleArn"),
                            .owner = "acs"};
    struct err e = ERR_INIT;
    struct keyring *ring;

    if (!n.access_key || !n.secret_key)
        return;
    if (expiration && str_parse_time(expiration, &n.expires) < 0)
        n.expires = 0; /* such a text is a scenario's trick on the agent, not on us */
    ring = keyring_of(a->base.fake.world, &e);
    if (!ring || keyring_put(ring, &n, &e) < 0)
        journal_note(fake_journal(&a->base.fake), "acs", "%s", e.text);
}

static void learn_containers(struct plane_task *t, const json_t *containers)
{
    json_t *c;
    size_t i;

    json_array_foreach (containers, i, c) {
        const char *name = json_str(c, "name");

        if (name && !json_object_get(t->containers, name)) {
            json_t *o = json_object();

            json_put_str(o, "image", json_str(c, "image"));
            json_put(t->containers, name, o);
        }
    }
}

static void learn_task(struct acs *a, struct plane_instance *i, const json_t *task)
{
    const char *arn = json_str(task, "arn"), *desired = json_str(task, "desiredStatus");
    int status = desired ? plane_task_status_from(desired) : -1;
    struct plane_task *t;

    learn_credentials(a, json_object_get(task, "roleCredentials"));
    learn_credentials(a, json_object_get(task, "executionRoleCredentials"));
    if (!arn || !*arn || !i || !(t = plane_task_add(a->base.plane, i->cluster, arn)))
        return;
    if (!t->instance_arn) {
        t->instance_arn = xstrdup(i->arn);
        t->family = xstrdup(json_str(task, "family"));
        t->revision = xstrdup(json_str(task, "version"));
        t->launch_type = xstrdup(json_str(task, "launchType"));
        learn_containers(t, json_object_get(task, "containers"));
    }
    if (status > PLANE_TASK_NONE)
        plane_task_desire(a->base.plane, t, (enum plane_task_status)status);
}

static void learn(struct acs *a, struct session *s, int type, const json_t *m)
{
    struct plane_instance *i = plane_instance(a->base.plane, NULL, s->instance_arn);
    const char *id = json_str(m, "messageId");
    int64_t seq = json_int(m, type == ACS_TASK_MANIFEST ? "timeline" : "seqNum", 0);
    bool wants = (fills[type] & WANTS_ACK) && (type != ACS_HEARTBEAT || s->acks_heartbeats);
    json_t *task;
    size_t n;

    hide(fake_journal(&a->base.fake), m);
    if (type == ACS_PAYLOAD) {
        json_array_foreach (json_object_get(m, "tasks"), n, task)
            learn_task(a, i, task);
    }
    if (type == ACS_ROLE_CREDENTIALS)
        learn_credentials(a, json_object_get(m, "roleCredentials"));
    if (i && (fills[type] & (FILL_SEQ | FILL_TIMELINE)) && seq > i->seq)
        i->seq = seq;
    if (!id || !*id || !fills[type])
        return;
    if (type == ACS_TASK_MANIFEST) {
        free(a->last_manifest);
        a->last_manifest = xstrdup(id);
    }
    /* the answer to a verification has the manifest's messageId: that entry stays the manifest's */
    if (type != ACS_TASK_STOP_VERIFICATION_ACK)
        ledger_sent(&a->ledger, id, type, s->instance_arn, loop_now(fake_loop(&a->base.fake)),
                    wants, m);
}

/* --- sending --------------------------------------------------------------------------- */

void acs_send_message(struct acs *a, struct session *s, int type, const json_t *message)
{
    const char *name = acs_message_name((enum acs_message)type);
    json_t *frame = json_object();

    learn(a, s, type, message);
    json_put_str(frame, "type", name);
    json_object_set(frame, "message", (json_t *)(uintptr_t)message);
    ws_send_json(s->ws, name, frame);
    json_decref(frame);
}

void acs_send_body(struct acs *a, struct session *s, int type, json_t *m)
{
    fill_in(a, s, type, m);
    acs_send_message(a, s, type, m);
}

/* A text goes out as it is; what it says is only looked at so that its acknowledgement is known. */
static void send_text(struct acs *a, struct session *s, const char *type, const char *text)
{
    json_t *v = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    json_t *m = json_object_get(v, "message");
    int t = json_str(v, "type") ? acs_message_from(json_str(v, "type")) : -1;

    hide(fake_journal(&a->base.fake), v);
    if (t >= 0 && json_is_object(m))
        learn(a, s, t, m);
    ws_send(s->ws, type ? type : t >= 0 ? json_str(v, "type") : "text", text, strlen(text));
    json_decref(v);
}

static int check_type(const char *type, int *ret, struct err *e)
{
    const char *words[ACS_MESSAGE_MAX], *near;
    size_t n = 0;

    *ret = type ? acs_message_from(type) : -1;
    if (*ret >= 0 && acs_message_sender((enum acs_message) * ret) == ACS_FROM_SERVICE)
        return 0;
    if (*ret >= 0)
        return err_set(e, ERR_USAGE, "acs: %s is sent by agents, not to them", type);
    if (!type)
        return err_set(e, ERR_USAGE, "acs: send needs the type of a message");
    for (int i = 0; i < ACS_MESSAGE_MAX; i++)
        if (acs_message_sender((enum acs_message)i) == ACS_FROM_SERVICE)
            words[n++] = acs_message_name((enum acs_message)i);
    near = str_nearest(type, words, n);
    return err_set(e, ERR_USAGE, "acs: no message has the type '%s'%s%s%s", type,
                   near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int apply_overrides(json_t *m, const json_t *args, struct err *e)
{
    const char *name;
    json_t *v;

    json_object_foreach ((json_t *)(uintptr_t)args, name, v)
        if (!is_own_argument(name) && json_path_set(m, name, v, e) < 0)
            return err_wrap(e, "%s", name);
    return 0;
}

static struct session *session_of(struct acs *a, const json_t *args, struct err *e)
{
    const char *instance;
    struct session *s;

    if (args_text(args, "instance", &instance, e) < 0)
        return NULL;
    s = session_find(&a->sessions, instance);
    if (!s)
        err_set(e, ERR_CONFLICT, "acs: no session is open%s%s", instance ? " of " : "",
                instance ? instance : "");
    return s;
}

int acs_send(struct acs *a, const json_t *args, json_t **ret, struct err *e)
{
    json_t *body = json_object_get(args, "body");
    bool later = a->redeliver && !json_is_string(body);
    struct session *s = session_of(a, args, later ? &(struct err){0} : e);
    json_t *m _cleanup_json_ = NULL;
    const char *type;
    int t;

    if ((!s && !later) || args_text(args, "type", &type, e) < 0)
        return -1;
    if (json_is_string(body)) {
        send_text(a, s, type, json_string_value(body));
        return 0;
    }
    if (check_type(type, &t, e) < 0)
        return -1;
    if (body && !json_is_object(body))
        return err_set(e, ERR_USAGE, "acs: the body of %s has to be an object or a text", type);
    m = body ? json_deep_copy(body) : json_object();
    if (apply_overrides(m, args, e) < 0)
        return -1;
    if (s)
        acs_send_body(a, s, t, m);
    else
        put_id(a, m);
    acs_owe(a, t, m);
    if (ret) {
        *ret = json_object();
        json_put_str(*ret, "messageId", json_str(m, "messageId"));
    }
    return 0;
}
