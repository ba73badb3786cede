#include "agent/init/engine.h"

#include <stdlib.h>
#include <string.h>

#include "agent/backoff.h"
#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

/* Minor versions in the order in which they are tried. */
#define FIRST_MINOR 25
#define LAST_MINOR  44
#define OLD_MINOR   21

struct waiting {
    struct clock_timer timer;
    struct init *in;
    struct backoff backoff;
    engine_ready_fn fn;
    void *user;
    int minor, retries;
};

struct call {
    struct list link; /* of init.calls */
    struct init *in;
    engine_done_fn done;
    void *user;
};

static void ping(struct waiting *w);

static void ping_again(struct clock_timer *t)
{
    ping(container_of(t, struct waiting, timer));
}

static int next_minor(int minor)
{
    return minor == LAST_MINOR ? OLD_MINOR : minor == FIRST_MINOR - 1 ? 0 : minor + 1;
}

static void give_up(struct waiting *w, const char *why)
{
    init_fail(w->in, "Docker cannot be reached", why);
    free(w);
}

static void pinged(const struct http_result *r, void *user)
{
    struct waiting *w = user;
    struct init *in = w->in;
    char text[48];
    int64_t wait;

    if (r->status == 200) {
        engine_ready_fn fn = w->fn;

        in->version = xasprintf("/v1.%d", w->minor);
        log_event(&in->log, LOG_INFO, "Docker is ready", "api", in->version + 2, NULL);
        user = w->user;
        free(w);
        fn(in, user);
        return;
    }
    if (r->status == 400) {
        w->minor = next_minor(w->minor);
        if (w->minor)
            ping(w);
        else
            give_up(w, "it speaks none of the API versions 1.21 to 1.44");
        return;
    }
    if (w->retries++ == ENGINE_RETRIES) {
        give_up(w, r->status ? "it answers the ping with an error" : r->error.text);
        return;
    }
    wait = backoff_next(&w->backoff);
    log_event(&in->log, LOG_WARN, "Docker is not ready yet", "error",
              r->status ? "it answers the ping with an error" : r->error.text, "wait",
              str_format_duration(wait, text), NULL);
    loop_timer_start(&in->loop, &w->timer, wait, ping_again);
}

static void ping(struct waiting *w)
{
    struct init *in = w->in;
    _cleanup_free_ char *url = xasprintf("%s/v1.%d/_ping", in->base, w->minor);
    struct http_call c = {.method = "GET",
                          .url = url,
                          .unix_socket = in->socket,
                          .timeout = ENGINE_PING_TIMEOUT,
                          .done = pinged,
                          .user = w};
    struct err e = ERR_INIT;

    if (!http_start(in->http, &c, &e))
        give_up(w, e.text);
}

void engine_wait(struct init *in, engine_ready_fn fn, void *user)
{
    struct waiting *w = new0(struct waiting);

    *w = (struct waiting){.in = in, .fn = fn, .user = user, .minor = FIRST_MINOR};
    backoff_init(&w->backoff, 1 * NS_PER_S, 3 * NS_PER_S, 2, 0.2);
    ping(w);
}

static void called(const struct http_result *r, void *user)
{
    struct call *c = user;
    struct engine_answer a = {
        .status = r->status, .body = r->body ? r->body : "", .len = r->body_len, .message = ""};
    _cleanup_free_ char *message = NULL;
    json_t *v = NULL;

    if (!r->status) {
        a.message = r->error.text;
    } else if (r->status >= 300) {
        v = json_read(a.body, a.len, JSON_READ_PEER, NULL);
        message = xstrdup(json_str(v, "message") ? json_str(v, "message") : a.body);
        message[strcspn(message, "\n")] = '\0';
        a.message = message;
    }
    list_del(&c->link);
    c->done(c->in, &a, c->user);
    json_decref(v);
    free(c);
}

void engine_call(struct init *in, const char *method, const char *path, const char *type,
                 const void *body, size_t n, int64_t timeout, engine_done_fn done, void *user)
{
    _cleanup_free_ char *url = xasprintf("%s%s%s", in->base, in->version ? in->version : "", path);
    _cleanup_free_ char *header = xasprintf("Content-Type: %s", type ? type : "application/json");
    const char *headers[] = {header, NULL};
    struct call *c = new0(struct call);
    struct http_call call = {.method = method,
                             .url = url,
                             .unix_socket = in->socket,
                             .headers = body ? headers : NULL,
                             .body = body,
                             .body_len = n,
                             .timeout = timeout,
                             .done = called,
                             .user = c};
    struct err e = ERR_INIT;

    *c = (struct call){.in = in, .done = done, .user = user};
    if (http_start(in->http, &call, &e)) {
        list_add_tail(&in->calls, &c->link);
        return;
    }
    free(c);
    init_fail(in, "A call to Docker makes no sense", e.text);
}

void engine_forget(struct init *in)
{
    while (!list_empty(&in->calls)) {
        struct call *c = container_of(in->calls.next, struct call, link);

        list_del(&c->link);
        free(c);
    }
}
