#include "fakes/ecs/tcs.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/keyring.h"
#include "fakes/aws/sigv4.h"
#include "fakes/ecs/args.h"
#include "proto/tcs_message.h"

static void send_message(struct session *s, enum tcs_message type, json_t *message)
{
    json_t *frame = json_object();

    json_put_str(frame, "type", tcs_message_name(type));
    json_put(frame, "message", message);
    ws_send_json(s->ws, tcs_message_name(type), frame);
    json_decref(frame);
}

static void beat(struct session *s)
{
    json_t *m = json_object();

    json_put_bool(m, "healthy", true);
    send_message(s, TCS_HEARTBEAT, m);
}

static int init(struct fake *f, struct err *e)
{
    struct tcs *t = (struct tcs *)f;

    (void)e;
    plane_ref(&t->base);
    session_set_init(&t->sessions, &t->base);
    t->sessions.beat = beat;
    return 0;
}

static void reset(struct fake *f)
{
    struct tcs *t = (struct tcs *)f;

    plane_reset(t->base.plane);
    t->sessions.every = SESSION_HEARTBEAT_NS;
    t->sessions.life = 0;
}

static void release(struct fake *f)
{
    plane_unref((struct plane_fake *)f);
}

/* --- frames ---------------------------------------------------------------------------- */

static int check_signature(struct session *s, const struct tcs_frame *f)
{
    struct world *w = s->set->owner->fake.world;
    const struct sigv4_rules rules = {
        .service = "ecs", .region = w->id.region, .skew = SIGV4_SKEW_JSON};
    struct sigv4_request r = {.method = "GET",
                              .raw_path = s->raw_path,
                              .raw_query = s->raw_query,
                              .headers = f->headers,
                              .n_headers = f->n_headers};
    struct err e = ERR_INIT;
    struct keyring *ring;
    struct sigv4 sig;
    char hash[65];
    int result;

    if (!w->verify_signatures)
        return 0;
    ring = keyring_of(w, &e);
    if (!ring) {
        session_wrong(s, "%s", e.text);
        return -1;
    }
    sigv4_sha256_hex(f->json, f->json_len, hash);
    r.payload_hash = hash;
    result = sigv4_verify(&sig, &r, &rules, ring, loop_wall(&w->loop));
    if (result != SIGV4_OK) {
        sigv4_note(&sig, &s->set->owner->fake, "frame");
        session_wrong(s, "a frame's signature: %s: %.300s",
                      sigv4_result_name((enum sigv4_result)result), sig.text);
    }
    sigv4_release(&sig);
    return result == SIGV4_OK ? 0 : -1;
}

static void on_name(struct ws *w, const char *p, size_t n, char **ret_what, const char **ret_group,
                    json_t **ret_body)
{
    struct session *s = ws_data(w);
    struct err e = ERR_INIT;
    struct tcs_frame f;
    const char *group;

    session_drop_frame(s);
    if (tcs_frame_split(&f, p, n, &e) < 0) {
        session_wrong(s, "%s", e.text);
        tcs_frame_release(&f);
        return;
    }
    session_read_frame(s, f.json, f.json_len, tcs_message_from, ret_what);
    if (s->frame) {
        *ret_body = json_incref(s->frame);
        group = tcs_judge(s->type, s->frame, s->instance_arn, loop_wall(fake_loop(ws_fake(w))),
                          s->wrong);
        if (group && check_signature(s, &f) == 0)
            *ret_group = group;
    }
    tcs_frame_release(&f);
}

static void take_status(struct session *s)
{
    struct plane_instance *i = plane_instance(s->set->owner->plane, NULL, s->instance_arn);

    if (!i)
        return;
    json_decref(i->health);
    i->health = json_deep_copy(json_object_get(s->frame, "statuses"));
}

static void take_health(struct session *s)
{
    struct plane *p = s->set->owner->plane;
    json_t *task;
    size_t i;

    json_array_foreach (json_object_get(s->frame, "tasks"), i, task) {
        struct plane_task *t = plane_task(p, NULL, json_str(task, "taskArn"));

        if (t)
            plane_task_health(p, t, json_object_get(task, "containers"));
    }
}

static void on_message(struct ws *w, const char *p, size_t n, bool binary)
{
    static const int acks[TCS_MESSAGE_MAX] = {
        [TCS_PUBLISH_METRICS] = TCS_ACK_PUBLISH_METRIC,
        [TCS_PUBLISH_HEALTH] = TCS_ACK_PUBLISH_HEALTH,
        [TCS_PUBLISH_INSTANCE_STATUS] = TCS_ACK_PUBLISH_INSTANCE_STATUS,
    };
    struct session *s = ws_data(w);

    (void)p;
    (void)n;
    if (binary)
        journal_note(fake_journal(ws_fake(w)), "tcs", "the frame was binary, not text");
    if (s->wrong[0]) {
        journal_note(fake_journal(ws_fake(w)), "tcs", "%s", s->wrong);
    } else if (s->frame) {
        json_t *m = json_object();

        if (s->type == TCS_PUBLISH_INSTANCE_STATUS)
            take_status(s);
        if (s->type == TCS_PUBLISH_HEALTH)
            take_health(s);
        json_put_str(m, "message", "");
        send_message(s, (enum tcs_message)acks[s->type], m);
    }
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

static void handle(struct fake *f, struct exchange *x)
{
    struct tcs *t = (struct tcs *)f;
    const struct session_query q = {TCS_QUERY_CLUSTER, TCS_QUERY_INSTANCE};
    const struct plane_instance *i = session_check(&t->sessions, x, &q);

    if (i)
        session_accept(&t->sessions, x, &handlers, i);
}

/* --- commands -------------------------------------------------------------------------- */

static int check_type(const char *type, int *ret, struct err *e)
{
    static const int sent[] = {TCS_HEARTBEAT,
                               TCS_STOP_SESSION,
                               TCS_ACK_PUBLISH_METRIC,
                               TCS_ACK_PUBLISH_HEALTH,
                               TCS_ACK_PUBLISH_INSTANCE_STATUS,
                               TCS_SERVER_EXCEPTION,
                               TCS_BAD_REQUEST_EXCEPTION,
                               TCS_RESOURCE_VALIDATION_EXCEPTION,
                               TCS_INVALID_PARAMETER_EXCEPTION};
    const char *words[ARRAY_SIZE(sent)], *near;

    if (!type)
        return err_set(e, ERR_USAGE, "tcs: send needs the type of a message");
    *ret = tcs_message_from(type);
    for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
        if (sent[i] == *ret)
            return 0;
        words[i] = tcs_message_name((enum tcs_message)sent[i]);
    }
    near = str_nearest(type, words, ARRAY_SIZE(words));
    return err_set(e, ERR_USAGE, "tcs: no message to an agent has the type '%s'%s%s%s", type,
                   near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

static int do_send(struct tcs *t, const json_t *args, struct err *e)
{
    json_t *body = json_object_get(args, "body"), *m;
    const char *type, *instance, *text = json_string_value(body);
    struct session *s;
    int n = -1;

    if (args_text(args, "type", &type, e) < 0 || args_text(args, "instance", &instance, e) < 0)
        return -1;
    s = session_find(&t->sessions, instance);
    if (!s)
        return err_set(e, ERR_CONFLICT, "tcs: no session is open");
    if (text) {
        ws_send(s->ws, type ? type : "text", text, strlen(text));
        return 0;
    }
    if (check_type(type, &n, e) < 0)
        return -1;
    if (body && !json_is_object(body))
        return err_set(e, ERR_USAGE, "tcs: the body of %s has to be an object or a text", type);
    m = body ? json_deep_copy(body) : json_object();
    if (n == TCS_HEARTBEAT && !json_object_get(m, "healthy"))
        json_put_bool(m, "healthy", true);
    send_message(s, (enum tcs_message)n, m);
    return 0;
}

static int control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                   struct err *e)
{
    struct tcs *t = (struct tcs *)f;
    int r;

    (void)ret;
    if (str_eq(command, "send"))
        return do_send(t, args, e);
    r = session_control(&t->sessions, command, args, e);
    if (r == 1)
        return err_set(e, ERR_USAGE, "tcs: no command '%s' (send, close, drop, heartbeat, age)",
                       command);
    return r;
}

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

static void pending(struct fake *f, struct buf *out)
{
    session_pending(&((struct tcs *)f)->sessions, out);
}

static const char *const groups[] = {"session", "metrics", "health", "status", NULL};

const struct fake_ops tcs_ops = {
    .name = "tcs",
    .doc = "telemetry service: metrics, health and status that agents publish",
    .size = sizeof(struct tcs),
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
