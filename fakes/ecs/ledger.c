#include "fakes/ecs/ledger.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/acs_message.h"

void ledger_init(struct ledger *l)
{
    list_init(&l->entries);
    map_init(&l->by_id);
}

static void forget(struct ledger *l, struct ledger_entry *en)
{
    map_remove(&l->by_id, en->id);
    list_del(&en->link);
    free(en->id);
    free(en->instance_arn);
    json_decref(en->credentials);
    free(en);
}

void ledger_release(struct ledger *l)
{
    while (!list_empty(&l->entries))
        forget(l, container_of(l->entries.next, struct ledger_entry, link));
    map_release(&l->by_id);
}

static void add_credentials(struct ledger_entry *en, const json_t *credentials)
{
    const char *id = json_str(credentials, "credentialsId");

    if (!id)
        return;
    if (!en->credentials)
        en->credentials = json_object();
    json_put_bool(en->credentials, id, false);
}

static void make_room(struct ledger *l)
{
    struct list *pos;

    if (map_count(&l->by_id) < LEDGER_MAX)
        return;
    list_for_each (pos, &l->entries) {
        struct ledger_entry *en = container_of(pos, struct ledger_entry, link);

        if (ledger_settled(en)) {
            forget(l, en);
            return;
        }
    }
    forget(l, container_of(l->entries.next, struct ledger_entry, link));
}

struct ledger_entry *ledger_sent(struct ledger *l, const char *id, int type, const char *instance,
                                 int64_t now, bool wants_ack, const json_t *message)
{
    struct ledger_entry *en = ledger_find(l, id);
    json_t *task;
    size_t i;

    if (!en) {
        make_room(l);
        en = new0(struct ledger_entry);
        en->id = xstrdup(id);
        map_set(&l->by_id, id, en);
        list_add_tail(&l->entries, &en->link);
    }
    free(en->instance_arn);
    en->instance_arn = xstrdup(instance);
    en->type = type;
    en->sent_at = now;
    en->wants_ack = wants_ack;
    en->sent++;
    add_credentials(en, json_object_get(message, "roleCredentials"));
    json_array_foreach (json_object_get(message, "tasks"), i, task) {
        add_credentials(en, json_object_get(task, "roleCredentials"));
        add_credentials(en, json_object_get(task, "executionRoleCredentials"));
    }
    return en;
}

struct ledger_entry *ledger_find(const struct ledger *l, const char *id)
{
    return id ? map_get(&l->by_id, id) : NULL;
}

bool ledger_has_credentials(const struct ledger_entry *en, const char *credentials_id)
{
    return credentials_id && json_object_get(en->credentials, credentials_id);
}

void ledger_acked(struct ledger_entry *en)
{
    en->acks++;
}

void ledger_nacked(struct ledger_entry *en)
{
    en->nacks++;
}

void ledger_credentials_acked(struct ledger_entry *en, const char *credentials_id)
{
    json_put_bool(en->credentials, credentials_id, true);
}

static size_t open_credentials(const struct ledger_entry *en)
{
    const char *id;
    size_t n = 0;
    json_t *acked;

    json_object_foreach (en->credentials, id, acked)
        n += !json_is_true(acked);
    return n;
}

bool ledger_settled(const struct ledger_entry *en)
{
    return en->nacks || ((en->acks || !en->wants_ack) && !open_credentials(en));
}

void ledger_pending(const struct ledger *l, int64_t now, struct buf *out)
{
    struct list *pos;

    list_for_each (pos, &l->entries) {
        const struct ledger_entry *en = container_of(pos, struct ledger_entry, link);
        char age[48];

        if (ledger_settled(en))
            continue;
        str_format_duration((now - en->sent_at) / NS_PER_MS * NS_PER_MS, age);
        buf_addf(out, "acs: %s %s, sent %s ago, waits for %s\n",
                 acs_message_name((enum acs_message)en->type), en->id, age,
                 en->wants_ack && !en->acks ? "its acknowledgement"
                                            : "the acknowledgement of its credentials");
    }
}
