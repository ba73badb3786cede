#include "harness/cmd_run.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/agent_info.h"
#include "harness/exitcode.h"
#include "harness/feature.h"
#include "harness/match.h"
#include "harness/peers.h"
#include "harness/run.h"
#include "harness/run_options.h"
#include "harness/runner.h"

struct files {
    char **paths;
    size_t n, cap;
};

/* --- files -------------------------------------------------------------------------------- */

static void add_file(struct files *f, const char *path)
{
    grow_array(f->paths, f->n, f->cap);
    f->paths[f->n++] = xstrdup(path);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int add_tree(struct files *f, const char *dir, struct err *e)
{
    _cleanup_closedir_ DIR *d = opendir(dir);
    const struct dirent *entry;

    if (!d)
        return err_sys(e, errno, "%s", dir);
    while ((entry = readdir(d))) {
        _cleanup_free_ char *path = xasprintf("%s/%s", dir, entry->d_name);
        struct stat st;

        if (entry->d_name[0] == '.' || stat(path, &st) < 0)
            continue;
        if (S_ISREG(st.st_mode) && str_ends(path, ".scn"))
            add_file(f, path);
        else if (S_ISDIR(st.st_mode) && !str_eq(entry->d_name, "lib") &&
                 !str_eq(entry->d_name, "self") && add_tree(f, path, e) < 0)
            return -1;
    }
    return 0;
}

static int add_path(struct files *f, const char *path, struct err *e)
{
    _cleanup_free_ char *clean = xstrdup(path);
    size_t n = strlen(clean), first = f->n;
    struct stat st;

    if (stat(path, &st) < 0)
        return err_set(e, ERR_USAGE, "%s: %s", path, strerror(errno));
    if (!S_ISDIR(st.st_mode)) {
        add_file(f, path);
        return 0;
    }
    while (n > 1 && clean[n - 1] == '/')
        clean[--n] = '\0';
    if (add_tree(f, clean, e) < 0)
        return -1;
    if (f->n > first)
        qsort(f->paths + first, f->n - first, sizeof(*f->paths), by_name);
    return 0;
}

static void files_release(struct files *f)
{
    for (size_t i = 0; i < f->n; i++)
        free(f->paths[i]);
    free(f->paths);
}

/* --- which are run ------------------------------------------------------------------------ */

static bool has_tag(const struct scn *s, const char *tag, size_t n)
{
    for (size_t i = 0; i < s->n_tags; i++)
        if (strlen(s->tags[i]) == n && !strncmp(s->tags[i], tag, n))
            return true;
    return false;
}

static bool tags_want(const struct scn *s, const char *list)
{
    bool any_wanted = false, found = false;

    while (list && *list) {
        size_t n = strcspn(list, ",");

        if (*list == '-' && has_tag(s, list + 1, n - 1))
            return false;
        if (*list != '-') {
            any_wanted = true;
            found = found || has_tag(s, list, n);
        }
        list += n + (list[n] == ',');
    }
    return !any_wanted || found;
}

static bool selected(const struct run_options *o, const struct scn *s)
{
    if (o->filter && !strstr(s->source.path, o->filter) && !strstr(s->title, o->filter))
        return false;
    return tags_want(s, o->tags);
}

/* A scenario that starts no process is spared the sandbox: nothing of it could reach the machine,
 * and it costs several times what such a scenario does. */
static bool wants_sandbox(const struct scn *file, struct scn_step *const *steps, size_t n)
{
    for (size_t i = 0; i < file->n_needs; i++)
        if (str_eq(file->needs[i], "sandbox"))
            return true;
    for (size_t i = 0; i < n; i++) {
        const struct scn_step *s = steps[i];

        if (s->id == VERB_START_AGENT || s->id == VERB_RUN || s->id == VERB_BOOT ||
            wants_sandbox(file, s->steps, s->n_steps) ||
            (s->import && wants_sandbox(s->import, s->import->steps, s->import->n_steps)))
            return true;
    }
    return false;
}

/* Why it cannot be run with this agent on this machine; NULL: it can. To be freed. */
static char *skip_reason(const struct scn *s, const struct run_config *c, int64_t limit)
{
    struct pace pace = pace_choose(s->time, c->pace);
    int64_t passes = pace_passes(s) / pace.scale;
    char span[48], most[48];

    if (pace.mode != LOOP_VIRTUAL && passes >= limit)
        return xasprintf(
            "it lets %s of real time pass, over its limit of %s: it needs virtual time",
            str_format_duration(passes, span), str_format_duration(limit, most));
    if (pace.mode == LOOP_REAL && pace_sets_clocks(s))
        return xstrdup("it sets clocks: it needs virtual time");
    if (pace.mode == LOOP_REAL && (c->crash == CRASH_COMMIT || c->crash == CRASH_WRITE))
        return xstrdup("only a tracer sees what is written: that needs virtual time");
    for (size_t i = 0; i < s->n_agent; i++)
        if (match_version(s->agent[i], c->agent_version, NULL) <= 0)
            return xasprintf("for agent %s, this is %s", s->agent[i],
                             c->agent_version ? c->agent_version : "of unknown version");
    if (!c->sandbox && c->profile && c->profile->needs_sandbox &&
        wants_sandbox(s, s->steps, s->n_steps))
        return xasprintf("the agent needs a sandbox");
    for (size_t i = 0; i < s->n_needs; i++)
        if (feature_present(s->needs[i], c) <= 0)
            return xasprintf("needs %s", s->needs[i]);
    return NULL;
}

/* --- the run ------------------------------------------------------------------------------ */

struct suite {
    struct scn **all;
    size_t n, cap;
    struct runner runner;
    size_t cap_jobs;
    struct run_config config;
    struct sandbox sandbox;
    struct profiles profiles;
    struct agent_info agent;
    const char *keep[2]; /* paths that stay visible in sandboxes */
};

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
        fprintf(stderr, "ecsim run: nothing was started: the scenarios have %zu error%s\n", errors,
                errors == 1 ? "" : "s");
    return errors ? -1 : 0;
}

static void run_one(const struct runner *r, const struct runner_job *job, const char *dir,
                    uint64_t seed, struct result *result)
{
    const struct suite *u = r->data;
    struct run_config config = u->config;

    _cleanup_free_ char *again = NULL;

    config.sandbox = job->boxed ? r->sandbox : NULL;
    config.crash_at = job->crash_at;
    if (config.crash != CRASH_NONE)
        config.again = again =
            xasprintf("%s --crash %s:%llu", config.again, crash_kind_name(config.crash),
                      (unsigned long long)job->crash_at);
    run_scenario(job->data, &config, dir, seed, result);
}

/* Finds out whether there can be sandboxes, when one is wanted; says so when there cannot. */
static void look_for_sandbox(struct suite *u, const struct run_options *o)
{
    struct err e = ERR_INIT;
    bool wanted = false;

    for (size_t i = 0; i < u->n && !wanted; i++)
        wanted = wants_sandbox(u->all[i], u->all[i]->steps, u->all[i]->n_steps);
    if (!wanted || o->no_sandbox)
        return;
    if (sandbox_probe(&u->sandbox, &e) == 0) {
        u->config.sandbox = u->runner.sandbox = &u->sandbox;
        if (!u->sandbox.redirect)
            fprintf(stderr,
                    "ecsim run: this kernel has no nftables: connections to %s:%d are handed on "
                    "by ecsim itself\n",
                    SANDBOX_METADATA_ADDRESS, SANDBOX_METADATA_PORT);
        return;
    }
    fprintf(stderr, "ecsim run: no sandbox on this machine: %s\n", e.text);
}

/* Who the agent is. Without a sandbox only one that listens where it is told can run beside
 * others of its kind. */
static int look_at_agent(struct suite *u, const struct run_options *o)
{
    struct sandbox *box = u->config.sandbox ? &u->sandbox : NULL;
    struct err e = ERR_INIT;

    if (!o->agent)
        return EXITCODE_PASSED;
    if (agent_info_get(&u->agent, &u->profiles, o->agent, box, &e) < 0) {
        fprintf(stderr, "ecsim run: %s\n", e.text);
        return e.code == ERR_USAGE ? EXITCODE_USAGE : EXITCODE_AGENT;
    }
    u->config.agent = u->agent.argv;
    u->config.agent_version = u->agent.version;
    u->config.profile = u->agent.profile;
    u->keep[0] = u->agent.argv[0];
    if (!box && !u->agent.profile->introspection && u->runner.parallel > 1) {
        u->runner.parallel = 1;
        fprintf(stderr, "ecsim run: one scenario after another: the agent's ports are fixed\n");
    }
    return EXITCODE_PASSED;
}

/* What it is called: for each point at which the agent is killed it is another one. */
static char *name_job(const struct suite *u, const struct scn *s, uint64_t crash_at)
{
    if (!crash_at)
        return xstrdup(s->title);
    return xasprintf("%s [%s:%llu]", s->title, crash_kind_name(u->config.crash),
                     (unsigned long long)crash_at);
}

static void add_job(struct suite *u, struct scn *s, int64_t limit, const struct runner_job *how)
{
    struct runner *r = &u->runner;

    grow_array(r->jobs, r->n, u->cap_jobs);
    r->jobs[r->n++] =
        (struct runner_job){.path = s->source.path,
                            .title = name_job(u, s, how->crash_at),
                            .limit = limit,
                            .skip = skip_reason(s, &u->config, limit),
                            .boxed = u->config.sandbox && wants_sandbox(s, s->steps, s->n_steps),
                            .seed = how->seed,
                            .twin = how->twin,
                            .crash_at = how->crash_at,
                            .data = s};
}

static void add_jobs(struct suite *u, const struct run_options *o)
{
    uint64_t seed = u->runner.seed;

    for (size_t i = 0; i < u->n; i++) {
        struct scn *s = u->all[i];
        int64_t limit = u->config.slow * (o->timeout ? o->timeout
                                          : s->limit ? s->limit
                                                     : RUN_LIMIT_NS);

        if (!selected(o, s))
            continue;
        for (long k = 0; k < (o->repeat ? o->repeat : 1); k++, seed++)
            for (uint64_t at = o->crash.from; at <= o->crash.to; at++) {
                struct runner_job how = {.seed = seed, .crash_at = at};

                add_job(u, s, limit, &how);
                how.twin = true;
                if (o->verify)
                    add_job(u, s, limit, &how);
            }
    }
}

static int list_jobs(const struct suite *u)
{
    for (size_t i = 0; i < u->runner.n; i++) {
        const struct runner_job *j = &u->runner.jobs[i];

        printf("%s: %s%s%s\n", j->path, j->title, j->skip ? "  # skipped: " : "",
               j->skip ? j->skip : "");
    }
    return EXITCODE_PASSED;
}

static int exit_code(const struct runner *r)
{
    const struct progress *p = &r->progress;

    if (p->count[OUTCOME_HARNESS])
        return EXITCODE_HARNESS;
    if (p->count[OUTCOME_NO_AGENT])
        return EXITCODE_AGENT;
    return p->count[OUTCOME_FAILED] ? EXITCODE_FAILED : EXITCODE_PASSED;
}

static int run_all(struct suite *u)
{
    struct err e = ERR_INIT;

    if (!u->runner.n) {
        fprintf(stderr, "ecsim run: no scenario fits -k and --tags\n");
        return EXITCODE_USAGE;
    }
    switch (runner_run(&u->runner, &e)) {
    case RUNNER_CHILD:
        return u->runner.child_code;
    case RUNNER_INTERRUPTED:
        return 128 + u->runner.signal; /* as a shell has it */
    case RUNNER_ERROR:
        fprintf(stderr, "ecsim run: %s\n", e.text);
        return EXITCODE_HARNESS;
    default:
        return exit_code(&u->runner);
    }
}

static void suite_release(struct suite *u)
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
    agent_info_release(&u->agent);
    profiles_release(&u->profiles);
}

static uint64_t fresh_seed(void)
{
    uint32_t v;

    io_random(&v, sizeof(v));
    return v;
}

/* The agents that have names: ours, and those of the user's files. */
static int load_agents(struct suite *u, const struct run_options *o)
{
    struct diag d;
    int k;

    diag_init(&d);
    profiles_init(&u->profiles);
    k = profiles_read_usual(&u->profiles, &d);
    if (k == 0 && o->agents)
        k = profiles_read(&u->profiles, o->agents, &d);
    fputs(diag_text(&d), stderr);
    diag_release(&d);
    return k;
}

static int run_suite(struct run_options *o, const struct files *f)
{
    _cleanup_buf_ struct buf again = BUF_INIT(1 << 16);
    struct suite u = {.config = {.limit = o->timeout,
                                 .pace = o->pace,
                                 .crash = o->crash.kind,
                                 .verify = o->verify,
                                 .slow = run_options_slowness()}};
    int code = EXITCODE_SCENARIO;
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);

    u.runner = (struct runner){.run = run_one,
                               .data = &u,
                               .parallel = (int)(o->jobs    ? o->jobs
                                                 : cpus > 0 ? cpus
                                                            : 1),
                               .seed = o->has_seed ? o->seed : fresh_seed(),
                               .keep = o->keep,
                               .junit = o->junit,
                               .keep_visible = u.keep};
    run_options_again(o, &again);
    u.config.again = buf_str(&again);
    if (load_agents(&u, o) == 0 && load_all(&u, o, f) == 0) {
        look_for_sandbox(&u, o);
        code = look_at_agent(&u, o);
        if (code == EXITCODE_PASSED) {
            add_jobs(&u, o);
            code = o->list ? list_jobs(&u) : run_all(&u);
        }
    }
    suite_release(&u);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct run_options o = {.pace = {LOOP_VIRTUAL, 1}};
    struct files f = {0};
    struct err e = ERR_INIT;
    int code = EXITCODE_PASSED, k = run_options_parse(&o, argc, argv, &e);

    for (int i = optind; k == 0 && i < argc; i++)
        k = add_path(&f, argv[i], &e);
    grow_array(o.dirs, o.n_dirs, o.cap_dirs);
    o.dirs[o.n_dirs] = NULL;
    if (k < 0) {
        fprintf(stderr, "ecsim run: %s\nTry `ecsim run --help`.\n", e.text);
        code = EXITCODE_USAGE;
    } else if (k == 0) {
        code = run_options_pace(&o) < 0 ? EXITCODE_USAGE : run_suite(&o, &f);
    }
    files_release(&f);
    free(o.dirs);
    return code;
}
