/*
 * ECS Exec (exec_agent.h): amazon-ssm-agent is started in a container once that was, looked after,
 * and started again when it has ended.
 *
 * create, start and inspect of Docker's exec are one try; five of them, and ECS hears why not. From
 * then on the process is inspected every EXEC_WATCH and up to half as much again. An exec that
 * Docker does not know any more (the daemon was restarted) is one that has ended; the official
 * agent leaves it at that. (engine/execcmd/manager_start.go, docker_task_engine.go)
 */
#include "agent/engine_internal.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define EXEC_TRIES    5
#define EXEC_WAIT_MIN (1 * NS_PER_S)
#define EXEC_WAIT_MAX (30 * NS_PER_S)
#define EXEC_WATCH    (900 * NS_PER_S)
#define EXEC_USER     "0"

struct exec_work {
    struct container *c;
    struct docker_request *call;
    struct clock_timer timer; /* of the next try, or of the next look */
    struct backoff backoff;
    unsigned int tries;
    bool again;    /* it ran before */
    char *exec_id; /* of this try */
};

static void try_start(struct exec_work *x);
static void look(struct exec_work *x);

static struct exec_work *work_of(struct container *c)
{
    if (!c->work->exec) {
        c->work->exec = new0(struct exec_work);
        c->work->exec->c = c;
    }
    return c->work->exec;
}

void engine_exec_free(struct container *c)
{
    struct exec_work *x = c->work->exec;

    if (!x)
        return;
    docker_cancel(x->call);
    loop_timer_stop(c->work->en->loop, &x->timer);
    free(x->exec_id);
    free(x);
    c->work->exec = NULL;
}

/* ECS hears of it with the next change of the task, or soon. */
static void tell(struct container *c, enum exec_agent_status s, const char *reason)
{
    log_event(c->work->en->log, s == EXEC_AGENT_RUNNING ? LOG_INFO : LOG_WARN, "ECS Exec", "task",
              c->task->arn, "container", c->name, "from", exec_agent_status_name(c->exec->status),
              "to", exec_agent_status_name(s), "reason", reason, NULL);
    exec_agent_set(c->exec, s, reason);
    c->work->dirty = true;
}

/* --- looking after it ------------------------------------------------------------------------- */

static void on_time_to_look(struct clock_timer *t)
{
    look(container_of(t, struct exec_work, timer));
}

static void look_later(struct exec_work *x)
{
    x->tries = 0;
    loop_timer_start(x->c->work->en->loop, &x->timer, backoff_spread(EXEC_WATCH, EXEC_WATCH / 2),
                     on_time_to_look);
}

static void begin(struct exec_work *x, bool again)
{
    x->again = again;
    x->tries = 0;
    backoff_init(&x->backoff, EXEC_WAIT_MIN, EXEC_WAIT_MAX, 1.5, 0.2);
    try_start(x);
}

static void on_looked_at(const struct docker_result *r, void *user)
{
    struct exec_work *x = user;

    x->call = NULL;
    if (!r->ok && r->status != 404) {
        /* nobody knows: no reason to start another one */
        look_later(x);
    } else if (r->ok && json_bool(r->json, "Running", false)) {
        look_later(x);
    } else {
        log_event(x->c->work->en->log, LOG_WARN, "ECS Exec: its process has ended", "task",
                  x->c->task->arn, "container", x->c->name, NULL);
        begin(x, true);
    }
}

static void look(struct exec_work *x)
{
    x->call = docker_exec_inspect(x->c->work->en->docker, x->c->exec->exec_id, on_looked_at, x);
    if (!x->call)
        look_later(x);
}

void engine_exec_watch(struct container *c)
{
    if (!c->exec || c->work->exec || c->applied != CONTAINER_NONE)
        return;
    if (c->exec->status == EXEC_AGENT_RUNNING && c->exec->exec_id)
        look_later(work_of(c));
    else if (c->exec->status == EXEC_AGENT_NONE)
        engine_exec_begin(c); /* we were killed before it was started, or before that was saved */
}

/* --- starting it ------------------------------------------------------------------------------ */

static void on_time_to_try(struct clock_timer *t)
{
    try_start(container_of(t, struct exec_work, timer));
}

/* One try has failed, for this reason. */
static void failed(struct exec_work *x, const char *reason)
{
    struct container *c = x->c;

    if (++x->tries < EXEC_TRIES) {
        log_event(c->work->en->log, LOG_WARN, "ECS Exec: trying again", "task", c->task->arn,
                  "container", c->name, "error", reason, NULL);
        loop_timer_start(c->work->en->loop, &x->timer, backoff_next(&x->backoff), on_time_to_try);
        return;
    }
    tell(c, EXEC_AGENT_STOPPED, x->again ? "ExecuteCommandAgent cannot be restarted" : reason);
    engine_exec_free(c);
    engine_progress(c->task);
}

static void call_failed(struct exec_work *x, const char *step, const struct docker_result *r)
{
    _cleanup_free_ char *reason = xasprintf("unable to start ExecuteCommandAgent [%s]: %s", step,
                                            r->timed_out ? "no answer in time" : r->message);

    failed(x, reason);
}

static void on_inspected(const struct docker_result *r, void *user)
{
    struct exec_work *x = user;
    struct container *c = x->c;
    _cleanup_free_ char *reason = NULL;

    x->call = NULL;
    if (!r->ok) {
        call_failed(x, "inspect", r);
    } else if (!json_bool(r->json, "Running", false)) {
        reason = xasprintf("ExecuteCommandAgent process exited with exit code: %lld",
                           (long long)json_int(r->json, "ExitCode", 0));
        failed(x, reason);
    } else {
        container_set_text(&c->exec->exec_id, x->exec_id);
        tell(c, EXEC_AGENT_RUNNING,
             x->again ? "ExecuteCommandAgent restarted" : "ExecuteCommandAgent started");
        look_later(x);
        engine_progress(c->task);
    }
}

static void on_exec_started(const struct docker_result *r, void *user)
{
    struct exec_work *x = user;

    x->call = NULL;
    if (r->ok)
        x->call = docker_exec_inspect(x->c->work->en->docker, x->exec_id, on_inspected, x);
    else
        call_failed(x, "pre-start", r);
}

static void on_exec_created(const struct docker_result *r, void *user)
{
    struct exec_work *x = user;
    const char *id = r->ok ? json_str(r->json, "Id") : NULL;

    x->call = NULL;
    if (id) {
        container_set_text(&x->exec_id, id);
        x->call = docker_exec_start(x->c->work->en->docker, id, on_exec_started, x);
    } else {
        call_failed(x, "create", r);
    }
}

static void try_start(struct exec_work *x)
{
    _cleanup_free_ char *command = exec_agent_command(x->c->exec);
    _cleanup_json_ json_t *body =
        json_pack("{s:s,s:b,s:[s]}", "User", EXEC_USER, "Detach", 1, "Cmd", command);

    x->call = docker_exec_create(x->c->work->en->docker, x->c->docker_id, body, on_exec_created, x);
}

void engine_exec_begin(struct container *c)
{
    if (!c->exec || c->exec->failed || !c->exec->id || !c->docker_id)
        return;
    engine_exec_free(c); /* it was started before, and has ended with the container */
    begin(work_of(c), false);
}

/* --- the container's life --------------------------------------------------------------------- */

void engine_exec_prepare(struct container *c, json_t *body)
{
    json_t *host = json_object_get(body, "HostConfig"), *binds = json_object_get(host, "Binds");
    struct err e = ERR_INIT;
    _cleanup_free_ char *reason = NULL;

    if (!c->exec)
        return;
    if (!json_is_array(binds)) {
        binds = json_array();
        json_put(host, "Binds", binds);
    }
    if (exec_agent_prepare(c->exec, EXEC_AGENT_ROOT, task_id(c->task), c->name, binds, &e) == 0)
        return;
    c->exec->failed = true;
    reason = xasprintf("ExecuteCommandAgent Initialization failed - %s", e.text);
    tell(c, EXEC_AGENT_STOPPED, reason);
}

void engine_exec_stopped(struct container *c)
{
    engine_exec_free(c);
    if (c->exec && c->exec->status != EXEC_AGENT_STOPPED)
        tell(c, EXEC_AGENT_STOPPED, "Received Container Stopped event");
}

void engine_exec_forget(const struct task *t)
{
    _cleanup_free_ char *path = xasprintf(EXEC_AGENT_LOGS "/%s", task_id(t));
    struct err e = ERR_INIT;

    for (size_t i = 0; i < t->n_containers; i++) {
        if (!t->containers[i].exec)
            continue;
        if (io_remove_tree(path, &e) < 0 && e.code != ERR_NOT_FOUND)
            log_event(t->work->en->log, LOG_WARN, "Logs of ECS Exec are left behind", "task",
                      t->arn, "error", e.text, NULL);
        err_clear(&e);
        return;
    }
}
