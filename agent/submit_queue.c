#include "agent/backoff.h"
#include "agent/submit_queue.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "proto/limits.h"

struct submit_queue {
    struct ecs_client *client;
    char *cluster;
    struct log *log;
    struct map tasks; /* arn -> struct task_fifo */
    unsigned int under_way;
    size_t pending;
};

struct change {
    struct list link;
    enum ecs_operation operation;
    json_t *body;
    submit_fn fn;
    void *user;
};

struct task_fifo {
    struct submit_queue *queue;
    char *arn;
    struct list changes;
    size_t n;
    struct ecs_call *call;
    struct backoff backoff;
    struct clock_timer timer; /* armed: the first change waits for its next try */
};

static void pump(struct submit_queue *q);

static void change_end(struct change *c, enum submit_outcome outcome)
{
    submit_fn fn = c->fn;
    void *user = c->user;

    list_del(&c->link);
    json_decref(c->body);
    free(c);
    if (fn)
        fn(outcome, user);
}

static void fifo_free(struct task_fifo *f)
{
    ecs_call_cancel(f->call);
    loop_timer_stop(ecs_client_loop(f->queue->client), &f->timer);
    while (!list_empty(&f->changes))
        change_end(container_of(f->changes.next, struct change, link), SUBMIT_ABANDONED);
    free(f->arn);
    free(f);
}

/* The first change is done with. */
static void pop(struct task_fifo *f, enum submit_outcome outcome)
{
    struct submit_queue *q = f->queue;
    struct change *c = container_of(f->changes.next, struct change, link);

    f->n--;
    q->pending--;
    backoff_reset(&f->backoff);
    if (f->n == 0) {
        list_del(&c->link);
        map_remove(&q->tasks, f->arn);
        fifo_free(f);
    }
    change_end(c, outcome);
}

static void on_retry(struct clock_timer *t)
{
    struct task_fifo *f = container_of(t, struct task_fifo, timer);

    pump(f->queue);
}

static void retry_later(struct task_fifo *f, const struct err *e)
{
    struct submit_queue *q = f->queue;

    log_event(q->log, LOG_WARN, "Submitting a state change failed, trying again", "taskArn", f->arn,
              "error", e->text, NULL);
    loop_timer_start(ecs_client_loop(q->client), &f->timer, backoff_next(&f->backoff), on_retry);
}

static void on_answer(const struct ecs_answer *a, void *user)
{
    struct task_fifo *f = user;
    struct submit_queue *q = f->queue;

    f->call = NULL;
    q->under_way--;
    if (a->e.code == ERR_NONE) {
        pop(f, SUBMIT_SENT);
    } else if (a->error == ECS_ERROR_INVALID_PARAMETER) {
        log_event(q->log, LOG_ERROR, "The service refuses a state change, dropping it", "taskArn",
                  f->arn, "error", a->e.text, NULL);
        pop(f, SUBMIT_REFUSED);
    } else {
        retry_later(f, &a->e);
    }
    pump(q);
}

static void send_first(struct task_fifo *f)
{
    struct submit_queue *q = f->queue;
    struct change *c = container_of(f->changes.next, struct change, link);
    struct err e = ERR_INIT;

    json_put_str(c->body, "cluster", q->cluster);
    f->call = ecs_call(q->client, c->operation, c->body, ECS_RETRY_SUBMIT, on_answer, f, &e);
    if (!f->call) {
        retry_later(f, &e);
        return;
    }
    q->under_way++;
    log_event(q->log, LOG_DEBUG, "Submitting a state change", "taskArn", f->arn, "status",
              json_str(c->body, "status"), NULL);
}

/* Sends the first change of each task that has nothing under way, as far as allowed. */
static void pump(struct submit_queue *q)
{
    const char *key;
    void *value;

    for (size_t i = 0;
         q->under_way < ECS_SUBMIT_PARALLEL && map_next(&q->tasks, &i, &key, &value);) {
        struct task_fifo *f = value;

        if (!f->call && !clock_timer_armed(&f->timer))
            send_first(f);
    }
}

struct submit_queue *submit_queue_new(struct ecs_client *c, const char *cluster, struct log *log)
{
    struct submit_queue *q = new0(struct submit_queue);

    q->client = c;
    q->cluster = xstrdup(cluster);
    q->log = log;
    map_init(&q->tasks);
    return q;
}

void submit_queue_free(struct submit_queue *q)
{
    const char *key;
    void *value;

    if (!q)
        return;
    for (size_t i = 0; map_next(&q->tasks, &i, &key, &value);)
        fifo_free(value);
    map_release(&q->tasks);
    free(q->cluster);
    free(q);
}

static int add(struct submit_queue *q, enum ecs_operation operation, const char *task_arn,
               json_t *change, submit_fn fn, void *user, struct err *e)
{
    struct task_fifo *f = map_get(&q->tasks, task_arn);
    struct change *c;

    if (f && f->n >= SUBMIT_TASK_MAX) {
        json_decref(change);
        return err_set(e, ERR_LIMIT, "%s has %d state changes waiting", task_arn, SUBMIT_TASK_MAX);
    }
    if (!f) {
        f = new0(struct task_fifo);
        f->queue = q;
        f->arn = xstrdup(task_arn);
        list_init(&f->changes);
        backoff_init(&f->backoff, ECS_SUBMIT_BACKOFF_MIN, ECS_SUBMIT_BACKOFF_MAX, 1.3, 0.2);
        map_set(&q->tasks, task_arn, f);
    }
    c = new0(struct change);
    c->operation = operation;
    c->body = change;
    c->fn = fn;
    c->user = user;
    list_init(&c->link);
    list_add_tail(&f->changes, &c->link);
    f->n++;
    q->pending++;
    pump(q);
    return 0;
}

int submit_queue_add(struct submit_queue *q, const char *task_arn, json_t *change, submit_fn fn,
                     void *user, struct err *e)
{
    return add(q, ECS_SUBMIT_TASK_STATE_CHANGE, task_arn, change, fn, user, e);
}

int submit_queue_add_attachment(struct submit_queue *q, const char *arn, json_t *change,
                                submit_fn fn, void *user, struct err *e)
{
    return add(q, ECS_SUBMIT_ATTACHMENT_STATE_CHANGES, arn, change, fn, user, e);
}

size_t submit_queue_pending(const struct submit_queue *q)
{
    return q->pending;
}
