/*
 * Start (app_parts.h): GPUs, the pause image, where the instance is, and what network mode awsvpc
 * needs.
 * (app/agent.go:doStart, app/agent_unix.go:initializeTaskENIDependencies, setVPCSubnet)
 */
#include <errno.h>
#include <unistd.h>

#include "agent/app_parts.h"
#include "agent/cni.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/ecs_operation.h"
#include "proto/limits.h"

#define ABLE "awsvpc-network-mode"

/* What is asked of the plugins before the instance registers, one after the other. */
static const struct question {
    const char *plugin, *option;
    const char *attribute; /* of --version: NULL with --capabilities */
    bool branch;           /* only with trunking */
    bool any;              /* it need not be able to do anything */
} questions[] = {
    {"vpc-eni", "--capabilities", NULL, false, false},
    {"ecs-bridge", "--capabilities", NULL, false, false},
    {"ecs-ipam", "--capabilities", NULL, false, false},
    {"aws-appmesh", "--capabilities", NULL, false, true},
    {"vpc-branch-eni", "--capabilities", NULL, true, false},
    {"vpc-eni", "--version", ECS_CAPABILITY_SHORT "cni-plugin-version", false, false},
    {"vpc-branch-eni", "--version", ECS_CAPABILITY_SHORT "branch-cni-plugin-version", true, false},
};

static void ready(struct app *a)
{
    a->on_network(a);
}

/* ---- plugins ---- */

static void ask_plugin(struct app *a);

static void on_device(const char *mac, void *user)
{
    struct app *a = user;

    attachments_seen(a->attachments, mac);
}

static void watch_devices(struct app *a)
{
    struct err e = ERR_INIT;

    a->links = link_watch_new(&a->loop, a->mac, on_device, a, &e);
    if (a->links)
        ready(a);
    else
        app_fail(a, AGENT_EXIT_RESTART, "Network devices cannot be watched", &e);
}

/* False: it said that it cannot, or nothing that can be understood. */
static bool take_answer(struct app *a, const struct question *q, const char *output, struct err *e)
{
    _cleanup_free_ char *version = NULL;

    if (!q->attribute) {
        if (q->any || cni_has_capability(output, ABLE))
            return true;
        err_set(e, ERR_USAGE, "plugin '%s' doesn't support the capability: " ABLE, q->plugin);
        return false;
    }
    version = cni_version_text(output);
    if (!a->plugin_versions)
        a->plugin_versions = json_object();
    json_put_str(a->plugin_versions, q->attribute, version);
    return true;
}

static void on_plugin(const struct command_result *r, void *user)
{
    struct app *a = user;
    const struct question *q = &questions[a->plugins_asked++];
    struct err e = ERR_INIT;

    a->asking = NULL;
    if (!r->started)
        err_set(&e, ERR_SYS, "there is no plugin %s", r->command);
    else if (r->code != 0)
        err_set(&e, ERR_PEER, "failed invoking %s", r->command);
    else if (take_answer(a, q, r->output, &e)) {
        ask_plugin(a);
        return;
    }
    app_fail(a, AGENT_EXIT_TERMINAL, "Network interfaces of tasks (ECS_ENABLE_TASK_ENI)", &e);
}

static void ask_plugin(struct app *a)
{
    struct commands commands = {0};
    const struct question *q = &questions[a->plugins_asked];

    while (a->plugins_asked < ARRAY_SIZE(questions) && q->branch && !a->config.eni_trunking.on)
        q = &questions[++a->plugins_asked];
    if (a->plugins_asked >= ARRAY_SIZE(questions)) {
        watch_devices(a);
        return;
    }
    commands_add(&commands, false, "%s/%s %s", a->config.cni_path, q->plugin, q->option);
    a->asking = command_run_start(&a->loop, &commands, on_plugin, a);
}

/* ---- where the instance is ---- */

static void on_subnet(const char *body, const struct err *e, void *user)
{
    struct app *a = user;

    if (!body && a->config.task_eni.on) {
        app_fail(a, AGENT_EXIT_RESTART, "The instance's subnet is not known", e);
        return;
    }
    a->subnet_id = xstrdup(body);
    if (a->config.task_eni.on)
        ask_plugin(a);
    else
        ready(a);
}

static void on_vpc(const char *body, const struct err *e, void *user)
{
    struct app *a = user;
    _cleanup_free_ char *path =
        xasprintf("meta-data/network/interfaces/macs/%.64s/subnet-id", a->mac ? a->mac : "none");

    a->vpc_id = xstrdup(body);
    if (!body && a->config.task_eni.on && e->code != ERR_NOT_FOUND) {
        app_fail(a, AGENT_EXIT_TERMINAL, "The instance's VPC is not known", e);
    } else if (!body) {
        if (a->config.task_eni.on)
            log_event(&a->log, LOG_WARN,
                      "The instance is in no VPC: tasks get no network interfaces", NULL);
        a->config.task_eni.on = false;
        ready(a);
    } else {
        imds_get(a->imds, path, on_subnet, a);
    }
}

static void on_mac(const char *body, const struct err *e, void *user)
{
    struct app *a = user;
    _cleanup_free_ char *path =
        xasprintf("meta-data/network/interfaces/macs/%.64s/vpc-id", body ? body : "none");

    a->mac = xstrdup(body);
    if (body)
        imds_get(a->imds, path, on_vpc, a);
    else if (a->config.task_eni.on)
        app_fail(a, AGENT_EXIT_RESTART, "The instance's MAC address is not known", e);
    else
        ready(a);
}

static void find_vpc(struct app *a)
{
    struct err e = ERR_INIT;

    if (a->config.task_eni.on && getpid() == 1) {
        err_set(&e, ERR_USAGE, "the agent is process 1: who would reap what the plugins leave?");
        app_fail(a, AGENT_EXIT_TERMINAL, "Network interfaces of tasks (ECS_ENABLE_TASK_ENI)", &e);
    } else if (a->config.external.on || (imds_gone(a->imds) && !a->config.task_eni.on)) {
        a->config.task_eni.on = false;
        ready(a);
    } else {
        imds_get(a->imds, "meta-data/mac", on_mac, a);
    }
}

/* ---- the pause image ---- */

static void on_pause_seen(const struct docker_result *r, void *user)
{
    struct app *a = user;
    struct err e = ERR_INIT;

    a->pause_loaded = r->ok;
    err_set(&e, ERR_PEER, "%.300s", r->message);
    if (!r->ok && a->config.task_eni.on)
        app_fail(a, AGENT_EXIT_RESTART, "The pause image (ECS_ENABLE_TASK_ENI)", &e);
    else
        find_vpc(a);
}

/* Somebody else may have loaded it. */
static void pause_missing(struct app *a, enum agent_exit status, const struct err *e)
{
    if (a->config.task_eni.on) {
        app_fail(a, status, "The pause image (ECS_ENABLE_TASK_ENI)", e);
        return;
    }
    log_event(&a->log, LOG_INFO, "The pause image is not loaded", "error", e->text, NULL);
    docker_image_inspect(a->docker, PAUSE_IMAGE, on_pause_seen, a);
}

static void on_pause_loaded(const struct docker_result *r, void *user)
{
    struct app *a = user;
    struct err e = ERR_INIT;

    if (r->ok) {
        docker_image_inspect(a->docker, PAUSE_IMAGE, on_pause_seen, a);
        return;
    }
    err_set(&e, ERR_PEER, "%.300s", r->message);
    pause_missing(a, AGENT_EXIT_RESTART, &e);
}

/* GPUs that ecs-init did not find are done without; a file that cannot be read is not. */
static int find_gpus(struct app *a)
{
    struct err e = ERR_INIT;

    if (!a->config.gpu_support.on)
        return 0;
    if (gpus_read(&a->gpus, GPU_INFO, &e) < 0) {
        app_fail(a, AGENT_EXIT_RESTART, "GPUs (ECS_ENABLE_GPU_SUPPORT)", &e);
        return -1;
    }
    if (e.code)
        log_event(&a->log, LOG_ERROR, "There is no word of GPUs: going on without", "error", e.text,
                  NULL);
    return 0;
}

void app_network(struct app *a, void (*on_ready)(struct app *a))
{
    _cleanup_buf_ struct buf archive = BUF_INIT(PAUSE_ARCHIVE_MAX);
    struct err e = ERR_INIT;

    if (find_gpus(a) < 0)
        return;
    a->on_network = on_ready;
    if (access(PAUSE_ARCHIVE, F_OK) < 0) {
        err_sys(&e, errno, PAUSE_ARCHIVE);
        pause_missing(a, AGENT_EXIT_TERMINAL, &e);
    } else if (io_read_file(PAUSE_ARCHIVE, &archive, &e) < 0) {
        pause_missing(a, AGENT_EXIT_RESTART, &e);
    } else if (!docker_image_load(a->docker, buf_str(&archive), buf_len(&archive), on_pause_loaded,
                                  a)) {
        err_set(&e, ERR_SYS, "it cannot be sent");
        pause_missing(a, AGENT_EXIT_RESTART, &e);
    }
}
