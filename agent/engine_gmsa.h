/*
 * engine_gmsa.h - group managed service accounts of a task; shared by engine_gmsa*.c alone.
 *
 * A task's specs are fetched one after the other (engine_gmsa.c). On Linux tickets
 * are then leased from credentials-fetcher, one lease for all specs of a joined instance and one
 * for each domainless spec (engine_gmsa_linux.c); on Windows the specs become files
 * (engine_gmsa_windows.c). What came of it is saved with the task: task->tickets says what each
 * spec has become, task->leases what has to be given back.
 */
#ifndef AGENT_ENGINE_GMSA_H
#define AGENT_ENGINE_GMSA_H

#include "agent/credential_spec.h"
#include "agent/credfetch_client.h"
#include "agent/engine_internal.h"

/* How long a task waits for its role after a restart. (taskresource: since 1.101.2) */
#define GMSA_ROLE_WAIT (60 * NS_PER_S)

struct gmsa_spec {
    char *text;            /* as the container has it */
    const char *container; /* the last that has it */
    struct credential_spec spec;
    char *content; /* NULL: not there yet */
    size_t n;
    struct credential_spec_account account;
    bool asked; /* a lease for it, or in this round for its user's renewal */
};

/* A lease that is being given back. */
struct gmsa_delete {
    struct task *t;
    struct credfetch_call *call;
};

struct gmsa_work {
    struct task *t;
    struct gmsa_spec *specs;
    size_t n;
    size_t at; /* of them, the one that a call is under way for */
    struct s3_request *s3;
    struct aws_call *aws;
    struct credfetch_call *daemon;
    struct clock_timer role_wait;
    bool renewing, renew_again;
    struct gmsa_delete *deletes; /* NULL: not begun */
    size_t n_deletes;
};

/* The task is to stop, for this reason. */
void gmsa_fail(struct task *t, const char *why);

/* The credentials of the execution role; NULL: they are not there yet, or the task failed. */
const struct task_credential *gmsa_role(struct task *t);

/* Fetches the first spec that has no content yet and is to have one; 0: there is none left, 1: it
 * is under way, -1 with the reason in e. */
int gmsa_fetch_next(struct task *t, struct err *e);

/* What the spec has become. */
const char *gmsa_target(const struct task *t, const char *text);
void gmsa_set_target(struct task *t, const char *text, const char *target);

/* Both return true when nothing is left to be done but to create containers. */
bool gmsa_lease_next(struct task *t);
bool gmsa_write_files(struct task *t);

/* Linux: the next step of a renewal. */
void gmsa_renew_next(struct task *t);
void gmsa_end_renewal(struct task *t, const struct err *e); /* e: ERR_NONE, or why it failed */
/* Linux: gives all leases back; so many calls are under way, each ends in engine_removed(). */
unsigned int gmsa_start_deletes(struct task *t);
/* Windows: files that were made for the task go. */
void gmsa_remove_files(struct task *t);

#endif
