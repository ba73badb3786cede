#include "fakes/s3/store.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

void s3_headers_add(struct s3_headers *h, const char *name, const char *value)
{
    grow_array(h->v, h->n, h->cap);
    h->v[h->n++] = (struct http_header){xstrdup(name), xstrdup(value)};
}

void s3_headers_copy(struct s3_headers *to, const struct s3_headers *from)
{
    for (size_t i = 0; i < from->n; i++)
        s3_headers_add(to, from->v[i].name, from->v[i].value);
}

void s3_headers_release(struct s3_headers *h)
{
    for (size_t i = 0; i < h->n; i++) {
        free(h->v[i].name);
        free(h->v[i].value);
    }
    free(h->v);
    *h = (struct s3_headers){0};
}

const char *s3_headers_get(const struct s3_headers *h, const char *name)
{
    for (size_t i = 0; i < h->n; i++)
        if (!strcasecmp(h->v[i].name, name))
            return h->v[i].value;
    return NULL;
}

const char *s3_storage_class(const struct s3_headers *h)
{
    const char *class = s3_headers_get(h, "x-amz-storage-class");

    return class ? class : "STANDARD";
}

/* --- objects ----------------------------------------------------------------------------- */

struct s3_object *s3_object_new(const char *key, int64_t wall)
{
    struct s3_object *o = new0(struct s3_object);

    o->key = xstrdup(key);
    o->modified = wall - wall % NS_PER_S;
    return o;
}

void s3_object_free(struct s3_object *o)
{
    if (!o)
        return;
    free(o->key);
    s3_content_release(&o->content);
    s3_headers_release(&o->headers);
    s3_headers_release(&o->tags);
    free(o->parts);
    free(o->upload_id);
    free(o);
}

static void free_versions(struct s3_object *o)
{
    while (o) {
        struct s3_object *older = o->older;

        s3_object_free(o);
        o = older;
    }
}

size_t s3_bucket_seek(const struct s3_bucket *b, const char *key)
{
    size_t low = 0, high = b->n_objects;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (strcmp(b->objects[mid]->key, key) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static bool is_at(const struct s3_bucket *b, size_t i, const char *key)
{
    return i < b->n_objects && str_eq(b->objects[i]->key, key);
}

struct s3_object *s3_object_find(const struct s3_bucket *b, const char *key)
{
    struct s3_object *o = s3_object_newest(b, key);

    return o && !o->marker ? o : NULL;
}

struct s3_object *s3_object_newest(const struct s3_bucket *b, const char *key)
{
    size_t i = s3_bucket_seek(b, key);

    return is_at(b, i, key) ? b->objects[i] : NULL;
}

const char *s3_object_version_id(const struct s3_object *o)
{
    return *o->version ? o->version : S3_VERSION_NULL;
}

struct s3_object *s3_object_version(const struct s3_bucket *b, const char *key, const char *id)
{
    struct s3_object *o = s3_object_newest(b, key);

    while (o && !str_eq(s3_object_version_id(o), id))
        o = o->older;
    return o;
}

void s3_object_put(struct s3_bucket *b, struct s3_object *o)
{
    size_t i = s3_bucket_seek(b, o->key);

    if (is_at(b, i, o->key)) {
        struct s3_object *same = s3_object_version(b, o->key, s3_object_version_id(o));

        o->older = b->objects[i];
        b->objects[i] = o;
        if (same)
            s3_object_remove_version(b, same);
        return;
    }
    grow_array(b->objects, b->n_objects, b->cap_objects);
    memmove(b->objects + i + 1, b->objects + i, (b->n_objects - i) * sizeof(*b->objects));
    b->objects[i] = o;
    b->n_objects++;
}

int s3_object_remove(struct s3_bucket *b, const char *key)
{
    size_t i = s3_bucket_seek(b, key);

    if (!is_at(b, i, key))
        return -1;
    free_versions(b->objects[i]);
    b->n_objects--;
    memmove(b->objects + i, b->objects + i + 1, (b->n_objects - i) * sizeof(*b->objects));
    return 0;
}

void s3_object_remove_version(struct s3_bucket *b, struct s3_object *o)
{
    size_t i = s3_bucket_seek(b, o->key);
    struct s3_object **at = &b->objects[i];

    if (*at == o && !o->older) {
        s3_object_remove(b, o->key);
        return;
    }
    while (*at != o)
        at = &(*at)->older;
    *at = o->older;
    s3_object_free(o);
}

/* --- uploads ----------------------------------------------------------------------------- */

struct s3_upload *s3_upload_add(struct s3 *s, struct s3_bucket *b, const char *key)
{
    struct s3_upload *u;
    char hex[65];

    if (s->n_uploads >= S3_UPLOADS_MAX)
        return NULL;
    u = new0(struct s3_upload);
    world_hex(s->fake.world, 32, hex);
    u->id = xstrdup(hex);
    u->key = xstrdup(key);
    u->initiated = loop_wall(fake_loop(&s->fake));
    u->initiated -= u->initiated % NS_PER_S;
    list_add_tail(&b->uploads, &u->link);
    s->n_uploads++;
    return u;
}

struct s3_upload *s3_upload_find(const struct s3_bucket *b, const char *key, const char *id)
{
    struct list *pos;

    list_for_each (pos, &b->uploads) {
        struct s3_upload *u = container_of(pos, struct s3_upload, link);

        if (str_eq(u->id, id) && str_eq(u->key, key))
            return u;
    }
    return NULL;
}

static void part_free(struct s3_part *p)
{
    s3_content_release(&p->content);
    free(p);
}

void s3_upload_remove(struct s3 *s, struct s3_upload *u)
{
    list_del(&u->link);
    for (size_t i = 0; i < u->n_parts; i++)
        part_free(u->parts[i]);
    free(u->parts);
    s3_headers_release(&u->headers);
    s3_headers_release(&u->tags);
    free(u->id);
    free(u->key);
    free(u);
    s->n_uploads--;
}

struct s3_part *s3_upload_find_part(const struct s3_upload *u, int number)
{
    for (size_t i = 0; i < u->n_parts; i++)
        if (u->parts[i]->number == number)
            return u->parts[i];
    return NULL;
}

struct s3_part *s3_upload_part(struct s3_upload *u, int number)
{
    struct s3_part *p = s3_upload_find_part(u, number);
    size_t i = u->n_parts;

    if (p) {
        s3_content_release(&p->content);
        return p;
    }
    p = new0(struct s3_part);
    p->number = number;
    grow_array(u->parts, u->n_parts, u->cap_parts);
    for (; i && u->parts[i - 1]->number > number; i--)
        u->parts[i] = u->parts[i - 1];
    u->parts[i] = p;
    u->n_parts++;
    return p;
}

/* --- buckets ----------------------------------------------------------------------------- */

struct s3_bucket *s3_bucket_find(const struct s3 *s, const char *name)
{
    return map_get(&s->buckets, name);
}

struct s3_bucket *s3_bucket_add(struct s3 *s, const char *name, const char *region, struct err *e)
{
    struct s3_bucket *b;

    if (map_count(&s->buckets) >= S3_BUCKETS_MAX) {
        err_set(e, ERR_LIMIT, "there are %d buckets already", S3_BUCKETS_MAX);
        return NULL;
    }
    b = new0(struct s3_bucket);
    b->name = xstrdup(name);
    b->region = xstrdup(region);
    b->created = loop_wall(fake_loop(&s->fake));
    b->created -= b->created % NS_PER_S;
    list_init(&b->uploads);
    map_set(&s->buckets, name, b);
    return b;
}

void s3_bucket_remove(struct s3 *s, struct s3_bucket *b)
{
    struct list *pos, *tmp;

    map_remove(&s->buckets, b->name);
    list_for_each_safe (pos, tmp, &b->uploads)
        s3_upload_remove(s, container_of(pos, struct s3_upload, link));
    for (size_t i = 0; i < b->n_objects; i++)
        free_versions(b->objects[i]);
    free(b->objects);
    s3_headers_release(&b->tags);
    free(b->name);
    free(b->region);
    free(b);
}

/* Four numbers with dots are no name: a Host that is an address stays one. */
static bool looks_like_address(const char *name)
{
    return strchr(name, '.') && strspn(name, "0123456789.") == strlen(name);
}

bool s3_bucket_name_ok(const char *name)
{
    static const char outer[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    static const char *const reserved[] = {"xn--", "sthree-", "amzn-s3-demo-"};
    static const char *const kinds[] = {"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"};
    size_t n = strlen(name);

    if (n < 3 || n > 63 || strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") != n)
        return false;
    if (!strchr(outer, name[0]) || !strchr(outer, name[n - 1]))
        return false;
    for (size_t i = 0; i < ARRAY_SIZE(reserved); i++)
        if (str_starts(name, reserved[i]))
            return false;
    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
        if (str_ends(name, kinds[i]))
            return false;
    return !strstr(name, "..") && !looks_like_address(name);
}
