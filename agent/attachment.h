/*
 * attachment.h - network interfaces that the service says are being attached to this instance.
 *
 * One record for each MAC address, from the message of ACS until its task is cleaned up. It has
 * a time (the message's waitTimeoutMs) in which the interface has to show up: then the service is
 * told, once, that it is ATTACHED; else the record is dropped. Records are saved; what ECS has
 * not been told before a restart it is told after it, if the time is not over.
 *
 * The interface may show up before the message or after it. (The official agent waits 6 s for the
 * message of a device that it sees, and looks again every 30 s: eni/watcher/watcher.go.)
 * Where the official agent would tell of the same interface twice, ours does it once.
 *
 * Also here: attachments of other kinds (ConfirmAttachmentMessage: volumes), which are recorded
 * and expire; nothing on this instance attaches them.
 *
 * Source: acs/session/attach_*.go, eni/watcher/watcher.go, api/attachment.
 */
#ifndef AGENT_ATTACHMENT_H
#define AGENT_ATTACHMENT_H

#include "agent/link_watch.h"
#include "agent/loop.h"
#include "agent/state_store.h"
#include "agent/submit_queue.h"
#include "base/log.h"

/* Records at once; a trunk carries 120 interfaces at most. */
#define ATTACHMENTS_MAX 1024

/* What a message announces. */
struct attachment_new {
    const char *arn, *task_arn; /* task_arn NULL: of the instance */
    const char *mac;            /* NULL: no network interface */
    int64_t wait;               /* ns, from now on */
};

struct attachments;

/* store and log are borrowed and outlive it. */
struct attachments *attachments_new(struct loop *l, struct state_store *store, struct log *log);
void attachments_free(struct attachments *a); /* NULL is fine; before the queue is freed */

/* The records of an earlier run. */
int attachments_load(struct attachments *a, struct err *e);

/* From here on devices are looked for, and the service is told through queue. links is
 * borrowed; its owner calls attachments_seen(). */
void attachments_start(struct attachments *a, struct submit_queue *queue,
                       const struct link_watch *links);

/* -1: there are too many. One that is known already stays as it is. */
int attachments_add(struct attachments *a, const struct attachment_new *n, struct err *e);
/* A device with this address is there. */
void attachments_seen(struct attachments *a, const char *mac);
/* The task is gone: its records too. */
void attachments_drop_task(struct attachments *a, const char *task_arn);

#endif
