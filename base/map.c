#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* FNV-1a: keys are short ids and names, and no peer gains from colliding them. */
static uint32_t hash_key(const char *s)
{
    uint32_t h = 2166136261u;

    for (; *s; s++)
        h = (h ^ (unsigned char)*s) * 16777619u;
    return h ? h : 1;
}

void map_init(struct map *m)
{
    *m = (struct map){0};
}

void map_release(struct map *m)
{
    for (size_t i = 0; i < m->used; i++)
        free(m->entries[i].key);
    free(m->entries);
    free(m->slots);
    map_init(m);
}

static void rebuild(struct map *m)
{
    size_t n = 0, room = 16;

    for (size_t i = 0; i < m->used; i++)
        if (m->entries[i].key)
            m->entries[n++] = m->entries[i];
    m->used = n;
    /* A quarter full: half is allowed, so as many additions as there are
     * entries pass before the next time, also when old ones are removed. */
    while (room < n * 4)
        room *= 2;
    free(m->slots);
    m->slots = new0_array(uint32_t, room);
    m->slot_room = room;
    for (size_t i = 0; i < n; i++) {
        size_t s = m->entries[i].hash & (room - 1);

        while (m->slots[s])
            s = (s + 1) & (room - 1);
        m->slots[s] = (uint32_t)i + 1;
    }
}

static struct map_entry *find(const struct map *m, const char *key, uint32_t hash)
{
    if (!m->slot_room)
        return NULL;
    for (size_t s = hash & (m->slot_room - 1); m->slots[s]; s = (s + 1) & (m->slot_room - 1)) {
        struct map_entry *e = &m->entries[m->slots[s] - 1];

        if (e->key && e->hash == hash && !strcmp(e->key, key))
            return e;
    }
    return NULL;
}

void *map_get(const struct map *m, const char *key)
{
    struct map_entry *e = find(m, key, hash_key(key));

    return e ? e->value : NULL;
}

void *map_set(struct map *m, const char *key, void *value)
{
    uint32_t hash = hash_key(key);
    struct map_entry *e = find(m, key, hash);
    size_t s;

    if (e) {
        void *old = e->value;

        e->value = value;
        return old;
    }
    if ((m->used + 1) * 2 > m->slot_room)
        rebuild(m);
    grow_array(m->entries, m->used, m->entry_room);
    m->entries[m->used] = (struct map_entry){xstrdup(key), value, hash};
    for (s = hash & (m->slot_room - 1); m->slots[s]; s = (s + 1) & (m->slot_room - 1))
        ;
    m->slots[s] = (uint32_t)++m->used;
    m->count++;
    return NULL;
}

void *map_remove(struct map *m, const char *key)
{
    struct map_entry *e = find(m, key, hash_key(key));
    void *old;

    if (!e)
        return NULL;
    old = e->value;
    free(e->key);
    e->key = NULL; /* the slot stays: probing must walk over it */
    e->value = NULL;
    m->count--;
    return old;
}

int map_next(const struct map *m, size_t *i, const char **ret_key, void **ret_value)
{
    while (*i < m->used) {
        const struct map_entry *e = &m->entries[(*i)++];

        if (!e->key)
            continue;
        if (ret_key)
            *ret_key = e->key;
        if (ret_value)
            *ret_value = e->value;
        return 1;
    }
    return 0;
}
