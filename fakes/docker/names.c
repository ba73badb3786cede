/* What dockerd's DNS answers: see resolver.h. */
#include <arpa/nameser.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/resolver.h"

#define TTL    600     /* as libnetwork has it */
#define FOUND  32      /* addresses of one name */
#define BEHIND 0xc000u /* a name that stands elsewhere in the message */

/* --- who is meant ------------------------------------------------------------------------ */

struct found {
    ip_number v[FOUND], six[FOUND];
    size_t n;
};

static bool in_list(const char *json, const char *name)
{
    _cleanup_json_ json_t *names =
        json ? json_read(json, strlen(json), JSON_READ_PEER, NULL) : NULL;
    json_t *v;
    size_t i;

    json_array_foreach (names, i, v)
        if (json_is_string(v) && !strcasecmp(json_string_value(v), name))
            return true;
    return false;
}

/* Links of an endpoint, "container:alias": who is called so. To be freed. */
static char *linked(const struct endpoint *e, const char *name)
{
    _cleanup_json_ json_t *links =
        e->links ? json_read(e->links, strlen(e->links), JSON_READ_PEER, NULL) : NULL;
    json_t *v;
    size_t i;

    json_array_foreach (links, i, v) {
        const char *text = json_string_value(v), *colon = text ? strchr(text, ':') : NULL;

        if (colon && !strcasecmp(colon + 1, name))
            return xstrndup(text, (size_t)(colon - text));
    }
    return NULL;
}

static void find_in(const struct container *c, const struct endpoint *own, const char *name,
                    struct found *f)
{
    _cleanup_free_ char *other = linked(own, name);
    struct list *pos;

    if (other)
        name = other;
    /* oldest first */
    for (pos = c->d->containers.prev; pos != &c->d->containers && f->n < FOUND; pos = pos->prev) {
        const struct container *k = container_of(pos, struct container, link);
        const struct endpoint *e = container_alive(k) ? container_endpoint(k, own->n) : NULL;

        if (!e || !e->address)
            continue;
        if (strcasecmp(k->name, name) != 0 && !in_list(e->aliases, name) &&
            !in_list(e->names, name) && !str_eq(k->id, name))
            continue;
        f->v[f->n] = e->address;
        f->six[f->n++] = e->address_six;
    }
}

/* "name" in any of its networks, "name.network" in that one. */
static void find_name(const struct container *c, const char *name, struct found *f)
{
    for (size_t i = 0; !f->n && i < c->n_endpoints; i++) {
        const struct endpoint *e = &c->endpoints[i];
        size_t n = strlen(name), tail = e->n ? strlen(e->n->name) : 0;

        if (!e->n || !*e->id || !network_is_user_defined(e->n->name))
            continue;
        find_in(c, e, name, f);
        if (!f->n && n > tail + 1 && name[n - tail - 1] == '.' &&
            !strcasecmp(name + n - tail, e->n->name)) {
            _cleanup_free_ char *alone = xstrndup(name, n - tail - 1);

            find_in(c, e, alone, f);
        }
    }
}

/* "2.0.18.172.in-addr.arpa" */
static bool reverse_read(const char *name, ip_number *ret)
{
    unsigned b[4];
    int used = 0;

    if (sscanf(name, "%3u.%3u.%3u.%3u.%n", &b[0], &b[1], &b[2], &b[3], &used) != 4 ||
        strcasecmp(name + used, "in-addr.arpa") != 0 || b[0] > 255 || b[1] > 255 || b[2] > 255 ||
        b[3] > 255)
        return false;
    *ret = (ip_number)b[3] << 24 | b[2] << 16 | b[1] << 8 | b[0];
    return true;
}

/* "name.network" of who has this address in one of the networks; NULL. To be freed. */
static char *find_address(const struct container *c, ip_number address)
{
    struct list *pos;

    for (size_t i = 0; i < c->n_endpoints; i++) {
        const struct endpoint *own = &c->endpoints[i];

        if (!own->n || !*own->id || !network_is_user_defined(own->n->name))
            continue;
        list_for_each (pos, &c->d->containers) {
            const struct container *k = container_of(pos, struct container, link);
            const struct endpoint *e = container_alive(k) ? container_endpoint(k, own->n) : NULL;

            if (e && e->address == address)
                return xasprintf("%s.%s", k->name, own->n->name);
        }
    }
    return NULL;
}

/* --- the message ------------------------------------------------------------------------- */

struct reply {
    unsigned char *out;
    size_t n, room;
    uint16_t answers;
    bool cut;
};

static void put16(unsigned char *p, unsigned v)
{
    p[0] = (unsigned char)(v >> 8);
    p[1] = (unsigned char)v;
}

/* The name of every record is that of the question. */
static void put_record(struct reply *r, unsigned type, const void *data, size_t n)
{
    unsigned char *p = r->out + r->n;

    if (r->cut || r->room - r->n < 12 + n) {
        r->cut = true;
        return;
    }
    put16(p, BEHIND | NS_HFIXEDSZ);
    put16(p + 2, type);
    put16(p + 4, ns_c_in);
    put16(p + 6, 0);
    put16(p + 8, TTL);
    put16(p + 10, (unsigned)n);
    memcpy(p + 12, data, n);
    r->n += 12 + n;
    r->answers++;
}

static void put_addresses(struct reply *r, const struct found *f, unsigned turn, bool six)
{
    size_t n = six ? 16 : 4;

    for (size_t i = 0; i < f->n; i++) {
        ip_number a = (six ? f->six : f->v)[(i + turn) % f->n];
        unsigned char b[16];

        for (size_t k = 0; k < n; k++)
            b[k] = (unsigned char)(a >> 8 * (n - 1 - k));
        if (a)
            put_record(r, six ? ns_t_aaaa : ns_t_a, b, n);
    }
}

/* Whether the name is known. */
static bool answer(const struct container *c, unsigned turn, const ns_rr *q, struct reply *r)
{
    struct found f = {.n = 0};
    ip_number address;

    if (ns_rr_class(*q) != ns_c_in)
        return false;
    if (ns_rr_type(*q) == ns_t_ptr && reverse_read(ns_rr_name(*q), &address)) {
        _cleanup_free_ char *name = find_address(c, address);
        unsigned char packed[NS_MAXCDNAME];
        int n = name ? ns_name_compress(name, packed, sizeof(packed), NULL, NULL) : -1;

        if (n > 0)
            put_record(r, ns_t_ptr, packed, (size_t)n);
        return n > 0;
    }
    find_name(c, ns_rr_name(*q), &f);
    if (ns_rr_type(*q) == ns_t_a || ns_rr_type(*q) == ns_t_aaaa)
        put_addresses(r, &f, turn, ns_rr_type(*q) == ns_t_aaaa);
    return f.n > 0; /* of another type there is nothing to tell */
}

size_t resolver_answer(const struct container *c, unsigned turn, const unsigned char *query,
                       size_t n, unsigned char *out, size_t room)
{
    struct reply r = {.out = out, .room = room};
    const unsigned char *end = query + NS_HFIXEDSZ;
    bool known;
    ns_msg m;
    ns_rr q;

    if (n > room || ns_initparse(query, (int)n, &m) < 0 || ns_msg_getflag(m, ns_f_qr) ||
        ns_msg_getflag(m, ns_f_opcode) != ns_o_query || ns_msg_count(m, ns_s_qd) != 1 ||
        ns_parserr(&m, ns_s_qd, 0, &q) < 0 || ns_name_skip(&end, query + n) < 0)
        return 0;
    r.n = (size_t)(end - query) + NS_QFIXEDSZ;
    memcpy(out, query, r.n);
    known = answer(c, turn, &q, &r);
    /* a reply, as wanted with recursion; what is not copied of the flags is 0 */
    out[2] = (unsigned char)(0x80 | (query[2] & 0x01) | (r.cut ? 0x02 : 0));
    out[3] = (unsigned char)(0x80 | (known ? ns_r_noerror : ns_r_nxdomain));
    put16(out + 4, 1);
    put16(out + 6, r.answers);
    put16(out + 8, 0);
    put16(out + 10, 0);
    return r.n;
}
