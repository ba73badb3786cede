/* The life of one scenario. */
#include "harness/run.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/docker.h"
#include "harness/history.h"
#include "harness/leaked.h"
#include "harness/match.h"
#include "harness/peers.h"
#include "fakes/core/forward.h"
#include "harness/steps.h"
#include "harness/wire_trace.h"

/* How deep below a scenario's folder sockets are looked for. */
#define LEAK_DEPTH 8

static int (*const functions[VERB_MAX])(struct run *r, const struct scn_step *s) = {
#define VERB(ID, id, ...) [VERB_##ID] = step_##id,
#include "harness/verbs.def"
};

int run_fail(struct run *r, const struct scn_step *s, const char *fmt, ...)
{
    va_list ap;
    char *why;

    if (r->failed)
        return -1;
    r->failed = true;
    va_start(ap, fmt);
    why = xvasprintf(fmt, ap);
    va_end(ap);
    r->result->outcome = OUTCOME_FAILED;
    r->result->line = s ? (int)s->pos.line : 0;
    r->result->reason = xstrndup(why, strcspn(why, "\n"));
    journal_note(&r->world.journal, "scenario", "failed: %s", why);
    r->result->report = report_failure(r, s, why);
    free(why);
    return -1;
}

/* --- time ----------------------------------------------------------------------------------- */

int run_turn(struct run *r, int64_t until)
{
    /* in virtual time a turn never waits for long, and the limit is looked at after each */
    if (r->pace.mode != LOOP_VIRTUAL && (until < 0 || until / r->pace.scale > r->limit))
        until = r->limit * r->pace.scale;
    loop_turn(&r->world.loop, until);
    if (run_judge(r) < 0 || crash_go_on(r) < 0)
        return -1;
    return loop_real(&r->world.loop) >= r->limit ? run_time_over(r) : 0;
}

int run_wait(struct run *r, int64_t deadline, bool (*done)(struct run *r, void *data), void *data)
{
    while (!done(r, data)) {
        if (loop_now(&r->world.loop) >= deadline)
            return 0;
        if (run_turn(r, deadline) < 0)
            return -1;
    }
    return 1;
}

int run_deadline(struct run *r, const struct scn_step *s, const struct scn_value *v, int64_t dflt,
                 int64_t *ret)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    int64_t ns = dflt;

    if (v && value_duration(v, &x, &ns, &e) < 0)
        return run_fail(r, s, "%s", e.text);
    loop_sync(&r->world.loop);
    *ret = loop_now(&r->world.loop) + ns;
    return 0;
}

int run_within(struct run *r, const struct scn_step *s, int64_t dflt, int64_t *ret)
{
    int64_t now;

    if (run_deadline(r, s, s->within, dflt, ret) < 0)
        return -1;
    now = loop_now(&r->world.loop);
    /* virtual time waits for who is slow by itself */
    if (r->pace.mode != LOOP_VIRTUAL)
        *ret = now + (*ret - now) * r->config->slow;
    return 0;
}

void until_timer(struct clock_timer *t)
{
    struct until *u = container_of(t, struct until, timer);

    u->fault->healed = true;
    world_apply_refusals(&u->run->world);
}

void until_met(struct run *r, const char *name)
{
    struct list *pos;

    list_for_each (pos, &r->untils) {
        struct until *u = container_of(pos, struct until, link);

        if (str_eq(u->name, name))
            until_timer(&u->timer);
    }
}

/* --- values ----------------------------------------------------------------------------------- */

char *run_text(struct run *r, const struct scn_step *s, const struct scn_value *v)
{
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;
    char *text = value_text(v, &x, &e);

    if (!text)
        run_fail(r, s, "%s", e.text);
    return text;
}

int run_option(struct run *r, const struct scn_step *s, const char *name, char **ret)
{
    const struct scn_option *o = scn_option(s, name);

    *ret = NULL;
    if (!o)
        return 0;
    *ret = run_text(r, s, &o->value);
    return *ret ? 0 : -1;
}

/* The environment of agents and programs, as the fakes that there are want it. */
static void lead(struct run *r)
{
    struct map env = {0};
    struct err e = ERR_INIT;
    const char *name;
    void *value;

    /* what a step or the header said about a variable stays */
    peers_environment(&r->world, &env);
    if (r->config->sandbox)
        peers_environment_real(&env);
    if (peers_certificate(&r->world, r->dir, &env, &e) < 0)
        run_fail(r, r->step, "%s", e.text);
    for (size_t i = 0; map_next(&env, &i, &name, &value);)
        if (!map_get(&r->chosen, name))
            free(map_set(&r->env, name, xstrdup(value)));
    peers_environment_release(&env);
}

int run_name(struct run *r, const struct scn_step *s, enum peer peer, const char *name)
{
    struct fake *f = run_fake(r, s, peer);
    struct err e = ERR_INIT;

    if (!f)
        return -1;
    if (!r->config->sandbox)
        return run_fail(r, s, "there is no sandbox that could have this name");
    if (peers_name(&r->world, peer_name(peer), name, &e) < 0)
        return run_fail(r, s, "%s", e.text);
    lead(r);
    return 0;
}

struct fake *run_fake(struct run *r, const struct scn_step *s, enum peer peer)
{
    const char *tls[PEER_MAX + 1] = {NULL};
    struct peer_place place = {
        .socket_dir = r->dir, .sandbox = r->config->sandbox, .tls_names = tls};
    struct err e = ERR_INIT;
    struct fake *f = world_find(&r->world, peer_name(peer));
    size_t n = 0;

    if (f)
        return f;
    for (int p = 0; p < PEER_MAX; p++)
        if (r->scn->tls[p])
            tls[n++] = peer_name((enum peer)p);
    if (peers_add(&r->world, peer_name(peer), &place, &e) < 0) {
        run_fail(r, s, "%s", e.text);
        return NULL;
    }
    if (peer == PEER_DOCKER)
        run_docker_host(r);
    lead(r);
    return world_find(&r->world, peer_name(peer));
}

int run_control(struct run *r, const struct scn_step *s, enum peer peer, const char *command,
                json_t *args, json_t **ret)
{
    struct fake *f = run_fake(r, s, peer);
    struct err e = ERR_INIT;
    json_t *unused = NULL;
    int k;

    if (!f) {
        json_decref(args);
        return -1;
    }
    k = f->ops->control(f, command, args, ret ? ret : &unused, &e);
    json_decref(args);
    json_decref(unused);
    return k < 0 ? run_fail(r, s, "%s", e.text) : 0;
}

/* --- steps ------------------------------------------------------------------------------------ */

static void journal_step(struct run *r, const struct scn_step *s)
{
    json_t *d = json_object();
    size_t n;
    const char *text = scn_step_text(s, &n);
    char where[256], *line = xstrndup(text, n);

    json_put_str(d, "where", scn_where(s, where, sizeof(where)));
    json_put_str(d, "text", line);
    free(line);
    journal_add(&r->world.journal, RECORD_STEP, "scenario", s->verb->words, d);
}

int run_steps(struct run *r, struct scn_step *const *steps, size_t n, bool again)
{
    struct frame f = {.outer = r->frame, .steps = steps, .n = n, .again = again};
    int k = 0;

    r->frame = &f;
    for (; f.at < n && k == 0; f.at++) {
        const struct scn_step *s = steps[f.at], *outer = r->step;

        r->step = s;
        r->step_began = r->world.journal.n;
        loop_sync(&r->world.loop);
        r->step_mono = loop_now(&r->world.loop);
        journal_step(r, s);
        k = functions[s->id](r, s);
        if (k == 0 && s->id != VERB_USE)
            k = run_judge(r);
        if (k == 0)
            r->step = outer;
    }
    r->frame = f.outer;
    return k;
}

/* The fakes that the scenario speaks of are there before the first step. */
static int furnish(struct run *r, const struct scn *file, struct scn_step *const *steps, size_t n)
{
    for (size_t i = 0; i < file->n_answers; i++)
        if (!run_fake(r, NULL, file->answers[i].peer))
            return -1;
    for (size_t i = 0; i < n; i++) {
        const struct scn_step *s = steps[i];

        if (s->peer > PEER_NONE && !peer_is_process(s->peer) && !run_fake(r, s, s->peer))
            return -1;
        if (furnish(r, s->import ? s->import : file, s->import ? s->import->steps : s->steps,
                    s->import ? s->import->n_steps : s->n_steps) < 0)
            return -1;
    }
    return 0;
}

/* A port that is ours until the agent listens on it: bound, with SO_REUSEADDR, but not listening,
 * it is given to nobody else, and an agent that sets SO_REUSEADDR too may still take it. */
static int reserve_port(struct run *r)
{
    struct sockaddr_in sa = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t n = sizeof(sa);
    int one = 1;

    /* in a sandbox it is free, and where the agent cannot listen elsewhere it has to be */
    r->introspection_port = SANDBOX_INTROSPECTION_PORT;
    if (r->config->sandbox || !r->config->profile || !r->config->profile->introspection)
        return 0;
    r->port_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (r->port_fd < 0 || setsockopt(r->port_fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
        bind(r->port_fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
        getsockname(r->port_fd, (struct sockaddr *)&sa, &n) < 0)
        return run_fail(r, NULL, "no port for the agent's introspection: %s", strerror(errno));
    r->introspection_port = ntohs(sa.sin_port);
    return 0;
}

/* A folder of the agent: in a sandbox it is where the agent expects it, at the root. */
static void set_path(struct run *r, const char *name, const char *below)
{
    char *path = xasprintf("%s/%s", r->config->sandbox ? "" : r->dir, below);

    run_setenv(r, name, path);
    free(path);
}

/* What the agent's profile says; a step of the scenario may say otherwise. */
static int set_profile(struct run *r)
{
    const struct profile *p = r->config->profile;
    struct subst x = run_subst(r);
    struct err e = ERR_INIT;

    for (size_t i = 0; p && i < p->n_env; i++) {
        const struct profile_env *v = &p->env[i];
        _cleanup_buf_ struct buf text = BUF_INIT(SUBST_MAX);

        if (v->value && subst_text(&x, v->value, strlen(v->value), &text, &e) < 0)
            return run_fail(r, NULL, "agent %s: %s: %s", p->name, v->name, e.text);
        run_setenv(r, v->name, v->value ? buf_str(&text) : NULL);
        map_set(&r->chosen, v->name, r);
    }
    return 0;
}

/* The engine's version: what was asked for, else the one that the scenario names. */
static int set_docker(struct run *r)
{
    const char *said = r->scn->docker, *version = r->config->docker;
    json_t *args;

    if (!version && said && !said[strspn(said, ".0123456789")] && !strstr(said, ".."))
        version = said;
    if (!version || !world_find(&r->world, "docker"))
        return 0;
    args = json_object();
    json_put_str(args, "version", version);
    return run_control(r, NULL, PEER_DOCKER, "version", args, NULL);
}

static int prepare(struct run *r)
{
    static const char *const folders[] = {"data", "tmp", "agent-tmp", "log"};
    struct err e = ERR_INIT;
    const struct profile *p = r->config->profile;
    char *path = xasprintf("%s/journal.jsonl", r->dir), *address;
    int k = journal_open(&r->world.journal, path, &e);

    free(path);
    if (k == 0)
        k = procs_init(&r->procs, &r->world.loop, run_tracer(r), &e);
    r->procs_ready = k == 0;
    for (size_t i = 0; k == 0 && i < ARRAY_SIZE(folders); i++) {
        path = xasprintf("%s/%s", r->dir, folders[i]);
        k = io_mkdirs(path, 0755, &e);
        free(path);
    }
    if (k < 0)
        return run_fail(r, NULL, "%s", e.text);
    path = xasprintf("%s/agent.log", r->dir);
    r->agent_log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    free(path);
    if (r->agent_log < 0)
        return run_fail(r, NULL, "agent.log: %s", strerror(errno));
    if (reserve_port(r) < 0)
        return -1;
    set_path(r, "ECS_DATADIR", "data");
    set_path(r, "ECS_AUDIT_LOGFILE", "log/audit.log");
    set_path(r, "ECS_AGENT_CONFIG_FILE_PATH", "tmp/ecs.config.json"); /* not the machine's */
    path = xasprintf("%s/agent-tmp", r->dir);
    run_setenv(r, "TMPDIR", path);
    free(path);
    run_setenv(r, "ECS_LOGLEVEL", "debug");
    if (!r->config->sandbox && p && p->introspection) {
        address = xasprintf("127.0.0.1:%d", r->introspection_port);
        run_setenv(r, p->introspection, address);
        free(address);
    }
    if (r->config->sandbox && !r->config->sandbox->redirect &&
        !(r->forward = forward_new(&r->world.loop, SANDBOX_METADATA_ADDRESS, SANDBOX_METADATA_PORT,
                                   "127.0.0.1", SANDBOX_TASKS_PORT, &e)))
        return run_fail(r, NULL, "%s", e.text);
    if (furnish(r, r->scn, r->scn->steps, r->scn->n_steps) < 0)
        return -1;
    if (set_docker(r) < 0 || set_profile(r) < 0)
        return -1;
    crash_init(r, r->config->crash, r->config->crash_at);
    return 0;
}

/* --- the end ---------------------------------------------------------------------------------- */

static void name_files(const char *dir, struct buf *out)
{
    _cleanup_closedir_ DIR *d = opendir(dir);
    const struct dirent *e;

    while (d && (e = readdir(d)))
        if (!str_eq(e->d_name, ".") && !str_eq(e->d_name, ".."))
            buf_addf(out, "file %s/%s\n", dir, e->d_name);
}

/* A sandbox has its private folders at two places. */
static bool is_same(const char *path, const char *other)
{
    struct stat a, b;

    return path && (str_eq(path, other) || (stat(path, &a) == 0 && stat(other, &b) == 0 &&
                                            a.st_dev == b.st_dev && a.st_ino == b.st_ino));
}

static bool of_a_fake(const struct run *r, const char *socket)
{
    for (size_t i = 0; i < r->world.n_fakes; i++)
        if (r->world.fakes[i]->url && is_same(str_after(r->world.fakes[i]->url, "unix://"), socket))
            return true;
    return r->config->sandbox && str_eq(socket, SANDBOX_DOCKER_SOCKET);
}

static bool of_containers(const struct run *r, const char *folder)
{
    const struct fake *docker = world_find(&r->world, "docker");

    return docker && str_eq(docker_folder(docker), folder);
}

static bool of_a_container(void *data, pid_t pid)
{
    const struct run *r = data;
    const struct fake *docker = world_find(&r->world, "docker");

    return docker && docker_runs(docker, pid);
}

/* Sockets below a folder, links not followed, but for those of the fakes and of containers. */
static void name_sockets(const struct run *r, const char *dir, int depth, struct buf *out)
{
    _cleanup_closedir_ DIR *d = opendir(dir);
    const struct dirent *e;

    while (d && depth && (e = readdir(d))) {
        _cleanup_free_ char *path = xasprintf("%s/%s", dir, e->d_name);
        struct stat st;

        if (str_eq(e->d_name, ".") || str_eq(e->d_name, "..") || lstat(path, &st) < 0)
            continue;
        if (S_ISSOCK(st.st_mode) && !of_a_fake(r, path))
            buf_addf(out, "socket %s\n", path);
        else if (S_ISDIR(st.st_mode) && !of_containers(r, path))
            name_sockets(r, path, depth - 1, out);
    }
}

/* A child, a socket, or a file in the agent's own TMPDIR, that outlives the agent. An agent that
 * was killed is not asked for what it could not remove. */
static int find_leaks(struct run *r)
{
    struct buf b = BUF_INIT(1 << 16);
    char *tmp = xasprintf("%s/agent-tmp", r->dir);
    int k = 0;

    procs_reap_strays(&r->procs, of_a_container, r, &b);
    if (r->agent_clean && !r->crash.killed)
        name_files(tmp, &b);
    if (r->agent_clean)
        name_sockets(r, r->dir, LEAK_DEPTH, &b);
    if (r->agent_clean && r->config->sandbox)
        name_sockets(r, "/run", LEAK_DEPTH, &b);
    if (buf_len(&b))
        k = run_fail(r, NULL, "something was left behind:\n%s", buf_str(&b));
    free(tmp);
    buf_release(&b);
    return k;
}

static void finish(struct run *r)
{
    if (!r->failed)
        run_judge_end(r);
    r->over = true;
    r->ended_at = r->world.journal.n;
    if (r->procs_ready) {
        leaked_ask(r);
        agent_teardown(r);
        run_machine_end(r);
        find_leaks(r);
        leaked_find(r);
    }
    run_time_note(r);
    if (r->world.journal.write_error && !r->failed)
        run_fail(r, NULL, "the journal could not be written: %s",
                 strerror(r->world.journal.write_error));
}

/* A failure that was to be expected is none, and a pass that was not is a failure. */
static void turn_known(struct run *r, const struct scn_known *k, const char *where)
{
    struct result *res = r->result;

    if (res->outcome == OUTCOME_FAILED) {
        char *why = res->reason;

        res->outcome = OUTCOME_KNOWN;
        res->reason = xasprintf("known %s%s%s%s: %s", k->issue, k->reason ? " (" : "",
                                k->reason ? k->reason : "", k->reason ? ")" : "", why);
        free(why);
    } else if (res->outcome == OUTCOME_PASSED) {
        res->outcome = OUTCOME_FAILED;
        res->reason = xasprintf("passed, although it is known to fail by %s%s%s", k->issue,
                                k->guard ? " in " : "", k->guard ? k->guard : "");
        res->report =
            xasprintf("%s\n  hint: narrow or remove the `known` line%s\n", res->reason, where);
    }
}

static bool agent_printed(const struct run *r, const char *text)
{
    const struct journal *j = &r->world.journal;

    for (size_t i = j->n; i-- > 0;) {
        const struct record *rec = j->records[i];
        const char *line = rec->kind == RECORD_PROCESS && str_eq(rec->peer, "agent")
                               ? json_str(rec->data, "body")
                               : NULL;

        if (line && strstr(line, text))
            return true;
    }
    return false;
}

/* A scenario that failed while the agent broke in a way that its profile knows. */
static void apply_crashes(struct run *r)
{
    const struct profile *p = r->config->profile;

    for (size_t i = 0; p && i < p->crashes.n; i++) {
        const struct profile_known *k = &p->crashes.v[i];

        if ((k->guard && match_version(k->guard, r->config->agent_version, NULL) <= 0) ||
            !agent_printed(r, k->what))
            continue;
        turn_known(r, &(struct scn_known){k->issue, k->guard, k->reason}, " of the agent");
        return;
    }
}

/* What `known` headers, and such lines of the agent's profile, make of the result. Versions are
 * those of the official agent: whichever of them the reference agent follows, it is not the one
 * that the issue is about. */
static void apply_known(struct run *r)
{
    const struct profile_known *mine =
        profile_known_for(r->config->profile, r->scn->source.path, r->config->agent_version);

    for (size_t i = 0; i < r->scn->n_known; i++) {
        const struct scn_known *k = &r->scn->known[i];
        struct err e = ERR_INIT;

        if (k->guard && (profile_has(r->config->profile, "reference-agent") ||
                         match_version(k->guard, r->config->agent_version, &e) <= 0))
            continue;
        turn_known(r, k, "");
        return;
    }
    if (mine)
        turn_known(r, &(struct scn_known){mine->issue, mine->guard, mine->reason}, " of the agent");
    else if (r->result->outcome == OUTCOME_FAILED)
        apply_crashes(r);
}

static void release(struct run *r)
{
    struct list *pos, *tmp;

    run_docker_release(r);
    forward_free(r->forward);
    if (r->procs_ready)
        procs_release(&r->procs);
    run_time_release(r);
    list_for_each_safe (pos, tmp, &r->forbidden) {
        list_del(pos);
        free(container_of(pos, struct forbidden, link));
    }
    list_for_each_safe (pos, tmp, &r->untils) {
        struct until *u = container_of(pos, struct until, link);

        loop_cancel(&r->world.loop, &u->timer);
        list_del(pos);
        free(u->name);
        free(u);
    }
    list_for_each_safe (pos, tmp, &r->old_scopes) {
        list_del(pos);
        scope_free(container_of(pos, struct scope, link));
    }
    scope_free(r->scope);
    scope_free(r->builtins);
    peers_environment_release(&r->env);
    map_release(&r->chosen);
    map_release(&r->stopped);
    buf_release(&r->why);
    cleanup_closep(&r->agent_log);
    cleanup_closep(&r->port_fd);
    world_release(&r->world);
}

void run_scenario(const struct scn *scn, const struct run_config *config, const char *dir,
                  uint64_t seed, struct result *result)
{
    struct run *r = new0(struct run);
    struct err e = ERR_INIT;

    *r = (struct run){.scn = scn,
                      .config = config,
                      .dir = dir,
                      .result = result,
                      .seed = seed,
                      .agent_log = -1,
                      .port_fd = -1,
                      .why = BUF_INIT(1 << 16)};
    list_init(&r->forbidden);
    list_init(&r->untils);
    list_init(&r->old_scopes);
    result->outcome = OUTCOME_PASSED;
    if (world_init(&r->world, seed, &e) < 0) {
        result->outcome = OUTCOME_HARNESS;
        result->reason = xstrdup(e.text);
        free(r);
        return;
    }
    run_time_init(r, pace_choose(scn->time, config->pace));
    r->scope = scope_new(NULL);
    r->builtins = scope_new(NULL);
    r->limit = config->slow * (config->limit ? config->limit
                               : scn->limit  ? scn->limit
                                             : RUN_LIMIT_NS);
    if (prepare(r) == 0)
        run_steps(r, scn->steps, scn->n_steps, false);
    finish(r);
    crash_end(r);
    apply_known(r);
    result->clock = (double)loop_now(&r->world.loop) / NS_PER_S;
    if (config->trace)
        result->history = wire_trace_text(&r->world.journal, r->ended_at, dir);
    else if (config->verify)
        result->history = history_text(&r->world.journal, r->ended_at, dir);
    result->journal = xasprintf("%s/journal.jsonl", dir);
    release(r);
    free(r);
}
