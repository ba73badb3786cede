/*
 * state_store.h - what the agent knows, kept in ECS_DATADIR/agent.db (SQLite).
 *
 * Each function that writes has written when it returns: a kill -9 at any
 * moment loses nothing that was written, and never leaves half of one record
 * (write-ahead log; SQLite replays or drops what was not committed). A power
 * cut may lose the last records, never the file.
 *
 * Garbage: a file that is not a database, or a broken one, is moved aside to
 * agent.db.corrupt-<time> and the agent starts as a new one; open tells so in
 * `note`, for one clear log line. The official agent exits instead (1 or 5,
 * for ever, until a person removes the file): the instance is lost to its
 * cluster although nothing but its memory is broken. A single record that
 * cannot be read does not stop the others.
 * A file with a newer schema is not garbage: it is refused (ERR_USAGE), so
 * that going back to an older agent does not destroy state.
 *
 * One agent at a time: the file is locked while it is open (ERR_CONFLICT).
 *
 * NULL as store means "checkpointing is off": writes succeed, reads find nothing.
 */
#ifndef AGENT_STATE_STORE_H
#define AGENT_STATE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

/* 1: names of images alone, of those that were pulled; 2: no attachments. */
#define STATE_SCHEMA 3

/* Keys of the metadata, named as in the official agent's state. */
#define STATE_AGENT_VERSION     "agent-version"
#define STATE_CLUSTER           "cluster-name"
#define STATE_INSTANCE_ARN      "container-instance-arn"
#define STATE_EC2_INSTANCE_ID   "ec2-instance-id"
#define STATE_AVAILABILITY_ZONE "availability-zone"
#define STATE_MANIFEST_SEQ      "task-manifest-seq-num"

struct state_store;

/*
 * Opens or creates <dir>/agent.db (mode 0600). wall: ns since 1970, for the
 * name of a file moved aside. note: "" or a line to log as a warning.
 * NULL with ERR_SYS (dir missing, not writable), ERR_USAGE (newer schema), ERR_CONFLICT
 * (in use).
 */
struct state_store *state_store_open(const char *dir, int64_t wall, char note[512], struct err *e);
void state_store_close(struct state_store *s); /* NULL is fine */

/* To be freed; NULL when there is none. */
char *state_store_get(struct state_store *s, const char *key);
int state_store_set(struct state_store *s, const char *key, const char *value, struct err *e);

/* Everything of a task at once: spec is what never changes, state what does. */
int state_store_put_task(struct state_store *s, const char *arn, const json_t *spec,
                         const json_t *state, struct err *e);
int state_store_put_task_state(struct state_store *s, const char *arn, const json_t *state,
                               struct err *e);
int state_store_put_container(struct state_store *s, const char *arn, const char *name,
                              const json_t *state, struct err *e);
int state_store_delete_task(struct state_store *s, const char *arn, struct err *e);

/*
 * Writes between begin and commit are one commit. A commit that fails has
 * undone them; whoever gives up in between calls rollback. Pairs do not nest.
 */
int state_store_begin(struct state_store *s, struct err *e);
int state_store_commit(struct state_store *s, struct err *e);
void state_store_rollback(struct state_store *s);

/* What is known of an image (image_set.h). */
int state_store_put_image(struct state_store *s, const char *id, const json_t *state,
                          struct err *e);
int state_store_delete_image(struct state_store *s, const char *id, struct err *e);
/* key: the id of an image, the name of a container. */
typedef void (*state_row_fn)(const char *key, json_t *state, void *user);
/* fn for each saved image whose state is JSON. */
int state_store_images(struct state_store *s, state_row_fn fn, void *user, struct err *e);

/*
 * fn for each saved task, oldest first. spec or state is NULL when its text is
 * not JSON; container states are looked up with state_store_container().
 */
typedef void (*state_task_fn)(const char *arn, json_t *spec, json_t *state, void *user);
int state_store_tasks(struct state_store *s, state_task_fn fn, void *user, struct err *e);
/* New reference, NULL when there is none or it is not JSON. */
json_t *state_store_container(struct state_store *s, const char *arn, const char *name);

/* fn for each saved container of a task whose state is JSON. */
int state_store_containers(struct state_store *s, const char *arn, state_row_fn fn, void *user,
                           struct err *e);

/* Network interfaces and the like, by ARN (attachment.h). */
int state_store_put_attachment(struct state_store *s, const char *arn, const json_t *state,
                               struct err *e);
int state_store_delete_attachment(struct state_store *s, const char *arn, struct err *e);
int state_store_attachments(struct state_store *s, state_row_fn fn, void *user, struct err *e);

/* Forgets tasks, images, attachments and metadata: the instance has become another one. */
int state_store_reset(struct state_store *s, struct err *e);

#endif
