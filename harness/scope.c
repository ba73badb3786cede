/* Names: captures, parameters, counters, and what is there without a capture. */
#include "harness/run.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/credfetch/credfetch.h"
#include "harness/peers.h"

struct var {
    json_t *value;            /* owned; for a capture the view made last */
    const struct record *rec; /* of a capture */
};

struct scope *scope_new(struct scope *outer)
{
    struct scope *s = new0(struct scope);

    s->outer = outer;
    return s;
}

static void var_free(struct var *v)
{
    if (!v)
        return;
    json_decref(v->value);
    free(v);
}

void scope_free(struct scope *s)
{
    void *v;

    if (!s)
        return;
    for (size_t i = 0; map_next(&s->vars, &i, NULL, &v);)
        var_free(v);
    map_release(&s->vars);
    free(s);
}

static void put(struct scope *s, const char *name, json_t *value, const struct record *rec)
{
    struct var *v = new0(struct var);

    v->value = value;
    v->rec = rec;
    var_free(map_set(&s->vars, name, v));
}

void scope_set(struct scope *s, const char *name, json_t *value)
{
    put(s, name, value, NULL);
}

void scope_set_record(struct scope *s, const char *name, const struct record *rec)
{
    put(s, name, NULL, rec);
}

void scope_export(struct scope *outer, const char *prefix, const struct scope *inner)
{
    const char *name;
    void *p;

    for (size_t i = 0; prefix && map_next(&inner->vars, &i, &name, &p);) {
        struct var *v = p;
        char *full = xasprintf("%s.%s", prefix, name);

        put(outer, full, json_incref(v->value), v->rec);
        free(full);
    }
}

/* The longest beginning of ref that is a name: names may hold dots ("t.reg"), and so does a path.
 */
static struct var *find(const struct scope *s, const char *ref, size_t *ret_used)
{
    size_t n = strcspn(ref, "[}");

    while (n) {
        char *name = xstrndup(ref, n);
        struct var *v = map_get(&s->vars, name);

        free(name);
        if (v) {
            *ret_used = n;
            return v;
        }
        while (n && ref[--n] != '.')
            ;
    }
    return NULL;
}

json_t *scope_lookup(void *data, const char *ref, size_t *ret_used)
{
    struct run *r = data;
    struct var *v = find(r->scope, ref, ret_used);
    json_t *value;
    char *name;

    if (v && v->rec) {
        json_decref(v->value);
        v->value = run_view(r, v->rec);
    }
    if (v)
        return v->value;
    if (!builtin_find(ref, ret_used))
        return NULL;
    name = xstrndup(ref, *ret_used);
    value = run_builtin(r, name);
    free(name);
    return value;
}

struct subst run_subst(struct run *r)
{
    return (struct subst){.lookup = scope_lookup, .data = r};
}

/* The instance that the newest accepted registration made. */
static const char *instance_arn(const struct run *r)
{
    const struct journal *j = &r->world.journal;

    for (size_t i = j->n; i-- > 0;) {
        const struct record *rec = j->records[i];
        const json_t *o;

        if (rec->kind != RECORD_ANSWER || !str_eq(rec->what, "RegisterContainerInstance"))
            continue;
        o = json_at(rec->data, "body.containerInstance");
        if (json_str(o, "containerInstanceArn"))
            return json_str(o, "containerInstanceArn");
    }
    return "";
}

static const char *url_of(struct run *r, enum peer peer)
{
    struct fake *f = run_fake(r, r->step, peer);

    return f ? f->url : NULL;
}

static char *command_of(const struct run *r)
{
    struct buf b = BUF_INIT(SUBST_MAX);
    char *text;

    for (size_t i = 0; r->config->agent && r->config->agent[i]; i++) {
        if (i)
            buf_addc(&b, ' ');
        str_quote(&b, r->config->agent[i]);
    }
    text = xstrdup(buf_str(&b));
    buf_release(&b);
    return text;
}

static char *of_credfetch(struct run *r, const char *name)
{
    const struct fake *f = run_fake(r, r->step, PEER_CREDFETCH);

    if (!f)
        return NULL;
    return xstrdup(str_eq(name, "credfetch.socket") ? str_after(f->url, "unix://")
                                                    : ((const struct credfetch *)f)->leases.dir);
}

static char *computed(struct run *r, const char *name)
{
    const struct identity *id = &r->world.id;

    if (str_eq(name, "instance_arn"))
        return xstrdup(instance_arn(r));
    if (str_eq(name, "cluster_arn"))
        return xasprintf("arn:aws:ecs:%s:%s:cluster/%s", id->region, id->account, id->cluster);
    if (str_eq(name, "task_arn"))
        return xasprintf("arn:aws:ecs:%s:%s:task/%s/00000000000000000000000000000001", id->region,
                         id->account, id->cluster);
    if (str_eq(name, "tmp") || str_eq(name, "data"))
        return xasprintf("%s/%s", r->dir, name);
    if (str_eq(name, "agent.data") || str_eq(name, "agent.log"))
        return xasprintf("%s/%s", r->config->sandbox ? "" : r->dir, name + strlen("agent."));
    if (str_eq(name, "introspection"))
        return xasprintf("http://127.0.0.1:%d", r->introspection_port);
    if (str_eq(name, "docker.socket"))
        return run_fake(r, r->step, PEER_DOCKER) ? xasprintf("%s/docker.sock", r->dir) : NULL;
    if (str_starts(name, "credfetch."))
        return of_credfetch(r, name);
    if (str_eq(name, "agent.command"))
        return command_of(r);
    if (str_eq(name, "agent.pid"))
        return xasprintf("%d", r->agent ? (int)r->agent->pid : 0);
    if (str_eq(name, "seed"))
        return xasprintf("%llu", (unsigned long long)r->seed);
    return NULL;
}

static const char *plain(struct run *r, const char *name)
{
    const struct identity *id = &r->world.id;
    const struct {
        const char *name, *value;
    } table[] = {
        {"cluster", id->cluster},
        {"region", id->region},
        {"account", id->account},
        {"access_key", id->access_key},
        {"secret_key", id->secret_key},
        {"instance_id", id->instance_id},
        {"agent.version", r->config->agent_version ? r->config->agent_version : "unknown"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        if (str_eq(table[i].name, name))
            return table[i].value;
    if (str_eq(name, "docker.host"))
        return url_of(r, PEER_DOCKER);
    if (str_ends(name, ".url") || str_ends(name, ".host")) {
        char *peer = xstrndup(name, strcspn(name, "."));
        int p = peer_from(peer);

        free(peer);
        return p >= 0 ? url_of(r, (enum peer)p) : NULL;
    }
    return NULL;
}

json_t *run_builtin(struct run *r, const char *name)
{
    char *text = computed(r, name);
    const char *value = text ? text : plain(r, name);

    if (value)
        scope_set(r->builtins, name, json_string(value));
    free(text);
    if (!value)
        return NULL;
    size_t used;
    struct var *v = find(r->builtins, name, &used);

    return v ? v->value : NULL;
}
