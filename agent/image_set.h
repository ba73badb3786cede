/*
 * image_set.h - the images that this agent has pulled or used, by id.
 *
 * One id may have several names; a name belongs to one id: when a tag has moved,
 * the image that had it loses it. Pure data: who refers to an image is not
 * kept here, the engine knows it from its tasks. (engine/image/types.go)
 *
 * Life cycle: image_set_init(), image_set_release(). A state lives until
 * image_set_drop().
 */
#ifndef AGENT_IMAGE_SET_H
#define AGENT_IMAGE_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "base/list.h"

struct image_state {
    struct list link;
    char *id;
    json_t *names;                /* array; empty: nobody can pull it by a name any more */
    int64_t size;                 /* bytes */
    int64_t pulled_at, last_used; /* wall */
    bool pulled;                  /* by this agent, not only found */
    bool passed_over;             /* by this cycle of the clean-up */
    bool dirty;                   /* not saved */
};

struct image_set {
    struct list states;
};

void image_set_init(struct image_set *s);
void image_set_release(struct image_set *s);

struct image_state *image_set_find(const struct image_set *s, const char *id);
struct image_state *image_set_named(const struct image_set *s, const char *name);
/* Iteration in the order of arrival: NULL starts; NULL at the end. */
struct image_state *image_set_next(const struct image_set *s, const struct image_state *after);

/* The image has this name now; made when it is new. */
struct image_state *image_set_use(struct image_set *s, const char *id, const char *name,
                                  int64_t size, int64_t now);
void image_state_unname(struct image_state *st, const char *name);
bool image_state_has_name(const struct image_state *st, const char *name);
void image_set_drop(struct image_state *st);

/* For the store. load: -1 when it is none. */
json_t *image_state_json(const struct image_state *st);
int image_set_load(struct image_set *s, const char *id, const json_t *state);

#endif
