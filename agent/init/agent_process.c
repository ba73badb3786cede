#include "agent/init/agent_process.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/init/environment.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define PID_FILE INIT_RUN "/agent.pid"
/* How often `stop` looks whether the agent is gone. */
#define LOOK_NS (50 * NS_PER_MS)

static const char *const defaults[] = {
    "ECS_DATADIR=" INIT_DATA,
    "ECS_LOGFILE=" INIT_LOG "/ecs-agent.log",
    "ECS_AGENT_CONFIG_FILE_PATH=/etc/ecs/ecs.config.json",
    "ECS_AVAILABLE_LOGGING_DRIVERS=[\"json-file\",\"syslog\",\"awslogs\",\"fluentd\",\"none\"]",
    "ECS_ENABLE_TASK_IAM_ROLE=true",
    "ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST=true",
};

/* -1: there is no such env-file. */
static int environment(struct init *in, char ***ret, struct err *e)
{
    _cleanup_buf_ struct buf text = BUF_INIT(1 << 20);
    _cleanup_json_ json_t *env = json_array();
    char **list;

    for (size_t i = 0; i < ARRAY_SIZE(defaults); i++)
        init_env_put(env, defaults[i]);
    for (const char *const *v = in->env; *v; v++)
        if (strchr(*v, '='))
            init_env_put(env, *v);
    if (in->options->env_file) {
        if (io_read_file(in->options->env_file, &text, e) < 0)
            return -1;
        init_env_put_file(in, env, buf_str(&text), buf_len(&text));
    }
    list = new0_array(char *, json_array_size(env) + 1);
    for (size_t i = 0; i < json_array_size(env); i++)
        list[i] = xstrdup(json_string_value(json_array_get(env, i)));
    *ret = list;
    return 0;
}

/* ecsim-agent lies beside us. */
static char *beside(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (n <= 0)
        return xstrdup("ecsim-agent");
    self[n] = '\0';
    *strrchr(self, '/') = '\0';
    return xasprintf("%s/ecsim-agent", self);
}

int agent_process_init(struct agent_process *p, struct init *in, struct err *e)
{
    *p = (struct agent_process){0};
    if (in->options->agent) {
        p->argv = str_argv(in->options->agent);
    } else {
        p->argv = new0_array(char *, 2);
        p->argv[0] = beside();
    }
    if (!p->argv || !p->argv[0])
        return err_set(e, ERR_USAGE, "--agent: expected a command line, found \"%.200s\"",
                       in->options->agent);
    return environment(in, &p->env, e);
}

void agent_process_release(struct agent_process *p)
{
    str_argv_free(p->argv);
    str_argv_free(p->env);
}

/* When a process began, in ticks since boot: field 22 of its stat. 0: there is none. */
static unsigned long long began_at(pid_t pid)
{
    _cleanup_free_ char *path = xasprintf("/proc/%d/stat", (int)pid);
    _cleanup_buf_ struct buf text = BUF_INIT(4096);
    unsigned long long began = 0;
    const char *p;

    if (io_read_file(path, &text, NULL) < 0 || !(p = strrchr(buf_str(&text), ')')))
        return 0;
    if (p[1] == ' ' && p[2] == 'Z') /* it has ended, and waits to be asked how */
        return 0;
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    if (p)
        began = strtoull(p + 1, NULL, 10);
    return began;
}

static void write_pid(struct init *in, pid_t pid)
{
    _cleanup_free_ char *text = xasprintf("%d %llu\n", (int)pid, began_at(pid));
    struct err e = ERR_INIT;

    if (io_mkdirs(INIT_RUN, 0755, &e) < 0 ||
        io_write_file(PID_FILE, text, strlen(text), 0644, &e) < 0)
        log_event(&in->log, LOG_WARN, "`ecsim-init stop` will not find the agent", "error", e.text,
                  NULL);
}

static void closed(uv_handle_t *h)
{
    free(h);
}

static void ended(uv_process_t *h, int64_t code, int signum)
{
    struct agent_process *p = h->data;
    struct supervisor *s = p->s;

    loop_timer_stop(&s->in->loop, &p->grace);
    unlink(PID_FILE);
    p->uv = NULL;
    uv_close((uv_handle_t *)h, closed);
    supervisor_ended(s, s->ending ? 0 : signum ? 128 + signum : (int)code);
}

static void start(struct supervisor *s)
{
    struct agent_process *p = s->data;
    uv_stdio_container_t stdio[3] = {{.flags = UV_IGNORE},
                                     {.flags = UV_INHERIT_FD, .data.fd = 1},
                                     {.flags = UV_INHERIT_FD, .data.fd = 2}};
    uv_process_options_t o = {.file = p->argv[0],
                              .args = p->argv,
                              .env = p->env,
                              .exit_cb = ended,
                              .stdio = stdio,
                              .stdio_count = 3};
    int k;

    p->s = s;
    p->uv = new0(uv_process_t);
    p->uv->data = p;
    k = uv_spawn(&s->in->loop.uv, p->uv, &o);
    if (k < 0) {
        uv_close((uv_handle_t *)p->uv, closed);
        p->uv = NULL;
        init_fail(s->in, "The agent cannot be started", uv_strerror(k));
        return;
    }
    log_event(&s->in->log, LOG_INFO, "The agent is started", "command", p->argv[0], NULL);
    write_pid(s->in, p->uv->pid);
}

static void kill_it(struct clock_timer *t)
{
    struct agent_process *p = container_of(t, struct agent_process, grace);

    log_event(&p->s->in->log, LOG_WARN, "The agent does not end: it is killed", NULL);
    uv_process_kill(p->uv, SIGKILL);
}

static void end(struct supervisor *s)
{
    struct agent_process *p = s->data;

    uv_process_kill(p->uv, SIGTERM);
    loop_timer_start(&s->in->loop, &p->grace, SUPERVISOR_GRACE_NS, kill_it);
}

const struct agent_runner agent_process_runner = {.name = "process", .start = start, .end = end};

/* --- stop: another process than the one that runs it ---------------------------------------- */

struct stopping {
    struct clock_timer look, grace;
    struct init *in;
    pid_t pid;
    unsigned long long began;
};

static void look(struct clock_timer *t)
{
    struct stopping *s = container_of(t, struct stopping, look);

    if (began_at(s->pid) != s->began) {
        loop_timer_stop(&s->in->loop, &s->grace);
        init_end(s->in, INIT_EXIT_OK);
        return;
    }
    loop_timer_start(&s->in->loop, &s->look, LOOK_NS, look);
}

static void too_long(struct clock_timer *t)
{
    struct stopping *s = container_of(t, struct stopping, grace);

    log_event(&s->in->log, LOG_WARN, "The agent does not end: it is killed", NULL);
    if (began_at(s->pid) == s->began)
        kill(s->pid, SIGKILL);
}

int agent_process_stop(struct init *in, struct err *e)
{
    _cleanup_buf_ struct buf text = BUF_INIT(256);
    struct stopping s = {.in = in};
    int pid;

    if (io_read_file(PID_FILE, &text, NULL) < 0 ||
        sscanf(buf_str(&text), "%d %llu", &pid, &s.began) != 2 || pid <= 1 ||
        began_at((pid_t)pid) != s.began || !s.began) {
        log_event(&in->log, LOG_INFO, "No agent runs", NULL);
        return 0;
    }
    s.pid = (pid_t)pid;
    if (kill(s.pid, SIGTERM) < 0)
        return err_sys(e, errno, "process %d", pid);
    loop_timer_start(&in->loop, &s.grace, SUPERVISOR_GRACE_NS, too_long);
    loop_timer_start(&in->loop, &s.look, LOOK_NS, look);
    loop_run(&in->loop);
    return 0;
}
