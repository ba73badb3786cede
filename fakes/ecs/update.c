#include "fakes/ecs/update.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/acs.h"
#include "proto/acs_message.h"

bool update_in_progress(const struct plane_instance *i)
{
    return i->update_status && !str_eq(i->update_status, "UPDATED") &&
           !str_eq(i->update_status, "FAILED");
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
    if (!str_eq(i->update_status, "STAGING"))
        return;
    set_status(p, i, "STAGED");
    if (say(p, i, ACS_PERFORM_UPDATE))
        set_status(p, i, "UPDATING");
}

void update_connected(struct plane *p, struct plane_instance *i)
{
    if (!update_in_progress(i))
        return;
    if (str_eq(i->update_status, "UPDATING"))
        set_status(p, i, str_eq(i->agent_version, i->update_version) ? "UPDATED" : "FAILED");
    else if (str_eq(i->update_status, "PENDING") || str_eq(i->update_status, "STAGING"))
        stage(p, i);
}
