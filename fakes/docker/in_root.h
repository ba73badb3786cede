/*
 * in_root.h - paths inside a folder that holds a root file system.
 *
 * The folder's content comes from strangers: an absolute link, or one with "..",
 * must not lead out of it. All paths here are resolved by the kernel with the
 * folder as root (openat2, RESOLVE_IN_ROOT).
 */
#ifndef FAKES_DOCKER_IN_ROOT_H
#define FAKES_DOCKER_IN_ROOT_H

#include <stdbool.h>
#include <sys/types.h>

/* As open(); path may begin with a slash. O_CLOEXEC is added. -1 and errno. */
int in_root_open(int root, const char *path, int flags, mode_t mode);
/* A descriptor (O_PATH) of the folder that holds the last part of path, and that part in
 * *ret_name (points into path; "." for the root itself). -1 and errno. */
int in_root_parent(int root, const char *path, const char **ret_name);
/* mkdir -p. -1 and errno. */
int in_root_mkdirs(int root, const char *path, mode_t mode);
/* Makes sure that there is something to mount on: a folder, or an empty file; returns its
 * descriptor (O_PATH), or -1 and errno. */
int in_root_mount_point(int root, const char *path, bool folder);

#endif
