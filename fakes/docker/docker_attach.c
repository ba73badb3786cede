/* Attaching to a container; and the commands of simulated containers. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/command.h"
#include "fakes/docker/container_io.h"
#include "fakes/docker/container_process.h"

#define RAW_STREAM "application/vnd.docker.raw-stream"

/* The streams of a container, and the rule that its simulated command follows. */
struct container_streams {
    struct stdio io;
    struct container *c;
    struct command_rule rule;
    bool at_work; /* the rule holds */
};

static struct container_streams *streams_of(struct stdio *io)
{
    return container_of(io, struct container_streams, io);
}

/* --- the container's side ----------------------------------------------------------------- */

static void on_input(struct stdio *io, const char *p, size_t n)
{
    struct container_streams *s = streams_of(io);

    if (s->c->run)
        run_input(s->c->run, p, n);
    else if (s->at_work && s->rule.echo && n)
        container_output(s->c, false, p, n);
    else if (s->at_work && s->rule.echo)
        container_end_soon(s->c);
}

static void on_flow(struct stdio *io, bool go)
{
    struct container_streams *s = streams_of(io);

    if (s->c->run)
        run_flow(s->c->run, go);
}

struct stdio *container_io(struct container *c)
{
    struct container_streams *s;

    if (c->io)
        return c->io;
    s = new0(struct container_streams);
    stdio_init(&s->io);
    s->c = c;
    s->io.tty = c->tty;
    s->io.early = !container_alive(c);
    s->io.input = on_input;
    s->io.flow = on_flow;
    c->io = &s->io;
    return c->io;
}

void container_io_free(struct container *c)
{
    if (!c->io)
        return;
    container_command_stop(c);
    stdio_end(c->io);
    free(streams_of(c->io));
    c->io = NULL;
}

/* --- simulated commands ------------------------------------------------------------------- */

static json_t *command_words(const struct container *c)
{
    char *text = xasprintf("{%s}", c->path_args);
    json_t *o = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    json_t *words = json_array();

    free(text);
    json_array_append(words, json_object_get(o, "Path"));
    json_array_extend(words, json_object_get(o, "Args"));
    json_decref(o);
    return words;
}

bool command_find_json(const char *rules, const json_t *words, struct command_rule *ret)
{
    size_t n = json_array_size(words);
    const char **argv = new0_array(const char *, n + 1);
    bool found;

    for (size_t i = 0; i < n; i++) {
        argv[i] = json_string_value(json_array_get(words, i));
        if (!argv[i])
            argv[i] = "";
    }
    found = command_find(rules, argv, n, ret);
    free(argv);
    return found;
}

bool container_command_start(struct container *c, int64_t *ret_after)
{
    json_t *words = c->b->commands ? command_words(c) : NULL;
    struct command_rule rule;
    bool found = words && command_find_json(c->b->commands, words, &rule);
    struct container_streams *s;

    json_decref(words);
    if (!found)
        return false;
    s = streams_of(container_io(c));
    s->rule = rule;
    s->at_work = true;
    /* input that nobody can give has ended already */
    *ret_after = rule.echo && c->open_stdin ? -1 : rule.after;
    return true;
}

bool container_command_output(struct container *c)
{
    const struct container_streams *s = c->io ? streams_of(c->io) : NULL;

    if (!s || !s->at_work)
        return false;
    if (s->rule.out)
        container_write(c, false, s->rule.out);
    if (s->rule.err)
        container_write(c, true, s->rule.err);
    return true;
}

int container_command_code(const struct container *c)
{
    const struct container_streams *s = c->io ? streams_of(c->io) : NULL;

    return s && s->at_work ? s->rule.exit_code : -1;
}

void container_command_stop(struct container *c)
{
    struct container_streams *s = c->io ? streams_of(c->io) : NULL;

    if (!s || !s->at_work)
        return;
    s->at_work = false;
    command_rule_release(&s->rule);
}

/* --- the call ----------------------------------------------------------------------------- */

/* dockerd has taken the connection over by the time it finds that it cannot attach. */
static void attach_refuse(struct exchange *x, struct problem *p)
{
    char *text = xasprintf("%s\r\n", p->text);

    exchange_set_header(x, "Content-Type", RAW_STREAM);
    exchange_hijack(x, p->status, NULL, NULL);
    exchange_write(x, text, strlen(text));
    exchange_end(x);
    free(text);
    free(p->text);
}

static int attach_wrong(struct exchange *x, const char *name, struct container **ret,
                        struct attach *a, struct problem *p)
{
    char *keys = exchange_param(x, "detachKeys");
    struct container *c = NULL;
    int r = 0;

    if (detach_keys(keys, a->keys, &a->n_keys) < 0)
        r = problem(p, 400, "Invalid detach keys (%s) provided", keys);
    else if (!(c = container_find(docker_of(x), name, p)))
        r = -1;
    else if (c->state == CONTAINER_PAUSED)
        r = problem(p, 409, "container %s is paused, unpause the container before attach", name);
    else if (c->state == CONTAINER_RESTARTING)
        r = problem(p, 409, "container %s is restarting, wait until the container is running",
                    name);
    free(keys);
    *ret = c;
    return r;
}

static void on_detached(struct attach *a)
{
    container_event(streams_of(a->io)->c, "detach", NULL, NULL);
}

static void send_logs(struct attach *a, const struct container *c)
{
    const struct output *o = c->output;

    for (size_t i = 0; o && i < o->n; i++)
        if (o->entries[i].is_err ? a->err : a->out)
            attach_send(a, o->entries[i].is_err, buf_str(&o->text) + o->entries[i].at,
                        o->entries[i].len);
}

static const char *stream_type(const struct exchange *x, bool tty)
{
    bool frames = docker_modern(docker_of(x)) && call_version(x) >= API(42) && !tty;

    return frames && exchange_header(x, "Upgrade") ? "application/vnd.docker.multiplexed-stream"
                                                   : RAW_STREAM;
}

void stream_headers(struct exchange *x, bool tty)
{
    exchange_set_header(x, "Content-Type", stream_type(x, tty));
    if (!exchange_header(x, "Upgrade"))
        return;
    exchange_set_header(x, "Connection", "Upgrade");
    exchange_set_header(x, "Upgrade", "tcp");
}

/* refuse: how an error is told. */
static void attach(struct exchange *x, struct attach *how,
                   void (*refuse)(struct exchange *x, struct problem *p))
{
    char *name = docker_param(x, "name");
    bool logs = exchange_param_bool(x, "logs"), stream = exchange_param_bool(x, "stream");
    struct problem p = {0};
    struct container *c;
    struct attach *a;
    int r = attach_wrong(x, name, &c, how, &p);

    free(name);
    if (r < 0) {
        refuse(x, &p);
        return;
    }
    how->detached = on_detached;
    how->raw = c->tty;
    if (!c->tty)
        how->n_keys = 0;
    how->in = how->in && c->open_stdin;
    how->ends_input = c->stdin_once && !c->tty;
    if (!how->websocket)
        stream_headers(x, c->tty);
    a = attach_begin(container_io(c), x, how);
    if (!a)
        return;
    if (logs)
        send_logs(a, c);
    container_event(c, "attach", NULL, NULL);
    if (!stream || (!how->in && !how->out && !how->err))
        attach_end(a);
}

void post_container_attach(struct fake *f, struct exchange *x)
{
    struct attach how = {.in = exchange_param_bool(x, "stdin"),
                         .out = exchange_param_bool(x, "stdout"),
                         .err = exchange_param_bool(x, "stderr")};

    (void)f;
    attach(x, &how, attach_refuse);
}

/* Until 1.41 it asked for everything, whatever the query said. */
void get_container_attach_ws(struct fake *f, struct exchange *x)
{
    bool all = call_version(x) < API(42);
    struct attach how = {.in = all || exchange_param_bool(x, "stdin"),
                         .out = all || exchange_param_bool(x, "stdout"),
                         .err = all || exchange_param_bool(x, "stderr"),
                         .websocket = true,
                         .binary = call_version(x) >= API(28)};

    (void)f;
    attach(x, &how, docker_refuse);
}

int read_size(struct exchange *x, unsigned *ret_rows, unsigned *ret_columns, struct problem *p)
{
    const char *const names[] = {"h", "w"};
    unsigned *const at[] = {ret_rows, ret_columns};
    int r = 0;

    for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++) {
        char *s = exchange_param(x, names[i]);
        uint64_t n = 0;

        if (str_u64(s ? s : "", UINT16_MAX, &n) < 0)
            r = problem(p, 400, "strconv.Atoi: parsing \"%s\": invalid syntax", s ? s : "");
        *at[i] = (unsigned)n;
        free(s);
    }
    return r;
}

void post_container_resize(struct fake *f, struct exchange *x)
{
    char *name = docker_param(x, "name"), height[12], width[12];
    const char *more[] = {"height", height, "image", NULL, "name", NULL, "width", width};
    struct problem p = {0};
    struct container *c = NULL;
    unsigned rows, columns;

    if (read_size(x, &rows, &columns, &p) == 0 &&
        (c = container_find((struct docker *)f, name, &p)) && !container_running(c))
        problem(&p, 409, "%s %s is not running", docker_modern(c->d) ? "container" : "Container",
                c->id);
    free(name);
    if (p.status) {
        docker_refuse(x, &p);
        return;
    }
    if (c->run)
        run_resize(c->run, rows, columns);
    snprintf(height, sizeof(height), "%u", rows);
    snprintf(width, sizeof(width), "%u", columns);
    more[3] = c->image;
    more[5] = c->name;
    docker_event(c->d, EVENT_CONTAINER, "resize", c->id, &c->labels, more, 4);
    docker_answer_empty(x, 200);
}
