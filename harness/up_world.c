#include "harness/up_world.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/plane.h"
#include "harness/aws_models.h"
#include "harness/serve.h"
#include "harness/up_engine.h"

/* What the registry of the fake engine holds from the start: the images of a first try. */
static const char *const usual_images[] = {
    "docker:image:busybox:latest",
    "docker:image:alpine:latest",
    "docker:image:nginx:latest,expose=80/tcp,stdout=start worker processes",
    "docker:image:httpd:latest,expose=80/tcp",
    "docker:image:redis:latest,expose=6379/tcp",
    "docker:image:hello-world:latest,run-for=50ms,stdout=Hello from Docker!",
};

/* --- the environment ------------------------------------------------------------------- */

static void put(struct map *env, const char *name, const char *value)
{
    free(map_set(env, name, xstrdup(value)));
}

static void environment(const struct up_world *u, struct map *env)
{
    _cleanup_free_ char *models = up_dir_file(u->dir, "models"),
                        *ca = up_dir_file(u->dir, "ca.pem");

    peers_environment(&u->w, env);
    put(env, "AWS_DATA_PATH", models);
    put(env, "AWS_PAGER", "");
    if (u->options->docker)
        put(env, "DOCKER_HOST", u->options->docker);
    if (world_certificate(&u->w))
        put(env, "AWS_CA_BUNDLE", ca);
}

static int by_name(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;

    return strcmp(*x, *y);
}

void up_world_exports(const struct up_world *u, struct buf *out)
{
    struct map env = {0};
    const char **names, *name;
    size_t n = 0;

    environment(u, &env);
    names = new0_array(const char *, map_count(&env) + 1);
    for (size_t i = 0; map_next(&env, &i, &name, &(void *){NULL});)
        names[n++] = name;
    qsort(names, n, sizeof(*names), by_name);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "export %s='", names[i]);
        for (const char *s = map_get(&env, names[i]); *s; s++)
            if (*s == '\'')
                buf_adds(out, "'\\''");
            else
                buf_addc(out, *s);
        buf_adds(out, "'\n");
    }
    free(names);
    peers_environment_release(&env);
}

/* --- the agent ------------------------------------------------------------------------- */

static int start_agent(struct up_world *u, struct err *e);

static void on_again(struct clock_timer *t)
{
    struct up_world *u = container_of(t, struct up_world, again);
    struct err e = ERR_INIT;

    if (!u->over && start_agent(u, &e) < 0)
        journal_note(&u->w.journal, "agent", "%s", e.text);
}

static void on_line(struct proc *p, int stream, const char *line, size_t n)
{
    struct up_world *u = p->data;
    json_t *d = json_object();
    _cleanup_free_ char *text = xasprintf("%.*s\n", (int)n, line);

    json_put_str(d, "stream", stream == 1 ? "stdout" : "stderr");
    json_put(d, "body", json_stringn(line, n));
    journal_add(&u->w.journal, RECORD_PROCESS, "agent", "log", d);
    if (io_write_all(u->agent_log, text, n + 1, NULL) < 0)
        journal_note(&u->w.journal, "agent", "its log could not be written");
}

/* Exit code 5 says that trying again is of no use (an agent's terminal error). */
static void on_exit_(struct proc *p, int code, int signum)
{
    struct up_world *u = p->data;
    int64_t lasted = loop_now(&u->w.loop) - u->started;
    json_t *d = json_object();
    char text[48];

    json_put_int(d, code >= 0 ? "code" : "signal", code >= 0 ? code : signum);
    journal_add(&u->w.journal, RECORD_PROCESS, "agent", "exit", d);
    u->agent = NULL;
    proc_free(p);
    if (u->over)
        return;
    if (code == AGENT_EXIT_TERMINAL) {
        journal_note(&u->w.journal, "agent", "it ended with 5 and is not started again");
        u->gave_up = true;
        return;
    }
    u->wait = lasted > 10 * UP_AGENT_AGAIN_NS || !u->wait ? UP_AGENT_AGAIN_NS : u->wait * 2;
    if (u->wait > UP_AGENT_AGAIN_MAX_NS)
        u->wait = UP_AGENT_AGAIN_MAX_NS;
    journal_note(&u->w.journal, "agent", "it is started again in %s",
                 str_format_duration(u->wait, text));
    loop_after(&u->w.loop, &u->again, u->wait, on_again);
}

static const struct proc_ops agent_ops = {.on_line = on_line, .on_exit = on_exit_};

/* Our own environment, less what would lead the agent elsewhere, and the world's. */
static char **agent_environment(const struct up_world *u)
{
    _cleanup_free_ char *data = up_dir_file(u->dir, "agent");
    struct map env = {0};
    size_t n = 0, cap = 0;
    char **list = NULL;
    const char *name;
    void *value;

    environment(u, &env);
    put(&env, "ECS_DATADIR", data);
    if (world_certificate(&u->w))
        put(&env, "SSL_CERT_FILE", map_get(&env, "AWS_CA_BUNDLE"));
    for (char **v = environ; *v; v++) {
        _cleanup_free_ char *key = xstrndup(*v, strcspn(*v, "="));

        if (str_starts(key, "AWS_") || map_get(&env, key))
            continue;
        grow_array(list, n, cap);
        list[n++] = xstrdup(*v);
    }
    for (size_t i = 0; map_next(&env, &i, &name, &value);) {
        grow_array(list, n, cap);
        list[n++] = xasprintf("%s=%s", name, (char *)value);
    }
    grow_array(list, n, cap);
    list[n] = NULL;
    peers_environment_release(&env);
    return list;
}

static int start_agent(struct up_world *u, struct err *e)
{
    char **env = agent_environment(u);
    json_t *d = json_object();

    u->started = loop_now(&u->w.loop);
    u->agent = proc_spawn(&u->procs, &(struct proc_spec){.argv = u->agent_argv, .env = env},
                          &agent_ops, u, e);
    str_argv_free(env);
    if (u->agent)
        json_put_int(d, "pid", u->agent->pid);
    if (u->agent)
        journal_add(&u->w.journal, RECORD_PROCESS, "agent", "start", d);
    else
        json_decref(d);
    return u->agent ? 0 : err_wrap(e, "the agent could not be started");
}

static void on_signal(uv_signal_t *h, int signum)
{
    struct up_world *u = h->data;

    (void)signum;
    u->over = true;
}

static void open_signals(struct up_world *u)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

    for (size_t i = 0; i < ARRAY_SIZE(signals); i++) {
        uv_signal_init(&u->w.loop.uv, &u->signals[i]);
        u->signals[i].data = u;
        uv_signal_start(&u->signals[i], on_signal, signals[i]);
    }
    u->signals_made = true;
}

static int open_agent(struct up_world *u, struct err *e)
{
    _cleanup_free_ char *data = up_dir_file(u->dir, "agent");
    _cleanup_free_ char *log = up_dir_file(u->dir, "agent.log");

    if (procs_init(&u->procs, &u->w.loop, NULL, e) < 0)
        return -1;
    u->procs_made = true;
    if (!u->options->agent)
        return 0;
    u->agent_argv = str_argv(u->options->agent);
    if (!u->agent_argv || !u->agent_argv[0])
        return err_set(e, ERR_USAGE, "--agent: no command line: %s", u->options->agent);
    if (io_mkdirs(data, 0700, e) < 0)
        return -1;
    u->agent_log = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (u->agent_log < 0)
        return err_sys(e, errno, "%s", log);
    return start_agent(u, e);
}

static void end_agent(struct up_world *u)
{
    int64_t until = loop_now(&u->w.loop) + UP_AGENT_END_NS;

    loop_cancel(&u->w.loop, &u->again);
    if (u->agent)
        proc_kill(u->agent, SIGTERM);
    while (u->agent && loop_now(&u->w.loop) < until)
        loop_turn(&u->w.loop, until);
    if (u->agent)
        proc_free(u->agent); /* kills it */
    u->agent = NULL;
}

/* --- the world ------------------------------------------------------------------------- */

static int open_fakes(struct up_world *u, struct err *e)
{
    const struct up_options *o = u->options;
    struct peer_place place = {.socket_dir = u->dir->path, .address = o->address, .tls = o->tls};

    for (const char *const *name = peers_names(); *name; name++) {
        if (o->docker && str_eq(*name, "docker"))
            continue;
        place.port = serve_port(o->ports, o->n_ports, *name, e);
        if (place.port < 0 || peers_add(&u->w, *name, &place, e) < 0)
            return err_wrap(e, "%s", *name);
    }
    if (o->s3_dir && serve_s3_dir(&u->w, o->s3_dir, e) < 0)
        return -1;
    for (size_t i = 0; !o->docker && i < ARRAY_SIZE(usual_images); i++)
        if (serve_command(&u->w, usual_images[i], e) < 0)
            return -1;
    for (size_t i = 0; i < o->n_controls; i++)
        if (serve_command(&u->w, o->controls[i], e) < 0)
            return -1;
    return 0;
}

int up_world_open(struct up_world *u, const struct up_options *o, struct up_dir *d, struct err *e)
{
    _cleanup_free_ char *journal = up_dir_file(d, "journal"), *models = up_dir_file(d, "models");
    _cleanup_free_ char *env = up_dir_file(d, "env");
    struct map paths = {0};
    struct buf exports = BUF_INIT(64 << 10);
    int r;

    u->options = o;
    u->dir = d;
    u->agent_log = -1;
    if (world_init(&u->w, o->seed, e) < 0)
        return -1;
    if (o->region && world_set_region(&u->w, o->region, e) < 0)
        return -1;
    open_signals(u);
    u->w.verify_signatures = !o->no_verify;
    u->w.journal.keep = false;
    free(u->w.id.cluster);
    u->w.id.cluster = xstrdup(o->cluster ? o->cluster : "default");
    if (journal_open(&u->w.journal, journal, e) < 0)
        return -1;
    if (o->no_verify)
        journal_note(&u->w.journal, "ecsim", SERVE_UNVERIFIED);
    if (open_fakes(u, e) < 0 || aws_models_write(&u->w, models, e) < 0)
        return -1;
    r = peers_certificate(&u->w, d->path, &paths, e);
    peers_environment_release(&paths);
    if (r < 0)
        return -1;
    up_world_exports(u, &exports);
    r = io_write_file(env, buf_str(&exports), buf_len(&exports), 0600, e);
    buf_release(&exports);
    return r < 0 ? -1 : open_agent(u, e);
}

static bool agent_connected(const struct up_world *u)
{
    const struct plane_fake *ecs = (struct plane_fake *)world_find(&u->w, "ecs");
    void *v;

    for (size_t i = 0; map_next(&ecs->plane->instances, &i, NULL, &v);)
        if (((const struct plane_instance *)v)->connected)
            return true;
    return false;
}

int up_world_await_agent(struct up_world *u, struct err *e)
{
    int64_t until = loop_now(&u->w.loop) + UP_AGENT_READY_NS;

    while (u->options->agent && !u->over && !agent_connected(u)) {
        if (u->gave_up || loop_now(&u->w.loop) >= until)
            return err_set(e, ERR_PEER, "the agent %s; what it printed is in %s/agent.log",
                           u->gave_up ? "gave up with exit code 5" : "did not connect in time",
                           u->dir->path);
        loop_turn(&u->w.loop, until);
    }
    return 0;
}

void up_world_serve(struct up_world *u)
{
    while (!u->over)
        loop_turn(&u->w.loop, -1);
}

void up_world_close(struct up_world *u)
{
    u->over = true;
    if (u->procs_made) {
        end_agent(u);
        if (u->options->docker)
            up_engine_clean(&u->w, u->options->docker);
        procs_release(&u->procs);
    }
    for (size_t i = 0; u->signals_made && i < ARRAY_SIZE(u->signals); i++)
        uv_close((uv_handle_t *)&u->signals[i], NULL);
    str_argv_free(u->agent_argv);
    if (u->agent_log >= 0)
        close(u->agent_log);
    world_release(&u->w);
}
