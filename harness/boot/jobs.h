/*
 * jobs.h - the job engine of systemd 252, as far as the order of a boot depends on it.
 *
 * A request (start, stop, restart) becomes a transaction: the unit's job and those that its
 * dependencies pull in. Ordering cycles in it are broken as systemd does: a job goes whose unit
 * the request does not need (which of several is by chance there; here the last one found, all of
 * them are told). The rest is added to the queue. A job runs when no unit that it is ordered after
 * has a job that comes first (a stop before a start, a restart's stop before everything).
 *
 * Services are up at once, but for a script that is attached to one (boot_attach()), or commands
 * to systemd in its own ExecStartPre=, ExecStart= (Type=oneshot) and ExecStartPost=: these run one
 * after another, each after everything else has come to rest, and one that blocks waits until
 * the jobs that it asked for are gone (below timeout(1): or until nothing else happens any more).
 * Nothing fails by itself.
 *
 * After transaction.c and job.c of systemd 252; what is not there: job time-outs, OnFailure=,
 * conditions, failing services.
 *
 * Life cycle: boot_init(), boot_attach(), boot_request(), boot_run() ..., boot_release().
 */
#ifndef HARNESS_BOOT_JOBS_H
#define HARNESS_BOOT_JOBS_H

#include <stdbool.h>
#include <stddef.h>

#include "harness/boot/command.h"
#include "harness/boot/units.h"

enum job_type { JOB_START, JOB_STOP, JOB_RESTART, JOB_TRY_RESTART };

struct job {
    struct unit *unit;
    enum job_type type;
    bool running; /* it has begun; only one with a script stays so */
    bool ignore_order;
    bool installed;      /* false: part of a transaction that is being built */
    bool matters;        /* the request cannot do without it */
    const struct op *by; /* the command that asked for it; NULL: the boot */
};

/* A script that a unit runs while it starts. */
struct attached {
    struct unit *unit;
    const struct script *script;
    size_t at;          /* the next command */
    struct unit **wait; /* units whose jobs the newest command waits for */
    size_t n_wait, wait_room;
    const struct op *waiting; /* that command; NULL: it does not wait */
    bool over;
    struct script *own; /* read from the unit's Exec lines; NULL: borrowed */
};

/* An ordering cycle that was broken. */
struct cycle {
    char *text;          /* "ecs.service -> multi-user.target -> ... " with the reasons */
    struct unit **units; /* in order */
    size_t n;
    struct unit **may_go; /* those whose job systemd may have dropped */
    size_t n_may_go;
};

struct boot {
    struct units *us;
    struct job **jobs; /* installed */
    size_t n, room;
    struct attached *scripts;
    size_t n_scripts, script_room;
    struct cycle *cycles;
    size_t n_cycles, cycle_room;
    struct job **fresh; /* the transaction that is being built */
    size_t n_fresh, fresh_room;
    unsigned clock, mark;
    char **log; /* what happened, a line each */
    size_t n_log, log_room;
};

void boot_init(struct boot *b, struct units *us);
void boot_release(struct boot *b);

/* The unit runs this script while it starts; borrowed. */
void boot_attach(struct boot *b, struct unit *u, const struct script *s);

/* As `systemctl TYPE UNIT`. -1: the request is refused (no such unit, masked, a cycle that cannot
 * be broken), and the reason is in the log. */
int boot_request(struct boot *b, struct unit *u, enum job_type type, bool ignore_order,
                 const struct op *by);

/* Runs until nothing more happens. */
void boot_run(struct boot *b);

/* Executes one command as a person who logs in would, and runs on. */
void boot_command(struct boot *b, const struct op *o);

/* The job that keeps this one from running, with the reason; NULL: nothing does. */
const struct job *boot_blocker(const struct boot *b, const struct job *j, const struct edge **why);

/* The script of a unit whose job runs; NULL: none. */
const struct attached *boot_script_of(const struct boot *b, const struct unit *u);

const char *job_type_name(enum job_type t);

#endif
