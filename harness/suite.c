#include "harness/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/docker.h"
#include "harness/exitcode.h"
#include "harness/peers.h"

static void check_group(const struct scn *file, const struct scn_value *v,
                        const struct fake_ops *ops, struct diag *d)
{
    size_t n = 0;

    if (str_eq(v->text, "all"))
        return;
    for (; ops->groups && ops->groups[n]; n++)
        if (str_eq(ops->groups[n], v->text))
            return;
    diag_error(d, &file->source, v->pos, "%s has no group of calls named \"%s\"", ops->name,
               v->text);
    if (!diag_suggest(d, v->text, ops->groups, n))
        for (size_t i = 0; i < n; i++)
            diag_note(d, "there is: %s", ops->groups[i]);
}

/* The fakes know the groups of their calls, the parser does not. */
static void check_groups(const struct scn *file, struct diag *d)
{
    for (size_t i = 0; i < file->n_headers; i++) {
        const struct scn_header *h = file->headers[i];
        const struct fake_ops *ops;

        if (h->word->id != HEADER_ANSWER || !h->n_args)
            continue;
        ops = peers_ops(h->args[0].text);
        for (size_t k = 1; ops && k < h->n_args; k++)
            check_group(file, &h->args[k], ops, d);
    }
    for (size_t i = 0; i < file->n_steps; i++)
        if (file->steps[i]->import)
            check_groups(file->steps[i]->import, d);
}

/* Loads and checks every scenario; all errors of all files are printed. */
static int load_all(struct suite *u, const struct run_options *o, const struct files *f)
{
    struct diag d;
    size_t errors;

    diag_init(&d);
    for (size_t i = 0; i < f->n; i++) {
        struct scn *s = scn_load(f->paths[i], o->dirs, &d);

        if (!s)
            continue;
        check_groups(s, &d);
        grow_array(u->all, u->n, u->cap);
        u->all[u->n++] = s;
    }
    fputs(diag_text(&d), stderr);
    errors = d.errors;
    diag_release(&d);
    if (errors)
        fprintf(stderr, "%s: nothing was started: the scenarios have %zu error%s\n", u->command,
                errors, errors == 1 ? "" : "s");
    return errors ? -1 : 0;
}

static void run_one(const struct runner *r, const struct runner_job *job, const char *dir,
                    uint64_t seed, struct result *result)
{
    const struct suite_column *c = job->column;
    struct run_config config = c->config;
    struct buf again = BUF_INIT(1 << 16);

    buf_adds(&again, config.again);
    if (config.agent_name) {
        buf_adds(&again, " --agent ");
        str_quote(&again, config.agent_name);
    }
    if (config.docker)
        buf_addf(&again, " --docker-version %s", config.docker);
    if (config.crash != CRASH_NONE)
        buf_addf(&again, " --crash %s:%llu", crash_kind_name(config.crash),
                 (unsigned long long)job->crash_at);
    config.again = buf_str(&again);
    config.sandbox = job->boxed ? r->sandbox : NULL;
    config.crash_at = job->crash_at;
    run_scenario(job->data, &config, dir, seed, result);
    buf_release(&again);
}

/* Finds out whether there can be sandboxes, when one is wanted; says so when there cannot. */
static void look_for_sandbox(struct suite *u, const struct run_options *o)
{
    struct err e = ERR_INIT;
    bool wanted = false;

    for (size_t i = 0; i < u->n && !wanted; i++)
        wanted = suite_wants_sandbox(u->all[i], u->all[i]->steps, u->all[i]->n_steps);
    if (!wanted || o->no_sandbox)
        return;
    if (sandbox_probe(&u->sandbox, &e) == 0) {
        u->config.sandbox = u->runner.sandbox = &u->sandbox;
        if (!u->sandbox.redirect)
            fprintf(stderr,
                    "%s: this kernel has no nftables: connections to %s:%d are handed on "
                    "by ecsim itself\n",
                    u->command, SANDBOX_METADATA_ADDRESS, SANDBOX_METADATA_PORT);
        return;
    }
    fprintf(stderr, "%s: no sandbox on this machine: %s\n", u->command, e.text);
}

/* --- columns ------------------------------------------------------------------------------ */

static int look_at(struct suite *u, const char *name, struct agent_info *a)
{
    struct sandbox *box = u->config.sandbox ? &u->sandbox : NULL;
    struct err e = ERR_INIT;

    if (agent_info_get(a, &u->profiles, name, box, &e) == 0)
        return EXITCODE_PASSED;
    fprintf(stderr, "%s: %s\n", u->command, e.text);
    return e.code == ERR_USAGE ? EXITCODE_USAGE : EXITCODE_AGENT;
}

/* A name of a profile is what the user calls it; a command is best known by its version. */
static char *label_of(const struct suite *u, const char *name, const struct agent_info *a,
                      const char *docker)
{
    const char *text = !name                               ? "no agent"
                       : profiles_find(&u->profiles, name) ? name
                       : a->version                        ? a->version
                                                           : name;
    _cleanup_free_ char *label = docker ? xasprintf("%s Docker %s", text, docker) : xstrdup(text);
    size_t same = 1;

    for (size_t i = 0; i < u->n_columns; i++) {
        size_t n = strlen(label);

        same += !strncmp(u->columns[i].label, label, n) &&
                (!u->columns[i].label[n] || str_starts(u->columns[i].label + n, " #"));
    }
    return same > 1 ? xasprintf("%s #%zu", label, same) : xstrdup(label);
}

/* The second agent is the first one unless it was named. */
static int add_column(struct suite *u, const struct run_options *o, const char *name,
                      const char *docker)
{
    struct suite_column *c = &u->columns[u->n_columns];
    const struct agent_info *second;
    int code = name ? look_at(u, name, &c->agent) : EXITCODE_PASSED;

    if (code == EXITCODE_PASSED && o->second_agent)
        code = look_at(u, o->second_agent, &c->second);
    c->label = label_of(u, name, &c->agent, docker);
    u->n_columns++;
    if (code != EXITCODE_PASSED)
        return code;
    second = o->second_agent ? &c->second : &c->agent;
    c->docker = docker;
    c->config = u->config;
    c->config.docker = docker;
    c->config.agent_name = name;
    c->config.agent = c->agent.argv;
    c->config.agent_version = c->agent.version;
    c->config.profile = c->agent.profile;
    c->config.second = second->argv;
    c->config.second_version = second->version;
    if (name && !u->config.sandbox && !c->agent.profile->introspection && u->runner.parallel > 1) {
        u->runner.parallel = 1;
        fprintf(stderr, "%s: one scenario after another: the agent's ports are fixed\n",
                u->command);
    }
    return EXITCODE_PASSED;
}

static int check_docker(const struct suite *u, const struct run_options *o)
{
    for (size_t i = 0; i < o->n_dockers; i++) {
        if (docker_knows_version(o->dockers[i]))
            continue;
        fprintf(stderr,
                "%s: --docker-version %s: not known (ecsim features --docker lists those that "
                "are)\n",
                u->command, o->dockers[i]);
        return EXITCODE_USAGE;
    }
    return EXITCODE_PASSED;
}

/* Each agent with each version of Docker. */
static int add_columns(struct suite *u, const struct run_options *o)
{
    size_t agents = o->n_agents ? o->n_agents : 1, dockers = o->n_dockers ? o->n_dockers : 1;
    size_t n_keep = 0;

    if (agents * dockers > SUITE_COLUMNS_MAX) {
        fprintf(stderr, "%s: %zu agents with %zu versions of Docker: the most are %d\n", u->command,
                agents, dockers, SUITE_COLUMNS_MAX);
        return EXITCODE_USAGE;
    }
    u->columns = new0_array(struct suite_column, agents * dockers);
    u->keep = new0_array(const char *, 2 * agents * dockers + 2);
    u->keep[n_keep++] = "/proc/self/exe"; /* network plugins are links to it */
    for (size_t i = 0; i < agents * dockers; i++) {
        struct suite_column *c = &u->columns[i];
        int code = add_column(u, o, o->n_agents ? o->agents_[i / dockers] : NULL,
                              o->n_dockers ? o->dockers[i % dockers] : NULL);

        if (code != EXITCODE_PASSED)
            return code;
        if (c->agent.argv)
            u->keep[n_keep++] = c->agent.argv[0];
        if (c->second.argv)
            u->keep[n_keep++] = c->second.argv[0];
    }
    u->runner.keep_visible = u->keep;
    return EXITCODE_PASSED;
}

/* --- jobs ---------------------------------------------------------------------------------- */

/* What it is called: with each agent, and for each point at which one is killed, it is another. */
static char *name_job(const struct suite *u, const struct suite_column *c, const struct scn *s,
                      uint64_t crash_at)
{
    _cleanup_free_ char *title =
        u->n_columns > 1 ? xasprintf("%s [%s]", s->title, c->label) : xstrdup(s->title);

    if (!crash_at)
        return xstrdup(title);
    return xasprintf("%s [%s:%llu]", title, crash_kind_name(u->config.crash),
                     (unsigned long long)crash_at);
}

static void add_job(struct suite *u, const struct suite_column *c, struct scn *s, int64_t limit,
                    const struct runner_job *how)
{
    struct runner *r = &u->runner;

    grow_array(r->jobs, r->n, u->cap_jobs);
    r->jobs[r->n++] = (struct runner_job){.path = s->source.path,
                                          .title = name_job(u, c, s, how->crash_at),
                                          .limit = limit,
                                          .skip = suite_skip_reason(s, &c->config, limit),
                                          .boxed = u->config.sandbox &&
                                                   suite_wants_sandbox(s, s->steps, s->n_steps),
                                          .seed = how->seed,
                                          .twin = how->twin,
                                          .crash_at = how->crash_at,
                                          .column = c,
                                          .data = s};
}

static void add_scenario(struct suite *u, const struct run_options *o, struct scn *s,
                         const struct suite_column *c, uint64_t seed)
{
    int64_t limit = u->config.slow * (o->timeout ? o->timeout : s->limit ? s->limit : RUN_LIMIT_NS);

    for (uint64_t at = o->crash.from; at <= o->crash.to; at++) {
        struct runner_job how = {.seed = seed, .crash_at = at};

        add_job(u, c, s, limit, &how);
        how.twin = true;
        if (o->verify)
            add_job(u, c, s, limit, &how);
    }
}

void suite_add_jobs(struct suite *u, const struct run_options *o)
{
    long repeat = o->repeat ? o->repeat : 1;
    uint64_t seed = u->runner.seed;

    for (size_t i = 0; i < u->n; i++) {
        if (!suite_selects(o, u->all[i]))
            continue;
        for (size_t c = 0; c < u->n_columns; c++)
            for (long k = 0; k < repeat; k++)
                add_scenario(u, o, u->all[i], &u->columns[c], seed + (uint64_t)k);
        seed += (uint64_t)repeat;
    }
}

int suite_list(const struct suite *u)
{
    for (size_t i = 0; i < u->runner.n; i++) {
        const struct runner_job *j = &u->runner.jobs[i];

        printf("%s: %s%s%s\n", j->path, j->title, j->skip ? "  # skipped: " : "",
               j->skip ? j->skip : "");
    }
    return EXITCODE_PASSED;
}

int suite_exit_code(const struct suite *u)
{
    const struct progress *p = &u->runner.progress;

    if (p->count[OUTCOME_HARNESS])
        return EXITCODE_HARNESS;
    if (p->count[OUTCOME_NO_AGENT])
        return EXITCODE_AGENT;
    return p->count[OUTCOME_FAILED] ? EXITCODE_FAILED : EXITCODE_PASSED;
}

int suite_run(struct suite *u, bool *ret_child)
{
    struct err e = ERR_INIT;

    *ret_child = false;
    if (!u->runner.n && !u->shards) {
        fprintf(stderr, "%s: no scenario fits -k and --tags\n", u->command);
        return EXITCODE_USAGE;
    }
    switch (runner_run(&u->runner, &e)) {
    case RUNNER_CHILD:
        *ret_child = true;
        return u->runner.child_code;
    case RUNNER_INTERRUPTED:
        return 128 + u->runner.signal; /* as a shell has it */
    case RUNNER_ERROR:
        fprintf(stderr, "%s: %s\n", u->command, e.text);
        return EXITCODE_HARNESS;
    default:
        return suite_exit_code(u);
    }
}

/* --- life ---------------------------------------------------------------------------------- */

static uint64_t fresh_seed(void)
{
    uint32_t v;

    io_random(&v, sizeof(v));
    return v;
}

void suite_init(struct suite *u, const char *command, const struct run_options *o)
{
    struct buf again = BUF_INIT(1 << 16);
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    *u = (struct suite){.command = command,
                        .shards = o->shards,
                        .config = {.limit = o->timeout,
                                   .pace = o->pace,
                                   .crash = o->crash.kind,
                                   .verify = o->verify,
                                   .trace = o->trace,
                                   .slow = run_options_slowness()}};
    u->runner = (struct runner){.run = run_one,
                                .data = u,
                                .parallel = (int)(o->jobs    ? o->jobs
                                                  : cpus > 0 ? cpus
                                                             : 1),
                                .seed = o->has_seed ? o->seed : fresh_seed(),
                                .keep = o->keep,
                                .retries = (int)o->retry,
                                .junit = o->junit};
    run_options_again(o, &again);
    u->again = buf_steal(&again, NULL);
    u->config.again = u->again;
    profiles_init(&u->profiles);
}

/* The agents that have names: ours, and those of the user's files. */
static int load_agents(struct suite *u, const struct run_options *o)
{
    struct diag d;
    int k;

    diag_init(&d);
    k = profiles_read_usual(&u->profiles, &d);
    if (k == 0 && o->agents)
        k = profiles_read(&u->profiles, o->agents, &d);
    fputs(diag_text(&d), stderr);
    diag_release(&d);
    return k;
}

int suite_open(struct suite *u, const struct run_options *o, char *const *paths)
{
    struct files f = {0};
    struct err e = ERR_INIT;
    int code = EXITCODE_PASSED;

    for (; *paths && code == EXITCODE_PASSED; paths++)
        if (files_add(&f, *paths, &e) < 0) {
            fprintf(stderr, "%s: %s\nTry `%s --help`.\n", u->command, e.text, u->command);
            code = EXITCODE_USAGE;
        }
    if (code == EXITCODE_PASSED)
        code = check_docker(u, o);
    if (code == EXITCODE_PASSED && (load_agents(u, o) < 0 || load_all(u, o, &f) < 0))
        code = EXITCODE_SCENARIO;
    files_release(&f);
    if (code != EXITCODE_PASSED)
        return code;
    look_for_sandbox(u, o);
    return add_columns(u, o);
}

void suite_release(struct suite *u)
{
    for (size_t i = 0; i < u->runner.n; i++) {
        free((char *)(uintptr_t)u->runner.jobs[i].skip);
        free((char *)(uintptr_t)u->runner.jobs[i].title);
    }
    free(u->runner.jobs);
    runner_release(&u->runner);
    for (size_t i = 0; i < u->n; i++)
        scn_free(u->all[i]);
    free(u->all);
    for (size_t i = 0; i < u->n_columns; i++) {
        free(u->columns[i].label);
        agent_info_release(&u->columns[i].agent);
        agent_info_release(&u->columns[i].second);
    }
    free(u->columns);
    free(u->keep);
    free(u->again);
    profiles_release(&u->profiles);
}
