/*
 * units_load.h - how units get into a set: part of units.h, not for others.
 */
#ifndef HARNESS_BOOT_UNITS_LOAD_H
#define HARNESS_BOOT_UNITS_LOAD_H

#include "harness/boot/units.h"

/* The unit of this name or of what it is an alias for, perhaps not loaded yet. NULL: too many. */
struct unit *units_stub(struct units *us, const char *name);
/* Loads what is not loaded, and what that depends on. */
void units_load_all(struct units *us);

#endif
