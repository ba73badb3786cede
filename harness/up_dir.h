/*
 * up_dir.h - the folder of a world that `ecsim up` started, and who holds it.
 *
 * All worlds of a user lie in one folder (XDG_RUNTIME_DIR/ecsim, else
 * TMPDIR/ecsim-UID), which nobody else may enter. A world's folder is held by a
 * lock for as long as its process lives: a crash lets go of it by itself, and
 * the next `up` of that name clears what was left.
 */
#ifndef HARNESS_UP_DIR_H
#define HARNESS_UP_DIR_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

#define UP_NAME "default"

struct up_dir {
    char *base; /* of all worlds */
    char *path; /* of this one */
    int lock;   /* -1: not held by us */
};

/* Finds the place; nothing is made. -1 with ERR_USAGE for a name that cannot be a folder's. */
int up_dir_init(struct up_dir *d, const char *name, struct err *e);
void up_dir_release(struct up_dir *d);

/* Makes the folder empty and holds it. -1 with ERR_CONFLICT when a world of that name runs. */
int up_dir_hold(struct up_dir *d, struct err *e);
/* Removes it; for who holds it. */
void up_dir_remove(struct up_dir *d);

/* The process that holds it, or -1. */
pid_t up_dir_holder(const struct up_dir *d);

/* Names of all worlds that run, NULL-terminated; free() each and the list. */
char **up_dir_list(const struct up_dir *d);

/* Path of a file in it, to be freed. */
char *up_dir_file(const struct up_dir *d, const char *name);

#endif
