/*
 * rootfs.h - the files of containers, on disk.
 *
 * The engine has a folder of its own, made when it is first needed and removed
 * with the engine:
 *   containers/ID/    of a container that was started as a process, or whose files
 *                     somebody asked for: root/ and its hosts, hostname, resolv.conf
 *   volumes/NAME/     of a volume that such a container has
 * A simulated container that nobody looks into has no files at all.
 *
 * What is in a new container is what the layers of its image hold (content.h). An
 * image without a file has the usual folders.
 */
#ifndef FAKES_DOCKER_ROOTFS_H
#define FAKES_DOCKER_ROOTFS_H

#include "fakes/docker/container.h"

/* Descriptor (O_PATH) of the container's root folder, which is made at need; -1 and e. */
int container_root(struct container *c, struct err *e);
/* Its path; and that of another file of the container ("hosts"). To be freed. */
char *container_root_path(const struct container *c);
char *container_file(const struct container *c, const char *name);
void container_root_remove(struct container *c);

/* The folder of a mount of the container, made at need; to be freed. NULL: it has none (tmpfs). */
char *mount_folder(struct container *c, const struct mount *m, struct err *e);
/* Bytes of the files in a volume. */
int64_t volume_bytes(const struct docker *d, const struct volume *v);
void volume_folder_remove(struct docker *d, const struct volume *v);

/* Where path lies: *ret_root is a descriptor of the container's root or of one of its mounts, and
 * the result the path in there, to be freed. NULL and e. */
char *container_path(struct container *c, const char *path, int *ret_root, bool *ret_readonly,
                     struct err *e);

/* Whether a mount is at this path, or above it. */
bool mount_holds(const struct container *c, const char *path);

/* [{"Path":"/tmp","Kind":0},...] or null: what differs from the image. */
int container_changes(struct container *c, struct buf *b, struct err *e);

/* The same as the tar of a layer: a file without a name, positioned anywhere; 0: nothing differs.
 */
int container_changes_tar(struct container *c, struct err *e);
/* Bytes of the files that differ; 0 when it cannot be known. */
int64_t container_changes_size(struct container *c);

void docker_files_release(struct docker *d);

#endif
