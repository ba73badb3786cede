#include "fakes/docker/container.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container_io.h"
#include "fakes/docker/container_process.h"
#include "fakes/docker/links.h"
#include "fakes/docker/published.h"
#include "fakes/docker/rootfs.h"
#include "fakes/docker/trouble.h"
#include "fakes/docker/wire.h"

static const char *const state_names[CONTAINER_STATE_MAX] = {
    [CONTAINER_CREATED] = "created",   [CONTAINER_RUNNING] = "running",
    [CONTAINER_PAUSED] = "paused",     [CONTAINER_RESTARTING] = "restarting",
    [CONTAINER_REMOVING] = "removing", [CONTAINER_EXITED] = "exited",
    [CONTAINER_DEAD] = "dead",
};

/* dockerd's restart manager: doubled each time, forgotten after a run of 10 s. */
#define BACKOFF_FIRST (100 * NS_PER_MS)
#define BACKOFF_MAX   (60 * NS_PER_S)
#define BACKOFF_CLEAN (10 * NS_PER_S)

const char *container_state_name(enum container_state s)
{
    return state_names[s];
}

static struct clock *clock_of(const struct container *c)
{
    return docker_clock(c->d);
}

/* --- finding ----------------------------------------------------------------------------- */

struct container *container_find(struct docker *d, const char *name, struct problem *p)
{
    struct container *c = map_get(&d->by_id, name), *found = NULL;
    struct list *pos;
    size_t n = strlen(name);

    if (!c)
        c = map_get(&d->by_name, *name == '/' ? name + 1 : name);
    if (c)
        return c;
    if (!n) {
        problem(p, 400,
                docker_modern(d) ? "container name or ID is empty"
                                 : "No container name or ID supplied");
        return NULL;
    }
    list_for_each (pos, &d->containers) {
        c = container_of(pos, struct container, link);
        if (strncmp(c->id, name, n) != 0)
            continue;
        if (found) {
            problem(p, 500, "Multiple IDs found with provided prefix: %s", name);
            return NULL;
        }
        found = c;
    }
    if (!found)
        problem(p, 404, "No such container: %s", name);
    return found;
}

bool container_name_valid(const char *name)
{
    if (*name == '/')
        name++;
    if (!isalnum((unsigned char)*name) || !name[1])
        return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && !strchr("_.-", *name))
            return false;
    return true;
}

int container_name_free(struct docker *d, const char *name, struct problem *p)
{
    const struct container *c = map_get(&d->by_name, name);

    if (!c)
        return 0;
    return problem(p, 409,
                   "Conflict. The container name \"/%s\" is already in use by container \"%s\". "
                   "You have to remove (or rename) that container to be able to reuse that name.",
                   name, c->id);
}

/* --- events ------------------------------------------------------------------------------ */

void container_event(struct container *c, const char *action, const char *key, const char *value)
{
    const char *const more[] = {"image", c->image, "name", c->name, key, value};

    docker_event(c->d, EVENT_CONTAINER, action, c->id, &c->labels, more, key ? 3 : 2);
}

static void volume_mount_event(const struct container *c, const struct mount *m)
{
    const char *const more[] = {
        "container", c->id,         "destination",  m->destination, "driver",
        "local",     "propagation", m->propagation, "read/write",   m->rw ? "true" : "false"};

    docker_event(c->d, EVENT_VOLUME, "mount", m->name, NULL, more, 5);
}

static void volume_unmount_event(const struct container *c, const struct mount *m)
{
    const char *const more[] = {"container", c->id, "driver", "local"};

    docker_event(c->d, EVENT_VOLUME, "unmount", m->name, NULL, more, 2);
}

void container_volume_events(const struct container *c, bool mounted)
{
    for (size_t i = 0; i < c->n_mounts; i++) {
        if (!c->mounts[i].volume)
            continue;
        if (mounted)
            volume_mount_event(c, &c->mounts[i]);
        else
            volume_unmount_event(c, &c->mounts[i]);
    }
}

static void die_event(struct container *c)
{
    char code[16], duration[24];
    const char *const more[] = {"exitCode", code,    "image",        c->image,
                                "name",     c->name, "execDuration", duration};

    snprintf(code, sizeof(code), "%d", c->exit_code);
    snprintf(duration, sizeof(duration), "%lld",
             (long long)((clock_mono(clock_of(c)) - c->mono_started) / NS_PER_S));
    docker_event(c->d, EVENT_CONTAINER, "die", c->id, &c->labels, more,
                 docker_modern(c->d) ? 4 : 3);
}

/* --- what an image declares, on the clock ------------------------------------------------ */

static void on_end(struct clock_timer *t)
{
    struct container *c = container_of(t, struct container, end_timer);
    const struct behaviour *b = c->b;

    if (container_command_code(c) >= 0)
        container_end(c, container_command_code(c), false);
    else if (b->oom)
        container_end(c, 137, true);
    else
        container_end(c, b->signal ? 128 + (int)b->signal : (int)b->exit_code, false);
}

void container_end_soon(struct container *c)
{
    clock_timer_start(clock_of(c), &c->end_timer, 0, on_end);
}

static void on_dying(struct clock_timer *t)
{
    struct container *c = container_of(t, struct container, dying_timer);

    container_end(c, c->dying_code, false);
}

static void on_output(struct clock_timer *t)
{
    struct container *c = container_of(t, struct container, output_timer);
    const struct behaviour *b = c->b;

    if (container_command_output(c))
        return;
    if (b->out)
        container_write(c, false, b->out);
    if (b->err_out)
        container_write(c, true, b->err_out);
    c->written++;
    if (b->every && (!b->repeat || c->written < b->repeat))
        clock_timer_start(clock_of(c), t, b->every, on_output);
}

static bool foreign(const struct container *c)
{
    const char *arch = json_str(c->content->file, "architecture");

    return arch && !str_eq(arch, DOCKER_ARCH);
}

static void behave(struct container *c)
{
    struct clock *clock = clock_of(c);
    int64_t after;

    c->written = 0;
    if (c->run)
        return; /* it does what it does */
    if (foreign(c)) {
        container_write(c, true, "exec format error");
        c->dying_code = 1;
        clock_timer_start(clock, &c->dying_timer, 0, on_dying);
        return;
    }
    if (container_command_start(c, &after)) {
        clock_timer_start(clock, &c->output_timer, 0, on_output);
        if (after >= 0)
            clock_timer_start(clock, &c->end_timer, after, on_end);
        return;
    }
    if (c->b->out || c->b->err_out)
        clock_timer_start(clock, &c->output_timer, 0, on_output);
    if (c->b->run_for >= 0)
        clock_timer_start(clock, &c->end_timer, c->b->run_for, on_end);
}

static int64_t freeze(struct clock *clock, struct clock_timer *t)
{
    int64_t left = clock_timer_armed(t) ? t->deadline - clock_mono(clock) : -1;

    clock_timer_stop(clock, t);
    return left;
}

static void stop_timers(struct container *c)
{
    struct clock *clock = clock_of(c);

    clock_timer_stop(clock, &c->end_timer);
    clock_timer_stop(clock, &c->output_timer);
    clock_timer_stop(clock, &c->dying_timer);
    clock_timer_stop(clock, &c->restart_timer);
}

/* --- the state machine ------------------------------------------------------------------- */

static void on_restart(struct clock_timer *t)
{
    struct container *c = container_of(t, struct container, restart_timer);
    struct problem p = {0};

    container_start(c, &p);
    free(p.text);
}

/* running: the process began. */
static void entered_running(struct container *c)
{
    struct clock *clock = clock_of(c);

    c->started = clock_wall(clock);
    c->mono_started = clock_mono(clock);
    c->paused_for = 0;
    c->exit_code = 0;
    c->oom_killed = false;
    c->stopped_by_hand = false;
    c->was_started = c->runtime_known = true;
    free(c->error);
    c->error = NULL;
    c->pid = c->run ? run_pid(c->run) : (int)c->d->next_pid;
    c->d->next_pid += 21;
    container_volume_events(c, true);
    if (c->health)
        health_start(c->health);
    container_event(c, "start", NULL, NULL);
    behave(c);
    if (c->io)
        stdio_set_early(c->io, false);
}

/* exited or restarting: the process is gone; exit_code and oom_killed say how. */
static void entered_end(struct container *c)
{
    struct clock *clock = clock_of(c);

    if (!docker_modern(c->d))
        die_event(c);
    container_disconnect(c);
    container_volume_events(c, false);
    if (docker_modern(c->d)) { /* it is told when all was given back */
        end_ops_done(c, true);
        die_event(c);
    }
    if (c->state == CONTAINER_RESTARTING)
        clock_timer_start(clock, &c->restart_timer, c->backoff, on_restart);
}

void container_become(struct container *c, enum container_state to)
{
    struct clock *clock = clock_of(c);
    enum container_state from = c->state;
    char *what = xasprintf("container %s", c->name);

    c->state = to;
    journal_state(fake_journal(&c->d->fake), "docker", what, state_names[from], state_names[to]);
    free(what);
    switch (to) {
    case CONTAINER_RUNNING:
        if (from != CONTAINER_PAUSED) {
            entered_running(c);
            break;
        }
        c->paused_for += clock_mono(clock) - c->paused_at;
        if (c->end_left >= 0)
            clock_timer_start(clock, &c->end_timer, c->end_left, on_end);
        if (c->output_left >= 0)
            clock_timer_start(clock, &c->output_timer, c->output_left, on_output);
        if (c->health)
            health_resume(c->health);
        container_process_signal_all(c, SIGCONT);
        container_event(c, "unpause", NULL, NULL);
        break;
    case CONTAINER_PAUSED:
        c->paused_at = clock_mono(clock);
        c->end_left = freeze(clock, &c->end_timer);
        c->output_left = freeze(clock, &c->output_timer);
        if (c->health)
            health_stop(c->health);
        container_process_signal_all(c, SIGSTOP);
        container_event(c, "pause", NULL, NULL);
        break;
    case CONTAINER_EXITED:
        if (from != CONTAINER_RESTARTING)
            entered_end(c);
        break;
    case CONTAINER_RESTARTING:
        entered_end(c);
        break;
    default:
        break;
    }
}

void container_add(struct container *c)
{
    char *what = xasprintf("container %s", c->name);

    list_add_head(&c->d->containers, &c->link);
    map_set(&c->d->by_id, c->id, c);
    map_set(&c->d->by_name, c->name, c);
    journal_state(fake_journal(&c->d->fake), "docker", what, "none", state_names[c->state]);
    free(what);
    container_event(c, "create", NULL, NULL);
}

/* --- start ------------------------------------------------------------------------------- */

/* A start that failed: the container stays what it was, and inspect shows why. */
static int start_failed(struct container *c, int exit_code, const struct problem *p)
{
    free(c->error);
    c->error = xstrdup(p->text);
    c->exit_code = exit_code;
    c->runtime_known = true;
    container_disconnect(c);
    return -1;
}

static int runtime_refuses(struct container *c, struct problem *p)
{
    const char *word = c->b->start_error;
    const char *prefix = docker_modern(c->d) ? "failed to create task for container: " : "";
    bool absent = str_eq(word, "not-found"), denied = str_eq(word, "not-executable");
    char *first = xstrdup(c->command);

    first[strcspn(first, " ")] = '\0';
    if (absent || denied)
        problem(p, 400,
                "%sfailed to create shim task: OCI runtime create failed: runc create failed: "
                "unable to start container process: exec: \"%s\": %s: unknown",
                prefix, first,
                denied               ? "permission denied"
                : strchr(first, '/') ? "no such file or directory"
                                     : "executable file not found in $PATH");
    else
        problem(p, 500, "%s", word);
    if (absent && strchr(first, '/')) {
        problem(p, 400,
                "%sfailed to create shim task: OCI runtime create failed: runc create failed: "
                "unable to start container process: exec: \"%s\": stat %s: no such file or "
                "directory: unknown",
                prefix, first, first);
    }
    free(first);
    return start_failed(c, absent ? 127 : denied ? 126 : 128, p);
}

int container_start(struct container *c, struct problem *p)
{
    if (c->state == CONTAINER_PAUSED)
        return problem(p, 409, "cannot start a paused container, try unpause instead");
    if (c->state == CONTAINER_RUNNING)
        return 1;
    if (c->state == CONTAINER_REMOVING || c->state == CONTAINER_DEAD)
        return problem(p, 409, "container is marked for removal and cannot be started");
    clock_timer_stop(clock_of(c), &c->restart_timer);
    int code = 128;

    if (trouble_disk_full(c->d, p, "/var/lib/docker/containers/%s/hosts", c->id) < 0 ||
        container_connect(c, p) < 0) {
        int status = p->status;

        start_failed(c, 128, p);
        p->status = status;
    } else if (docker_windows_start_wrong(c, p) < 0) {
        start_failed(c, 128, p);
    } else if (c->prepared = true,
               links_start_wrong(c, p) < 0 || container_subpaths_wrong(c, p) < 0) {
        start_failed(c, 128, p);
    } else if (c->logged = true, c->b->start_error) {
        runtime_refuses(c, p);
    } else if (container_is_process(c) && container_process_start(c, p, &code) < 0) {
        start_failed(c, code, p);
    } else {
        container_become(c, CONTAINER_RUNNING);
        return 0;
    }
    if (c->state == CONTAINER_RESTARTING) {
        c->finished = clock_wall(clock_of(c));
        container_become(c, CONTAINER_EXITED);
    }
    return -1;
}

/* --- the end ----------------------------------------------------------------------------- */

static bool starts_again(const struct container *c)
{
    if (c->stopped_by_hand || c->d->trouble.shut_down)
        return false;
    switch (c->policy) {
    case RESTART_ALWAYS:
    case RESTART_UNLESS_STOPPED:
        return true;
    case RESTART_ON_FAILURE:
        return c->exit_code && (!c->policy_max || c->restarts < c->policy_max);
    default:
        return false;
    }
}

void container_end(struct container *c, int exit_code, bool oom)
{
    struct clock *clock = clock_of(c);
    bool again;

    if (!container_alive(c))
        return;
    stop_timers(c);
    /* the first process of a namespace is not dead before all others were reaped */
    execs_end(c);
    if (c->health)
        health_end_check(c->health);
    if (c->run)
        run_abandon(steal_ptr(&c->run));
    container_command_stop(c);
    container_output_end(c);
    if (c->io)
        stdio_set_early(c->io, true);
    if (oom)
        container_event(c, "oom", NULL, NULL);
    c->cpu_used = container_cpu(c);
    c->exit_code = exit_code;
    c->oom_killed = oom;
    c->finished = clock_wall(clock);
    c->pid = 0;
    if (c->health)
        health_stop(c->health);
    again = starts_again(c);
    if (again) {
        c->restarts++;
        if (clock_mono(clock) - c->mono_started >= BACKOFF_CLEAN || !c->backoff)
            c->backoff = BACKOFF_FIRST;
        else
            c->backoff = c->backoff * 2 < BACKOFF_MAX ? c->backoff * 2 : BACKOFF_MAX;
    }
    container_become(c, again ? CONTAINER_RESTARTING : CONTAINER_EXITED);
    if (!again)
        log_streams_end(c);
    wait_ops_done(c, WAIT_NEXT_EXIT);
    end_ops_done(c, false);
    if (c->state == CONTAINER_EXITED && c->auto_remove && !c->doomed) {
        struct problem p = {0};

        container_remove(c, true, false, &p); /* c is gone */
        free(p.text);
    }
}

int container_pause(struct container *c, struct problem *p)
{
    const char *word = docker_modern(c->d) ? "container" : "Container";

    if (!container_running(c))
        return problem(p, 409, "%s %s is not running", word, c->id);
    if (c->state == CONTAINER_PAUSED)
        return problem(p, 409, "Container %s is already paused", c->id);
    if (c->state == CONTAINER_RESTARTING)
        return problem(p, 409, "%s %s is restarting, wait until the container is running", word,
                       c->id);
    container_become(c, CONTAINER_PAUSED);
    return 0;
}

int container_unpause(struct container *c, struct problem *p)
{
    if (c->state != CONTAINER_PAUSED)
        return problem(p, 500, "Container %s is not paused", c->id);
    container_become(c, CONTAINER_RUNNING);
    return 0;
}

/* Signals that end a process that has no handler for them, as far as images declare. */
static bool ends(const struct container *c, int signal)
{
    if (signal == 9)
        return true;
    if (c->b->ignore_term && (signal == 15 || signal == c->stop_signal))
        return false;
    return signal == 15 || signal == 2 || signal == 3 || signal == 6 || signal == c->stop_signal;
}

int container_signal(struct container *c, int signal, struct problem *p)
{
    char number[12];

    if (!container_running(c))
        return problem(p, 409, "%s %s is not running",
                       docker_modern(c->d) ? "container" : "Container", c->id);
    if (signal == 9 || signal == c->stop_signal) {
        c->stopped_by_hand = true;
        if (c->health)
            health_stop(c->health);
    }
    if (c->state == CONTAINER_RESTARTING) {
        /* there is no process: it will not start again, and that is its end */
        stop_timers(c);
        container_become(c, CONTAINER_EXITED);
        wait_ops_done(c, WAIT_NEXT_EXIT);
        end_ops_done(c, false);
        return 0;
    }
    snprintf(number, sizeof(number), "%d", signal);
    container_event(c, "kill", "signal", number);
    if (c->state == CONTAINER_PAUSED && (signal == 9 || signal == c->stop_signal))
        container_become(c, CONTAINER_RUNNING);
    if (c->run) {
        run_signal(c->run, signal);
        return 0;
    }
    if (!ends(c, signal))
        return 0;
    c->dying_code = signal != 9 && c->b->stop_exit >= 0 ? (int)c->b->stop_exit : 128 + signal;
    if (signal == 9)
        clock_timer_start(clock_of(c), &c->dying_timer, 0, on_dying);
    else if (!clock_timer_armed(&c->dying_timer))
        clock_timer_start(clock_of(c), &c->dying_timer, c->b->stop_delay, on_dying);
    return 0;
}

/* --- removal ----------------------------------------------------------------------------- */

void mount_release(struct mount *m)
{
    free(m->name);
    free(m->source);
    free(m->destination);
    free(m->mode);
    free(m->propagation);
    free(m->subpath);
}

void container_mounts_release(struct container *c)
{
    for (size_t i = 0; i < c->n_mounts; i++)
        mount_release(&c->mounts[i]);
    free(c->mounts);
}

void container_free(struct container *c)
{
    stop_timers(c);
    links_forget(c);
    while (!list_empty(&c->ends))
        end_op_free(container_of(c->ends.next, struct end_op, link));
    list_del(&c->link);
    execs_remove(c);
    health_free(c->health);
    if (c->run)
        run_abandon(steal_ptr(&c->run));
    container_io_free(c);
    container_root_remove(c);
    output_free(c->output);
    behaviour_unref(c->b);
    for (size_t i = 0; i < c->n_ports; i++) {
        port_unpublish(&c->ports[i]);
        free(c->ports[i].host_ip);
    }
    container_unwire(c);
    container_mounts_release(c);
    free(c->ports);
    pairs_release(&c->labels);
    free(c->name);
    free(c->error);
    free(c->image);
    free(c->config);
    free(c->config_ports);
    free(c->host_config);
    free(c->path_args);
    free(c->command);
    free(c->network_mode);
    endpoints_release(c);
    free(c->log_driver);
    free(c->cpuset);
    free(c->mac);
    free(c->hostname);
    content_unref(c->content);
    free(c);
}

static int not_stopped(struct container *c, struct problem *p)
{
    bool paused = c->state == CONTAINER_PAUSED;

    if (docker_modern(c->d))
        return problem(p, 409, "cannot remove container \"/%s\": container is %s", c->name,
                       paused ? "paused and must be unpaused first"
                       : c->state == CONTAINER_RESTARTING
                           ? "restarting: stop the container before removing or force remove"
                           : "running: stop the container before removing or force remove");
    if (paused)
        return problem(p, 409,
                       "You cannot remove a paused container %s. Unpause and then stop the "
                       "container before attempting removal or force remove",
                       c->id);
    return problem(p, 409,
                   "You cannot remove a %s container %s. Stop the container before attempting "
                   "removal or force remove",
                   state_names[c->state], c->id);
}

int container_remove(struct container *c, bool volumes, bool force, struct problem *p)
{
    struct docker *d = c->d;

    if (container_running(c) && !force)
        return not_stopped(c, p);
    c->doomed = true;
    if (container_running(c))
        container_signal(c, 9, p);
    if (container_alive(c)) /* the signal has not arrived yet */
        container_end(c, 137, false);
    container_become(c, CONTAINER_REMOVING);
    for (size_t i = 0; i < c->n_mounts; i++) {
        struct volume *v = c->mounts[i].volume;

        if (v && !--v->uses && volumes && v->anonymous)
            volume_remove(d, v);
        c->mounts[i].volume = NULL;
    }
    map_remove(&d->by_id, c->id);
    map_remove(&d->by_name, c->name);
    links_forget(c);
    list_del(&c->link);
    container_event(c, "destroy", NULL, NULL);
    wait_ops_done(c, WAIT_REMOVED);
    log_streams_end(c);
    stat_streams_end(c);
    container_free(c);
    return 0;
}

void docker_containers_release(struct docker *d)
{
    while (!list_empty(&d->containers))
        container_free(container_of(d->containers.next, struct container, link));
    map_release(&d->by_id);
    map_release(&d->by_name);
}
