/*
 * world.h - the parts of struct world that are private to fakes/core.
 *
 * fake.h declares struct world for everybody; the members that only the core
 * touches are documented there as private. This header holds what the core's
 * own files share.
 */
#ifndef FAKES_CORE_WORLD_H
#define FAKES_CORE_WORLD_H

#include "fakes/core/fake.h"

/* Journals that a fault hit this call. */
void world_fault_applied(struct world *w, const char *peer, const char *what,
                         const struct fault *fault);

#endif
