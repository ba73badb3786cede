#include "agent/spot.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define ACTION_PATH "meta-data/spot/instance-action"

struct spot {
    struct loop *loop;
    struct imds *imds;
    struct ecs_client *ecs;
    char *cluster, *instance_arn;
    struct log *log;
    struct imds_get *get;
    struct ecs_call *call;
    struct clock_timer timer;
    char *odd; /* the last answer that was not understood */
};

static void look(struct spot *s);

static void on_timer(struct clock_timer *t)
{
    look(container_of(t, struct spot, timer));
}

static void look_again(struct spot *s)
{
    loop_timer_start(s->loop, &s->timer, SPOT_POLL_INTERVAL, on_timer);
}

int spot_read(const json_t *doc, const char **ret_action, struct err *e)
{
    static const char *const known[] = {"hibernate", "stop", "terminate"};
    const char *action;

    if (json_need_str(doc, "action", &action, e) < 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (str_eq(action, known[i])) {
            *ret_action = action;
            return 0;
        }
    }
    return err_set(e, ERR_PARSE, "there is no action \"%.60s\"", action);
}

static void on_drained(const struct ecs_answer *a, void *user)
{
    struct spot *s = user;

    s->call = NULL;
    if (a->e.code == ERR_NONE) {
        log_event(s->log, LOG_INFO, "The instance is DRAINING", "containerInstanceArn",
                  s->instance_arn, NULL);
        return;
    }
    log_event(s->log, LOG_ERROR, "The instance could not be set to DRAINING: trying again", "error",
              a->e.text, NULL);
    look_again(s);
}

static void drain(struct spot *s)
{
    _cleanup_json_ json_t *request = json_object();
    json_t *instances = json_array();
    struct err e = ERR_INIT;

    json_array_append_new(instances, json_string(s->instance_arn));
    json_put_str(request, "cluster", s->cluster);
    json_put(request, "containerInstances", instances);
    json_put_str(request, "status", "DRAINING");
    s->call = ecs_call(s->ecs, ECS_UPDATE_CONTAINER_INSTANCES_STATE, request, ECS_RETRY_STANDARD,
                       on_drained, s, &e);
    if (s->call)
        return;
    log_event(s->log, LOG_ERROR, "The instance could not be set to DRAINING: trying again", "error",
              e.text, NULL);
    look_again(s);
}

static void not_understood(struct spot *s, const char *body, const struct err *e)
{
    if (!str_eq(s->odd, body)) {
        free(s->odd);
        s->odd = xstrdup(body);
        log_event(s->log, LOG_ERROR, "The spot interruption is not understood", "answer", body,
                  "error", e->text, NULL);
    }
    look_again(s);
}

static void on_action(const char *body, const struct err *e, void *user)
{
    struct spot *s = user;
    _cleanup_json_ json_t *doc = NULL;
    struct err why = ERR_INIT;
    const char *action;

    (void)e; /* 404 is the rule, and whoever cannot be reached is asked again */
    s->get = NULL;
    if (!body) {
        look_again(s);
        return;
    }
    doc = json_read(body, strlen(body), JSON_READ_PEER, &why);
    if (!doc || spot_read(doc, &action, &why) < 0) {
        not_understood(s, body, &why);
        return;
    }
    log_event(s->log, LOG_WARN, "A spot interruption is announced: draining", "action", action,
              "time", json_str(doc, "time"), NULL);
    drain(s);
}

static void look(struct spot *s)
{
    s->get = imds_get(s->imds, ACTION_PATH, on_action, s);
}

struct spot *spot_new(struct loop *l, struct imds *m, struct ecs_client *c, const char *cluster,
                      const char *instance_arn, struct log *log)
{
    struct spot *s = new0(struct spot);

    s->loop = l;
    s->imds = m;
    s->ecs = c;
    s->cluster = xstrdup(cluster);
    s->instance_arn = xstrdup(instance_arn);
    s->log = log;
    look(s);
    return s;
}

void spot_free(struct spot *s)
{
    if (!s)
        return;
    imds_cancel(s->get);
    ecs_call_cancel(s->call);
    loop_timer_stop(s->loop, &s->timer);
    free(s->cluster);
    free(s->instance_arn);
    free(s->odd);
    free(s);
}
