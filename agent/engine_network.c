/*
 * The network of a task in mode awsvpc: wired when its pause container runs, taken apart before
 * that is stopped, its address given back when the task has ended.
 *
 * What plugins do cannot be seen, so it is done once: wired again only after a restart of the
 * agent in between, as the official agent does too; taken apart once, whatever came of it. (The
 * official agent tries a failed DEL again at the end of the task, by when the process that holds
 * the namespace is gone.)
 */
#include "agent/engine_internal.h"
#include "agent/reason.h"
#include "agent/task_network.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

/* Where ecs-init shows the agent the machine's processes. */
#define NETNS "/host/proc/%lld/ns/net"

static struct cni_call *start(struct container *c, bool add, struct cni_networks *networks,
                              const char *id, cni_fn fn)
{
    struct container_work *w = c->work;
    struct engine *en = w->en;
    _cleanup_free_ char *netns = w->pid ? xasprintf(NETNS, (long long)w->pid) : xstrdup("");
    const struct cni_request r = {
        .folder = en->config->cni_path,
        .container_id = id,
        .netns = netns,
        .log_level = en->config->loglevel,
        .add = add,
        .timeout = add ? CNI_SETUP_TIMEOUT : CNI_REMOVE_TIMEOUT,
    };

    return cni_start(en->loop, &r, networks, fn, c);
}

/* ---- wiring ---- */

static void wiring_failed(struct container *c, const char *text)
{
    _cleanup_free_ char *reason = xasprintf("container resource provisioning: %s", text);
    _cleanup_free_ char *told = xasprintf("%s: %s", REASON_NETWORK, reason);

    /* the service never hears of this container: the official agent leaves people without a reason
     */
    task_set_reason(c->task, told);
    c->task->work->dirty = true;
    engine_fail(c, REASON_NETWORK, reason);
}

static void on_wired(const struct cni_result *r, void *user)
{
    struct container *c = user;
    struct task *t = c->task;
    char *address = r->e.code ? NULL : task_network_address(r->answer);
    _cleanup_free_ char *text = NULL;

    c->work->cni = NULL;
    engine_step_done(c);
    if (address) {
        free(t->local_address);
        t->local_address = address;
        t->work->dirty = true;
        if (c->known == CONTAINER_RUNNING)
            engine_set_known(c, CONTAINER_RESOURCES_PROVISIONED);
    } else if (c->known != CONTAINER_STOPPED) {
        text = r->e.code ? xasprintf("failed to setup network namespace: add network failed: %s",
                                     r->e.text)
                         : xstrdup("empty result from network namespace setup");
        wiring_failed(c, text);
    }
    engine_progress(t);
}

void engine_begin_wiring(struct container *c)
{
    struct container_work *w = c->work;
    struct cni_networks networks;
    struct err e = ERR_INIT;
    _cleanup_free_ char *text = NULL;

    if (!w->pid) {
        /* seen running, and not inspected yet since a restart */
        engine_inspect(c);
        return;
    }
    if (task_network_build(c->task, w->en->config, true, &networks, &e) < 0) {
        text = xasprintf("unable to build cni configuration, %s", e.text);
        wiring_failed(c, text);
        c->task->work->again = true;
        return;
    }
    c->applied = CONTAINER_RESOURCES_PROVISIONED;
    w->cni = start(c, true, &networks, c->docker_id, on_wired);
}

/* ---- taking it apart ---- */

static void log_failure(const struct container *c, const struct cni_result *r)
{
    if (r->e.code)
        log_event(c->work->en->log, LOG_ERROR, "A network is not taken apart", "task", c->task->arn,
                  "error", r->e.text, NULL);
}

static void on_unwired(const struct cni_result *r, void *user)
{
    struct container *c = user;

    c->work->cni = NULL;
    c->work->dirty = true;
    c->torn_down = true;
    log_failure(c, r);
    engine_step_done(c);
    engine_progress(c->task);
}

bool engine_unwired(struct container *c)
{
    struct cni_networks networks;
    struct err e = ERR_INIT;

    if (c->type != CONTAINER_CNI_PAUSE || c->torn_down || !c->docker_id)
        return true;
    if (task_network_build(c->task, c->work->en->config, false, &networks, &e) < 0)
        return true;
    c->applied = CONTAINER_STOPPED;
    c->work->cni = start(c, false, &networks, c->docker_id, on_unwired);
    return false;
}

static void on_released(const struct cni_result *r, void *user)
{
    struct container *c = user;

    c->work->cni = NULL;
    c->task->address_released = true;
    c->task->work->dirty = true;
    log_failure(c, r);
    engine_progress(c->task);
}

void engine_release_address(struct task *t)
{
    struct container *c = task_internal(t, CONTAINER_CNI_PAUSE);
    struct cni_networks networks;

    if (!c || t->address_released || c->work->cni || !c->docker_id)
        return;
    c->work->pid = 0;
    task_network_build_release(t, c->work->en->config, &networks);
    c->work->cni = start(c, false, &networks, "", on_released);
}

void engine_network_cancel(struct container *c)
{
    cni_cancel(c->work->cni);
    c->work->cni = NULL;
}
