/*
 * machine_waits.h - who waits for whom in a machine that does not go on: part of machine.h, not
 * for others.
 */
#ifndef HARNESS_BOOT_MACHINE_WAITS_H
#define HARNESS_BOOT_MACHINE_WAITS_H

#include <jansson.h>

/*
 * list: what `systemctl list-jobs --before --full --no-legend` said. Waits of jobs are from there,
 * those of systemctl processes from /proc: one that hangs in a unit's control group makes that
 * unit's job wait for the jobs that it asked for. A new reference to {cycle: [...], jobs: [...]} as
 * in verdict.h; NULL: the waits do not come round.
 */
json_t *machine_deadlock(const char *list);

#endif
