/*
 * acs_dispatch.h - one frame of ACS in, what it causes out.
 *
 * Knows the messages and their answers, not the connection: frames are sent
 * through send(), tasks are the engine's, reached through ops. A message of
 * an unknown type, or one that is not complete, is answered by silence, as the
 * official agent does; the error says why, for the log.
 */
#ifndef AGENT_ACS_DISPATCH_H
#define AGENT_ACS_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/attachment.h"
#include "agent/task_credentials.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

struct acs_ops {
    /* PayloadMessage: true when every task was handled; then it is acknowledged. */
    bool (*payload)(void *user, const json_t *message, struct err *e);
    /* New credentials of a task; -1: there is no such task. */
    int (*task_credentials)(void *user, const char *task_arn, bool execution, const char *id);
    /* TaskManifestMessage: false: older than what is known. *ret_candidates: new reference. */
    bool (*manifest)(void *user, const json_t *message, json_t **ret_candidates);
    /* TaskStopVerificationAck, for each task in it; -1: there is no such task. */
    int (*stop_task)(void *user, const char *task_arn);
    /* HeartbeatMessage: time to look after the instance's health. */
    void (*heartbeat)(void *user);
    /* A network interface, or a volume, is on its way to a task or to the instance. */
    int (*attach)(void *user, const struct attachment_new *n, struct err *e);
    /* StageUpdateMessage and PerformUpdateMessage; they are answered in their time. */
    void (*stage_update)(void *user, const json_t *message);
    void (*perform_update)(void *user, const json_t *message);
};

/* Sends one text frame. */
typedef int (*acs_send_fn)(void *sender, const char *text, size_t n, struct err *e);

struct acs_dispatch {
    const struct acs_ops *ops;
    void *user; /* of ops */
    acs_send_fn send;
    void *sender;
    struct log *log;
    struct task_credentials *credentials;
    uint64_t understood; /* frames of a known type, whatever became of them */
    char *manifest_id;   /* of the manifest whose verification is under way */
};

void acs_dispatch_init(struct acs_dispatch *d, const struct acs_ops *ops, void *user,
                       acs_send_fn send, void *sender, struct log *log,
                       struct task_credentials *credentials);
void acs_dispatch_release(struct acs_dispatch *d);

/* -1: the frame was no frame, or its message was dropped; e says why. */
int acs_dispatch_frame(struct acs_dispatch *d, const char *text, size_t n, struct err *e);

/* Shared by the responders, acs_*.c. */
int acs_reply(struct acs_dispatch *d, enum acs_message type, json_t *message, struct err *e);
/* AckRequest for message: its clusterArn, containerInstanceArn and messageId. */
int acs_ack(struct acs_dispatch *d, const json_t *message, struct err *e);
/* messageId, clusterArn and containerInstanceArn have to be there and not empty. */
int acs_need_ids(const json_t *message, struct err *e);

int acs_on_payload(struct acs_dispatch *d, const json_t *message, struct err *e);
int acs_on_role_credentials(struct acs_dispatch *d, const json_t *message, struct err *e);
int acs_on_manifest(struct acs_dispatch *d, const json_t *message, struct err *e);
int acs_on_stop_verification_ack(struct acs_dispatch *d, const json_t *message, struct err *e);
int acs_on_attach_task_eni(struct acs_dispatch *d, const json_t *message, struct err *e);
int acs_on_attach_instance_eni(struct acs_dispatch *d, const json_t *message, struct err *e);
int acs_on_confirm_attachment(struct acs_dispatch *d, const json_t *message, struct err *e);

#endif
