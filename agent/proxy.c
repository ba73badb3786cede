#include "agent/proxy.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

/* An address, as 16 bytes; IPv4 is mapped. */
struct address {
    unsigned char b[16];
};

static const char *of(const char *const *env, const char *upper, const char *lower)
{
    const char *const names[] = {upper, lower};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        for (const char *const *v = env; *v; v++) {
            const char *rest = str_after(*v, names[i]);

            if (rest && *rest == '=' && rest[1])
                return rest + 1;
        }
    return NULL;
}

void proxy_read(struct proxy *p, const char *const *env)
{
    *p = (struct proxy){of(env, "HTTP_PROXY", "http_proxy"), of(env, "HTTPS_PROXY", "https_proxy"),
                        of(env, "NO_PROXY", "no_proxy")};
}

static bool parse_address(const char *s, struct address *ret)
{
    struct in_addr four;

    if (inet_pton(AF_INET, s, &four) == 1) {
        memset(ret->b, 0, 10);
        ret->b[10] = ret->b[11] = 0xff;
        memcpy(ret->b + 12, &four, 4);
        return true;
    }
    return inet_pton(AF_INET6, s, ret->b) == 1;
}

/* Are the first n bits the same? */
static bool same_bits(const struct address *a, const struct address *b, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (((a->b[i / 8] ^ b->b[i / 8]) >> (7 - i % 8)) & 1)
            return false;
    return true;
}

static bool in_network(const struct address *a, const char *network)
{
    const char *slash = strchr(network, '/');
    _cleanup_free_ char *base = xstrndup(network, strcspn(network, "/"));
    struct address b;
    uint64_t bits = 128;

    if (!parse_address(base, &b))
        return false;
    if (slash && str_u64(slash + 1, 128, &bits) < 0)
        return false;
    if (slash && !strchr(base, ':'))
        bits += 96;
    return bits <= 128 && same_bits(a, &b, (unsigned)bits);
}

static bool ends_with(const char *host, const char *domain)
{
    size_t h = strlen(host), d = strlen(domain);

    return h >= d && strcasecmp(host + h - d, domain) == 0;
}

static bool entry_fits(const char *entry, const char *host, const char *port,
                       const struct address *a)
{
    _cleanup_free_ char *name = xstrdup(entry), *below = NULL;
    char *colon = strrchr(name, ':');

    if (str_eq(entry, "*"))
        return true;
    if (a && in_network(a, entry))
        return true;
    if (colon && colon == strchr(name, ':')) { /* one colon: a port */
        if (!str_eq(colon + 1, port))
            return false;
        *colon = '\0';
    }
    if (a)
        return in_network(a, name);
    if (name[0] == '*' && name[1] == '.')
        memmove(name, name + 1, strlen(name));
    if (name[0] == '.')
        return ends_with(host, name) && strlen(host) > strlen(name);
    below = xasprintf(".%s", name);
    return strcasecmp(host, name) == 0 || ends_with(host, below);
}

static bool listed(const char *list, const char *host, const char *port, const struct address *a)
{
    while (list && *list) {
        size_t n = strcspn(list, ",");
        const char *s = list + strspn(list, " \t");
        size_t len = n > (size_t)(s - list) ? n - (size_t)(s - list) : 0;
        _cleanup_free_ char *entry = NULL;

        while (len && (s[len - 1] == ' ' || s[len - 1] == '\t'))
            len--;
        entry = xstrndup(s, len);
        if (*entry && entry_fits(entry, host, port, a))
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

static bool is_local(const char *host, const struct address *a)
{
    static const char *const networks[] = {"127.0.0.0/8", "::1", "169.254.0.0/16", "fd00:ec2::254"};

    for (size_t i = 0; a && i < ARRAY_SIZE(networks); i++)
        if (in_network(a, networks[i]))
            return true;
    return strcasecmp(host, "localhost") == 0;
}

const char *proxy_for(const struct proxy *p, const char *url)
{
    bool tls = str_starts(url, "https://") || str_starts(url, "wss://");
    const char *proxy = !p ? NULL : tls ? p->https : p->http, *rest = strstr(url, "://");
    _cleanup_free_ char *host = NULL;
    const char *port = tls ? "443" : "80";
    struct address a;
    char *end;
    bool numeric;

    if (!proxy || !rest)
        return NULL;
    rest += 3;
    host = xstrndup(rest, strcspn(rest, "/?"));
    if (*host == '[' && (end = strchr(host, ']'))) {
        if (end[1] == ':')
            port = end + 2;
        *end = '\0';
        memmove(host, host + 1, strlen(host));
    } else if ((end = strchr(host, ':'))) {
        port = end + 1;
        *end = '\0';
    }
    numeric = parse_address(host, &a);
    if (is_local(host, numeric ? &a : NULL) || listed(p->none, host, port, numeric ? &a : NULL))
        return NULL;
    return proxy;
}
