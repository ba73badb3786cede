#include "agent/updater.h"

#include <stdlib.h>
#include <string.h>

#include "agent/update_file.h"
#include "agent/version.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

/* Messages that wait for the same image. */
#define WAITING_MAX 16
#define REDIRECTS   10 /* as Go's client */

enum stage { NONE, DOWNLOADING, DOWNLOADED, STAGE_MAX };
static const char *const stage_names[STAGE_MAX] = {"none", "downloading", "downloaded"};

struct updater {
    struct http *http;
    const struct config *config;
    struct log *log;
    struct updater_ops ops;
    void *user;
    enum stage stage;
    char *signature;
    json_t *messages; /* StageUpdateMessages of this image, the first first; empty in NONE */
    json_t *perform;  /* PerformUpdateMessage that waits, or NULL */
    struct http_request *request;
    struct update_file file;
    struct err failed; /* while data came */
};

const char *update_order_read(struct update_order *o, const json_t *message)
{
    const json_t *info = json_object_get(message, "updateInfo");

    *o = (struct update_order){
        .message_id = json_str(message, "messageId"),
        .cluster = json_str(message, "clusterArn"),
        .instance = json_str(message, "containerInstanceArn"),
        .location = info ? json_str(info, "location") : NULL,
        .signature = info ? json_str(info, "signature") : NULL,
    };
    return !json_is_object(info) ? "no update info given"
           : !o->location        ? "no location given"
           : !o->signature       ? "no signature given"
                                 : NULL;
}

static void set_stage(struct updater *u, enum stage to)
{
    if (u->stage != to)
        log_event(u->log, LOG_INFO, "Update of the agent", "from", stage_names[u->stage], "to",
                  stage_names[to], NULL);
    u->stage = to;
}

/* reason NULL: an acknowledgement. */
static void answer(struct updater *u, const json_t *message, const char *reason)
{
    struct update_order o;
    json_t *m = json_object();

    update_order_read(&o, message);
    json_put_str(m, "cluster", o.cluster);
    json_put_str(m, "containerInstance", o.instance);
    json_put_str(m, "messageId", o.message_id);
    if (reason) {
        json_put_str(m, "reason", reason);
        log_event(u->log, LOG_WARN, "An update is refused", "messageId", o.message_id, "reason",
                  reason, NULL);
    }
    u->ops.reply(u->user, reason ? ACS_NACK : ACS_ACK, m);
}

static void answer_all(struct updater *u, const char *reason)
{
    json_t *message;
    size_t i;

    json_array_foreach (u->messages, i, message)
        answer(u, message, reason);
}

/* What is on its way is given up; what is staged stays on the disk. */
static void reset(struct updater *u)
{
    http_cancel(u->request);
    u->request = NULL;
    update_file_abort(&u->file);
    json_array_clear(u->messages);
    free(u->signature);
    u->signature = NULL;
    set_stage(u, NONE);
}

static void perform_now(struct updater *u, const json_t *message)
{
    if (u->stage != DOWNLOADED) {
        answer(u, message, "Cannot perform update; update not downloaded");
        return;
    }
    answer(u, message, NULL);
    u->ops.perform(u->user);
}

/* The image is there, or it never will be. */
static void settled(struct updater *u, const struct err *e)
{
    _cleanup_json_ json_t *perform = steal_ptr(&u->perform);

    if (e->code == ERR_NONE) {
        set_stage(u, DOWNLOADED);
        answer_all(u, NULL);
        while (json_array_size(u->messages) >
               1) /* the first is the one that a later image undoes */
            json_array_remove(u->messages, 1);
    } else {
        _cleanup_free_ char *reason = xasprintf("Unable to download: %s", e->text);

        answer_all(u, reason);
        reset(u);
    }
    if (perform)
        perform_now(u, perform);
}

static int on_data(struct http_request *r, const char *p, size_t n, void *user)
{
    struct updater *u = user;

    (void)r;
    return update_file_write(&u->file, p, n, &u->failed);
}

static void on_done(const struct http_result *r, void *user)
{
    struct updater *u = user;
    struct err e = u->failed.code != ERR_NONE ? u->failed : r->error;

    u->request = NULL;
    if (e.code == ERR_NONE && r->status != 200)
        err_set(&e, ERR_PEER, "status %d instead of the image", r->status);
    if (e.code == ERR_NONE)
        update_file_finish(&u->file, u->signature, &e);
    settled(u, &e);
}

/* The service tells names of S3 that have no IPv6 address; an instance that has nothing else
 * asks the ones that do. (updater.go:convertS3URLToDualStack, since 1.99.1) */
char *update_location(const char *told, bool ipv6_only)
{
    const char *at = ipv6_only ? strstr(told, "s3.") : NULL;

    return at ? xasprintf("%.*ss3.dualstack.%s", (int)(at - told), told, at + strlen("s3."))
              : xstrdup(told);
}

static int download(struct updater *u, const char *told, struct err *e)
{
    _cleanup_free_ char *location = update_location(told, u->config->ipv6_only);
    struct http_call call = {
        .method = "GET",
        .url = location,
        .user_agent = AGENT_USER_AGENT,
        .timeout = UPDATE_TIMEOUT,
        .redirects = REDIRECTS,
        .data = on_data,
        .done = on_done,
        .user = u,
    };

    if (update_file_open(&u->file, u->config->update_dir, e) < 0)
        return -1;
    log_event(u->log, LOG_INFO, "An update is downloaded", "location", location, NULL);
    u->failed = (struct err)ERR_INIT;
    u->request = http_start(u->http, &call, e);
    return u->request ? 0 : -1;
}

static void stage_new(struct updater *u, const json_t *message, const struct update_order *o)
{
    struct err e = ERR_INIT;

    if (u->stage != NONE) {
        _cleanup_free_ char *reason = xasprintf("New update arrived: %s", o->message_id);

        answer_all(u, reason);
        reset(u);
    }
    u->signature = xstrdup(o->signature);
    json_array_append_new(u->messages, json_deep_copy(message));
    set_stage(u, DOWNLOADING);
    if (download(u, o->location, &e) < 0)
        settled(u, &e);
}

/* As the official agent: after a message that makes no sense it takes what it has for nothing. */
static void give_up(struct updater *u)
{
    struct err e = ERR_INIT;

    if (u->stage == DOWNLOADING) {
        err_set(&e, ERR_PEER, "an invalid update came in between");
        settled(u, &e);
    } else {
        reset(u);
    }
}

/* On Windows an agent is updated by whoever installed it. */
static bool may_update(const struct updater *u)
{
    return u->config->updates_enabled.on && !u->config->windows;
}

void updater_stage(struct updater *u, const json_t *message)
{
    struct update_order o;
    const char *wrong = update_order_read(&o, message);

    if (!o.message_id) {
        log_event(u->log, LOG_WARN, "An update without a messageId is dropped", NULL);
        return;
    }
    if (!may_update(u)) {
        answer(u, message, ACS_NACK_UPDATES_DISABLED);
        return;
    }
    if (wrong) {
        _cleanup_free_ char *reason = xasprintf("Invalid update: %s", wrong);

        answer(u, message, reason);
        give_up(u);
        return;
    }
    if (u->stage == NONE || !*u->signature || !str_eq(u->signature, o.signature))
        stage_new(u, message, &o);
    else if (u->stage == DOWNLOADED)
        answer(u, message, NULL);
    else if (json_array_size(u->messages) < WAITING_MAX)
        json_array_append_new(u->messages, json_deep_copy(message));
    else
        answer(u, message, "Unable to download: too many messages wait for this image");
}

void updater_perform(struct updater *u, const json_t *message)
{
    if (!may_update(u)) {
        answer(u, message, ACS_NACK_UPDATES_DISABLED);
    } else if (u->stage == DOWNLOADING && !u->perform) {
        u->perform = json_deep_copy(message);
    } else {
        perform_now(u, message);
    }
}

struct updater *updater_new(struct http *h, const struct config *c, struct log *log,
                            const struct updater_ops *ops, void *user)
{
    struct updater *u = new0(struct updater);

    u->http = h;
    u->config = c;
    u->log = log;
    u->ops = *ops;
    u->user = user;
    u->messages = json_array();
    return u;
}

void updater_free(struct updater *u)
{
    if (!u)
        return;
    reset(u);
    json_decref(u->messages);
    json_decref(u->perform);
    free(u);
}
