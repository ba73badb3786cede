#include "agent/init/trial.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/init/engine.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define ID_HEX       64
#define CALL_TIMEOUT (60 * NS_PER_S)
#define ASK_TIMEOUT  (1 * NS_PER_S)

char *trial_image_id(const char *text)
{
    const char *hex = str_after(text, "sha256:");

    if (!hex || strspn(hex, "0123456789abcdef") != ID_HEX || (hex[ID_HEX] && hex[ID_HEX] != '\n'))
        return NULL;
    return xstrndup(text, (size_t)(hex - text) + ID_HEX);
}

void trial_init(struct trial *t, struct init *in)
{
    _cleanup_buf_ struct buf text = BUF_INIT(4096);

    *t = (struct trial){.in = in};
    if (io_read_file(TRIAL_FILE, &text, NULL) == 0)
        t->previous = trial_image_id(buf_str(&text));
}

static void stop_looking(struct trial *t)
{
    loop_timer_stop(&t->in->loop, &t->look);
    loop_timer_stop(&t->in->loop, &t->limit);
    http_cancel(t->asking);
    t->asking = NULL;
}

void trial_release(struct trial *t)
{
    stop_looking(t);
    free(t->previous);
}

static void over(struct trial *t)
{
    stop_looking(t);
    free(t->previous);
    t->previous = NULL;
    t->ends = 0;
    unlink(TRIAL_FILE);
}

void trial_begin(struct trial *t, const char *image)
{
    _cleanup_free_ char *line = xasprintf("%s\n", image);
    struct err e = ERR_INIT;

    free(t->previous);
    t->previous = xstrdup(image);
    t->ends = 0;
    if (io_write_file(TRIAL_FILE, line, strlen(line), 0644, &e) < 0)
        log_event(&t->in->log, LOG_WARN,
                  "After a restart nobody will know the image before the update", "error", e.text,
                  NULL);
}

/* --- while it runs ---------------------------------------------------------------------------- */

static void look(struct clock_timer *timer);

static void told(const struct http_result *r, void *user)
{
    struct trial *t = user;
    json_t *v = r->status == 200 ? json_read(r->body, r->body_len, JSON_READ_PEER, NULL) : NULL;
    const char *arn = json_str(v, "ContainerInstanceArn");

    t->asking = NULL;
    if (arn && *arn) {
        log_event(&t->in->log, LOG_INFO, "The updated agent has registered", "version",
                  json_str(v, "Version"), NULL);
        over(t);
    } else {
        loop_timer_start(&t->in->loop, &t->look, TRIAL_LOOK, look);
    }
    json_decref(v);
}

static void look(struct clock_timer *timer)
{
    struct trial *t = container_of(timer, struct trial, look);
    _cleanup_free_ char *url = xasprintf("http://127.0.0.1:%d/v1/metadata", PORT_INTROSPECTION);
    struct http_call call = {
        .method = "GET", .url = url, .timeout = ASK_TIMEOUT, .done = told, .user = t};

    t->asking = http_start(t->in->http, &call, NULL);
}

static void too_long(struct clock_timer *timer)
{
    struct trial *t = container_of(timer, struct trial, limit);

    log_event(&t->in->log, LOG_ERROR, "The updated agent does not register", NULL);
    t->ends = TRIAL_ENDS;
    stop_looking(t);
    t->expired(t->user);
}

void trial_started(struct trial *t, void (*expired)(void *user), void *user)
{
    if (!t->previous)
        return;
    t->expired = expired;
    t->user = user;
    loop_timer_start(&t->in->loop, &t->look, TRIAL_LOOK, look);
    loop_timer_start(&t->in->loop, &t->limit, TRIAL_TIME, too_long);
}

bool trial_ended(struct trial *t, int code)
{
    stop_looking(t);
    if (!t->previous)
        return false;
    if (t->ends >= TRIAL_ENDS)
        return true; /* its time was up, and it was stopped */
    switch (agent_exit_meaning(code)) {
    case AGENT_UPDATED:
        over(t); /* somebody told it to: it had registered */
        return false;
    case AGENT_DONE:
        return false;
    case AGENT_NEVER_AGAIN:
        return true;
    case AGENT_AGAIN:
        break;
    }
    return ++t->ends >= TRIAL_ENDS;
}

/* --- back ------------------------------------------------------------------------------------- */

static void rolled_back(struct trial *t, const char *error)
{
    if (!error)
        log_event(&t->in->log, LOG_WARN, "The agent from before the update is back", NULL);
    over(t);
    t->rolled_back(t->in, error, t->rolled_back_user);
}

static void cached(struct init *in, const char *error, void *user)
{
    (void)in;
    rolled_back(user, error);
}

static void tagged(struct init *in, const struct engine_answer *a, void *user)
{
    if (a->status == 201) {
        rolled_back(user, NULL);
        return;
    }
    log_event(&in->log, LOG_WARN,
              "The image from before the update is gone: the cached one is loaded", "error",
              a->message, NULL);
    agent_image_load(in, INIT_CACHE "/ecs-agent.tar", cached, user);
}

void trial_roll_back(struct trial *t, agent_image_fn done, void *user)
{
    const char *image = t->in->options->image, *slash = strrchr(image, '/');
    const char *colon = strchr(slash ? slash : image, ':');
    size_t n = colon ? (size_t)(colon - image) : strlen(image);
    _cleanup_free_ char *path = xasprintf("/images/%s/tag?repo=%.*s&tag=%s", t->previous, (int)n,
                                          image, colon ? colon + 1 : "latest");

    log_event(&t->in->log, LOG_ERROR, "The update is taken back", "image", t->previous, NULL);
    t->rolled_back = done;
    t->rolled_back_user = user;
    engine_call(t->in, "POST", path, NULL, NULL, 0, CALL_TIMEOUT, tagged, t);
}
