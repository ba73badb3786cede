/* What a scenario or a person asks of the engine, and what it still owes. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/registry.h"
#include "fakes/docker/trouble.h"

#define ECS_NAME_LABEL "com.amazonaws.ecs.container-name"

struct command {
    const char *name;
    const char *const *args; /* NULL-ended; NULL: any (they are options) */
    int (*run)(struct docker *d, const json_t *args, json_t **ret, struct err *e);
};

/* --- which container ---------------------------------------------------------------------- */

enum how { BY_ID, BY_NAME, BY_PREFIX, BY_ECS_NAME, BY_GLOB, HOWS };

static bool meant(const struct container *c, const char *what, enum how how)
{
    switch (how) {
    case BY_ID:
        return str_eq(c->id, what);
    case BY_NAME:
        return str_eq(c->name, *what == '/' ? what + 1 : what);
    case BY_PREFIX:
        return strlen(what) >= 4 && str_starts(c->id, what);
    case BY_ECS_NAME:
        return str_eq(pairs_get(&c->labels, ECS_NAME_LABEL), what);
    default:
        return str_glob(what, c->name);
    }
}

static void list_names(const struct docker *d, struct buf *b)
{
    struct list *pos;
    size_t n = 0;

    for (pos = d->containers.prev; pos != &d->containers; pos = pos->prev) {
        const struct container *c = container_of(pos, struct container, link);
        const char *ecs = pairs_get(&c->labels, ECS_NAME_LABEL);

        if (++n > 6)
            continue;
        buf_addf(b, "%s%.12s %.64s (%s%s%.40s)", n > 1 ? ", " : "", c->id, c->name,
                 container_state_name(c->state), ecs ? ", ECS container " : "", ecs ? ecs : "");
    }
    if (n > 6)
        buf_addf(b, " and %zu more", n - 6);
    if (!n)
        buf_adds(b, "none");
}

/* Running ones win over those that ended: a name of ECS is used again and again. */
static struct container *choose(struct docker *d, const char *what, struct err *e)
{
    struct buf names = BUF_INIT(4096);
    struct container *found = NULL;
    size_t n = 0;

    for (int how = 0; how < HOWS && !n; how++)
        for (int pass = 0; pass < 2 && !n; pass++) {
            struct list *pos;

            list_for_each (pos, &d->containers) {
                struct container *c = container_of(pos, struct container, link);

                if (meant(c, what, (enum how)how) && (pass || container_running(c))) {
                    found = c;
                    n++;
                }
            }
        }
    if (n == 1)
        return found;
    list_names(d, &names);
    err_set(e, n ? ERR_CONFLICT : ERR_NOT_FOUND, "%s container is meant by %s; there is: %s",
            n ? "more than one" : "no", what, buf_str(&names));
    buf_release(&names);
    return NULL;
}

static struct container *container_arg(struct docker *d, const json_t *args, struct err *e)
{
    const char *what = json_str(args, "container");

    if (what && *what)
        return choose(d, what, e);
    err_set(e, ERR_USAGE, "which container?");
    return NULL;
}

/* --- commands ----------------------------------------------------------------------------- */

static int cmd_image(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    struct behaviour *b = behaviour_new();
    const char *key, *name = json_str(args, "name");
    json_t *v;

    (void)ret;
    if (!name || !*name) {
        behaviour_unref(b);
        return err_set(e, ERR_USAGE, "an image needs a name");
    }
    json_object_foreach ((json_t *)(uintptr_t)args, key, v) {
        if (str_eq(key, "name"))
            continue;
        if (!json_is_string(v))
            err_set(e, ERR_USAGE, "%s: a text is wanted", key);
        else if (behaviour_set(b, key, json_string_value(v), false, e) == 0)
            continue;
        behaviour_unref(b);
        return err_wrap(e, "image %s", name);
    }
    return catalogue_add(d, name, b, e);
}

static int cmd_unimage(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    const char *name = json_str(args, "name"), *only = json_str(args, "only");

    (void)ret;
    if (!name || !*name)
        return err_set(e, ERR_USAGE, "which image?");
    if (only && !str_eq(only, "local") && !str_eq(only, "catalogue"))
        return err_set(e, ERR_USAGE, "only: %s is neither local nor catalogue", only);
    return catalogue_remove(d, name, !str_eq(only, "catalogue"), !str_eq(only, "local"), e);
}

static int cmd_registry(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    const char *host = json_str(args, "name");

    (void)ret;
    if (!host || !*host || strpbrk(host, "/ "))
        return err_set(e, ERR_USAGE, "a registry is named by its host, such as 127.0.0.1:5000");
    return registry_declare(d, host, args, e);
}

static int alive_arg(struct docker *d, const json_t *args, struct container **ret, struct err *e)
{
    *ret = container_arg(d, args, e);
    if (!*ret)
        return -1;
    if ((*ret)->state != CONTAINER_RUNNING)
        return err_set(e, ERR_CONFLICT, "container %s is %s, not running", (*ret)->name,
                       container_state_name((*ret)->state));
    return 0;
}

static int cmd_exit(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    const char *code = json_str(args, "code"), *signal = json_str(args, "signal");
    struct container *c;
    uint64_t n = 0;

    (void)ret;
    if (code && signal)
        return err_set(e, ERR_USAGE, "exit with a code or by a signal, not both");
    if (code && str_u64(code, 255, &n) < 0)
        return err_set(e, ERR_USAGE, "code: %s is not a number from 0 to 255", code);
    if (signal && signal_from(signal) < 0)
        return err_set(e, ERR_USAGE, "signal: %s is not a signal such as TERM or 9", signal);
    if (alive_arg(d, args, &c, e) < 0)
        return -1;
    container_end(c, signal ? 128 + signal_from(signal) : (int)n, false);
    return 0;
}

static int cmd_oom(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    struct container *c;

    (void)ret;
    if (alive_arg(d, args, &c, e) < 0)
        return -1;
    container_end(c, 137, true);
    return 0;
}

static int cmd_health(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    const char *word = json_str(args, "status");
    int status = word ? health_status_from(word) : -1;
    struct container *c;

    (void)ret;
    if (status < 0)
        return err_set(e, ERR_USAGE, "status: %s is none of starting, healthy, unhealthy",
                       word ? word : "nothing");
    if (alive_arg(d, args, &c, e) < 0)
        return -1;
    if (!c->health)
        return err_set(e, ERR_CONFLICT, "container %s has no health check", c->name);
    health_set(c->health, (enum health_status)status);
    return 0;
}

static int cmd_remove(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    struct container *c = container_arg(d, args, e);
    struct problem p = {0};

    (void)ret;
    if (!c)
        return -1;
    container_remove(c, false, true, &p);
    free(p.text);
    return 0;
}

static int cmd_version(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    const char *cgroup = json_str(args, "cgroup"), *windows = json_str(args, "windows");
    uint64_t year = 0;

    (void)ret;
    if (windows && (str_u64(windows, 2100, &year) < 0 || (year && year < 2016)))
        return err_set(e, ERR_USAGE, "windows: %s is no year of a Windows Server", windows);
    if (cgroup && !str_eq(cgroup, "1") && !str_eq(cgroup, "2"))
        return err_set(e, ERR_USAGE, "cgroup: %s is neither 1 nor 2", cgroup);
    if (docker_set_version(d, json_str(args, "version"), json_str(args, "api"),
                           json_str(args, "min"), e) < 0)
        return -1;
    if (cgroup)
        d->cgroup2 = str_eq(cgroup, "2");
    if (windows)
        d->windows = (int)year;
    return 0;
}

static int cmd_capacity(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    const char *size;

    (void)ret;
    return json_need_str(args, "size", &size, e) < 0 ? -1 : disk_declare(d, size, e);
}

static json_t *describe(const struct container *c)
{
    json_t *o = json_object();

    json_put_str(o, "id", c->id);
    json_put_str(o, "name", c->name);
    json_put_str(o, "image", c->image);
    json_put_str(o, "ecsName", pairs_get(&c->labels, ECS_NAME_LABEL));
    json_put_str(o, "state", container_state_name(c->state));
    json_put_int(o, "exitCode", c->exit_code);
    json_put_str(o, "health",
                 c->health && c->was_started ? health_status_name(c->health->status) : NULL);
    json_put_int(o, "pid", c->pid);
    return o;
}

static int cmd_containers(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    const char *what = json_str(args, "container");
    const struct container *one = what ? choose(d, what, e) : NULL;
    struct list *pos;
    json_t *a;

    if (what && !one)
        return -1;
    a = json_array();
    for (pos = d->containers.prev; pos != &d->containers; pos = pos->prev) {
        const struct container *c = container_of(pos, struct container, link);

        if (!what || c == one)
            json_array_append_new(a, describe(c));
    }
    if (ret)
        *ret = a;
    else
        json_decref(a);
    return 0;
}

static int cmd_events(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    (void)ret;
    return trouble_events(d, args, e);
}

static int cmd_disk(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    (void)ret;
    return trouble_disk(d, args, e);
}

static int wedge(struct docker *d, const json_t *args, bool wedged, struct err *e)
{
    struct container *c = container_arg(d, args, e);

    if (!c)
        return -1;
    trouble_wedge(c, wedged);
    return 0;
}

static int cmd_wedge(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    (void)ret;
    return wedge(d, args, true, e);
}

static int cmd_unwedge(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    (void)ret;
    return wedge(d, args, false, e);
}

static int cmd_shutdown(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    (void)args;
    (void)ret;
    (void)e;
    trouble_shutdown(d);
    return 0;
}

static int cmd_boot(struct docker *d, const json_t *args, json_t **ret, struct err *e)
{
    (void)args;
    (void)ret;
    (void)e;
    trouble_boot(d);
    return 0;
}

static const char *const args_none[] = {NULL};
static const char *const args_events[] = {"mode", "action", "next", NULL};
static const char *const args_disk[] = {"state", NULL};
static const char *const args_unimage[] = {"name", "only", NULL};
static const char *const args_registry[] = {
    "name", "user", "password", "private", "rate-limit", "rate-window", "auth", "public", NULL};
static const char *const args_capacity[] = {"size", NULL};
static const char *const args_exit[] = {"container", "code", "signal", NULL};
static const char *const args_container[] = {"container", NULL};
static const char *const args_health[] = {"container", "status", NULL};
static const char *const args_version[] = {"version", "api", "min", "cgroup", "windows", NULL};

static const struct command commands[] = {
    {"image", NULL, cmd_image},
    {"unimage", args_unimage, cmd_unimage},
    {"registry", args_registry, cmd_registry},
    {"capacity", args_capacity, cmd_capacity},
    {"exit", args_exit, cmd_exit},
    {"oom", args_container, cmd_oom},
    {"health", args_health, cmd_health},
    {"remove", args_container, cmd_remove},
    {"version", args_version, cmd_version},
    {"events", args_events, cmd_events},
    {"wedge", args_container, cmd_wedge},
    {"unwedge", args_container, cmd_unwedge},
    {"disk", args_disk, cmd_disk},
    {"shutdown", args_none, cmd_shutdown},
    {"boot", args_none, cmd_boot},
    {"containers", args_container, cmd_containers},
};

static int args_wrong(const struct command *c, const json_t *args, struct err *e)
{
    const char *key, *near;
    size_t n = 0;
    json_t *v;

    while (c->args && c->args[n])
        n++;
    json_object_foreach ((json_t *)(uintptr_t)args, key, v) {
        bool known = !c->args;

        for (size_t i = 0; i < n; i++)
            known |= str_eq(c->args[i], key);
        if (!json_is_string(v))
            return err_set(e, ERR_USAGE, "%s: %s: a text is wanted", c->name, key);
        if (known)
            continue;
        near = str_nearest(key, c->args, n);
        return err_set(e, ERR_USAGE, "%s has no argument %s%s%s%s", c->name, key,
                       near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
    }
    return 0;
}

int docker_control(struct fake *f, const char *command, const json_t *args, json_t **ret,
                   struct err *e)
{
    const char *names[ARRAY_SIZE(commands)], *near;

    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        names[i] = commands[i].name;
        if (!str_eq(commands[i].name, command))
            continue;
        if (args_wrong(&commands[i], args, e) < 0)
            return -1;
        return commands[i].run((struct docker *)f, args, ret, e);
    }
    near = str_nearest(command, names, ARRAY_SIZE(commands));
    return err_set(e, ERR_USAGE, "docker: no such command: %s%s%s%s", command,
                   near ? " (did you mean " : "", near ? near : "", near ? "?)" : "");
}

/* --- what is owed ------------------------------------------------------------------------- */

static void pending_timer(struct buf *out, const struct container *c, const struct clock_timer *t,
                          const char *what)
{
    char left[48];

    if (clock_timer_armed(t))
        buf_addf(out, "docker: container %s (%s): %s in %s\n", c->name,
                 container_state_name(c->state), what,
                 str_format_duration(t->deadline - clock_mono(docker_clock(c->d)), left));
}

static void pending_container(struct buf *out, const struct container *c)
{
    struct list *pos;
    size_t logs = 0, waits = 0;

    pending_timer(out, c, &c->dying_timer, "ends by a signal");
    pending_timer(out, c, &c->end_timer, "ends by itself");
    pending_timer(out, c, &c->output_timer, "writes");
    pending_timer(out, c, &c->restart_timer, "starts again");
    if (c->health)
        pending_timer(out, c, &c->health->timer, "is checked for health");
    list_for_each (pos, &c->ends)
        pending_timer(out, c, &container_of(pos, struct end_op, link)->timer, "is killed");
    list_for_each (pos, &c->log_streams)
        logs++;
    list_for_each (pos, &c->waits)
        waits++;
    if (logs)
        buf_addf(out, "docker: container %s: %zu open log streams\n", c->name, logs);
    if (waits)
        buf_addf(out, "docker: container %s: %zu calls wait for its end\n", c->name, waits);
}

static size_t length(const struct list *l)
{
    struct list *pos;
    size_t n = 0;

    list_for_each (pos, l)
        n++;
    return n;
}

void docker_pending(struct fake *f, struct buf *out)
{
    struct docker *d = (struct docker *)f;
    struct list *pos;

    for (pos = d->containers.prev; pos != &d->containers; pos = pos->prev)
        pending_container(out, container_of(pos, struct container, link));
    docker_pulls_pending(d, out);
    if (!list_empty(&d->delayed))
        buf_addf(out, "docker: %zu calls wait for a plugin that does not exist\n",
                 length(&d->delayed));
    if (!list_empty(&d->trouble.calls))
        buf_addf(out, "docker: %zu calls hang on a wedged container\n", length(&d->trouble.calls));
    if (!list_empty(&d->event_streams))
        buf_addf(out, "docker: %zu open event streams\n", length(&d->event_streams));
    if (!list_empty(&d->stat_streams))
        buf_addf(out, "docker: %zu open statistics streams\n", length(&d->stat_streams));
}
