/* The disk that images are kept on: how full it is, and that it has an end. */
#include "fakes/docker/engine.h"

/* Each layer once, however many images have it. */
int64_t disk_used(const struct docker *d)
{
    struct map seen = {0};
    int64_t n = 0;
    void *v;

    for (size_t i = 0; map_next(&d->images, &i, NULL, &v);) {
        struct content *c = ((struct image *)v)->content;

        for (size_t k = 0; k < c->n_layers; k++)
            if (!map_set(&seen, c->layers[k].chain_id, c))
                n += c->layers[k].size;
    }
    map_release(&seen);
    return n;
}

int disk_declare(struct docker *d, const char *text, struct err *e)
{
    int64_t size;

    if (behaviour_size(text, &size) < 0 || size <= 0)
        return err_set(e, ERR_USAGE, "capacity: %s is not a size such as 30GiB", text);
    d->disk = size;
    return 0;
}

bool disk_has_room(const struct docker *d, const struct content *c)
{
    int64_t more = 0;

    if (!d->disk || map_get(&d->images, c->id))
        return true;
    for (size_t k = 0; k < c->n_layers; k++)
        more += c->layers[k].size;
    return disk_used(d) + more <= d->disk;
}

void disk_changed(struct docker *d)
{
    json_t *data;

    if (!d->disk)
        return;
    data = json_object();
    json_put_int(data, "used", disk_used(d));
    json_put_int(data, "size", d->disk);
    json_put_int(data, "images", (int64_t)map_count(&d->images));
    journal_add(fake_journal(&d->fake), RECORD_STATE, "docker", "disk", data);
}
