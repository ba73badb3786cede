#include "fakes/docker/trouble.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"

/* --- events ------------------------------------------------------------------------------- */

enum event_mode { MODE_WHOLE, MODE_LOSE, MODE_SWAP, MODE_CUT, MODE_SILENT, MODES };

static const char *const mode_names[MODES] = {
    [MODE_WHOLE] = "whole", [MODE_LOSE] = "lose",     [MODE_SWAP] = "swap",
    [MODE_CUT] = "cut",     [MODE_SILENT] = "silent",
};

int trouble_events(struct docker *d, const json_t *args, struct err *e)
{
    const char *mode = json_str(args, "mode"), *action = json_str(args, "action"),
               *next = json_str(args, "next");
    int m = mode ? strtab_value(mode_names, MODES, mode) : -1;
    uint64_t n = 1;

    if (m < 0)
        return err_set(e, ERR_USAGE, "events: %s is none of whole, lose, swap, cut, silent",
                       mode ? mode : "nothing");
    if (next && (str_u64(next, 1000000, &n) < 0 || !n))
        return err_set(e, ERR_USAGE, "events: next: %s is not a number from 1", next);
    d->trouble.mode = m;
    d->trouble.left = n;
    d->trouble.held = 0;
    free(d->trouble.action);
    d->trouble.action = action ? xstrdup(action) : NULL;
    return 0;
}

enum event_fate trouble_event(struct docker *d, const char *action, const struct event **ret_before)
{
    struct trouble *t = &d->trouble;
    enum event_mode mode = (enum event_mode)t->mode;
    const char *colon = strchr(action, ':');
    size_t len = colon ? (size_t)(colon - action) : strlen(action);

    *ret_before = NULL;
    if (mode == MODE_SILENT)
        return EVENT_LOST;
    if (t->held) {
        *ret_before = d->events[(t->held - 1) % EVENTS_KEPT];
        t->held = 0;
        return EVENT_SENT;
    }
    if (mode == MODE_WHOLE || !t->left ||
        (t->action && (strlen(t->action) != len || strncmp(t->action, action, len) != 0)))
        return EVENT_SENT;
    t->left--;
    if (mode == MODE_SWAP)
        t->held = d->n_events; /* one behind its number: 0 is none */
    return mode == MODE_LOSE ? EVENT_LOST : mode == MODE_CUT ? EVENT_CUT : EVENT_HELD;
}

/* --- a container on which everything hangs ------------------------------------------------ */

struct held {
    struct list link;
    struct exchange *x;
    struct container *c;
};

static void held_gone(struct exchange *x)
{
    struct list *pos, *tmp;

    list_for_each_safe (pos, tmp, &docker_of(x)->trouble.calls) {
        struct held *h = container_of(pos, struct held, link);

        if (h->x != x)
            continue;
        list_del(&h->link);
        free(h);
    }
}

bool trouble_holds(struct docker *d, struct exchange *x)
{
    _cleanup_free_ char *name = NULL;
    struct problem p = {0};
    struct container *c;
    struct held *h;

    if (!d->trouble.n_wedged || !strstr(d->route->pattern, "/containers/{name"))
        return false;
    name = docker_param(x, "name");
    c = container_find(d, name, &p);
    free(p.text);
    if (!c || !c->wedged)
        return false;
    h = new0(struct held);
    h->x = x;
    h->c = c;
    x->on_gone = held_gone;
    list_add_tail(&d->trouble.calls, &h->link);
    return true;
}

void trouble_wedge(struct container *c, bool wedged)
{
    struct docker *d = c->d;
    struct list *pos, *tmp, now;

    if (c->wedged == wedged)
        return;
    c->wedged = wedged;
    d->trouble.n_wedged += wedged ? 1 : -1;
    if (wedged)
        return;
    list_init(&now);
    list_for_each_safe (pos, tmp, &d->trouble.calls) {
        struct held *h = container_of(pos, struct held, link);

        if (h->c != c)
            continue;
        list_del(&h->link);
        list_add_tail(&now, &h->link);
    }
    while (!list_empty(&now)) {
        struct held *h = container_of(now.next, struct held, link);
        struct exchange *x = h->x;

        list_del(&h->link);
        free(h);
        x->on_gone = NULL;
        docker_handle_again(d, x);
    }
}

/* --- a full disk --------------------------------------------------------------------------- */

int trouble_disk(struct docker *d, const json_t *args, struct err *e)
{
    const char *state = json_str(args, "state");

    if (!str_eq(state, "full") && !str_eq(state, "free"))
        return err_set(e, ERR_USAGE, "disk: %s is neither full nor free",
                       state ? state : "nothing");
    d->trouble.disk_full = str_eq(state, "full");
    return 0;
}

int trouble_disk_full(const struct docker *d, struct problem *p, const char *file, ...)
{
    _cleanup_free_ char *name = NULL;
    va_list ap;

    if (!d->trouble.disk_full)
        return 0;
    va_start(ap, file);
    name = xvasprintf(file, ap);
    va_end(ap);
    return problem(p, 500, "write %s: no space left on device", name);
}

/* --- a restart of the daemon -------------------------------------------------------------- */

/* What a process ends with that is told to: killed when it does not mind. */
static int last_code(const struct container *c)
{
    if (c->run || c->b->ignore_term)
        return 128 + 9;
    return c->b->stop_exit >= 0 ? (int)c->b->stop_exit
                                : 128 + (c->stop_signal ? c->stop_signal : 15);
}

void trouble_shutdown(struct docker *d)
{
    struct list *pos, *tmp;

    d->trouble.shut_down = true;
    list_for_each_safe (pos, tmp, &d->containers) {
        struct container *c = container_of(pos, struct container, link);

        c->ended_by_shutdown = container_running(c);
        if (c->state == CONTAINER_RESTARTING)
            container_become(c, CONTAINER_EXITED);
        else
            container_end(c, last_code(c), false);
    }
}

static bool starts_at_boot(const struct container *c)
{
    return c->ended_by_shutdown && c->state == CONTAINER_EXITED &&
           (c->policy == RESTART_ALWAYS || c->policy == RESTART_UNLESS_STOPPED ||
            (c->policy == RESTART_ON_FAILURE && c->exit_code));
}

void trouble_boot(struct docker *d)
{
    struct list *pos, *tmp;

    d->trouble.shut_down = false;
    d->trouble.held = 0;
    docker_events_forget(d);
    list_for_each_safe (pos, tmp, &d->containers) {
        struct container *c = container_of(pos, struct container, link);
        struct problem p = {0};

        if (starts_at_boot(c))
            container_start(c, &p);
        c->ended_by_shutdown = false;
        free(p.text);
    }
}

void trouble_release(struct docker *d)
{
    while (!list_empty(&d->trouble.calls)) {
        struct held *h = container_of(d->trouble.calls.next, struct held, link);

        h->x->on_gone = NULL;
        list_del(&h->link);
        free(h);
    }
    free(steal_ptr(&d->trouble.action));
}
