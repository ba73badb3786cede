/*
 * machine_root.h - the root folder of a machine: part of machine.h, not for others.
 */
#ifndef HARNESS_BOOT_MACHINE_ROOT_H
#define HARNESS_BOOT_MACHINE_ROOT_H

#include "harness/boot/machine.h"

/* Where the agent and its supervisor are, inside. */
#define MACHINE_BIN "/usr/local/bin"
/* The folder of the engine's socket. */
#define MACHINE_ENGINE "/run/engine"

/* Makes the folder `root` with all that is in it; mounts /usr there (we are in a sandbox). */
int machine_root_make(const char *root, const struct machine_spec *spec, struct err *e);

#endif
