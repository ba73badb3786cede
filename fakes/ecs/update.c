#include "fakes/ecs/update.h"

#include <stdlib.h>
#include <strings.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/acs.h"
#include "proto/acs_message.h"
#include "proto/ecs_operation.h"

bool update_in_progress(const struct plane_instance *i)
{
    return i->update_status && !str_eq(i->update_status, "UPDATED") &&
           !str_eq(i->update_status, "FAILED");
}

static bool has_attribute(const struct plane_instance *i, const char *name, const char *value)
{
    json_t *a;
    size_t n;

    json_array_foreach (i->attributes, n, a) {
        const char *v = json_str(a, "value");

        if (str_eq(json_str(a, "name"), name) && v && strcasecmp(v, value) == 0)
            return true;
    }
    return false;
}

/* Number by number; what is no number ends it. */
static bool is_newer(const char *a, const char *b)
{
    for (;;) {
        char *rest_a, *rest_b;
        unsigned long x = strtoul(a, &rest_a, 10), y = strtoul(b, &rest_b, 10);

        if (x != y || *rest_a != '.' || *rest_b != '.')
            return x > y;
        a = rest_a + 1;
        b = rest_b + 1;
    }
}

bool update_allowed(const struct plane *p, const struct plane_instance *i, struct update_refusal *r)
{
    if (has_attribute(i, ECS_ATTR_OS_TYPE, "windows"))
        *r = (struct update_refusal){"ClientException",
                                     "Agent updates do not apply to Windows container instances."};
    else if (has_attribute(i, ECS_ATTR_CPU_ARCHITECTURE, "arm64"))
        *r =
            (struct update_refusal){"ClientException", "Update not supported on Arm architecture."};
    else if (!i->agent_version)
        *r = (struct update_refusal){
            "MissingVersionException",
            "Amazon ECS can't determine the current version of the Amazon "
            "ECS container agent on the container instance and doesn't have "
            "enough information to proceed with an update."};
    else if (update_in_progress(i))
        *r = (struct update_refusal){
            "UpdateInProgressException",
            "There's already a current Amazon ECS container agent update in "
            "progress on the container instance that's specified."};
    else if (!p->agent_version || !is_newer(p->agent_version, i->agent_version))
        *r = (struct update_refusal){
            "NoUpdateAvailableException",
            "There's no update available for this Amazon ECS container agent."};
    else
        return true;
    return false;
}

static void set_status(struct plane *p, struct plane_instance *i, const char *to)
{
    char *what = xasprintf("agent update of instance %s", i->id);

    journal_state(&p->world->journal, "ecs", what, i->update_status ? i->update_status : "none",
                  to);
    free(what);
    i->update_status = to;
    i->version++;
}

/* Sends the message and remembers its id; false when nobody is connected. */
static bool say(struct plane *p, struct plane_instance *i, int type)
{
    struct acs *a = (struct acs *)world_find(p->world, "acs");
    struct session *s = a ? session_find(&a->sessions, i->arn) : NULL;
    json_t *m _cleanup_json_ = NULL;

    if (!s)
        return false;
    m = json_pack("{s:O}", "updateInfo", p->agent_update);
    acs_send_body(a, s, type, m);
    free(i->update_message);
    i->update_message = xstrdup(json_str(m, "messageId"));
    return true;
}

static void perform(struct plane *p, struct plane_instance *i)
{
    if (say(p, i, ACS_PERFORM_UPDATE))
        set_status(p, i, "UPDATING");
}

static void stage(struct plane *p, struct plane_instance *i)
{
    if (say(p, i, ACS_STAGE_UPDATE))
        set_status(p, i, "STAGING");
}

void update_start(struct plane *p, struct plane_instance *i)
{
    free(i->update_version);
    i->update_version = xstrdup(p->agent_version);
    set_status(p, i, "PENDING");
    stage(p, i);
}

void update_answered(struct plane *p, const char *instance_arn, const char *message_id, bool nack)
{
    struct plane_instance *i = plane_instance(p, NULL, instance_arn);

    if (!i || !update_in_progress(i) || !str_eq(i->update_message, message_id))
        return;
    if (nack) {
        set_status(p, i, "FAILED");
        return;
    }
    free(i->update_message);
    i->update_message = NULL;
    if (!str_eq(i->update_status, "STAGING"))
        return;
    set_status(p, i, "STAGED");
    perform(p, i);
}

void update_connected(struct plane *p, struct plane_instance *i)
{
    if (!update_in_progress(i))
        return;
    if (str_eq(i->update_status, "UPDATING") && str_eq(i->agent_version, i->update_version))
        set_status(p, i, "UPDATED");
    else if (str_eq(i->update_status, "UPDATING") && !i->update_message)
        set_status(p, i, "FAILED"); /* it acknowledged, and the old one is back */
    else if (str_eq(i->update_status, "UPDATING") || str_eq(i->update_status, "STAGED"))
        perform(p, i); /* the message was lost with the session */
    else if (str_eq(i->update_status, "PENDING") || str_eq(i->update_status, "STAGING"))
        stage(p, i);
}
