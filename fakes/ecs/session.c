#include "fakes/ecs/session.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/sigv4.h"
#include "fakes/ecs/args.h"

void session_set_init(struct session_set *set, struct plane_fake *owner)
{
    set->owner = owner;
    list_init(&set->list);
    set->every = SESSION_HEARTBEAT_NS;
}

void session_classify(struct exchange *x)
{
    if (!exchange_wants_ws(x) || !str_ends(x->path, "/ws"))
        return;
    x->what = xstrdup("connect");
    x->group = "session";
}

static int status_of(const char *type)
{
    if (str_eq(type, "AccessDeniedException"))
        return 403;
    return str_eq(type, "ServerException") ? 500 : 400;
}

void session_refuse(struct exchange *x, int status, const char *type, const char *message)
{
    json_t *body = json_object();

    if (!type)
        type = status == 403   ? "AccessDeniedException"
               : status >= 500 ? "ServerException"
                               : "BadRequestException";
    json_put_str(body, type, message ? message : "The connection was refused.");
    exchange_answer_json(x, status ? status : status_of(type), "application/json", body, false);
}

/* --- handshake ------------------------------------------------------------------------- */

static int check_signature(struct session_set *set, struct exchange *x)
{
    struct world *w = set->owner->fake.world;
    const struct sigv4_rules rules = {
        .service = "ecs", .region = w->id.region, .skew = SIGV4_SKEW_JSON};
    struct sigv4 s;
    int r = 0;

    if (sigv4_exchange(&s, x, &rules) != SIGV4_OK) {
        sigv4_note(&s, x->fake, "connect");
        session_refuse(x, 0, "AccessDeniedException", s.text);
        r = -1;
    }
    sigv4_release(&s);
    return r;
}

static struct plane_instance *check_who(struct session_set *set, struct exchange *x,
                                        const char *cluster, const char *instance)
{
    struct plane *p = set->owner->plane;
    const struct plane_cluster *c = plane_cluster(p, cluster);
    struct plane_instance *i = plane_instance(p, NULL, instance);

    if (!c) {
        session_refuse(x, 0, "InvalidClusterException", "Cluster not found.");
        return NULL;
    }
    if (!i || i->cluster != c) {
        session_refuse(x, 0, "InvalidInstanceException", "Container instance not found.");
        return NULL;
    }
    if (i->status == INSTANCE_INACTIVE) {
        session_refuse(x, 0, "InactiveInstanceException", "Container instance is not active.");
        return NULL;
    }
    return i;
}

struct plane_instance *session_check(struct session_set *set, struct exchange *x,
                                     const struct session_query *q)
{
    _cleanup_free_ char *cluster = exchange_param(x, q->cluster);
    _cleanup_free_ char *instance = exchange_param(x, q->instance);

    if (!exchange_wants_ws(x) || !str_ends(x->path, "/ws")) {
        session_refuse(x, 404, "BadRequestException",
                       "This service speaks websocket, at the path /ws.");
        return NULL;
    }
    if (check_signature(set, x) < 0)
        return NULL;
    if (!cluster || !*cluster || !instance || !*instance) {
        _cleanup_free_ char *text = xasprintf("The parameter %s is missing.",
                                              !cluster || !*cluster ? q->cluster : q->instance);

        session_refuse(x, 0, "BadRequestException", text);
        return NULL;
    }
    return check_who(set, x, cluster, instance);
}

/* --- life ------------------------------------------------------------------------------ */

static void on_beat(struct clock_timer *t)
{
    struct session *s = container_of(t, struct session, beat);
    struct session_set *set = s->set;

    if (ws_closing(s->ws) || !set->every)
        return;
    loop_after(fake_loop(&set->owner->fake), &s->beat, set->every, on_beat);
    set->beat(s);
}

static void on_age(struct clock_timer *t)
{
    struct session *s = container_of(t, struct session, age);

    if (!ws_closing(s->ws))
        ws_close(s->ws, 1000, SESSION_EXPIRED);
}

static void session_free(struct session *s)
{
    session_drop_frame(s);
    free(s->instance_arn);
    free(s->raw_path);
    free(s->raw_query);
    free(s);
}

/* The real service, too, keeps only the newest session of an instance. */
static void close_older(const struct session *young)
{
    struct list *pos;

    list_for_each (pos, &young->set->list) {
        struct session *s = container_of(pos, struct session, link);

        if (s != young && str_eq(s->instance_arn, young->instance_arn))
            ws_close(s->ws, 1000, SESSION_REPLACED);
    }
}

struct session *session_accept(struct session_set *set, struct exchange *x,
                               const struct ws_handlers *h, const struct plane_instance *i)
{
    struct loop *loop = fake_loop(&set->owner->fake);
    struct session *s = new0(struct session);

    s->set = set;
    s->instance_arn = xstrdup(i->arn);
    s->raw_path = xstrdup(x->raw_path);
    s->raw_query = xstrdup(x->raw_query);
    s->opened = loop_now(loop);
    s->ws = exchange_accept_ws(x, h, s);
    if (!s->ws) {
        session_free(s);
        return NULL;
    }
    list_add_tail(&set->list, &s->link);
    close_older(s);
    if (set->every)
        loop_after(loop, &s->beat, set->every, on_beat);
    if (set->life)
        loop_after(loop, &s->age, set->life, on_age);
    if (set->changed)
        set->changed(set, s->instance_arn);
    return s;
}

void session_closed(struct session *s)
{
    struct session_set *set = s->set;

    loop_cancel(fake_loop(&set->owner->fake), &s->beat);
    loop_cancel(fake_loop(&set->owner->fake), &s->age);
    list_del(&s->link);
    if (set->changed)
        set->changed(set, s->instance_arn);
    session_free(s);
}

struct session *session_find(const struct session_set *set, const char *arn_or_id)
{
    const struct plane_instance *i = plane_instance(set->owner->plane, NULL, arn_or_id);
    const char *arn = i ? i->arn : arn_or_id;

    for (struct list *pos = set->list.prev; pos != &set->list; pos = pos->prev) {
        struct session *s = container_of(pos, struct session, link);

        if (!ws_closing(s->ws) && (!arn || str_eq(s->instance_arn, arn)))
            return s;
    }
    return NULL;
}

void session_read_frame(struct session *s, const char *p, size_t n, int (*type_from)(const char *),
                        char **ret_what)
{
    struct err e = ERR_INIT;
    json_t *v = json_read(p, n, JSON_READ_PEER, &e), *message = json_object_get(v, "message");
    const char *type = json_str(v, "type");

    if (!v) {
        session_wrong(s, "a frame holds no JSON: %s", e.text);
        return;
    }
    if (!type) {
        session_wrong(s, "a frame has no \"type\"");
    } else {
        *ret_what = xstrndup(type, 128);
        s->type = type_from(type);
        if (s->type < 0)
            session_wrong(s, "no message has the type \"%.128s\"", type);
        else if (!json_is_object(message))
            session_wrong(s, "%s: \"message\" is no object", type);
        else
            s->frame = json_incref(message);
    }
    json_decref(v);
}

void session_drop_frame(struct session *s)
{
    json_decref(s->frame);
    s->frame = NULL;
    s->type = -1;
    s->wrong[0] = '\0';
}

void session_wrong(struct session *s, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(s->wrong, sizeof(s->wrong), fmt, ap);
    va_end(ap);
}

/* --- commands -------------------------------------------------------------------------- */

static struct session *need(struct session_set *set, const json_t *args, struct err *e)
{
    const char *instance;
    struct session *s;

    if (args_text(args, "instance", &instance, e) < 0)
        return NULL;
    s = session_find(set, instance);
    if (!s)
        err_set(e, ERR_CONFLICT, "%s: no session is open%s%s", set->owner->fake.ops->name,
                instance ? " of " : "", instance ? instance : "");
    return s;
}

static int do_close(struct session_set *set, const json_t *args, struct err *e)
{
    struct session *s = need(set, args, e);
    const char *reason;
    int64_t code;

    if (!s || args_int(args, "code", 1000, &code, e) < 0 ||
        args_text(args, "reason", &reason, e) < 0)
        return -1;
    if (code < 1000 || code > 4999)
        return err_set(e, ERR_USAGE, "code has to be 1000..4999");
    if (reason && strlen(reason) > 123)
        return err_set(e, ERR_USAGE, "reason has to be at most 123 bytes");
    ws_close(s->ws, (int)code, reason);
    return 0;
}

static int do_drop(struct session_set *set, const json_t *args, struct err *e)
{
    struct session *s = need(set, args, e);
    bool reset;

    if (!s || args_bool(args, "reset", true, &reset, e) < 0)
        return -1;
    ws_drop(s->ws, reset);
    return 0;
}

static int do_heartbeat(struct session_set *set, const json_t *args, struct err *e)
{
    struct loop *loop = fake_loop(&set->owner->fake);
    struct list *pos;

    if (args_duration(args, "every", SESSION_HEARTBEAT_NS, &set->every, e) < 0)
        return -1;
    list_for_each (pos, &set->list) {
        struct session *s = container_of(pos, struct session, link);

        loop_cancel(loop, &s->beat);
        if (set->every)
            loop_after(loop, &s->beat, set->every, on_beat);
    }
    return 0;
}

/* Those that are open already count from their own beginning. */
static int do_age(struct session_set *set, const json_t *args, struct err *e)
{
    struct loop *loop = fake_loop(&set->owner->fake);
    struct list *pos;

    if (args_duration(args, "after", 0, &set->life, e) < 0)
        return -1;
    list_for_each (pos, &set->list) {
        struct session *s = container_of(pos, struct session, link);
        int64_t left = s->opened + set->life - loop_now(loop);

        loop_cancel(loop, &s->age);
        if (set->life)
            loop_after(loop, &s->age, left > 0 ? left : 0, on_age);
    }
    return 0;
}

int session_control(struct session_set *set, const char *command, const json_t *args, struct err *e)
{
    if (str_eq(command, "close"))
        return do_close(set, args, e);
    if (str_eq(command, "drop"))
        return do_drop(set, args, e);
    if (str_eq(command, "heartbeat"))
        return do_heartbeat(set, args, e);
    if (str_eq(command, "age"))
        return do_age(set, args, e);
    return 1;
}

void session_pending(const struct session_set *set, struct buf *out)
{
    int64_t now = loop_now(fake_loop(&set->owner->fake));
    struct list *pos;
    char age[48];

    list_for_each (pos, &set->list) {
        const struct session *s = container_of(pos, struct session, link);

        str_format_duration((now - s->opened) / NS_PER_MS * NS_PER_MS, age);
        buf_addf(out, "%s: session of %s is open for %s%s\n", set->owner->fake.ops->name,
                 s->instance_arn, age, ws_closing(s->ws) ? ", closing" : "");
    }
}
