/* Calls that change a container: start, stop, kill, restart, pause, wait, rename, remove, prune. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/create.h"
#include "fakes/docker/links.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/rootfs.h"
#include "fakes/docker/trouble.h"

/* The container of the path; NULL: it was answered. */
static struct container *container_of_path(struct exchange *x)
{
    char *name = docker_param(x, "name");
    struct problem p = {0};
    struct container *c = container_find(docker_of(x), name, &p);

    if (!c)
        docker_refuse(x, &p);
    free(name);
    return c;
}

/* --- calls that wait for the process to end ----------------------------------------------- */

void end_op_free(struct end_op *op)
{
    clock_timer_stop(docker_clock(op->c->d), &op->timer);
    list_del(&op->link);
    if (op->x)
        op->x->on_gone = NULL;
    free(op);
}

/* dockerd goes on with a stop whose client has left. */
static void end_op_gone(struct exchange *x)
{
    struct end_op *op = x->data;

    op->x = NULL;
}

static struct end_op *end_op_new(struct container *c, struct exchange *x, enum ending kind)
{
    struct end_op *op = new0(struct end_op);

    op->c = c;
    op->x = x;
    op->kind = kind;
    list_add_tail(&c->ends, &op->link);
    if (x) {
        x->data = op;
        x->on_gone = end_op_gone;
    }
    return op;
}

static void restart_after(struct container *c, struct exchange *x)
{
    struct problem p = {0};

    if (container_start(c, &p) < 0) {
        if (x)
            docker_refuse_text(x, 500, "Cannot restart container %s: %s", c->name, p.text);
    } else {
        container_event(c, "restart", NULL, NULL);
        if (x)
            docker_answer_empty(x, 204);
    }
    free(p.text);
}

void end_ops_done(struct container *c, bool events_only)
{
    struct list done;

    if (events_only || !docker_modern(c->d)) {
        struct list *pos;

        list_for_each (pos, &c->ends)
            if (container_of(pos, struct end_op, link)->kind != END_KILL)
                container_event(c, "stop", NULL, NULL);
    }
    if (events_only)
        return;
    /* what begins while these are answered is not done yet */
    list_init(&done);
    while (!list_empty(&c->ends)) {
        struct list *first = c->ends.next;

        list_del(first);
        list_add_tail(&done, first);
    }
    while (!list_empty(&done)) {
        struct end_op *op = container_of(done.next, struct end_op, link);
        struct exchange *x = op->x;
        enum ending kind = op->kind;

        end_op_free(op);
        if (kind == END_RESTART)
            restart_after(c, x);
        else if (x)
            docker_answer_empty(x, 204);
    }
}

static void on_patience(struct clock_timer *t)
{
    struct end_op *op = container_of(t, struct end_op, timer);
    struct problem p = {0};

    container_signal(op->c, 9, &p);
    free(p.text);
}

/* TERM (or the container's own stop signal), and KILL when `seconds` have passed; -1: never. */
static void begin_stop(struct container *c, struct exchange *x, enum ending kind, int64_t seconds,
                       int signal)
{
    struct end_op *op = end_op_new(c, x, kind);
    struct problem p = {0};

    if (seconds >= 0)
        clock_timer_start(docker_clock(c->d), &op->timer, seconds * NS_PER_S, on_patience);
    container_signal(c, signal, &p); /* may end it, and with it this call */
    free(p.text);
}

/* ?t=; the container's own or the engine's 10 s when absent. */
static int read_timeout(struct exchange *x, const struct container *c, int64_t *ret,
                        struct problem *p)
{
    char *t = exchange_param(x, "t");
    int r = 0;

    *ret = c->stop_timeout != INT_MIN ? c->stop_timeout : 10;
    if (t && *t && (str_i64(t, ret) < 0 || *ret > INT32_MAX || *ret < -INT32_MAX))
        r = problem(p, 500, "strconv.Atoi: parsing \"%s\": invalid syntax", t);
    free(t);
    return r;
}

/* ?signal= of stop and restart, from 1.42 on. */
static int read_stop_signal(struct exchange *x, const struct container *c, int *ret,
                            struct problem *p)
{
    char *s = call_version(x) >= API(42) ? exchange_param(x, "signal") : NULL;
    int signal = s && *s ? signal_from(s) : c->stop_signal;

    if (signal < 0)
        problem(p, 400, "invalid signal: %s", s);
    *ret = signal;
    free(s);
    return signal < 0 ? -1 : 0;
}

/* --- start, stop, kill, restart ----------------------------------------------------------- */

/* A body with something in it: below 1.24 a HostConfig, as long as engines took it. */
static int read_start_body(struct create *r, struct problem *p)
{
    if (buf_len(&r->x->body) <= 7)
        return 0;
    if (call_version(r->x) >= API(24) || docker_modern(r->d))
        return problem(p, 400,
                       "starting container with non-empty request body was deprecated since API "
                       "v1.22 and removed in v1.24");
    return late_config_read(r, p);
}

static int start(struct create *body, struct container *c, struct problem *p)
{
    bool idle = c->state == CONTAINER_CREATED || c->state == CONTAINER_EXITED;

    if (body->host && idle && late_config_apply(body, c, p) < 0)
        return -1;
    return container_start(c, p);
}

void post_container_start(struct fake *f, struct exchange *x)
{
    struct create body = {.d = (struct docker *)f, .x = x};
    struct container *c = NULL;
    struct problem p = {0};
    int r;

    if (read_start_body(&body, &p) < 0)
        docker_refuse(x, &p);
    else
        c = container_of_path(x);
    if (!c) {
        create_release(&body);
        return;
    }
    r = start(&body, c, &p);
    create_release(&body);
    if (r < 0)
        docker_refuse(x, &p);
    else
        docker_answer_empty(x, r ? 304 : 204);
    if (r < 0 && c->auto_remove && c->state == CONTAINER_CREATED) {
        container_remove(c, true, false, &p);
        free(p.text);
    }
}

/* What stop and restart have in common; one that does not run is dealt with at once. */
static void stop_for(struct exchange *x, enum ending kind)
{
    struct container *c = container_of_path(x);
    struct problem p = {0};
    int64_t seconds;
    int signal;

    if (!c)
        return;
    if (read_timeout(x, c, &seconds, &p) < 0 || read_stop_signal(x, c, &signal, &p) < 0)
        docker_refuse(x, &p);
    else if (container_running(c))
        begin_stop(c, x, kind, seconds, signal);
    else if (kind == END_RESTART)
        restart_after(c, x);
    else
        docker_answer_empty(x, 304);
}

void post_container_stop(struct fake *f, struct exchange *x)
{
    (void)f;
    stop_for(x, END_STOP);
}

void post_container_restart(struct fake *f, struct exchange *x)
{
    (void)f;
    stop_for(x, END_RESTART);
}

static void kill_it(struct container *c, struct exchange *x, const char *name, int signal)
{
    const char *word = docker_modern(c->d) ? "cannot" : "Cannot";
    struct problem p = {0};

    if (!container_running(c)) {
        container_signal(c, signal, &p);
        if (call_version(x) < API(20))
            docker_answer_empty(x, 204);
        else
            docker_refuse_text(x, 409, "%s kill container: %s: %s", word, name, p.text);
    } else if (signal == 9) {
        end_op_new(c, x, END_KILL);
        container_signal(c, signal, &p);
    } else {
        container_signal(c, signal, &p);
        docker_answer_empty(x, 204);
    }
    free(p.text);
}

void post_container_kill(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = docker_param(x, "name"), *word = exchange_param(x, "signal");
    int signal = word && *word ? signal_from(word) : 9;
    uint64_t number;
    bool modern = docker_modern(d);
    struct problem p = {0};
    struct container *c;

    if (signal < 0 && word && str_u64(word, 999, &number) == 0 && number)
        signal = (int)number; /* a number is taken for what it is */
    if (signal < 0 && modern)
        docker_refuse_text(x, 400, "cannot kill container: %s: invalid signal: %s", name, word);
    else if (signal < 0)
        docker_refuse_text(x, 400, "Invalid signal: %s", word);
    else if (signal > 64)
        docker_refuse_text(x, modern ? 400 : 500,
                           "%s kill container: %s: %s linux daemon does not support signal %d",
                           modern ? "cannot" : "Cannot", name, modern ? "the" : "The", signal);
    else if (!(c = container_find(d, name, &p)))
        docker_refuse_text(x, p.status, "%s kill container: %s: %s", modern ? "cannot" : "Cannot",
                           name, p.text);
    else
        kill_it(c, x, name, signal);
    free(p.text);
    free(name);
    free(word);
}

void post_container_pause(struct fake *f, struct exchange *x)
{
    struct container *c = container_of_path(x);
    struct problem p = {0};

    (void)f;
    if (!c)
        return;
    if (container_pause(c, &p) < 0)
        docker_refuse(x, &p);
    else
        docker_answer_empty(x, 204);
}

void post_container_unpause(struct fake *f, struct exchange *x)
{
    struct container *c = container_of_path(x);
    struct problem p = {0};

    (void)f;
    if (!c)
        return;
    if (container_unpause(c, &p) < 0)
        docker_refuse(x, &p);
    else
        docker_answer_empty(x, 204);
}

/* --- wait -------------------------------------------------------------------------------- */

static void add_wait_answer(struct buf *b, const struct container *c)
{
    buf_addf(b, "{%s\"StatusCode\":%d}", docker_modern(c->d) ? "" : "\"Error\":null,",
             c->exit_code);
}

/* Headers go out at once from 1.30 on; the answer is one chunk then. */
static void wait_answer(struct container *c, struct exchange *x, bool begun)
{
    struct buf b = BUF_INIT(256);

    add_wait_answer(&b, c);
    x->on_gone = NULL;
    if (!begun) {
        docker_answer(x, 200, &b);
        return;
    }
    buf_addc(&b, '\n');
    exchange_write(x, buf_str(&b), buf_len(&b));
    buf_release(&b);
    exchange_end(x);
}

static void wait_op_free(struct wait_op *w)
{
    list_del(&w->link);
    free(w);
}

static void wait_gone(struct exchange *x)
{
    wait_op_free(x->data);
}

void wait_ops_done(struct container *c, enum wait_for reached)
{
    struct list *pos, *tmp;

    list_for_each_safe (pos, tmp, &c->waits) {
        struct wait_op *w = container_of(pos, struct wait_op, link);
        struct exchange *x = w->x;
        bool begun = w->begun;

        if (w->condition == WAIT_REMOVED && reached != WAIT_REMOVED)
            continue;
        wait_op_free(w);
        wait_answer(c, x, begun);
    }
}

static int read_condition(struct exchange *x, enum wait_for *ret, struct problem *p)
{
    char *s = call_version(x) >= API(30) ? exchange_param(x, "condition") : NULL;
    int r = 0;

    *ret = WAIT_NOT_RUNNING;
    if (str_eq(s, "next-exit"))
        *ret = WAIT_NEXT_EXIT;
    else if (str_eq(s, "removed"))
        *ret = WAIT_REMOVED;
    else if (s && *s && !str_eq(s, "not-running") && docker_modern(docker_of(x)))
        r = problem(p, 400, "invalid condition: \"%s\"", s);
    free(s);
    return r;
}

void post_container_wait(struct fake *f, struct exchange *x)
{
    bool begun = call_version(x) >= API(30);
    enum wait_for condition;
    struct problem p = {0};
    struct container *c;
    struct wait_op *w;

    (void)f;
    if (read_condition(x, &condition, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    c = container_of_path(x);
    if (!c)
        return;
    if (begun)
        docker_begin(x, "application/json");
    if (condition == WAIT_NOT_RUNNING && !container_running(c)) {
        wait_answer(c, x, begun);
        return;
    }
    w = new0(struct wait_op);
    w->x = x;
    w->condition = condition;
    w->begun = begun;
    list_add_tail(&c->waits, &w->link);
    x->data = w;
    x->on_gone = wait_gone;
}

/* --- rename, remove, prune ---------------------------------------------------------------- */

void post_container_rename(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char *name = exchange_param(x, "name"), *old;
    struct container *c = container_of_path(x);
    struct problem p = {0};
    const char *plain = name && *name == '/' ? name + 1 : name;

    if (!c) {
        free(name);
        return;
    }
    if (!plain || !*plain)
        docker_refuse_text(x, 400, "Neither old nor new names may be empty");
    else if (str_eq(plain, c->name))
        docker_refuse_text(x, 400, "Renaming a container with the same name as its current name");
    else if (!container_name_valid(plain))
        docker_refuse_text(x, 400,
                           "Error when allocating new name: Invalid container name (/%s), only "
                           "[a-zA-Z0-9][a-zA-Z0-9_.-] are allowed",
                           plain);
    else if (container_name_free(d, plain, &p) < 0)
        docker_refuse_text(x, p.status, "Error when allocating new name: %s", p.text);
    else if (trouble_disk_full(d, &p, "/var/lib/docker/containers/%s/.tmp-config.v2.json%u", c->id,
                               1000000000 + d->next_pid) < 0)
        docker_refuse_text(x, p.status, "%s", p.text);
    else {
        old = xasprintf("/%s", c->name);
        map_remove(&d->by_name, c->name);
        free(c->name);
        c->name = xstrdup(plain);
        map_set(&d->by_name, c->name, c);
        links_renamed(c, old + 1);
        endpoints_renamed(c);
        container_event(c, "rename", "oldName", old);
        free(old);
        docker_answer_empty(x, 204);
    }
    free(p.text);
    free(name);
}

void delete_container(struct fake *f, struct exchange *x)
{
    struct container *c = container_of_path(x);
    struct problem p = {0};

    (void)f;
    if (!c)
        return;
    if (exchange_param_bool(x, "link")) {
        char *name = docker_param(x, "name");

        if (link_remove(c->d, name, &p) < 0)
            docker_refuse(x, &p);
        else
            docker_answer_empty(x, 204);
        free(name);
        return;
    }
    if (container_remove(c, exchange_param_bool(x, "v"), exchange_param_bool(x, "force"), &p) < 0)
        docker_refuse(x, &p);
    else
        docker_answer_empty(x, 204);
    free(p.text);
}

void post_containers_prune(struct fake *f, struct exchange *x)
{
    struct docker *d = (struct docker *)f;
    char bytes[24];
    const char *const reclaimed[] = {"reclaimed", bytes};
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct filters filters;
    struct problem p = {0};
    struct list *pos, *tmp;
    int64_t until, freed = 0;
    bool first = true;

    if (filters_read_prune(&filters, x, &until) < 0)
        return;
    buf_adds(&b, "{\"ContainersDeleted\":");
    list_for_each_safe (pos, tmp, &d->containers) {
        struct container *c = container_of(pos, struct container, link);

        if (container_running(c) || c->created > until || !filters_labels(&filters, &c->labels))
            continue;
        buf_addf(&b, "%s\"%s\"", first ? "[" : ",", c->id);
        first = false;
        freed += container_changes_size(c);
        container_remove(c, false, false, &p);
    }
    snprintf(bytes, sizeof(bytes), "%lld", (long long)freed);
    buf_addf(&b, "%s,\"SpaceReclaimed\":%s}", first ? "null" : "]", bytes);
    filters_release(&filters);
    docker_event(d, EVENT_CONTAINER, "prune", "", NULL, reclaimed, 1);
    docker_answer(x, 200, &b);
}
