#include "fakes/ecs/place.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* --- what is needed -------------------------------------------------------------------- */

static int64_t container_value(const json_t *c, const json_t *override, const char *member)
{
    return json_int(override, member, json_int(c, member, 0));
}

static void need_ports(struct place *pl, const json_t *c)
{
    json_t *m;
    size_t i;

    json_array_foreach (json_object_get(c, "portMappings"), i, m) {
        json_t *list = str_eq(json_str(m, "protocol"), "udp") ? pl->udp : pl->tcp;
        int64_t port = json_int(m, "hostPort", 0);

        if (port)
            json_array_append_new(list, json_integer(port));
    }
}

static int64_t task_size(const struct plane_definition *d, const json_t *overrides,
                         const char *member, int (*read)(const char *, int64_t *))
{
    const char *text = json_str(overrides, member);
    int64_t n = 0;

    if (!text)
        text = json_str(d->doc, member);
    return text && read(text, &n) == 0 ? n : 0;
}

void place_need(struct place *pl, const struct plane_definition *d, const json_t *overrides)
{
    int64_t cpu = task_size(d, overrides, "cpu", definition_cpu);
    int64_t memory = task_size(d, overrides, "memory", definition_memory);
    bool awsvpc = str_eq(json_str(d->doc, "networkMode"), "awsvpc");
    json_t *c;
    size_t i;

    pl->tcp = json_array();
    pl->udp = json_array();
    pl->attributes = json_object_get(d->doc, "requiresAttributes");
    json_array_foreach (json_object_get(d->doc, "containerDefinitions"), i, c) {
        const json_t *o = launch_override(overrides, json_str(c, "name"));
        int64_t soft = container_value(c, o, "memoryReservation");

        pl->cpu += container_value(c, o, "cpu");
        pl->memory += soft ? soft : container_value(c, o, "memory");
        if (!awsvpc)
            need_ports(pl, c);
    }
    if (cpu)
        pl->cpu = cpu;
    if (memory)
        pl->memory = memory;
}

int place_constrain(struct place *pl, const json_t *constraints, struct err *e)
{
    json_t *c;
    size_t i;

    if (json_array_size(constraints) > PLACE_CONSTRAINTS_MAX)
        return err_set(e, ERR_PARSE, "there can be at most %d placement constraints",
                       PLACE_CONSTRAINTS_MAX);
    json_array_foreach (constraints, i, c) {
        const char *type = json_str(c, "type");

        if (str_eq(type, "distinctInstance")) {
            pl->distinct = true;
            continue;
        }
        if (!str_eq(type, "memberOf"))
            return err_set(e, ERR_PARSE, "a placement constraint is distinctInstance or memberOf");
        pl->queries[pl->n_queries] = query_parse(json_str(c, "expression"), e);
        if (!pl->queries[pl->n_queries])
            return err_wrap(e, "Invalid expression");
        pl->n_queries++;
    }
    return 0;
}

int place_by(struct place *pl, const json_t *strategy, struct err *e)
{
    json_t *s;
    size_t i;

    if (json_array_size(strategy) > PLACE_STRATEGIES_MAX)
        return err_set(e, ERR_PARSE, "there can be at most %d placement strategies",
                       PLACE_STRATEGIES_MAX);
    json_array_foreach (strategy, i, s) {
        const char *type = json_str(s, "type"), *field = json_str(s, "field");

        if (str_eq(type, "random"))
            continue;
        if (str_eq(type, "spread") && field && *field)
            continue;
        if (!str_eq(type, "binpack") ||
            (strcasecmp(field ? field : "", "cpu") && strcasecmp(field ? field : "", "memory")))
            return err_set(e, ERR_PARSE,
                           "a placement strategy is random, spread over a field, or "
                           "binpack of cpu or memory");
    }
    pl->strategy = json_array_size(strategy) ? strategy : NULL;
    return 0;
}

void place_release(struct place *pl)
{
    json_decref(pl->tcp);
    json_decref(pl->udp);
    for (size_t i = 0; i < pl->n_queries; i++)
        query_free(pl->queries[i]);
    memset(pl, 0, sizeof(*pl));
}

/* --- what is left ---------------------------------------------------------------------- */

static const json_t *registered(const struct plane_instance *i, const char *name)
{
    json_t *r;
    size_t n;

    json_array_foreach (i->resources, n, r)
        if (str_eq(json_str(r, "name"), name))
            return r;
    return NULL;
}

static bool is_on(const struct plane_task *t, const struct plane_instance *i)
{
    return t->launch && t->last != PLANE_TASK_STOPPED && str_eq(t->instance_arn, i->arn);
}

static int64_t taken(const struct plane *p, const struct plane_instance *i, bool memory)
{
    int64_t sum = 0;
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        const struct plane_task *t = v;

        if (is_on(t, i))
            sum += memory ? t->launch->memory : t->launch->cpu;
    }
    return sum;
}

static int64_t left(const struct plane *p, const struct plane_instance *i, bool memory)
{
    const json_t *r = registered(i, memory ? "MEMORY" : "CPU");

    return json_int(r, "integerValue", 0) - taken(p, i, memory);
}

/* Ports are texts in what was registered, numbers in what tasks take. */
static bool list_has(const json_t *list, int64_t port)
{
    json_t *v;
    size_t i;

    json_array_foreach (list, i, v) {
        int64_t n = json_integer_value(v);

        if ((!json_is_string(v) || str_i64(json_string_value(v), &n) == 0) && n == port)
            return true;
    }
    return false;
}

static bool ports_clash(const struct plane *p, const struct plane_instance *i, const json_t *ports,
                        bool udp)
{
    const json_t *used =
        json_object_get(registered(i, udp ? "PORTS_UDP" : "PORTS"), "stringSetValue");
    json_t *port;
    size_t n;
    void *v;

    json_array_foreach (ports, n, port) {
        if (list_has(used, json_integer_value(port)))
            return true;
        for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
            const struct plane_task *t = v;

            if (is_on(t, i) &&
                list_has(udp ? t->launch->udp : t->launch->tcp, json_integer_value(port)))
                return true;
        }
    }
    return false;
}

json_t *place_remaining(const struct plane *p, const struct plane_instance *i,
                        const json_t *resource)
{
    const char *name = json_str(resource, "name");
    json_t *o = json_deep_copy(resource), *set = json_object_get(o, "stringSetValue"), *port;
    bool udp = str_eq(name, "PORTS_UDP");
    char text[24];
    size_t n;
    void *v;

    if (str_eq(name, "CPU") || str_eq(name, "MEMORY"))
        json_put_int(o, "integerValue", left(p, i, str_eq(name, "MEMORY")));
    if (!set || (!udp && !str_eq(name, "PORTS")))
        return o;
    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        const struct plane_task *t = v;

        if (!is_on(t, i))
            continue;
        json_array_foreach (udp ? t->launch->udp : t->launch->tcp, n, port) {
            snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(port));
            json_array_append_new(set, json_string(text));
        }
    }
    return o;
}

/* --- does it fit? ---------------------------------------------------------------------- */

static bool has_attribute(const struct plane_instance *i, const json_t *wanted)
{
    const char *value = json_str(wanted, "value");
    json_t *a;
    size_t n;

    json_array_foreach (i->attributes, n, a)
        if (str_eq(json_str(a, "name"), json_str(wanted, "name")) &&
            (!value || str_eq(json_str(a, "value"), value)))
            return true;
    return false;
}

static size_t group_count(const struct plane *p, const struct plane_instance *i, const char *group)
{
    size_t n = 0;
    void *v;

    for (size_t k = 0; map_next(&p->tasks, &k, NULL, &v);) {
        const struct plane_task *t = v;

        n += is_on(t, i) && t->desired != PLANE_TASK_STOPPED && str_eq(t->launch->group, group);
    }
    return n;
}

const char *place_refused(const struct plane *p, const struct place *pl,
                          const struct plane_instance *i)
{
    json_t *a;
    size_t n;

    if (i->status != INSTANCE_ACTIVE)
        return i->status == INSTANCE_DRAINING ? "DRAINING" : "INACTIVE";
    if (!i->connected)
        return "AGENT";
    json_array_foreach (pl->attributes, n, a)
        if (!has_attribute(i, a))
            return "ATTRIBUTE";
    for (n = 0; n < pl->n_queries; n++)
        if (!query_matches(pl->queries[n], p, i))
            return "MemberOf constraint unsatisfied.";
    if (pl->distinct && group_count(p, i, pl->group))
        return "DistinctInstance placement constraint unsatisfied.";
    if (ports_clash(p, i, pl->tcp, false) || ports_clash(p, i, pl->udp, true))
        return "RESOURCE:PORTS";
    if (left(p, i, false) < pl->cpu)
        return "RESOURCE:CPU";
    return left(p, i, true) < pl->memory ? "RESOURCE:MEMORY" : NULL;
}

/* --- which is best? -------------------------------------------------------------------- */

static const char *field_of(const struct plane_instance *i, const char *field)
{
    const char *name = str_after(field, "attribute:");
    json_t *a;
    size_t n;

    if (str_eq(field, "instanceId") || str_eq(field, "host"))
        return i->arn;
    json_array_foreach (i->attributes, n, a)
        if (name && str_eq(json_str(a, "name"), name))
            return json_str(a, "value") ? json_str(a, "value") : "";
    return "";
}

/* Tasks of the group on all instances that share the field's value with this one. */
static int64_t crowd(const struct plane *p, const struct place *pl, const struct plane_instance *i,
                     const char *field)
{
    int64_t n = 0;
    void *v;

    for (size_t k = 0; map_next(&p->instances, &k, NULL, &v);) {
        const struct plane_instance *other = v;

        if (other->cluster == i->cluster && str_eq(field_of(other, field), field_of(i, field)))
            n += (int64_t)group_count(p, other, pl->group);
    }
    return n;
}

/* Negative when a is the better one by this strategy, 0 when it does not tell. */
static int64_t prefer(const struct plane *p, const struct place *pl, const json_t *s,
                      const struct plane_instance *a, const struct plane_instance *b)
{
    const char *type = json_str(s, "type"), *field = json_str(s, "field");
    bool memory = field && !strcasecmp(field, "memory");

    if (str_eq(type, "random"))
        return fault_table_random(&p->world->faults, 2) ? -1 : 1;
    if (str_eq(type, "binpack"))
        return left(p, a, memory) - left(p, b, memory);
    return crowd(p, pl, a, field) - crowd(p, pl, b, field);
}

static bool is_better(const struct plane *p, const struct place *pl, const struct plane_instance *a,
                      const struct plane_instance *b)
{
    json_t *usual = NULL, *s;
    const json_t *strategy = pl->strategy;
    int64_t r = 0;
    size_t n;

    if (!strategy)
        strategy = usual =
            json_pack("[{s:s,s:s},{s:s,s:s}]", "type", "spread", "field",
                      "attribute:ecs.availability-zone", "type", "spread", "field", "instanceId");
    json_array_foreach (strategy, n, s)
        if (!r)
            r = prefer(p, pl, s, a, b);
    json_decref(usual);
    return r < 0;
}

struct plane_instance *place_choose(struct plane *p, const struct place *pl,
                                    const struct plane_cluster *c, json_t *failures)
{
    struct plane_instance *best = NULL;
    json_t *refused = json_array();
    void *v;

    for (size_t k = 0; map_next(&p->instances, &k, NULL, &v);) {
        struct plane_instance *i = v;
        const char *why;

        if (i->cluster != c || i->status != INSTANCE_ACTIVE)
            continue;
        why = place_refused(p, pl, i);
        if (why)
            json_array_append_new(refused, json_pack("{s:s,s:s}", "arn", i->arn, "reason", why));
        else if (!best || is_better(p, pl, i, best))
            best = i;
    }
    if (!best && failures)
        json_array_extend(failures, refused);
    json_decref(refused);
    return best;
}
