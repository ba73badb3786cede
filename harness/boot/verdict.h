/*
 * verdict.h - will this machine boot, with these units and this user data? And does the agent run
 * then? What `ecsim boot-check` says, and what the model says beside a real boot (machine.h).
 *
 *   boots      every job ends; units[] says which unit is up, and whether it came up after the
 *              user data had run
 *   deadlock   jobs wait for each other: jobs[] are those that are left, cycle[] those of them that
 *              are a circle, with the reason for each wait
 *   agent-down it boots, but nothing starts an agent's unit that is there
 *   dropped    an ordering cycle; systemd deletes a job, and a unit that was asked for may stay
 * down
 *
 * Life cycle: boot_check() gives a JSON object (the caller's reference); verdict_text() makes the
 * text for a person of it.
 */
#ifndef HARNESS_BOOT_VERDICT_H
#define HARNESS_BOOT_VERDICT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "harness/boot/machine.h"

struct boot_check {
    const char *const *unit_files;    /* paths, NULL-terminated; may be NULL */
    const struct machine_unit *texts; /* units as text; may be NULL */
    size_t n_texts;
    const char *const *disabled; /* units that are not enabled before the boot; may be NULL */
    const char *user_data;       /* NULL: none */
    size_t user_data_len;
    const char *user_data_name; /* what messages call it */
    const char *root; /* a machine's root folder to read units from; NULL: built-in ones */
    const char *host; /* builtin.h; not with root */
};

/* NULL: a file cannot be read or makes no sense; e says which and where. */
json_t *boot_check(const struct boot_check *c, struct err *e);

/* "boots", "deadlock", "dropped" or "agent-down". */
const char *verdict_of(const json_t *v);
/* True when there is something that a person should change although it boots. */
bool verdict_warns(const json_t *v);
/* trace: with every step of the model. */
void verdict_text(const json_t *v, bool trace, struct buf *out);

#endif
