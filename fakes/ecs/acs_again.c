/* Redelivery: what was sent and not acknowledged comes again with the next session. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/acs.h"

struct acs_owed {
    struct list link;
    int type;
    json_t *message; /* has a messageId */
};

static void owed_free(struct acs_owed *o)
{
    list_del(&o->link);
    json_decref(o->message);
    free(o);
}

void acs_owe(struct acs *a, int type, json_t *message)
{
    struct acs_owed *o;

    if (!a->redeliver || !acs_wants_ack(type) || a->n_owed == ACS_OWED_MAX)
        return;
    o = new0(struct acs_owed);
    o->type = type;
    o->message = json_incref(message);
    list_add_tail(&a->owed, &o->link);
    a->n_owed++;
}

void acs_pay(struct acs *a, struct session *s)
{
    struct list *pos, *tmp;

    list_for_each_safe (pos, tmp, &a->owed) {
        struct acs_owed *o = container_of(pos, struct acs_owed, link);
        const struct ledger_entry *en = ledger_find(&a->ledger, json_str(o->message, "messageId"));

        if (en && ledger_settled(en)) {
            a->n_owed--;
            owed_free(o);
        } else if (!en || str_eq(en->instance_arn, s->instance_arn)) {
            acs_send_body(a, s, o->type, o->message);
        }
    }
}

void acs_forget_owed(struct acs *a)
{
    while (!list_empty(&a->owed))
        owed_free(container_of(a->owed.next, struct acs_owed, link));
    a->n_owed = 0;
}
