#include "fakes/ecs/acs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/keyring.h"
#include "fakes/ecs/launch.h"
#include "fakes/ecs/update.h"
#include "proto/acs_message.h"

static void beat(struct session *s)
{
    struct acs *a = (struct acs *)s->set->owner;
    json_t *m = json_object();
    char id[37];

    world_uuid(a->base.fake.world, id);
    json_put_bool(m, "healthy", true);
    json_put_str(m, "messageId", id);
    acs_send_message(a, s, ACS_HEARTBEAT, m);
    json_decref(m);
}

static void changed(struct session_set *set, const char *instance_arn)
{
    struct plane *p = set->owner->plane;
    struct plane_instance *i = plane_instance(p, NULL, instance_arn);

    if (i)
        plane_instance_set_connected(p, i, session_find(set, instance_arn) != NULL);
}

static int init(struct fake *f, struct err *e)
{
    struct acs *a = (struct acs *)f;

    (void)e;
    plane_ref(&a->base);
    session_set_init(&a->sessions, &a->base);
    a->sessions.beat = beat;
    a->sessions.changed = changed;
    ledger_init(&a->ledger);
    list_init(&a->owed);
    return 0;
}

static void reset(struct fake *f)
{
    struct acs *a = (struct acs *)f;
    struct keyring *ring = (struct keyring *)world_find(f->world, keyring_ops.name);

    plane_reset(a->base.plane);
    ledger_release(&a->ledger);
    ledger_init(&a->ledger);
    free(a->last_manifest);
    a->last_manifest = NULL;
    a->redeliver = false;
    acs_forget_owed(a);
    a->sessions.every = SESSION_HEARTBEAT_NS;
    a->sessions.life = 0;
    if (ring)
        keyring_drop(ring, f->ops->name);
}

static void release(struct fake *f)
{
    struct acs *a = (struct acs *)f;

    ledger_release(&a->ledger);
    acs_forget_owed(a);
    free(a->last_manifest);
    plane_unref(&a->base);
}

/* --- sessions -------------------------------------------------------------------------- */

static void on_name(struct ws *w, const char *p, size_t n, char **ret_what, const char **ret_group,
                    json_t **ret_body)
{
    struct session *s = ws_data(w);

    session_drop_frame(s);
    session_read_frame(s, p, n, acs_message_from, ret_what);
    if (!s->frame)
        return;
    *ret_group = acs_judge((struct acs *)s->set->owner, s);
    *ret_body = json_incref(s->frame);
}

static void on_message(struct ws *w, const char *p, size_t n, bool binary)
{
    struct session *s = ws_data(w);

    (void)p;
    (void)n;
    if (s->wrong[0])
        journal_note(fake_journal(ws_fake(w)), "acs", "%s", s->wrong);
    else
        acs_take((struct acs *)s->set->owner, s);
    if (binary)
        journal_note(fake_journal(ws_fake(w)), "acs", "the frame was binary, not text");
    session_drop_frame(s);
}

static void on_close(struct ws *w, int code, bool by_us)
{
    (void)code;
    (void)by_us;
    session_closed(ws_data(w));
}

static const struct ws_handlers handlers = {
    .on_message = on_message,
    .on_close = on_close,
    .name = on_name,
};

static void replace(char **to, char *from)
{
    free(*to);
    *to = from;
}

/* The rest of the handshake's query. Releases before 1.52 send no protocolVersion. */
static int check_query(struct exchange *x)
{
    static const char *const wanted[] = {ACS_QUERY_AGENT_HASH, ACS_QUERY_AGENT_VERSION,
                                         ACS_QUERY_SEQ_NUM, ACS_QUERY_SEND_CREDENTIALS};

    for (size_t i = 0; i < ARRAY_SIZE(wanted); i++) {
        char *v = exchange_param(x, wanted[i]), *text;
        uint64_t seq;
        bool bad = !v || !*v ||
                   (str_eq(wanted[i], ACS_QUERY_SEQ_NUM) && str_u64(v, INT64_MAX, &seq) < 0) ||
                   (str_eq(wanted[i], ACS_QUERY_SEND_CREDENTIALS) && !str_eq(v, "true") &&
                    !str_eq(v, "false"));

        free(v);
        if (bad) {
            text = xasprintf("The parameter %s is missing or not valid.", wanted[i]);
            session_refuse(x, 0, "BadRequestException", text);
            free(text);
            return -1;
        }
    }
    return 0;
}

static void handle(struct fake *f, struct exchange *x)
{
    struct acs *a = (struct acs *)f;
    const struct session_query q = {ACS_QUERY_CLUSTER, ACS_QUERY_INSTANCE};
    struct plane_instance *i = session_check(&a->sessions, x, &q);
    char *protocol, *docker, *credentials;
    struct session *s;

    if (!i || check_query(x) < 0)
        return;
    docker = exchange_param(x, ACS_QUERY_DOCKER_VERSION);
    replace(&i->agent_hash, exchange_param(x, ACS_QUERY_AGENT_HASH));
    replace(&i->agent_version, exchange_param(x, ACS_QUERY_AGENT_VERSION));
    replace(&i->docker_version, xstrdup(docker));
    free(docker);
    protocol = exchange_param(x, ACS_QUERY_PROTOCOL_VERSION);
    credentials = exchange_param(x, ACS_QUERY_SEND_CREDENTIALS);
    s = session_accept(&a->sessions, x, &handlers, i);
    if (s) {
        s->acks_heartbeats = str_eq(protocol, "2");
        update_connected(a->base.plane, i);
        launch_connected(a->base.plane, i, str_eq(credentials, "true"));
        acs_pay(a, s);
    }
    free(credentials);
    free(protocol);
}

/* --- table ----------------------------------------------------------------------------- */

static void classify(struct fake *f, struct exchange *x)
{
    (void)f;
    session_classify(x);
}

static void refuse(struct fake *f, struct exchange *x, int status, const char *type,
                   const char *message)
{
    (void)f;
    session_refuse(x, status, type, message);
}

static int control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                   struct err *e)
{
    struct acs *a = (struct acs *)f;
    int r;

    if (str_eq(command, "send"))
        return acs_send(a, args, ret, e);
    if (str_eq(command, "redeliver")) {
        a->redeliver = true;
        return 0;
    }
    r = session_control(&a->sessions, command, args, e);
    if (r == 1)
        return err_set(e, ERR_USAGE,
                       "acs: no command '%s' (send, redeliver, close, drop, heartbeat, age)",
                       command);
    return r;
}

static void pending(struct fake *f, struct buf *out)
{
    struct acs *a = (struct acs *)f;

    session_pending(&a->sessions, out);
    ledger_pending(&a->ledger, loop_now(fake_loop(f)), out);
}

static const char *const groups[] = {"session", "acks", "nack", "manifest", NULL};

const struct fake_ops acs_ops = {
    .name = "acs",
    .doc = "agent communication service: sessions, payloads, acknowledgements",
    .size = sizeof(struct acs),
    .init = init,
    .reset = reset,
    .release = release,
    .classify = classify,
    .handle = handle,
    .refuse = refuse,
    .control = control,
    .pending = pending,
    .groups = groups,
};
