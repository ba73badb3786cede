/*
 * fuzz_query.c - expressions of the cluster query language, one a line: those that
 * are read are asked of an instance.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "fakes/ecs/ecs.h"
#include "fakes/ecs/query.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct world *w = new0(struct world);
    char *text = xstrndup((const char *)p, n), *save = NULL;
    struct plane_instance *i;
    struct err e = ERR_INIT;
    struct plane *plane;
    struct fake *f;

    if (world_init(w, 1, &e) < 0 || !(f = world_add(w, &ecs_ops, &e)))
        abort();
    plane = ((struct plane_fake *)f)->plane;
    i = plane_instance_add(plane, plane_cluster(plane, w->id.cluster));
    json_array_append_new(i->attributes, json_pack("{s:s,s:s}", "name", "a", "value", "1.10"));
    for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
        struct query *q = query_parse(line, &e);

        if (q)
            query_matches(q, plane, i);
        query_free(q);
    }
    world_release(w);
    free(w);
    free(text);
    return 0;
}
