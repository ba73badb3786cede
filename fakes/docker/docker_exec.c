/*
 * Further commands inside a container that runs: created, started (attached or
 * not), resized, looked at. In a process-backed container they are processes in
 * its namespaces, in a simulated one the image's rules say what they do.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/command.h"
#include "fakes/docker/container_io.h"
#include "fakes/docker/container_process.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/schema.h"

/* dockerd forgets an exec this long after its end. */
#define EXEC_KEPT_NS (5 * 60 * NS_PER_S)
/* How long dockerd waits with a resize for an exec that was not started. */
#define RESIZE_PATIENCE_NS (10 * NS_PER_S)

struct exec {
    struct list link; /* in container.execs, until it has ended */
    struct docker *d;
    struct container *c; /* NULL: it has ended */
    char id[65], container_id[65];
    json_t *config; /* the create body */
    char *command;  /* as events show it */
    unsigned char keys[DETACH_KEYS_MAX];
    size_t n_keys;
    struct stdio io;
    struct run *run;
    struct command_rule rule;
    struct clock_timer timer;
    bool started, running, wrote;
    int exit_code, pid;
    int64_t ended; /* mono */
};

/* clang-format off */
static const struct member exec_members[] = {
    {.name = "User", .kind = MEMBER_STRING},
    {.name = "Privileged", .kind = MEMBER_BOOL},
    {.name = "Tty", .kind = MEMBER_BOOL},
    {.name = "AttachStdin", .kind = MEMBER_BOOL},
    {.name = "AttachStderr", .kind = MEMBER_BOOL},
    {.name = "AttachStdout", .kind = MEMBER_BOOL},
    {.name = "Detach", .kind = MEMBER_BOOL},
    {.name = "DetachKeys", .kind = MEMBER_STRING},
    {.name = "Env", .kind = MEMBER_STRINGS},
    {.name = "WorkingDir", .kind = MEMBER_STRING},
    {.name = "Cmd", .kind = MEMBER_STRINGS},
    {.name = NULL},
};

static const struct member start_members[] = {
    {.name = "Detach", .kind = MEMBER_BOOL},
    {.name = "Tty", .kind = MEMBER_BOOL},
    {.name = NULL},
};
/* clang-format on */

static struct exec *exec_of(struct stdio *io)
{
    return container_of(io, struct exec, io);
}

static struct clock *clock_of(const struct exec *e)
{
    return docker_clock(e->d);
}

/* --- life cycle --------------------------------------------------------------------------- */

static void exec_free(struct exec *e)
{
    clock_timer_stop(clock_of(e), &e->timer);
    if (e->run)
        run_abandon(steal_ptr(&e->run));
    stdio_end(&e->io);
    list_del(&e->link);
    command_rule_release(&e->rule);
    json_decref(e->config);
    free(e->command);
    free(e);
}

/* Forgets what ended long ago; done whenever a new one comes. */
static void forget_old(struct docker *d)
{
    const char *id;
    void *v;

    for (size_t i = 0; map_next(&d->execs, &i, &id, &v);) {
        struct exec *e = v;

        if (e->c || clock_mono(clock_of(e)) - e->ended < EXEC_KEPT_NS)
            continue;
        map_remove(&d->execs, id);
        exec_free(e);
    }
}

void docker_execs_release(struct docker *d)
{
    void *v;

    for (size_t i = 0; map_next(&d->execs, &i, NULL, &v);)
        exec_free(v);
    map_release(&d->execs);
}

static void exec_event(struct exec *e, const char *action)
{
    char *whole = xasprintf("%s: %s", action, e->command);
    const char *const more[] = {"execID", e->id, "image", e->c->image, "name", e->c->name};

    docker_event(e->d, EVENT_CONTAINER, whole, e->c->id, &e->c->labels, more, 3);
    free(whole);
}

static void exec_over(struct exec *e, int exit_code)
{
    struct container *c = e->c;
    char code[12];
    const char *const more[] = {"execID", e->id,    "exitCode", code,
                                "image",  c->image, "name",     c->name};

    clock_timer_stop(clock_of(e), &e->timer);
    list_del(&e->link);
    e->running = false;
    e->exit_code = exit_code;
    e->ended = clock_mono(clock_of(e));
    e->c = NULL;
    snprintf(code, sizeof(code), "%d", exit_code);
    docker_event(e->d, EVENT_CONTAINER, "exec_die", c->id, &c->labels, more, 4);
    stdio_end(&e->io);
}

/* The container's process has ended, and everything in it. What was not started is forgotten. */
void execs_end(struct container *c)
{
    while (!list_empty(&c->execs)) {
        struct exec *e = container_of(c->execs.next, struct exec, link);

        if (e->run)
            run_abandon(steal_ptr(&e->run));
        if (e->running) {
            exec_over(e, 137);
        } else { /* it was never started */
            map_remove(&c->d->execs, e->id);
            exec_free(e);
        }
    }
}

void execs_remove(struct container *c)
{
    struct docker *d = c->d;
    const char *id;
    void *v;

    execs_end(c);
    for (size_t i = 0; map_count(&d->execs) && map_next(&d->execs, &i, &id, &v);) {
        struct exec *e = v;

        if (!str_eq(e->container_id, c->id))
            continue;
        map_remove(&d->execs, id);
        exec_free(e);
    }
}

int exec_process_pid(const struct list *link)
{
    const struct exec *e = container_of((struct list *)(uintptr_t)link, struct exec, link);

    return e->run ? run_pid(e->run) : 0;
}

void add_exec_ids(struct buf *b, const struct container *c)
{
    struct list *pos;
    bool first = true;

    buf_adds(b, "\"ExecIDs\":");
    list_for_each (pos, &c->execs) {
        buf_addf(b, "%s\"%s\"", first ? "[" : ",", container_of(pos, struct exec, link)->id);
        first = false;
    }
    buf_adds(b, first ? "null" : "]");
}

/* --- create ------------------------------------------------------------------------------- */

static json_t *read_exec_body(struct exchange *x, const struct member *table, const char *type,
                              struct problem *p)
{
    json_t *body = docker_body(x, p), *v;
    char why[GOJSON_TEXT_MAX] = "";

    if (!body) {
        /* read by a helper that has words of its own */
        if (p->status == 500)
            p->status = 400;
        if (str_eq(p->text, "EOF"))
            problem(p, 400, "got EOF while reading request body");
        return NULL;
    }
    v = schema_read(table, body, type, why);
    json_decref(body);
    if (!v)
        problem(p, 400, "%s%s", docker_modern(docker_of(x)) ? "invalid JSON: " : "", why);
    return v;
}

/* As events tell it: a program without arguments has a blank behind it. */
static char *command_text(const json_t *cmd)
{
    struct buf b = BUF_INIT(ANSWER_MAX);
    json_t *word;
    size_t i;

    json_array_foreach ((json_t *)(uintptr_t)cmd, i, word)
        buf_addf(&b, "%s%s", i ? " " : "", json_string_value(word));
    if (i == 1)
        buf_addc(&b, ' ');
    return buf_steal(&b, NULL);
}

static int not_ready(const struct container *c, const char *name, struct problem *p)
{
    if (!container_running(c))
        return problem(p, 409, "%s %s is not running",
                       docker_modern(c->d) ? "container" : "Container", c->id);
    if (c->state == CONTAINER_PAUSED)
        return problem(p, 409, "Container %s is paused, unpause the container before exec", name);
    if (c->state == CONTAINER_RESTARTING)
        return problem(p, 409, "Container %s is restarting, wait until the container is running",
                       name);
    return 0;
}

static void on_input(struct stdio *io, const char *p, size_t n);
static void on_flow(struct stdio *io, bool go);

static struct exec *exec_new(struct container *c, json_t *config)
{
    struct exec *e = new0(struct exec);

    e->d = c->d;
    e->c = c;
    world_hex(c->d->fake.world, 32, e->id);
    memcpy(e->container_id, c->id, sizeof(e->container_id));
    e->config = config;
    e->command = command_text(json_object_get(config, "Cmd"));
    stdio_init(&e->io);
    e->io.tty = json_bool(config, "Tty", false);
    e->io.input = on_input;
    e->io.flow = on_flow;
    list_add_tail(&c->execs, &e->link);
    map_set(&c->d->execs, e->id, e);
    return e;
}

void post_container_exec(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name");
    struct problem p = {0};
    json_t *config = read_exec_body(x, exec_members, "ExecConfig", &p);
    const char *keys = config ? json_str(config, "DetachKeys") : NULL;
    unsigned char codes[DETACH_KEYS_MAX];
    struct container *c = NULL;
    struct buf b = BUF_INIT(256);
    size_t n_codes = 0;

    forget_old(d);
    if (config && !json_array_size(json_object_get(config, "Cmd")))
        problem(&p, 400, "No exec command specified");
    else if (config && (c = container_find(d, name, &p)) && not_ready(c, name, &p) == 0 &&
             detach_keys(keys, codes, &n_codes) < 0)
        problem(&p, 500, "Invalid escape keys (%s) provided", keys);
    free(name);
    if (p.status) {
        json_decref(config);
        docker_refuse(x, &p);
        return;
    }
    struct exec *e = exec_new(c, config);

    memcpy(e->keys, codes, n_codes);
    e->n_keys = n_codes;
    exec_event(e, "exec_create");
    buf_addf(&b, "{\"Id\":\"%s\"}", e->id);
    docker_answer(x, 201, &b);
}

/* --- running ------------------------------------------------------------------------------ */

static void on_exec_output(void *data, bool is_err, const char *p, size_t n)
{
    struct exec *e = data;

    stdio_output(&e->io, is_err, p, n);
}

static void on_exec_over(void *data, int exit_code)
{
    struct exec *e = data;

    e->run = NULL;
    exec_over(e, exit_code);
}

static void on_exec_thirsty(void *data, bool more)
{
    struct exec *e = data;

    stdio_hold(&e->io, !more);
}

static void on_input(struct stdio *io, const char *p, size_t n)
{
    struct exec *e = exec_of(io);

    if (e->run)
        run_input(e->run, p, n);
    else if (e->running && e->rule.echo && n)
        stdio_output(io, false, p, n);
    else if (e->running && e->rule.echo)
        clock_timer_start(clock_of(e), &e->timer, 0, e->timer.fn);
}

static void on_flow(struct stdio *io, bool go)
{
    struct exec *e = exec_of(io);

    if (e->run)
        run_flow(e->run, go);
}

static void write_simulated(struct exec *e, bool is_err, const char *text)
{
    struct buf b = BUF_INIT(SIZE_MAX / 4);

    for (; *text; text++) {
        if (*text == '\n' && e->io.tty)
            buf_addc(&b, '\r');
        buf_addc(&b, *text);
    }
    stdio_output(&e->io, is_err && !e->io.tty, buf_str(&b), buf_len(&b));
    buf_release(&b);
}

/* A simulated exec: first it writes, then it ends. */
static void on_simulated(struct clock_timer *t)
{
    struct exec *e = container_of(t, struct exec, timer);
    bool input = json_bool(e->config, "AttachStdin", false);

    if (e->wrote) {
        exec_over(e, e->rule.exit_code);
        return;
    }
    e->wrote = true;
    if (e->rule.out)
        write_simulated(e, false, e->rule.out);
    if (e->rule.err)
        write_simulated(e, true, e->rule.err);
    if (!e->rule.echo || !input)
        clock_timer_start(clock_of(e), t, e->rule.after, on_simulated);
}

static int start_simulated(struct exec *e, struct problem *p)
{
    const json_t *cmd = json_object_get(e->config, "Cmd");
    const char *program = json_string_value(json_array_get(cmd, 0));
    struct err none = ERR_INIT;
    int code;

    if (!command_find_json(e->c->b->commands, cmd, &e->rule)) {
        e->rule = (struct command_rule){0};
        run_problem(e->d, strchr(program, '/') ? PROCESS_NO_FILE : PROCESS_NO_PATH, program, &none,
                    true, p, &code);
        return -1;
    }
    e->pid = (int)e->d->next_pid;
    e->d->next_pid += 21;
    clock_timer_start(clock_of(e), &e->timer, 0, on_simulated);
    return 0;
}

struct run *exec_process_start(struct container *c, const json_t *how,
                               const struct run_owner *owner, struct problem *p)
{
    const char *cwd = json_str(how, "WorkingDir"), *user = json_str(how, "User");
    _cleanup_json_ json_t *config = json_read(c->config, strlen(c->config), JSON_READ_PEER, NULL);
    char **argv = json_words(NULL, json_object_get(how, "Cmd"));
    char **env = container_environment(c, config, json_object_get(how, "Env"));
    _cleanup_json_ json_t *host =
        json_read(c->host_config, strlen(c->host_config), JSON_READ_PEER, NULL);
    struct process_limit limits[CONTAINER_LIMITS];
    struct process_spec s = {.argv = argv,
                             .env = env,
                             .network = -1, /* that of the process it joins */
                             .limits = limits,
                             .n_limits = container_limits_read(host, limits)};
    enum process_failure why = PROCESS_SYSTEM;
    struct err err = ERR_INIT;
    struct run *run;
    int code;

    s.cwd = cwd && *cwd ? cwd : json_str(config, "WorkingDir");
    s.user = user && *user ? user : json_str(config, "User");
    s.tty = json_bool(how, "Tty", false);
    s.privileged = json_bool(how, "Privileged", false);
    s.join = (pid_t)run_pid(c->run);
    run = run_start(c->d, &s, json_bool(how, "AttachStdin", false), owner, &why, &err);
    if (!run)
        run_problem(c->d, why, argv[0], &err, true, p, &code);
    str_argv_free(argv);
    str_argv_free(env);
    return run;
}

static int start_process(struct exec *e, struct problem *p)
{
    struct run_owner owner = {e, on_exec_output, on_exec_over, on_exec_thirsty, 0};

    e->run = exec_process_start(e->c, e->config, &owner, p);
    if (e->run)
        e->pid = run_pid(e->run);
    return e->run ? 0 : -1;
}

static int exec_start(struct exec *e, struct problem *p)
{
    int r;

    if (e->started)
        return problem(p, 409, "Error: Exec command %s %s", e->id,
                       e->running ? "is already running" : "has already run");
    e->started = e->running = true;
    exec_event(e, "exec_start");
    r = e->c->run ? start_process(e, p) : start_simulated(e, p);
    if (r < 0) {
        e->running = false;
        e->exit_code = 126;
        list_del(&e->link);
        e->c = NULL;
        e->ended = clock_mono(clock_of(e));
    }
    return r;
}

/* --- the calls ---------------------------------------------------------------------------- */

static struct exec *find(struct docker *d, struct exchange *x, struct problem *p)
{
    char *id = docker_param(x, "id");
    struct exec *e = map_get(&d->execs, id);

    if (!e)
        problem(p, 404, "No such exec instance: %s", id);
    free(id);
    return e;
}

/* The same, where the state of its container matters too. */
static struct exec *find_usable(struct docker *d, struct exchange *x, struct problem *p)
{
    struct exec *e = find(d, x, p);
    const struct container *c = e ? map_get(&d->by_id, e->container_id) : NULL;
    struct buf status = BUF_INIT(256);

    if (!e)
        return NULL;
    if (c && container_running(c))
        return not_ready(c, c->id, p) < 0 ? NULL : e;
    if (c)
        add_status_text(&status, (struct container *)(uintptr_t)c);
    if (docker_modern(d))
        problem(p, 409, "container %s is not running", e->container_id);
    else
        problem(p, 500, "Container %s is not running: %s", e->container_id, buf_str(&status));
    buf_release(&status);
    return NULL;
}

static void on_detached(struct attach *a)
{
    struct exec *e = exec_of(a->io);
    const char *const more[] = {"execID", e->id, "image", NULL, "name", NULL};
    const char *all[ARRAY_SIZE(more)];

    if (!e->c)
        return;
    memcpy(all, more, sizeof(more));
    all[3] = e->c->image;
    all[5] = e->c->name;
    docker_event(e->d, EVENT_CONTAINER, "exec_detach", e->c->id, &e->c->labels, all, 3);
}

/* The connection is taken over first: what goes wrong afterwards is said in the stream. */
static void start_attached(struct exec *e, struct exchange *x, bool tty)
{
    struct attach how = {.in = json_bool(e->config, "AttachStdin", false),
                         .out = json_bool(e->config, "AttachStdout", false),
                         .err = json_bool(e->config, "AttachStderr", false),
                         .raw = tty,
                         .ends_input = !e->io.tty,
                         .n_keys = e->io.tty ? e->n_keys : 0,
                         .detached = on_detached},
                  *a;
    struct problem p = {0};

    memcpy(how.keys, e->keys, sizeof(how.keys));
    stream_headers(x, tty);
    docker_headers(x, NULL);
    a = attach_begin(&e->io, x, &how);
    if (exec_start(e, &p) == 0)
        return;
    char *text = xasprintf("%s\r\n", p.text);

    attach_send(a, false, text, strlen(text));
    attach_end(a);
    free(text);
    free(p.text);
}

void post_exec_start(struct fake *f, struct exchange *x)
{
    struct problem p = {0};
    json_t *how = read_exec_body(x, start_members, "ExecStartCheck", &p);
    struct exec *e = how ? find_usable((struct docker *)f, x, &p) : NULL;
    bool detach = json_bool(how, "Detach", false), tty = json_bool(how, "Tty", false);

    json_decref(how);
    if (e && !detach) {
        start_attached(e, x, tty);
        return;
    }
    if (!e || exec_start(e, &p) < 0)
        docker_refuse(x, &p);
    else
        docker_answer_empty(x, 200);
}

void post_exec_resize(struct fake *f, struct exchange *x)
{
    struct problem p = {0};
    unsigned rows, columns;
    struct exec *e = NULL;

    if (read_size(x, &rows, &columns, &p) == 0 && (e = find_usable((struct docker *)f, x, &p)) &&
        !e->started) {
        problem(&p, 500, "timeout waiting for exec session ready");
        docker_refuse_after(x, &p, RESIZE_PATIENCE_NS);
        return;
    }
    if (!p.status && !e->running && docker_modern(e->d))
        problem(&p, 404, "process does not exist %s: not found", e->id);
    else if (!p.status && !e->running)
        problem(&p, 404, "no such exec");
    if (p.status) {
        docker_refuse(x, &p);
        return;
    }
    if (e->run)
        run_resize(e->run, rows, columns);
    docker_answer_empty(x, 200);
}

static void add_words(struct buf *b, const json_t *cmd)
{
    json_t *word;
    size_t i;

    buf_adds(b, "\"entrypoint\":");
    gojson_add_html(b, json_string_value(json_array_get(cmd, 0)));
    buf_adds(b, ",\"arguments\":[");
    json_array_foreach ((json_t *)(uintptr_t)cmd, i, word) {
        if (!i)
            continue;
        buf_adds(b, i > 1 ? "," : "");
        gojson_add_html(b, json_string_value(word));
    }
    buf_addc(b, ']');
}

static const char *yes_no(const json_t *o, const char *member)
{
    return json_bool(o, member, false) ? "true" : "false";
}

void get_exec(struct fake *f, struct exchange *x)
{
    struct problem p = {0};
    const struct exec *e = find((struct docker *)f, x, &p);
    struct buf b = BUF_INIT(ANSWER_MAX);
    const char *user;
    char keys[DETACH_KEYS_MAX + 1] = "";

    if (!e) {
        docker_refuse(x, &p);
        return;
    }
    if (json_str(e->config, "DetachKeys") && *json_str(e->config, "DetachKeys"))
        memcpy(keys, e->keys, e->n_keys);
    user = json_str(e->config, "User");
    buf_addf(&b, "{\"ID\":\"%s\",\"Running\":%s,\"ExitCode\":", e->id,
             e->running ? "true" : "false");
    if (e->started && !e->running)
        buf_addf(&b, "%d", e->exit_code);
    else
        buf_adds(&b, "null");
    buf_addf(&b, ",\"ProcessConfig\":{\"tty\":%s,", yes_no(e->config, "Tty"));
    add_words(&b, json_object_get(e->config, "Cmd"));
    buf_addf(&b, ",\"privileged\":%s", yes_no(e->config, "Privileged"));
    if (user && *user)
        gojson_member(&b, "user", user);
    buf_addf(&b, "},\"OpenStdin\":%s,\"OpenStderr\":%s,\"OpenStdout\":%s,\"CanRemove\":false",
             yes_no(e->config, "AttachStdin"), yes_no(e->config, "AttachStderr"),
             yes_no(e->config, "AttachStdout"));
    gojson_member(&b, "ContainerID", e->container_id);
    buf_adds(&b, ",\"DetachKeys\":\"");
    str_base64(&b, keys, strlen(keys));
    buf_addf(&b, "\",\"Pid\":%d}", e->pid);
    docker_answer(x, 200, &b);
}
