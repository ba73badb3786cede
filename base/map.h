/*
 * map.h - string to pointer, hashed, insertion order kept.
 *
 * Keys are copied; values belong to the caller. Iteration goes in the order of
 * insertion and may remove the current entry, nothing else.
 */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

struct map_entry {
    char *key; /* NULL: removed */
    void *value;
    uint32_t hash;
};

struct map {
    struct map_entry *entries; /* in order, with holes */
    uint32_t *slots;           /* index + 1 into entries; 0 = empty */
    size_t used;               /* entries with holes counted */
    size_t count;              /* entries without holes */
    size_t entry_room, slot_room;
};

void map_init(struct map *m); /* zeroed memory is an empty map too */
void map_release(struct map *m);

static inline size_t map_count(const struct map *m)
{
    return m->count;
}

void *map_get(const struct map *m, const char *key);
/* Sets, and returns the value that was there before (NULL: none). value may not be NULL. */
void *map_set(struct map *m, const char *key, void *value);
/* Removes, and returns the value (NULL: none). */
void *map_remove(struct map *m, const char *key);

/* for (size_t i = 0; map_next(&m, &i, &key, &value);) */
int map_next(const struct map *m, size_t *i, const char **ret_key, void **ret_value);

#endif
