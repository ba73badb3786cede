/* The agent under test as a process of the scenario. */
#include "harness/run.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

void run_setenv(struct run *r, const char *name, const char *value)
{
    if (value)
        free(map_set(&r->env, name, xstrdup(value)));
    else
        free(map_remove(&r->env, name));
}

/* What a child keeps of our own environment: how to find programs, and the tools of a test run. */
static const char *const inherited[] = {
    "PATH",         "HOME",          "TZ",           "LANG",          "LD_LIBRARY_PATH",
    "ASAN_OPTIONS", "UBSAN_OPTIONS", "LSAN_OPTIONS", "TSAN_OPTIONS",  "GCOV_PREFIX",
    "GOCOVERDIR",   "GODEBUG",       "GOMAXPROCS",   "SSL_CERT_FILE",
};

/* The official agent's SDK cannot do with AWS_CA_BUNDLE: from 1.82 on it ends with "unable to add
 * custom RootCAs HTTPClient". It finds the certificate by SSL_CERT_FILE. */
static bool is_for_tools(const struct run *r, const char *name)
{
    return str_eq(name, "AWS_CA_BUNDLE") && !map_get(&r->chosen, name);
}

char **run_environment(const struct run *r, bool agent)
{
    char **env = new0_array(char *, ARRAY_SIZE(inherited) + map_count(&r->env) + 1);
    const char *name;
    void *value;
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_SIZE(inherited); i++) {
        const char *text = getenv(inherited[i]), *more = "";

        if (!text || map_get(&r->env, inherited[i]))
            continue;
        /* LeakSanitizer traces the program that it looks at, which we do already (valgrind finds
         * leaks in virtual time, too) */
        if (r->pace.mode != LOOP_REAL && str_eq(inherited[i], "ASAN_OPTIONS"))
            more = ":detect_leaks=0";
        env[n++] = xasprintf("%s=%s%s", inherited[i], text, more);
    }
    for (size_t i = 0; map_next(&r->env, &i, &name, &value);)
        if (!agent || !is_for_tools(r, name))
            env[n++] = xasprintf("%s=%s", name, (char *)value);
    return env;
}

static void on_line(struct proc *p, int stream, const char *line, size_t n)
{
    struct run *r = p->data;
    json_t *d = json_object();
    char *text = xstrndup(line, n);

    json_put_str(d, "stream", stream == 1 ? "stdout" : "stderr");
    json_put_str(d, "body", text);
    journal_add(&r->world.journal, RECORD_PROCESS, "agent", "log", d);
    if (io_write_all(r->agent_log, line, n, NULL) < 0 ||
        io_write_all(r->agent_log, "\n", 1, NULL) < 0)
        journal_note(&r->world.journal, "agent", "its log could not be written");
    free(text);
}

static void on_exit_(struct proc *p, int code, int signum)
{
    struct run *r = p->data;
    json_t *d = json_object();

    if (code >= 0)
        json_put_int(d, "code", code);
    else
        json_put_int(d, "signal", signum);
    r->agent = NULL;
    r->agent_clean = code == 0;
    /* an end that a step asked for is nobody's surprise: 0, or what SIGKILL does */
    journal_record(&r->world.journal,
                   &(struct record_info){.kind = RECORD_PROCESS,
                                         .peer = "agent",
                                         .what = "exit",
                                         .group = (r->ending && (!code || signum == SIGKILL)) ||
                                                          (r->crash.restart && signum == SIGKILL)
                                                      ? "asked"
                                                      : NULL,
                                         .foreign = true},
                   d);
}

static const struct proc_ops ops = {.on_line = on_line, .on_exit = on_exit_};

int agent_start(struct run *r, const struct scn_step *s, char *const *more)
{
    struct err e = ERR_INIT;
    char *const *agent = r->second ? r->config->second : r->config->agent;
    char **env, **argv;
    json_t *d = json_object(), *words = json_array();
    size_t n = 0, m = 0;

    if (!agent) {
        json_decref(d);
        json_decref(words);
        return run_fail(r, s, "no agent was given: use --agent CMD");
    }
    if (r->agent) {
        json_decref(d);
        json_decref(words);
        return run_fail(r, s, "the agent is running already");
    }
    while (agent[n])
        n++;
    while (more && more[m])
        m++;
    argv = new0_array(char *, n + m + 1);
    memcpy(argv, agent, n * sizeof(*argv));
    if (m)
        memcpy(argv + n, more, m * sizeof(*argv));
    for (size_t i = 0; argv[i]; i++)
        json_array_append_new(words, json_string(argv[i]));
    env = run_environment(r, true);
    r->agent = proc_spawn(&r->procs, &(struct proc_spec){.argv = argv, .env = env, .cwd = r->dir},
                          &ops, r, &e);
    str_argv_free(env);
    free(argv);
    json_put(d, "argv", words);
    if (!r->agent) {
        json_decref(d);
        run_fail(r, s, "%s", e.text);
        r->result->outcome = OUTCOME_NO_AGENT;
        return -1;
    }
    json_put_int(d, "pid", r->agent->pid);
    journal_add(&r->world.journal, RECORD_PROCESS, "agent", "start", d);
    return 0;
}

static bool has_ended(struct run *r, void *data)
{
    (void)data;
    return !r->agent;
}

static bool lives_again(struct run *r, void *data)
{
    (void)data;
    return !r->crash.restart;
}

int agent_end(struct run *r, const struct scn_step *s, int signum, int64_t limit)
{
    char text[48];
    int k;

    if (run_wait(r, INT64_MAX, lives_again, NULL) < 0)
        return -1;
    if (!r->agent)
        return run_fail(r, s, "the agent is not running");
    proc_kill(r->agent, signum);
    r->ending = true;
    k = run_wait(r, loop_now(&r->world.loop) + limit, has_ended, NULL);
    r->ending = false;
    if (k < 0)
        return -1;
    if (k == 0)
        return run_fail(r, s, "the agent did not end within %s after signal %d (%s)",
                        str_format_duration(limit, text), signum, strsignal(signum));
    return 0;
}

int agent_teardown(struct run *r)
{
    int64_t until = loop_now(&r->world.loop) + RUN_STOP_NS;

    if (!r->agent)
        return 0;
    proc_kill(r->agent, SIGTERM);
    while (r->agent && loop_now(&r->world.loop) < until)
        loop_turn(&r->world.loop, until);
    if (!r->agent && r->agent_clean)
        return 0;
    if (!r->agent)
        return run_fail(r, r->step, "the agent did not end with 0 on SIGTERM after the last step");
    proc_kill(r->agent, SIGKILL);
    return run_fail(r, r->step, "the agent did not end on SIGTERM after the last step");
}
