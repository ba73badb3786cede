#include <netinet/in.h>
#include <sys/socket.h>

#include "agent/port_pool.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define KERNEL_RANGE  "/proc/sys/net/ipv4/ip_local_port_range"
#define DEFAULT_FIRST 49153
#define DEFAULT_LAST  65535

static bool system_says_free(int port, bool udp)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int on = 1;
    _cleanup_close_ int fd = socket(AF_INET, (udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return true; /* Docker will say so if it is not */
    if (!udp)
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        return false;
    return udp || listen(fd, 1) == 0;
}

/* Two numbers with any of the separators between them. */
static bool parse_range(const char *text, const char *separators, int *first, int *last)
{
    _cleanup_free_ char *copy = xstrdup(text);
    char *rest = copy + strspn(copy, " \t");
    size_t n = strcspn(rest, separators);
    uint64_t a, b;
    char *second;

    if (!rest[n])
        return false;
    rest[n] = '\0';
    second = rest + n + 1;
    second += strspn(second, " \t");
    second[strcspn(second, " \t\n")] = '\0';
    if (str_u64(rest, 65535, &a) < 0 || str_u64(second, 65535, &b) < 0 || a == 0 || b < a)
        return false;
    *first = (int)a;
    *last = (int)b;
    return true;
}

static void hold_all(struct port_pool *p, const json_t *list, bool udp)
{
    const json_t *v;
    size_t i;

    json_array_foreach (list, i, v)
        port_pool_hold(p, (int)json_integer_value(v), 1, udp);
}

bool port_pool_init(struct port_pool *p, const char *range, const json_t *reserved_tcp,
                    const json_t *reserved_udp)
{
    _cleanup_buf_ struct buf kernel = BUF_INIT(256);
    bool valid = true;

    *p = (struct port_pool){.first = DEFAULT_FIRST, .last = DEFAULT_LAST};
    p->is_free = system_says_free;
    if (range && *range)
        valid = parse_range(range, "-", &p->first, &p->last);
    if ((!range || !*range || !valid) && io_read_file(KERNEL_RANGE, &kernel, NULL) == 0)
        parse_range(buf_str(&kernel), " \t", &p->first, &p->last);
    p->next[0] = p->next[1] = p->first;
    hold_all(p, reserved_tcp, false);
    hold_all(p, reserved_udp, true);
    return valid;
}

static bool is_used(const struct port_pool *p, int port, bool udp)
{
    return p->used[udp][port / 8] & (1u << (port % 8));
}

static int look(struct port_pool *p, int from, int to, int n, bool udp)
{
    int run = 0;

    for (int port = from; port <= to; port++) {
        run = is_used(p, port, udp) || !p->is_free(port, udp) ? 0 : run + 1;
        if (run == n)
            return port - n + 1;
    }
    return -1;
}

int port_pool_take(struct port_pool *p, int n, bool udp)
{
    int after, port = look(p, p->next[udp], p->last, n, udp);

    if (port < 0) /* from the start again; a run may reach over where this began */
        port = look(p, p->first, p->last, n, udp);
    if (port < 0)
        return -1;
    after = port + n;
    p->next[udp] = after > p->last ? p->first : after;
    port_pool_hold(p, port, n, udp);
    return port;
}

void port_pool_hold(struct port_pool *p, int port, int n, bool udp)
{
    for (; n-- > 0; port++)
        if (port > 0 && port < 65536)
            p->used[udp][port / 8] |= (unsigned char)(1u << (port % 8));
}

void port_pool_give_back(struct port_pool *p, int port, int n, bool udp)
{
    for (; n-- > 0; port++)
        if (port > 0 && port < 65536)
            p->used[udp][port / 8] &= (unsigned char)~(1u << (port % 8));
}
