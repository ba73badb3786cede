/*
 * ref.h - names of images, as the distribution library reads and writes them.
 *
 * "busybox" is docker.io/library/busybox, tag latest. People and most answers
 * see the familiar form ("busybox:latest"); registries see the full one.
 */
#ifndef FAKES_DOCKER_REF_H
#define FAKES_DOCKER_REF_H

#include <stdbool.h>

struct ref {
    char *domain; /* "docker.io", "127.0.0.1:5000" */
    char *path;   /* "library/busybox" */
    char *tag;    /* "1.36", or NULL */
    char *digest; /* "sha256:...", or NULL */
    char *repo;   /* familiar: "busybox", "127.0.0.1:5000/lib/busybox" */
};

/* Reads a name. 0; or -1 with a static text of the library's in *ret_why. */
int ref_parse(struct ref *r, const char *name, const char **ret_why);
void ref_release(struct ref *r);

/* Sets tag latest when there is neither tag nor digest. */
void ref_default_tag(struct ref *r);

/* repo:tag, repo@digest or repo; with both, the digest wins. To be freed. */
char *ref_familiar(const struct ref *r);

bool ref_tag_valid(const char *tag);
bool ref_digest_valid(const char *digest); /* sha256: and 64 lower-case hex digits */

#endif
