#include <errno.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/link_watch.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define READ_MAX  (64u << 10)
#define NAMES_MAX 256  /* devices that were announced */
#define MACS_MAX  4096 /* devices that are told of */
#define MAC_BYTES 6

struct link_watch {
    struct loop *loop;
    uv_poll_t events, answers;
    int event_fd, answer_fd;
    unsigned int open; /* handles */
    struct clock_timer look;
    struct map announced; /* name -> itself: the kernel said that it is a real device */
    struct map macs;      /* mac -> generation in which it was seen */
    uintptr_t generation; /* of the list under way */
    bool listing, list_again;
    char *own_mac;
    link_fn fn;
    void *user;
    _Alignas(struct nlmsghdr) char bytes[READ_MAX];
};

/* ---- what the kernel said ---- */

/* The value of NAME=value in the words of a message, each ended by a zero. */
static const char *word_of(const char *p, size_t n, const char *name)
{
    size_t len = strlen(name);

    while (n) {
        size_t word = strnlen(p, n);

        if (word == n)
            return NULL;
        if (word > len && memcmp(p, name, len) == 0 && p[len] == '=')
            return p + len + 1;
        p += word + 1;
        n -= word + 1;
    }
    return NULL;
}

bool link_read_uevent(const char *p, size_t n, char ret_name[LINK_NAME_SIZE])
{
    const char *path = word_of(p, n, "DEVPATH"), *name = word_of(p, n, "INTERFACE");
    const char *below = path ? strstr(path, "devices/") : NULL;

    if (!str_eq(word_of(p, n, "SUBSYSTEM"), "net") || !str_eq(word_of(p, n, "ACTION"), "add") ||
        !name || !*name || strlen(name) >= LINK_NAME_SIZE || !below)
        return false;
    below += strlen("devices/");
    if (!str_starts(below, "pci") && !str_starts(below, "vif"))
        return false;
    snprintf(ret_name, LINK_NAME_SIZE, "%s", name);
    return true;
}

static void read_attribute(const struct rtattr *a, struct link_facts *f)
{
    const unsigned char *p = (const unsigned char *)a + RTA_LENGTH(0); /* as RTA_DATA() */
    size_t n = RTA_PAYLOAD(a);

    switch (a->rta_type & NLA_TYPE_MASK) {
    case IFLA_IFNAME:
        snprintf(f->name, sizeof(f->name), "%.*s", (int)strnlen((const char *)p, n),
                 (const char *)p);
        break;
    case IFLA_ADDRESS:
        if (n == MAC_BYTES)
            snprintf(f->mac, sizeof(f->mac), "%02x:%02x:%02x:%02x:%02x:%02x", p[0], p[1], p[2],
                     p[3], p[4], p[5]);
        break;
    case IFLA_LINKINFO:
        /* only devices that were made have one */
        f->plain = false;
        break;
    default:
        break;
    }
}

bool link_read_newlink(const void *p, size_t n, struct link_facts *ret)
{
    const struct nlmsghdr *h = p;
    const struct ifinfomsg *m;
    const struct rtattr *a;
    size_t left;

    *ret = (struct link_facts){.plain = true};
    if (n < NLMSG_LENGTH(sizeof(*m)) || h->nlmsg_len < NLMSG_LENGTH(sizeof(*m)) ||
        h->nlmsg_len > n || h->nlmsg_type != RTM_NEWLINK)
        return false;
    m = (const void *)((const char *)h + NLMSG_LENGTH(0)); /* as NLMSG_DATA() */
    if (m->ifi_type == ARPHRD_LOOPBACK)
        ret->plain = false;
    a = (const void *)((const char *)m + NLMSG_ALIGN(sizeof(*m)));
    left = h->nlmsg_len - NLMSG_LENGTH(sizeof(*m));
    while (left >= sizeof(*a) && a->rta_len >= sizeof(*a) && a->rta_len <= left) {
        size_t step = RTA_ALIGN(a->rta_len);

        read_attribute(a, ret);
        if (step >= left)
            break;
        left -= step;
        a = (const void *)((const char *)a + step);
    }
    return *ret->name != '\0';
}

/* ---- the list ---- */

static void ask(struct link_watch *w)
{
    struct {
        struct nlmsghdr h;
        struct ifinfomsg m;
    } q = {.h = {.nlmsg_len = sizeof(q),
                 .nlmsg_type = RTM_GETLINK,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                 .nlmsg_seq = 1}};

    if (w->listing) {
        w->list_again = true;
        return;
    }
    w->list_again = false;
    w->generation++;
    /* the kernel answers at once; what it did not take is asked for again in a while */
    w->listing = send(w->answer_fd, &q, sizeof(q), MSG_NOSIGNAL) == (ssize_t)sizeof(q);
}

static void see(struct link_watch *w, const struct link_facts *f)
{
    bool is_new;

    if (!*f->mac || str_eq(f->mac, w->own_mac) || (!f->plain && !map_get(&w->announced, f->name)))
        return;
    is_new = !map_get(&w->macs, f->mac);
    if (is_new && map_count(&w->macs) >= MACS_MAX)
        return;
    map_set(&w->macs, f->mac, (void *)w->generation);
    if (is_new)
        w->fn(f->mac, w->user);
}

/* What the list did not show has gone. */
static void end_list(struct link_watch *w)
{
    const char *mac;
    void *seen;

    w->listing = false;
    for (size_t i = 0; map_next(&w->macs, &i, &mac, &seen);)
        if ((uintptr_t)seen != w->generation)
            map_remove(&w->macs, mac);
    if (w->list_again)
        ask(w);
}

static void on_answers(uv_poll_t *p, int status, int what)
{
    struct link_watch *w = p->data;
    ssize_t n = recv(w->answer_fd, w->bytes, sizeof(w->bytes), MSG_DONTWAIT | MSG_TRUNC);
    const struct nlmsghdr *h = (const void *)w->bytes;
    size_t left = n > 0 ? (size_t)n : 0, step;

    (void)status;
    (void)what;
    if (left > sizeof(w->bytes))
        left = 0;
    for (; NLMSG_OK(h, left); h = (const void *)((const char *)h + step)) {
        struct link_facts f;

        step = NLMSG_ALIGN(h->nlmsg_len);
        left = step < left ? left - step : 0;

        if (h->nlmsg_type == NLMSG_DONE || h->nlmsg_type == NLMSG_ERROR)
            end_list(w);
        else if (link_read_newlink(h, h->nlmsg_len, &f))
            see(w, &f);
    }
}

/* ---- messages of devices ---- */

static void on_events(uv_poll_t *p, int status, int what)
{
    struct link_watch *w = p->data;
    struct sockaddr_nl from = {0};
    socklen_t size = sizeof(from);
    ssize_t n = recvfrom(w->event_fd, w->bytes, sizeof(w->bytes), MSG_DONTWAIT,
                         (struct sockaddr *)&from, &size);
    char name[LINK_NAME_SIZE];

    (void)status;
    (void)what;
    if (n < 0) {
        if (errno == ENOBUFS) /* some were lost */
            ask(w);
        return;
    }
    /* from the kernel alone */
    if (from.nl_pid != 0 || !link_read_uevent(w->bytes, (size_t)n, name))
        return;
    if (map_count(&w->announced) < NAMES_MAX)
        map_set(&w->announced, name, w);
    ask(w);
}

static void on_look(struct clock_timer *t)
{
    struct link_watch *w = container_of(t, struct link_watch, look);

    loop_timer_start(w->loop, &w->look, ENI_LOOK_AGAIN, on_look);
    ask(w);
}

/* ---- life ---- */

static int open_socket(int bus, unsigned int groups, struct err *e)
{
    struct sockaddr_nl a = {.nl_family = AF_NETLINK, .nl_groups = groups};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, bus);

    if (fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    err_sys(e, errno, "netlink");
    if (fd >= 0)
        close(fd);
    return -1;
}

static void watch_fd(struct link_watch *w, uv_poll_t *p, int fd, uv_poll_cb fn)
{
    uv_poll_init(&w->loop->uv, p, fd);
    p->data = w;
    w->open++;
    uv_poll_start(p, UV_READABLE, fn);
}

struct link_watch *link_watch_new(struct loop *l, const char *own_mac, link_fn fn, void *user,
                                  struct err *e)
{
    struct link_watch *w = new0(struct link_watch);

    w->loop = l;
    w->own_mac = xstrdup(own_mac);
    w->fn = fn;
    w->user = user;
    map_init(&w->announced);
    map_init(&w->macs);
    w->event_fd = open_socket(NETLINK_KOBJECT_UEVENT, 1, e);
    w->answer_fd = w->event_fd < 0 ? -1 : open_socket(NETLINK_ROUTE, 0, e);
    if (w->answer_fd < 0) {
        if (w->event_fd >= 0)
            close(w->event_fd);
        free(w->own_mac);
        free(w);
        return NULL;
    }
    watch_fd(w, &w->events, w->event_fd, on_events);
    watch_fd(w, &w->answers, w->answer_fd, on_answers);
    loop_timer_start(l, &w->look, ENI_LOOK_AGAIN, on_look);
    ask(w);
    return w;
}

static void on_closed(uv_handle_t *h)
{
    struct link_watch *w = h->data;

    if (--w->open)
        return;
    close(w->event_fd);
    close(w->answer_fd);
    free(w);
}

void link_watch_free(struct link_watch *w)
{
    if (!w)
        return;
    loop_timer_stop(w->loop, &w->look);
    map_release(&w->announced);
    map_release(&w->macs);
    free(w->own_mac);
    uv_close((uv_handle_t *)&w->events, on_closed);
    uv_close((uv_handle_t *)&w->answers, on_closed);
}

bool link_watch_has(const struct link_watch *w, const char *mac)
{
    return w && map_get(&w->macs, mac);
}
