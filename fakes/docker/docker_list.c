/* GET /containers/json: newest first, with filters. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/links.h"
#include "fakes/docker/rootfs.h"

static const char *const accepted[] = {
    "ancestor", "before", "exited",  "expose",  "health", "id",     "is-task", "isolation",
    "label",    "name",   "network", "publish", "since",  "status", "volume",  NULL,
};

struct listing {
    struct docker *d;
    struct filters filters;
    const struct container *before, *since;
    bool all, size;
    int64_t limit, n;
};

/* "80", "80/tcp", "8000-8100/udp" */
static bool port_range_fits(const char *text, unsigned number, const char *proto)
{
    char *copy = xstrdup(text), *slash = strchr(copy, '/'), *dash;
    uint64_t from = 0, to = 0;
    bool fits = false;

    if (slash)
        *slash = '\0';
    dash = strchr(copy, '-');
    if (dash)
        *dash = '\0';
    if (str_u64(copy, 65535, &from) == 0 && (!dash || str_u64(dash + 1, 65535, &to) == 0))
        fits = number >= from && number <= (dash ? to : from) &&
               str_eq(slash ? slash + 1 : "tcp", proto);
    free(copy);
    return fits;
}

static bool ports_fit(const struct listing *l, const struct container *c, const char *name,
                      bool published)
{
    const struct filter *f = filters_get(&l->filters, name);

    for (size_t i = 0; f && i < f->n; i++)
        for (size_t k = 0; k < c->n_ports; k++) {
            const struct port *p = &c->ports[k];

            if (published
                    ? p->published && p->host && port_range_fits(f->values[i], p->host, p->proto)
                    : port_range_fits(f->values[i], p->container, p->proto))
                return true;
        }
    return !f;
}

static bool ancestor_fits(const struct listing *l, const struct container *c)
{
    const struct filter *f = filters_get(&l->filters, "ancestor");

    for (size_t i = 0; f && i < f->n; i++) {
        const struct image *img = image_find(l->d, f->values[i]);

        if (img ? str_eq(img->content->id, c->image_id) : str_eq(f->values[i], c->image))
            return true;
    }
    return !f;
}

static bool volume_fits(const struct listing *l, const struct container *c)
{
    const struct filter *f = filters_get(&l->filters, "volume");

    for (size_t i = 0; f && i < f->n; i++)
        for (size_t k = 0; k < c->n_mounts; k++)
            if (str_eq(f->values[i], c->mounts[k].name) ||
                str_eq(f->values[i], c->mounts[k].source) ||
                str_eq(f->values[i], c->mounts[k].destination))
                return true;
    return !f;
}

static bool network_fits(const struct listing *l, const struct container *c)
{
    const struct filter *f = filters_get(&l->filters, "network");

    if (!f)
        return true;
    for (size_t i = 0; i < f->n; i++) {
        const struct network *n = network_find(l->d, f->values[i]);

        if (n && container_endpoint(c, n))
            return true;
    }
    return false;
}

static bool exit_code_fits(const struct listing *l, const struct container *c)
{
    char code[12];

    if (!filters_get(&l->filters, "exited"))
        return true;
    snprintf(code, sizeof(code), "%d", c->exit_code);
    return c->was_started && !container_running(c) && filters_exact(&l->filters, "exited", code);
}

static bool fits(const struct listing *l, const struct container *c)
{
    const struct filters *f = &l->filters;
    char *slashed;
    bool ok;

    if (!container_running(c) && !l->all && l->limit <= 0)
        return false;
    if (!f->n)
        return true;
    slashed = xasprintf("/%s", c->name);
    ok = !filters_get(f, "name") || filters_match(f, "name", c->name) ||
         filters_match(f, "name", slashed);
    free(slashed);
    return ok && filters_match(f, "id", c->id) &&
           filters_exact(f, "status", container_state_name(c->state)) &&
           filters_exact(f, "health",
                         c->health && c->was_started ? health_status_name(c->health->status)
                                                     : "none") &&
           filters_pairs(f, "label", &c->labels) && exit_code_fits(l, c) && ancestor_fits(l, c) &&
           volume_fits(l, c) && network_fits(l, c) && ports_fit(l, c, "publish", true) &&
           ports_fit(l, c, "expose", false) && filters_exact(f, "is-task", "false") &&
           filters_exact(f, "isolation", "default");
}

static void add_ports(struct buf *b, const struct container *c)
{
    bool first = true;

    buf_adds(b, ",\"Ports\":[");
    for (size_t i = 0; container_shows_ports(c) && i < c->n_ports; i++) {
        const struct port *p = &c->ports[i];

        if (!p->published) {
            buf_addf(b, "%s{\"PrivatePort\":%u,\"Type\":\"%s\"}", first ? "" : ",", p->container,
                     p->proto);
        } else {
            buf_addf(b, "%s{\"IP\":\"%s\",\"PrivatePort\":%u,\"PublicPort\":%u,\"Type\":\"%s\"}",
                     first ? "" : ",", *p->host_ip ? p->host_ip : "0.0.0.0", p->container, p->host,
                     p->proto);
            if (!*p->host_ip)
                buf_addf(b, ",{\"IP\":\"::\",\"PrivatePort\":%u,\"PublicPort\":%u,\"Type\":\"%s\"}",
                         p->container, p->host, p->proto);
        }
        first = false;
    }
    buf_addc(b, ']');
}

void container_summary(struct buf *b, struct container *c, bool size, bool for_list)
{
    buf_addf(b, "{\"Id\":\"%s\",\"Names\":", c->id);
    links_write_names(b, c);
    const struct image *i = image_find(c->d, c->image);

    /* once its name means another image, or none, it is shown by its id */
    gojson_member(b, "Image", i && str_eq(i->content->id, c->image_id) ? c->image : c->image_id);
    gojson_member(b, "ImageID", c->image_id);
    gojson_member(b, "Command", c->command);
    buf_addf(b, ",\"Created\":%lld", (long long)(c->created / NS_PER_S));
    add_ports(b, c);
    if (size) {
        int64_t own = container_changes_size(c);

        if (own)
            buf_addf(b, ",\"SizeRw\":%lld", (long long)own);
        buf_addf(b, ",\"SizeRootFs\":%lld", (long long)(c->size + own));
    }
    buf_adds(b, ",\"Labels\":");
    pairs_write(b, &c->labels, false);
    buf_addf(b, ",\"State\":\"%s\",\"Status\":\"", container_state_name(c->state));
    add_status_text(b, c);
    buf_adds(b, "\",\"HostConfig\":{");
    gojson_member(b, "NetworkMode", c->network_mode);
    buf_adds(b, "},\"NetworkSettings\":{");
    add_networks(b, c, docker_modern(c->d), 0);
    buf_adds(b, "},\"Mounts\":");
    add_mounts(b, c, for_list);
    buf_addc(b, '}');
}

static int valid_values(struct listing *l, struct problem *p)
{
    const struct filter *f = filters_get(&l->filters, "status");
    const char *word = docker_modern(l->d) ? "invalid" : "Invalid";
    int64_t code;

    for (size_t i = 0; f && i < f->n; i++) {
        bool known = false;

        for (int s = 0; s < CONTAINER_STATE_MAX; s++)
            known |= str_eq(f->values[i], container_state_name((enum container_state)s));
        if (!known)
            return problem(p, 400, "%s filter 'status=%s'", word, f->values[i]);
        l->all = true;
    }
    f = filters_get(&l->filters, "health");
    for (size_t i = 0; f && i < f->n; i++)
        if (!str_eq(f->values[i], "none") && health_status_from(f->values[i]) < 0)
            return problem(p, 400, "%s filter value for health: %s",
                           docker_modern(l->d) ? "unrecognized" : "Unrecognised", f->values[i]);
    f = filters_get(&l->filters, "exited");
    for (size_t i = 0; f && i < f->n; i++)
        if (str_i64(f->values[i], &code) < 0)
            return docker_modern(l->d)
                       ? problem(
                             p, 400,
                             "invalid filter 'exited=%s': strconv.Atoi: parsing \"%s\": invalid "
                             "syntax",
                             f->values[i], f->values[i])
                       : problem(p, 500, "strconv.Atoi: parsing \"%s\": invalid syntax",
                                 f->values[i]);
    f = filters_get(&l->filters, "before");
    if (f && !(l->before = container_find(l->d, f->values[0], p)))
        return -1;
    f = filters_get(&l->filters, "since");
    if (f && !(l->since = container_find(l->d, f->values[0], p)))
        return -1;
    return 0;
}

static void write_list(struct buf *b, struct listing *l)
{
    bool passed = !l->before;
    struct list *pos;

    buf_addc(b, '[');
    list_for_each (pos, &l->d->containers) {
        struct container *c = container_of(pos, struct container, link);

        if (c == l->since || (l->limit > 0 && l->n == l->limit))
            break;
        if (passed && fits(l, c)) {
            if (l->n++)
                buf_addc(b, ',');
            container_summary(b, c, l->size, true);
        }
        passed |= c == l->before;
    }
    buf_addc(b, ']');
}

void get_containers(struct fake *f, struct exchange *x)
{
    struct listing l = {.d = (struct docker *)f};
    char *limit = exchange_param(x, "limit");
    struct buf b = BUF_INIT(ANSWER_MAX);
    struct problem p = {0};

    l.all = exchange_param_bool(x, "all");
    l.size = exchange_param_bool(x, "size");
    if (limit && *limit && str_i64(limit, &l.limit) < 0)
        problem(&p, 500, "strconv.Atoi: parsing \"%s\": invalid syntax", limit);
    free(limit);
    if (p.status || filters_read(&l.filters, x, accepted, &p) < 0) {
        docker_refuse(x, &p);
        return;
    }
    if (valid_values(&l, &p) < 0) {
        filters_release(&l.filters);
        docker_refuse(x, &p);
        return;
    }
    write_list(&b, &l);
    filters_release(&l.filters);
    docker_answer(x, 200, &b);
}
