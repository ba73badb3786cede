#include "agent/healthcheck.h"
#include "agent/http.h"
#include "agent/config.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

struct check {
    struct loop loop;
    bool answered;
};

static void on_answer(const struct http_result *r, void *user)
{
    struct check *c = user;

    c->answered = r->error.code == ERR_NONE;
    if (!c->answered)
        fprintf(stderr, "ecsim-agent: health check: %s\n", r->error.text);
    loop_stop(&c->loop);
}

static int ask(struct check *c, const struct config *config, struct err *e)
{
    const struct config_listen *l = &config->listen;
    const struct http_trust trust = {0};
    struct http *http = http_new(&c->loop, &trust, e);
    /* names are the agent's own: localhost is 127.0.0.1, where it listens */
    const char *host =
        str_eq(config->healthcheck_host, "localhost") ? "127.0.0.1" : config->healthcheck_host;
    _cleanup_free_ char *url = xasprintf("http://%s:%d/v1/metadata", host, l->port);
    const struct http_call call = {
        .method = "HEAD",
        .url = url,
        .unix_socket = l->path,
        .timeout = HEALTHCHECK_TIMEOUT,
        .done = on_answer,
        .user = c,
    };

    if (!http)
        return -1;
    if (!http_start(http, &call, e)) {
        http_free(http);
        return -1;
    }
    loop_run(&c->loop);
    http_free(http);
    return 0;
}

enum agent_exit healthcheck(const char *const *env)
{
    struct config config = {0};
    struct check c = {0};
    struct err e = ERR_INIT;
    bool failed = config_load(&config, env, &e) < 0;

    if (!failed && loop_init(&c.loop, &e) == 0) {
        failed = ask(&c, &config, &e) < 0;
        loop_release(&c.loop);
    }
    if (e.code != ERR_NONE)
        fprintf(stderr, "ecsim-agent: health check: %s\n", e.text);
    config_release(&config);
    return c.answered && !failed ? AGENT_EXIT_OK : AGENT_EXIT_RESTART;
}
