#include "agent/cni.h"

#include <stdlib.h>
#include <string.h>

#include "agent/command_run.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

#define BRIDGE "ecs-bridge"

extern char **environ;

struct cni_call {
    struct loop *loop;
    struct cni_networks networks;
    size_t at;
    bool add;
    char *folder, *container_id, *netns, *log_level;
    struct command_run *run;
    struct clock_timer timer;
    struct cni_result result;
    json_t *answer;
    cni_fn fn;
    void *user;
};

/* ---- networks ---- */

void cni_networks_add(struct cni_networks *w, const char *plugin, const char *ifname,
                      json_t *config)
{
    if (w->n == CNI_NETWORKS_MAX) {
        json_decref(config);
        return;
    }
    w->list[w->n++] = (struct cni_network){plugin, ifname, config};
}

void cni_networks_release(struct cni_networks *w)
{
    for (size_t i = 0; i < w->n; i++)
        json_decref(w->list[i].config);
    w->n = 0;
}

/* ---- what a plugin says ---- */

int cni_read_answer(int code, const char *output, const char *error, json_t **ret, struct err *e)
{
    _cleanup_json_ json_t *o = json_read(output, strlen(output), JSON_READ_PEER, NULL);
    const char *msg = json_str(o, "msg"), *details = json_str(o, "details");

    if (code == 0 && !*output) {
        *ret = NULL;
        return 0;
    }
    if (code == 0) {
        if (!json_is_object(o))
            return err_set(e, ERR_PARSE, "the plugin's result is no JSON object");
        *ret = steal_ptr(&o);
        return 0;
    }
    if (msg && details && *details)
        return err_set(e, ERR_PEER, "%.300s; %.300s", msg, details);
    if (msg && *msg)
        return err_set(e, ERR_PEER, "%.600s", msg);
    if (!*output)
        return err_set(e, ERR_PEER, "netplugin failed with no error message: \"%.300s\"", error);
    return err_set(e, ERR_PEER, "netplugin failed: \"%.300s\"", output);
}

char *cni_version_text(const char *output)
{
    _cleanup_json_ json_t *o = json_read(output, strlen(output), JSON_READ_PEER, NULL);
    const char *version = json_str(o, "version"), *hash = json_str(o, "gitShortHash");

    if (!json_is_object(o))
        return NULL;
    return xasprintf("%s%s-%s", json_bool(o, "dirty", false) ? "@" : "", hash ? hash : "",
                     version ? version : "");
}

bool cni_has_capability(const char *output, const char *name)
{
    _cleanup_json_ json_t *o = json_read(output, strlen(output), JSON_READ_PEER, NULL);
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(o, "capabilities"), i, v)
        if (str_eq(json_string_value(v), name))
            return true;
    return false;
}

/* ---- running ---- */

static void call_free(struct cni_call *c)
{
    loop_timer_stop(c->loop, &c->timer);
    command_run_cancel(c->run);
    cni_networks_release(&c->networks);
    json_decref(c->answer);
    free(c->folder);
    free(c->container_id);
    free(c->netns);
    free(c->log_level);
    free(c);
}

void cni_cancel(struct cni_call *c)
{
    if (c)
        call_free(c);
}

static void finish(struct cni_call *c)
{
    c->result.answer = c->answer;
    c->fn(&c->result, c->user);
    call_free(c);
}

static void on_timeout(struct clock_timer *t)
{
    struct cni_call *c = container_of(t, struct cni_call, timer);

    err_set(&c->result.e, ERR_TIMEOUT, "netplugin failed with no error message: signal: killed");
    finish(c);
}

/* The agent's own, without what another CNI call may have left in it, and the call's. */
static char **environment(const struct cni_call *c, const struct cni_network *w)
{
    size_t n = 0, k = 0;
    char **env;

    while (environ[n])
        n++;
    env = new0_array(char *, n + 10);
    for (size_t i = 0; i < n; i++)
        if (!str_starts(environ[i], "CNI_"))
            env[k++] = xstrdup(environ[i]);
    env[k++] = xasprintf("CNI_COMMAND=%s", c->add ? "ADD" : "DEL");
    env[k++] = xasprintf("CNI_CONTAINERID=%s", c->container_id);
    env[k++] = xasprintf("CNI_NETNS=%s", c->netns);
    env[k++] = xstrdup("CNI_ARGS=");
    env[k++] = xasprintf("CNI_IFNAME=%s", w->ifname);
    env[k++] = xasprintf("CNI_PATH=%s", c->folder);
    env[k++] = xasprintf("ECS_CNI_LOGLEVEL=%s", c->log_level);
    env[k++] = xasprintf("VPC_CNI_LOG_LEVEL=%s", c->log_level);
    env[k] = xstrdup("VPC_CNI_LOG_FILE=/log/vpc-branch-eni.log");
    return env;
}

static const struct cni_network *current(const struct cni_call *c)
{
    return &c->networks.list[c->add ? c->at : c->networks.n - 1 - c->at];
}

static void run_next(struct cni_call *c);

static void on_plugin(const struct command_result *r, void *user)
{
    struct cni_call *c = user;
    const struct cni_network *w = current(c);
    struct err e = ERR_INIT;
    json_t *answer = NULL;
    bool bad;

    c->run = NULL;
    if (!r->started)
        err_set(&e, ERR_SYS, "failed to find plugin \"%s\" in path [%s]", w->plugin, c->folder);
    bad = !r->started || cni_read_answer(r->code, r->output, r->error, &answer, &e) < 0;
    if (bad)
        c->result.e = e;
    if (answer && str_eq(w->plugin, BRIDGE) && !c->answer)
        c->answer = steal_ptr(&answer);
    json_decref(answer);
    if (++c->at == c->networks.n || (bad && c->add))
        finish(c);
    else
        run_next(c);
}

static void run_next(struct cni_call *c)
{
    const struct cni_network *w = current(c);
    struct commands commands = {0};
    _cleanup_free_ char *path = xasprintf("%s/%s", c->folder, w->plugin);
    _cleanup_free_ char *config = json_text(w->config);

    commands_add_program(&commands, path, config, environment(c, w));
    c->run = command_run_start(c->loop, &commands, on_plugin, c);
}

struct cni_call *cni_start(struct loop *l, const struct cni_request *r, struct cni_networks *w,
                           cni_fn fn, void *user)
{
    struct cni_call *c = new0(struct cni_call);

    c->loop = l;
    c->networks = *w;
    *w = (struct cni_networks){0};
    c->add = r->add;
    c->folder = xstrdup(r->folder);
    c->container_id = xstrdup(r->container_id);
    c->netns = xstrdup(r->netns);
    c->log_level = xstrdup(r->log_level);
    c->fn = fn;
    c->user = user;
    loop_timer_start(l, &c->timer, r->timeout, on_timeout);
    run_next(c);
    return c;
}
