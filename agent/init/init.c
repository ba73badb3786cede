#include "agent/init/init.h"
#include "agent/init/engine.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"

const char *init_env(const struct init *in, const char *name)
{
    size_t n = strlen(name);

    for (const char *const *v = in->env; *v; v++)
        if (strncmp(*v, name, n) == 0 && (*v)[n] == '=')
            return *v + n + 1;
    return "";
}

bool init_env_true(const struct init *in, const char *name)
{
    static const char *const words[] = {"1", "t", "T", "true", "TRUE", "True"};
    const char *v = init_env(in, name);

    for (size_t i = 0; i < ARRAY_SIZE(words); i++)
        if (str_eq(words[i], v))
            return true;
    return false;
}

static int set_engine(struct init *in, struct err *e)
{
    const char *host = init_env(in, "DOCKER_HOST"), *rest;

    if (!*host)
        host = "unix:///var/run/docker.sock";
    if ((rest = str_after(host, "unix://")) && *rest == '/') {
        in->socket = xstrdup(rest);
        in->base = xstrdup("http://docker");
    } else if ((rest = str_after(host, "tcp://")) && *rest) {
        in->base = xasprintf("http://%s", rest);
    } else {
        return err_set(e, ERR_USAGE, "DOCKER_HOST=%.200s is not unix:///path or tcp://host:port",
                       host);
    }
    return 0;
}

int init_open(struct init *in, const struct init_options *o, const char *const *env, struct err *e)
{
    static const struct http_trust trust;

    *in = (struct init){.options = o, .env = env};
    list_init(&in->calls);
    log_init(&in->log, LOG_INFO, STDERR_FILENO);
    log_secret(&in->log, init_env(in, "AWS_SECRET_ACCESS_KEY"));
    log_secret(&in->log, init_env(in, "AWS_SESSION_TOKEN"));
    if (loop_init(&in->loop, e) < 0)
        return -1;
    in->http = http_new(&in->loop, &trust, e);
    return in->http ? set_engine(in, e) : -1;
}

void init_close(struct init *in)
{
    http_free(in->http);
    engine_forget(in);
    loop_release(&in->loop);
    log_release(&in->log);
    free(in->socket);
    free(in->base);
    free(in->version);
}

void init_end(struct init *in, int status)
{
    in->status = status;
    loop_stop(&in->loop);
}

void init_fail(struct init *in, const char *what, const char *error)
{
    log_event(&in->log, LOG_ERROR, what, "error", error, NULL);
    init_end(in, INIT_EXIT_ERROR);
}
