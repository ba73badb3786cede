/*
 * submit_queue.h - state changes on their way to the service.
 *
 * Each task has a FIFO: the next change is sent when the one before is
 * acknowledged or given up. Tasks do not wait for each other; at most
 * ECS_SUBMIT_PARALLEL calls are under way.
 *
 * InvalidParameterException drops a change; every other failure is tried again
 * for ever (1 s growing by 1.3 to 30 s) on top of the SDK's own retries.
 * (eventhandler/task_handler.go)
 */
#ifndef AGENT_SUBMIT_QUEUE_H
#define AGENT_SUBMIT_QUEUE_H

#include "agent/ecs_client.h"
#include "base/log.h"

/* Changes waiting for one task; a task makes a handful in its life. */
#define SUBMIT_TASK_MAX 1000

struct submit_queue;

enum submit_outcome {
    SUBMIT_SENT,      /* the service has it */
    SUBMIT_REFUSED,   /* the service will never take it */
    SUBMIT_ABANDONED, /* the queue was freed before */
};

/* Called once for each change. */
typedef void (*submit_fn)(enum submit_outcome outcome, void *user);

struct submit_queue *submit_queue_new(struct ecs_client *c, const char *cluster, struct log *log);
void submit_queue_free(struct submit_queue *q); /* what is not sent is abandoned */

/*
 * Queues a SubmitTaskStateChange: change is its body without "cluster" and
 * belongs to the queue from now on. fn (may be NULL) is called once,
 * later.
 * -1 with ERR_LIMIT when the task has too many waiting; change is freed then too.
 */
int submit_queue_add(struct submit_queue *q, const char *task_arn, json_t *change, submit_fn fn,
                     void *user, struct err *e);

/* A SubmitAttachmentStateChanges, of an attachment that is no task's; else the same. */
int submit_queue_add_attachment(struct submit_queue *q, const char *arn, json_t *change,
                                submit_fn fn, void *user, struct err *e);

/* Changes that are waiting or under way. */
size_t submit_queue_pending(const struct submit_queue *q);

#endif
