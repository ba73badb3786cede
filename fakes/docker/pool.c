#include "fakes/docker/pool.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

/* --- texts ------------------------------------------------------------------------------- */

static int bits(bool six)
{
    return six ? 128 : 32;
}

bool ip_read(const char *s, bool *ret_six, ip_number *ret)
{
    unsigned char b[16];
    ip_number n = 0;
    bool six = s && strchr(s, ':');

    if (!s || inet_pton(six ? AF_INET6 : AF_INET, s, b) != 1)
        return false;
    for (int i = 0; i < bits(six) / 8; i++)
        n = n << 8 | b[i];
    *ret_six = six;
    *ret = n;
    return true;
}

char *ip_text(ip_number address, bool six, char out[IP_TEXT_MAX])
{
    unsigned char b[16];
    int n = bits(six) / 8;

    for (int i = 0; i < n; i++)
        b[i] = (unsigned char)(address >> 8 * (n - 1 - i));
    if (!inet_ntop(six ? AF_INET6 : AF_INET, b, out, IP_TEXT_MAX))
        *out = '\0';
    return out;
}

bool cidr_read(const char *s, struct cidr *ret)
{
    const char *slash = s ? strchr(s, '/') : NULL;
    char *address;
    uint64_t prefix;
    bool ok;

    if (!slash)
        return false;
    address = xstrndup(s, (size_t)(slash - s));
    ok = ip_read(address, &ret->six, &ret->address) &&
         str_u64(slash + 1, (uint64_t)bits(ret->six), &prefix) == 0;
    free(address);
    if (ok)
        ret->prefix = (int)prefix;
    return ok;
}

/* The bits behind the prefix. */
static ip_number host_bits(int prefix, bool six)
{
    int n = bits(six) - prefix;

    return n == 128 ? ~(ip_number)0 : ((ip_number)1 << n) - 1;
}

ip_number cidr_first(const struct cidr *c)
{
    return c->address & ~host_bits(c->prefix, c->six);
}

ip_number cidr_last(const struct cidr *c)
{
    return c->address | host_bits(c->prefix, c->six);
}

bool cidr_contains(const struct cidr *c, ip_number address, bool six)
{
    return six == c->six && address >= cidr_first(c) && address <= cidr_last(c);
}

/* --- addresses --------------------------------------------------------------------------- */

void pool_init(struct pool *p, const struct cidr *subnet, const struct cidr *range, bool ends)
{
    ip_number host = host_bits(subnet->prefix, subnet->six);

    *p = (struct pool){.used = true,
                       .six = subnet->six,
                       .prefix = subnet->prefix,
                       .base = cidr_first(subnet),
                       .last = cidr_last(subnet)};
    p->range_first = p->base | (range ? cidr_first(range) & host : 0);
    p->range_last = p->base | (range ? cidr_last(range) & host : host);
    p->lowest = p->range_first;
    if (subnet->six || subnet->prefix <= 30 || ends)
        pool_take(p, p->base);
    if (!subnet->six && (subnet->prefix <= 30 || ends))
        pool_take(p, p->last);
}

void pool_release(struct pool *p)
{
    free(p->taken);
    *p = (struct pool){0};
}

bool pool_contains(const struct pool *p, ip_number address)
{
    return p->used && address >= p->base && address <= p->last;
}

bool pools_overlap(const struct pool *p, const struct cidr *c)
{
    return p->used && p->six == c->six && cidr_first(c) <= p->last && cidr_last(c) >= p->base;
}

/* Where it stands, or would. */
static size_t place_of(const struct pool *p, ip_number address)
{
    size_t from = 0, to = p->n;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (p->taken[middle] < address)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

enum pool_outcome pool_take(struct pool *p, ip_number wanted)
{
    size_t at = place_of(p, wanted);

    if (!pool_contains(p, wanted))
        return POOL_OUTSIDE;
    if (at < p->n && p->taken[at] == wanted)
        return POOL_IN_USE;
    grow_array(p->taken, p->n, p->cap);
    memmove(p->taken + at + 1, p->taken + at, (p->n - at) * sizeof(*p->taken));
    p->taken[at] = wanted;
    p->n++;
    return POOL_TAKEN;
}

enum pool_outcome pool_take_any(struct pool *p, ip_number *ret)
{
    ip_number a = p->lowest;

    for (size_t at = place_of(p, a); at < p->n && p->taken[at] == a; at++)
        a++;
    if (a > p->range_last || a > p->last)
        return POOL_FULL;
    *ret = a;
    p->lowest = a + 1;
    return pool_take(p, a);
}

void pool_give(struct pool *p, ip_number address)
{
    size_t at = place_of(p, address);

    if (at == p->n || p->taken[at] != address)
        return;
    memmove(p->taken + at, p->taken + at + 1, (p->n - at - 1) * sizeof(*p->taken));
    p->n--;
    if (address < p->lowest && address >= p->range_first)
        p->lowest = address;
}
