/*
 * console.h - the console of a machine whose systemd logs with level debug: lines to events.
 *
 * The lines are those of systemd 252 (src/core/job.c, service.c, transaction.c, manager.c), as a
 * real one printed them.
 */
#ifndef HARNESS_BOOT_CONSOLE_H
#define HARNESS_BOOT_CONSOLE_H

#include <jansson.h>
#include <stddef.h>

/* What the line tells, with the members that machine.h names (a new reference); NULL: nothing that
 * counts. */
const char *console_event(const char *line, size_t n, json_t **ret);

#endif
