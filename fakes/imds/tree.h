/*
 * tree.h - what the metadata tree holds. Private to fakes/imds.
 *
 * The tree is a table of paths and texts, both with {facts} in them; a fact is
 * itself a path that a scenario may set ("meta-data/mac" moves the whole folder
 * of the interface). Nothing is kept: each question is answered from the table,
 * the world's identity and what was set.
 */
#ifndef FAKES_IMDS_TREE_H
#define FAKES_IMDS_TREE_H

#include "fakes/imds/imds.h"

enum imds_found { IMDS_NOTHING, IMDS_LEAF, IMDS_FOLDER };

/* Looks path up ("meta-data/instance-id", no slash in front; one at the end is ignored) and
 * appends the text of the leaf or the names of the folder. */
enum imds_found imds_lookup(struct imds *m, const char *path, struct buf *out);

/* "/latest/meta-data/mac", "meta-data/mac", "mac": the path below /latest, to be freed. */
char *imds_path(const char *path);

/* "usw2-az1" of region "us-west-2" and zone "us-west-2a". Appends. */
void imds_zone_id(struct buf *out, const char *region, const char *zone);

/* role.c: the leaf below iam/security-credentials/, and iam/info. */
void imds_credentials(struct imds *m, struct buf *out);
void imds_profile(struct imds *m, struct buf *out);
/* Forgets the credentials in use, so that the next question gets new ones. */
void imds_role_rotate(struct imds *m);
void imds_role_set(struct imds *m, const char *name, int64_t lifetime, const char *code);
void imds_role_release(struct imds *m);

#endif
