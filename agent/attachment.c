#include "agent/attachment.h"

#include <stdlib.h>

#include "base/cleanup.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"

struct attachments {
    struct loop *loop;
    struct state_store *store;
    struct log *log;
    struct submit_queue *queue;     /* NULL: not started yet */
    const struct link_watch *links; /* NULL: there are no interfaces of tasks */
    struct list all;
    size_t n;
};

struct attachment {
    struct list link;
    struct attachments *set;
    char *arn, *task_arn, *mac;
    int64_t expires; /* ns since 1970 */
    bool handed;     /* the service is being told */
    bool sent;       /* it has been */
    struct clock_timer timer;
};

static struct attachment *find(const struct attachments *a, const char *arn, const char *mac)
{
    struct list *pos;

    list_for_each (pos, &a->all) {
        struct attachment *t = container_of(pos, struct attachment, link);

        if (mac ? str_eq(t->mac, mac) : str_eq(t->arn, arn))
            return t;
    }
    return NULL;
}

static void free_one(struct attachment *t)
{
    loop_timer_stop(t->set->loop, &t->timer);
    list_del(&t->link);
    t->set->n--;
    free(t->arn);
    free(t->task_arn);
    free(t->mac);
    free(t);
}

/* ---- saving ---- */

static void save(struct attachment *t)
{
    struct err e = ERR_INIT;
    _cleanup_json_ json_t *o = json_object();

    json_put_str(o, "taskArn", t->task_arn);
    json_put_str(o, "macAddress", t->mac);
    json_put_int(o, "expiresAt", t->expires);
    json_put_bool(o, "attachStatusSent", t->sent);
    if (state_store_put_attachment(t->set->store, t->arn, o, &e) < 0)
        log_event(t->set->log, LOG_ERROR, "The state cannot be saved", "error", e.text, NULL);
}

static void drop(struct attachment *t)
{
    struct err e = ERR_INIT;

    if (state_store_delete_attachment(t->set->store, t->arn, &e) < 0)
        log_event(t->set->log, LOG_ERROR, "The state cannot be saved", "error", e.text, NULL);
    free_one(t);
}

/* ---- the service is told ---- */

/* What is on its way to the service may outlive the record. */
struct sending {
    struct attachments *set;
    char *arn;
};

static void on_sent(enum submit_outcome outcome, void *user)
{
    struct sending *s = user;
    struct attachment *t = outcome == SUBMIT_ABANDONED ? NULL : find(s->set, s->arn, NULL);

    if (t) {
        t->sent = true;
        loop_timer_stop(t->set->loop, &t->timer);
        save(t);
    }
    free(s->arn);
    free(s);
}

static json_t *body_of(const struct attachment *t)
{
    json_t *o = json_object(), *one = json_object(), *list = json_array();

    json_put_str(one, "attachmentArn", t->arn);
    json_put_str(one, "status", "ATTACHED");
    json_array_append_new(list, one);
    json_put(o, "attachments", list);
    if (t->task_arn)
        json_put_str(o, "task", t->task_arn);
    return o;
}

static void tell(struct attachment *t)
{
    struct attachments *a = t->set;
    struct sending *s = new0(struct sending);
    struct err e = ERR_INIT;
    int r;

    s->set = a;
    s->arn = xstrdup(t->arn);
    t->handed = true;
    log_event(a->log, LOG_INFO, "A network interface is attached", "attachmentArn", t->arn,
              "taskArn", t->task_arn, "mac", t->mac, NULL);
    if (t->task_arn)
        r = submit_queue_add(a->queue, t->task_arn, body_of(t), on_sent, s, &e);
    else
        r = submit_queue_add_attachment(a->queue, t->arn, body_of(t), on_sent, s, &e);
    if (r == 0)
        return;
    log_event(a->log, LOG_ERROR, "A state change is lost", "error", e.text, NULL);
    free(s->arn);
    free(s);
}

static void look(struct attachment *t)
{
    if (t->set->queue && t->mac && !t->handed && !t->sent && link_watch_has(t->set->links, t->mac))
        tell(t);
}

void attachments_seen(struct attachments *a, const char *mac)
{
    struct attachment *t = find(a, NULL, mac);

    if (t)
        look(t);
    else
        log_event(a->log, LOG_DEBUG, "A network interface of which nothing is known", "mac", mac,
                  NULL);
}

/* ---- time ---- */

static void on_expired(struct clock_timer *timer)
{
    struct attachment *t = container_of(timer, struct attachment, timer);

    log_event(t->set->log, LOG_WARN, "An attachment did not show up in time", "attachmentArn",
              t->arn, "taskArn", t->task_arn, "mac", t->mac, NULL);
    drop(t);
}

static void arm(struct attachment *t)
{
    int64_t left = t->expires - loop_wall(t->set->loop);

    if (!t->sent)
        loop_timer_start(t->set->loop, &t->timer, left > 0 ? left : 0, on_expired);
}

/* ---- life ---- */

static struct attachment *add_one(struct attachments *a, const char *arn)
{
    struct attachment *t = new0(struct attachment);

    t->set = a;
    t->arn = xstrdup(arn);
    list_init(&t->link);
    list_add_tail(&a->all, &t->link);
    a->n++;
    return t;
}

int attachments_add(struct attachments *a, const struct attachment_new *n, struct err *e)
{
    struct attachment *t = find(a, n->arn, n->mac);

    if (t)
        return 0;
    if (a->n >= ATTACHMENTS_MAX)
        return err_set(e, ERR_LIMIT, "there are %d attachments already", ATTACHMENTS_MAX);
    t = add_one(a, n->arn);
    t->task_arn = xstrdup(n->task_arn);
    t->mac = xstrdup(n->mac);
    t->expires = loop_wall(a->loop) + n->wait;
    arm(t);
    save(t);
    log_event(a->log, LOG_INFO, "An attachment is announced", "attachmentArn", t->arn, "taskArn",
              t->task_arn, "mac", t->mac, NULL);
    look(t);
    return 0;
}

void attachments_drop_task(struct attachments *a, const char *task_arn)
{
    struct list *pos, *next;

    list_for_each_safe (pos, next, &a->all) {
        struct attachment *t = container_of(pos, struct attachment, link);

        if (str_eq(t->task_arn, task_arn))
            drop(t);
    }
}

static void on_saved(const char *arn, json_t *state, void *user)
{
    struct attachments *a = user;
    struct attachment *t;

    if (a->n >= ATTACHMENTS_MAX)
        return;
    t = add_one(a, arn);
    t->task_arn = xstrdup(json_str(state, "taskArn"));
    t->mac = xstrdup(json_str(state, "macAddress"));
    t->expires = json_int(state, "expiresAt", 0);
    t->sent = json_bool(state, "attachStatusSent", false);
    arm(t);
}

int attachments_load(struct attachments *a, struct err *e)
{
    return state_store_attachments(a->store, on_saved, a, e);
}

void attachments_start(struct attachments *a, struct submit_queue *queue,
                       const struct link_watch *links)
{
    struct list *pos;

    a->queue = queue;
    a->links = links;
    list_for_each (pos, &a->all)
        look(container_of(pos, struct attachment, link));
}

struct attachments *attachments_new(struct loop *l, struct state_store *store, struct log *log)
{
    struct attachments *a = new0(struct attachments);

    a->loop = l;
    a->store = store;
    a->log = log;
    list_init(&a->all);
    return a;
}

void attachments_free(struct attachments *a)
{
    if (!a)
        return;
    while (!list_empty(&a->all))
        free_one(container_of(a->all.next, struct attachment, link));
    free(a);
}
