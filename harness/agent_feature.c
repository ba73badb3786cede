#include "harness/agent_feature.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

static const struct agent_feature features[] = {
#define FEATURE(name, since, until, wire, scenario) {name, since, until, wire, scenario},
#include "proto/agent_features.def"
};

const struct agent_feature *agent_features(size_t *ret_n)
{
    *ret_n = ARRAY_SIZE(features);
    return features;
}

const struct agent_feature *agent_feature_find(const char *name, size_t n)
{
    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        if (strlen(features[i].name) == n && !strncmp(features[i].name, name, n))
            return &features[i];
    return NULL;
}

const char *agent_feature_nearest(const char *name, size_t n)
{
    const char *names[ARRAY_SIZE(features)], *near;
    char *word = xstrndup(name, n);

    for (size_t i = 0; i < ARRAY_SIZE(features); i++)
        names[i] = features[i].name;
    near = str_nearest(word, names, ARRAY_SIZE(names));
    free(word);
    return near;
}

/* What the name stands for, or the opposite of it. */
static void add_bounds(struct buf *out, const struct agent_feature *f, bool lacks)
{
    buf_addf(out, " (%s%s", lacks ? "<" : ">=", f->since);
    if (f->until)
        buf_addf(out, "%s%s", lacks ? " or >=" : ",<", f->until);
    buf_addc(out, ')');
}

void agent_feature_explain(const char *guard, struct buf *out)
{
    for (;;) {
        size_t n = strcspn(guard, ",");
        bool lacks = *guard == '!';
        const struct agent_feature *f = agent_feature_find(guard + lacks, n - lacks);

        buf_add(out, guard, n);
        if (f)
            add_bounds(out, f, lacks);
        if (!guard[n])
            return;
        buf_addc(out, ',');
        guard += n + 1;
    }
}
