#include "fakes/docker/links.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/gojson.h"

/* --- names ------------------------------------------------------------------------------- */

/* "c/alias", to be freed. */
static char *full_name(const struct container *c, const struct link *l)
{
    return xasprintf("%s/%s", c->name, l->alias);
}

static void give_name(struct container *child, const char *name)
{
    size_t at = 0;

    map_set(&child->d->by_name, name, child);
    while (at < child->n_other_names && strcmp(child->other_names[at], name) < 0)
        at++;
    grow_array(child->other_names, child->n_other_names, child->cap_other_names);
    memmove(child->other_names + at + 1, child->other_names + at,
            (child->n_other_names - at) * sizeof(*child->other_names));
    child->other_names[at] = xstrdup(name);
    child->n_other_names++;
}

static void take_name(struct container *child, const char *name)
{
    map_remove(&child->d->by_name, name);
    names_remove(child->other_names, &child->n_other_names, name);
}

static void link_release(struct link *l)
{
    free(l->alias);
    free(l->last_name);
}

/* --- making and removing ----------------------------------------------------------------- */

/* "name:alias", "name", and "/name:/other/alias" as old tools write it. (opts.ParseLink) */
static int read_link(const char *text, char **ret_name, char **ret_alias, struct problem *p)
{
    const char *colon = strchr(text, ':'), *alias;

    if (!*text)
        return problem(p, 500, "empty string specified for links");
    if (colon && strchr(colon + 1, ':'))
        return problem(p, 500, "bad format for links: %s", text);
    alias = colon ? colon + 1 : text;
    if (colon && *text == '/') {
        text++;
        alias = strrchr(alias, '/') ? strrchr(alias, '/') + 1 : alias;
    }
    *ret_name = xstrndup(text, colon ? (size_t)(colon - text) : strlen(text));
    *ret_alias = xstrdup(alias);
    return 0;
}

/* The container that is meant: that whose network it shares, if it does. */
static struct container *find_child(struct container *c, const char *name, struct problem *p)
{
    struct problem why = {0};
    const char *word = "could", *asked = name;
    struct container *child = NULL;

    if (!*name)
        problem(&why, 400, "invalid name or ID supplied: \"\"");
    else
        child = container_find(c->d, name, &why);
    while (child && container_shares_network(child)) {
        word = "Could";
        asked = child->network_mode + strlen("container:");
        child = container_find(c->d, asked, &why);
    }
    if (!child)
        problem(p, 400, "%s not get container for %s: %s", word, asked, why.text);
    else if (str_eq(child->network_mode, "host"))
        problem(p, 400,
                "conflicting options: host type networking can't be used with links. This would "
                "result in undefined behavior");
    free(why.text);
    return p->status ? NULL : child;
}

static int add_link(struct container *c, const char *text, struct problem *p)
{
    _cleanup_free_ char *name = NULL, *alias = NULL, *full = NULL;
    struct container *child;

    if (read_link(text, &name, &alias, p) < 0)
        return -1;
    child = find_child(c, name, p);
    if (!child)
        return -1;
    full = xasprintf("%s/%s", c->name, alias);
    if (map_get(&c->d->by_name, full)) /* the first one keeps it */
        return 0;
    c->links = xrealloc(c->links, (c->n_links + 1) * sizeof(*c->links));
    c->links[c->n_links++] = (struct link){.child = child, .alias = steal_ptr(&alias)};
    give_name(child, full);
    return 0;
}

int links_create(struct container *c, const json_t *links, struct problem *p)
{
    json_t *v;
    size_t i;

    if (network_is_user_defined(c->network_mode))
        return 0;
    json_array_foreach ((json_t *)(uintptr_t)links, i, v)
        if (add_link(c, json_string_value(v) ? json_string_value(v) : "", p) < 0)
            return -1;
    return 0;
}

/* Links of others that lead to it lead nowhere now. */
static void forget_child(struct container *c)
{
    struct list *pos;

    list_for_each (pos, &c->d->containers) {
        struct container *parent = container_of(pos, struct container, link);

        for (size_t i = 0; i < parent->n_links; i++)
            if (parent->links[i].child == c) {
                parent->links[i].child = NULL;
                parent->links[i].last_name = xstrdup(c->name);
            }
    }
}

void links_forget(struct container *c)
{
    for (size_t i = 0; i < c->n_links; i++) {
        _cleanup_free_ char *name = full_name(c, &c->links[i]);

        if (c->links[i].child)
            take_name(c->links[i].child, name);
        link_release(&c->links[i]);
    }
    free(c->links);
    c->links = NULL;
    c->n_links = 0;
    if (c->n_other_names)
        forget_child(c);
    while (c->n_other_names) {
        _cleanup_free_ char *name = xstrdup(c->other_names[0]);

        take_name(c, name);
    }
    free(c->other_names);
    c->other_names = NULL;
    c->cap_other_names = 0;
}

int link_remove(struct docker *d, const char *name, struct problem *p)
{
    const char *plain = *name == '/' ? name + 1 : name, *slash = strrchr(plain, '/');
    _cleanup_free_ char *parent_name = slash ? xstrndup(plain, (size_t)(slash - plain)) : NULL;
    struct container *parent = parent_name ? map_get(&d->by_name, parent_name) : NULL;

    if (!slash)
        return problem(p, 500, "Conflict, cannot remove the default link name of the container");
    if (!parent)
        return problem(p, 500, "Cannot get parent /%s for link name /%s", parent_name, plain);
    for (size_t i = 0; i < parent->n_links; i++) {
        struct link *l = &parent->links[i];

        if (!str_eq(l->alias, slash + 1))
            continue;
        if (l->child)
            take_name(l->child, plain);
        link_release(l);
        memmove(l, l + 1, (parent->n_links - i - 1) * sizeof(*l));
        parent->n_links--;
        break;
    }
    return 0;
}

void links_renamed(struct container *c, const char *old)
{
    for (size_t i = 0; i < c->n_links; i++) {
        struct link *l = &c->links[i];
        _cleanup_free_ char *before = xasprintf("%s/%s", old, l->alias), *now = full_name(c, l);

        if (!l->child)
            continue;
        take_name(l->child, before);
        give_name(l->child, now);
    }
}

/* --- starting ----------------------------------------------------------------------------- */

static const struct endpoint *on_bridge(const struct container *c)
{
    return container_endpoint(c, c->d->bridge);
}

int links_network_wrong(const struct container *c, struct problem *p)
{
    for (size_t i = 0; i < c->n_links; i++) {
        const struct container *child = c->links[i].child;

        if (child && !on_bridge(child))
            return problem(p, 500,
                           "Cannot link to /%s, as it does not belong to the default network",
                           child->name);
    }
    return 0;
}

int links_start_wrong(const struct container *c, struct problem *p)
{
    for (size_t i = 0; on_bridge(c) && i < c->n_links; i++) {
        const struct link *l = &c->links[i];

        if (!l->child || !container_running(l->child))
            return problem(p, 500, "Cannot link to a non running container: /%s AS /%s/%s",
                           l->child ? l->child->name : l->last_name, c->name, l->alias);
    }
    return 0;
}

struct telling {
    void (*fn)(void *data, const char *kv);
    void *data;
    const char *alias; /* in capitals */
    char ip[IP_TEXT_MAX];
};

static void tell(const struct telling *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void tell(const struct telling *t, const char *fmt, ...)
{
    _cleanup_free_ char *text = NULL, *kv = NULL;
    va_list ap;

    va_start(ap, fmt);
    text = xvasprintf(fmt, ap);
    va_end(ap);
    kv = xasprintf("%s_%s", t->alias, text);
    t->fn(t->data, kv);
}

static char *capitals(const char *s, char dash)
{
    char *copy = xstrdup(s);

    for (char *p = copy; *p; p++)
        *p = *p == '-' && dash ? dash : (char)toupper((unsigned char)*p);
    return copy;
}

static int by_number(const void *a, const void *b)
{
    const struct port *x = *(const struct port *const *)a, *y = *(const struct port *const *)b;

    return x->container != y->container ? x->container - y->container : -strcmp(x->proto, y->proto);
}

/* The exposed ports of a container, each once, by number; of one number udp is last. */
static const struct port **exposed(const struct container *c, size_t *ret_n)
{
    const struct port **v = new0_array(const struct port *, c->n_ports + 1);
    size_t n = 0;

    for (size_t i = 0; i < c->n_ports; i++)
        v[n++] = &c->ports[i];
    qsort(v, n, sizeof(*v), by_number);
    *ret_n = 0;
    for (size_t i = 0; i < n; i++)
        if (!i || by_number(&v[i], &v[i - 1]))
            v[(*ret_n)++] = v[i];
    return v;
}

/* As far as one number follows the other. (links.nextContiguous) */
static size_t end_of_row(const struct port *const *v, size_t n, size_t from)
{
    int value = v[from]->container;

    for (size_t i = from + 1; i < n; i++, value++)
        if (v[i]->container > value + 1)
            return i - 1;
    return n - 1;
}

static void tell_rows(const struct telling *t, const struct port *const *v, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t j = end_of_row(v, n, i);
        _cleanup_free_ char *proto = capitals(v[i]->proto, 0), *last = capitals(v[j]->proto, 0);
        unsigned number = v[i]->container;

        if (j <= i + 1) {
            i++;
            continue;
        }
        tell(t, "PORT_%u_%s_START=%s://%s:%u", number, proto, v[i]->proto, t->ip, number);
        tell(t, "PORT_%u_%s_ADDR=%s", number, proto, t->ip);
        tell(t, "PORT_%u_%s_PROTO=%s", number, proto, v[i]->proto);
        tell(t, "PORT_%u_%s_PORT_START=%u", number, proto, number);
        tell(t, "PORT_%u_%s_END=%s://%s:%u", number, last, v[j]->proto, t->ip, v[j]->container);
        tell(t, "PORT_%u_%s_PORT_END=%u", number, last, v[j]->container);
        i = j + 1;
    }
}

static void tell_ports(const struct telling *t, const struct container *child)
{
    size_t n;
    const struct port **v = exposed(child, &n);

    if (n)
        tell(t, "PORT=%s://%s:%u", v[0]->proto, t->ip, v[0]->container);
    tell_rows(t, v, n);
    for (size_t i = 0; i < n; i++) {
        _cleanup_free_ char *proto = capitals(v[i]->proto, 0);
        unsigned number = v[i]->container;

        tell(t, "PORT_%u_%s=%s://%s:%u", number, proto, v[i]->proto, t->ip, number);
        tell(t, "PORT_%u_%s_ADDR=%s", number, proto, t->ip);
        tell(t, "PORT_%u_%s_PORT=%u", number, proto, number);
        tell(t, "PORT_%u_%s_PROTO=%s", number, proto, v[i]->proto);
    }
    free(v);
}

/* What the other has in its own environment, but for what every image sets. */
static void tell_environment(const struct telling *t, const struct container *child)
{
    _cleanup_json_ json_t *config =
        json_read(child->config, strlen(child->config), JSON_READ_PEER, NULL);
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(config, "Env"), i, v) {
        const char *kv = json_string_value(v);

        if (kv && strchr(kv, '=') && !str_starts(kv, "HOME=") && !str_starts(kv, "PATH="))
            tell(t, "ENV_%s", kv);
    }
}

void links_each_variable(const struct container *c, void (*fn)(void *data, const char *kv),
                         void *data)
{
    for (size_t i = 0; on_bridge(c) && i < c->n_links; i++) {
        const struct container *child = c->links[i].child;
        const struct endpoint *e = child ? on_bridge(child) : NULL;
        _cleanup_free_ char *alias = capitals(c->links[i].alias, '_');
        struct telling t = {.fn = fn, .data = data, .alias = alias};

        if (!e || !e->address)
            continue;
        ip_text(e->address, false, t.ip);
        tell_ports(&t, child);
        tell(&t, "NAME=/%s/%s", c->name, c->links[i].alias);
        tell_environment(&t, child);
    }
}

void links_add_hosts(struct buf *b, const struct container *c)
{
    for (size_t i = 0; i < c->n_links; i++) {
        const struct link *l = &c->links[i];
        const struct endpoint *e = l->child ? on_bridge(l->child) : NULL;
        char t[IP_TEXT_MAX];

        if (!e || !e->address)
            continue;
        buf_addf(b, "%s\t%s ", ip_text(e->address, false, t), l->alias);
        if (l->child->hostname)
            buf_adds(b, l->child->hostname);
        else
            buf_addf(b, "%.12s", l->child->id);
        if (!str_eq(l->alias, l->child->name))
            buf_addf(b, " %s", l->child->name);
        buf_addc(b, '\n');
    }
}

/* --- how they look ------------------------------------------------------------------------ */

void links_write(struct buf *b, const struct container *c)
{
    if (!c->n_links) {
        buf_adds(b, "null");
        return;
    }
    for (size_t i = 0; i < c->n_links; i++) {
        const struct link *l = &c->links[i];
        _cleanup_free_ char *text =
            xasprintf("/%s:/%s/%s", l->child ? l->child->name : l->last_name, c->name, l->alias);

        buf_addc(b, i ? ',' : '[');
        gojson_add(b, text);
    }
    buf_addc(b, ']');
}

static void write_name(struct buf *b, const char *name)
{
    _cleanup_free_ char *text = xasprintf("/%s", name);

    if (buf_str(b)[buf_len(b) - 1] != '[')
        buf_addc(b, ',');
    gojson_add(b, text);
}

void links_write_names(struct buf *b, const struct container *c)
{
    bool written = false;

    buf_addc(b, '[');
    for (size_t i = 0; i < c->n_other_names; i++) {
        if (!written && strcmp(c->name, c->other_names[i]) < 0) {
            write_name(b, c->name);
            written = true;
        }
        write_name(b, c->other_names[i]);
    }
    if (!written)
        write_name(b, c->name);
    buf_addc(b, ']');
}
