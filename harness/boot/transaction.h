/*
 * transaction.h - from a request to jobs, and what jobs.c and transaction.c share: part of jobs.h,
 * not for others.
 */
#ifndef HARNESS_BOOT_TRANSACTION_H
#define HARNESS_BOOT_TRANSACTION_H

#include "harness/boot/jobs.h"

/* Takes the text. */
void boot_log(struct boot *b, char *text);

/* The edge orders the units of two jobs: must `asked`, which is one of them, wait for the other? */
bool boot_must_wait(const struct edge *g, const struct job *from, const struct job *to,
                    const struct job *asked);

#endif
