/*
 * Room on the instance: a task takes its first step when there is enough of
 * everything for it (host.h). Whatever ends wakes all that wait, the oldest
 * first; one that does not fit holds up nobody else.
 */
#include "agent/engine_internal.h"

bool engine_has_room(struct task *t)
{
    struct task_work *tw = t->work;
    const char *lacks;

    if (tw->has_room)
        return true;
    lacks = host_take(&tw->en->host, t);
    tw->has_room = !lacks;
    if (lacks && !tw->waits_for_room)
        log_event(tw->en->log, LOG_WARN, "The task waits until others have ended", "task", t->arn,
                  "for", lacks, NULL);
    tw->waits_for_room = lacks != NULL;
    return tw->has_room;
}

void engine_hold_room(struct task *t)
{
    host_hold(&t->work->en->host, t);
    t->work->has_room = true;
}

void engine_leave_room(struct task *t)
{
    struct engine *en = t->work->en;
    struct task *other = NULL;

    t->work->waits_for_room = false;
    if (!t->work->has_room)
        return;
    t->work->has_room = false;
    host_give_back(&en->host, t);
    while ((other = engine_next_task(en, other)))
        if (other->work && other->work->waits_for_room)
            engine_wake(other);
}
