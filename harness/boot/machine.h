/*
 * machine.h - a throw-away machine: a real systemd as PID 1 and a real cloud-init, below
 * systemd-nspawn, in the scenario's sandbox.
 *
 * Its root folder is made anew: /usr is this machine's, read-only (so its systemd and cloud-init
 * are the ones that are installed here), /etc holds the few files that programs need, the
 * units of the scenario, links that enable them and cloud-init's, and user data for the NoCloud
 * data source. It shares the sandbox's network, so that an agent in it meets the fakes at the
 * real addresses, and its DOCKER_HOST is the fake engine. The scenario's data and log
 * folders are its /var/lib/ecs/data and /var/log/ecs.
 *
 * PID 1 logs all it does to its console (log_level=debug), which we read: what becomes of each job
 * and unit is told as systemd says it, in order. When nothing was said for MACHINE_QUIET_NS and
 * jobs are left, systemd itself is asked who waits for whom (systemctl list-jobs --before), and
 * each systemctl that hangs is found by its process and the unit whose control group it is in.
 * Waits that come round are a deadlock.
 *
 * Life cycle: machine_make(), machine_boot(), events, machine_end() (waits until all of it is
 * gone), machine_free().
 */
#ifndef HARNESS_BOOT_MACHINE_H
#define HARNESS_BOOT_MACHINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/map.h"
#include "harness/proc.h"

#define MACHINE_QUIET_NS (700 * NS_PER_MS)
/* How long the machine may take to go once it is killed. */
#define MACHINE_END_NS (10 * NS_PER_S)

struct machine_unit {
    char *name; /* "ecs.service" or "ecs.service.d/x.conf" */
    char *text;
    size_t len;
};

struct machine_spec {
    const char *dir;  /* the scenario's folder */
    const char *host; /* "amazon-linux" or "debian": the order of its cloud-final.service */
    const struct machine_unit *units;
    size_t n_units;
    bool disabled;         /* the units are not enabled before the boot */
    const char *user_data; /* "" : none */
    size_t user_data_len;
    char *const *env;   /* environment of the agent, NAME=VALUE */
    char *const *agent; /* its command line; NULL: none */
    const char *engine; /* folder that holds docker.sock; NULL: there is none */
};

struct machine;

struct machine_ops {
    /*
     * Something happened; `event` is borrowed.
     *   job       unit type state ("queued" "done" "deleted"), result
     *   unit      unit from to
     *   exit      unit code: a main process ended
     *   restart   unit: it will be started again
     *   log       body: a line of something else
     *   up        all jobs of the boot are through
     *   deadlock  cycle[] of unit, type, state, why; jobs[]
     *   end       code; never_began: what was said instead, when its systemd did not come to run
     */
    void (*on_event)(void *data, const char *what, json_t *event);
};

/* NULL: a real machine can be had here; else what is missing, in words. In a sandbox, as root. */
const char *machine_missing(void);

/* Makes the root folder below spec->dir. */
struct machine *machine_make(const struct machine_spec *spec, struct err *e);
/* The root folder: units can be read from it. */
const char *machine_root(const struct machine *m);
int machine_boot(struct machine *m, struct procs *ps, const struct machine_ops *ops, void *data,
                 struct err *e);
bool machine_runs(const struct machine *m);
/* A command line that runs `words` inside, NULL-terminated; freed with str_argv_free(). NULL: it
 * does not run. */
char **machine_inside(const struct machine *m, char *const *words);
/* Kills it. It is gone when machine_runs() is false. */
void machine_kill(struct machine *m);
/* After that: takes away its control group. NULL is fine. */
void machine_free(struct machine *m);

#endif
