#include "fakes/docker/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "fakes/core/nat.h"
#include "fakes/docker/wire.h"

#define PORT    53
#define UDP_MAX 512
#define TCP_MAX 4096
#define LENGTH  2 /* bytes before a message over TCP */

struct resolver {
    struct container *c;
    struct loop *loop;
    uv_udp_t udp;
    uv_tcp_t tcp;
    struct list clients; /* oldest first */
    size_t n_clients;
    unsigned turn;
    int handles;
    unsigned char in[UDP_MAX]; /* a datagram is dealt with before the next is read */
};

struct client {
    struct list link;
    uv_tcp_t tcp;
    uv_write_t write;
    struct resolver *r;
    size_t have;
    bool closing;
    unsigned char in[LENGTH + UDP_MAX], out[LENGTH + TCP_MAX];
};

/* --- one question ------------------------------------------------------------------------ */

static void on_udp_space(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct resolver *r = h->data;

    (void)hint;
    *b = uv_buf_init((char *)r->in, sizeof(r->in));
}

static void on_datagram(uv_udp_t *h, ssize_t n, const uv_buf_t *b, const struct sockaddr *from,
                        unsigned flags)
{
    struct resolver *r = h->data;
    unsigned char out[UDP_MAX];
    uv_buf_t reply;

    loop_sync(r->loop);
    if (n <= 0 || !from || (flags & UV_UDP_PARTIAL))
        return;
    reply = uv_buf_init((char *)out,
                        (unsigned)resolver_answer(r->c, r->turn++, (unsigned char *)b->base,
                                                  (size_t)n, out, sizeof(out)));
    if (reply.len)
        uv_udp_try_send(h, &reply, 1, from); /* who gets none asks again */
}

/* --- over TCP ---------------------------------------------------------------------------- */

static void done(struct resolver *r)
{
    if (--r->handles == 0)
        free(r);
}

static void on_client_closed(uv_handle_t *h)
{
    struct client *k = h->data;
    struct resolver *r = k->r;

    free(k);
    done(r);
}

static void client_close(struct client *k)
{
    if (k->closing)
        return;
    k->closing = true;
    list_del(&k->link);
    k->r->n_clients--;
    uv_close((uv_handle_t *)&k->tcp, on_client_closed);
}

static void on_written(uv_write_t *w, int status)
{
    (void)status;
    client_close(container_of(w, struct client, write));
}

static void on_client_space(uv_handle_t *h, size_t hint, uv_buf_t *b)
{
    struct client *k = h->data;

    (void)hint;
    *b = uv_buf_init((char *)k->in + k->have, (unsigned)(sizeof(k->in) - k->have));
}

static void on_client_read(uv_stream_t *s, ssize_t n, const uv_buf_t *b)
{
    struct client *k = s->data;
    size_t want, len;
    uv_buf_t reply;

    (void)b;
    loop_sync(k->r->loop);
    if (n < 0) {
        client_close(k);
        return;
    }
    k->have += (size_t)n;
    want = k->have < LENGTH ? SIZE_MAX : (size_t)(k->in[0] << 8 | k->in[1]);
    if (want == SIZE_MAX || (k->have < LENGTH + want && k->have < sizeof(k->in)))
        return;
    uv_read_stop(s);
    len = want > UDP_MAX ? 0
                         : resolver_answer(k->r->c, k->r->turn++, k->in + LENGTH, want,
                                           k->out + LENGTH, TCP_MAX);
    k->out[0] = (unsigned char)(len >> 8);
    k->out[1] = (unsigned char)len;
    reply = uv_buf_init((char *)k->out, (unsigned)(LENGTH + len));
    if (!len || uv_write(&k->write, s, &reply, 1, on_written) < 0)
        client_close(k);
}

static void on_client(uv_stream_t *listener, int status)
{
    struct resolver *r = listener->data;
    struct client *k;

    loop_sync(r->loop);
    if (status < 0)
        return;
    if (r->n_clients >= RESOLVER_CLIENTS_MAX)
        client_close(container_of(r->clients.next, struct client, link));
    k = new0(struct client);
    k->r = r;
    uv_tcp_init(&r->loop->uv, &k->tcp);
    k->tcp.data = k;
    list_add_tail(&r->clients, &k->link);
    r->n_clients++;
    r->handles++;
    if (uv_accept(listener, (uv_stream_t *)&k->tcp) < 0 ||
        uv_read_start((uv_stream_t *)&k->tcp, on_client_space, on_client_read) < 0)
        client_close(k);
}

/* --- in the container's namespace -------------------------------------------------------- */

struct sockets {
    int udp, tcp;
};

static int bound(int type, int port, uint16_t *ret_port, struct err *e)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = inet_addr(RESOLVER_ADDRESS)};
    socklen_t n = sizeof(a);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return err_sys(e, errno, "socket");
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
        getsockname(fd, (struct sockaddr *)&a, &n) < 0) {
        err_sys(e, errno, RESOLVER_ADDRESS);
        close(fd);
        return -1;
    }
    *ret_port = ntohs(a.sin_port);
    return fd;
}

static int open_at(struct sockets *s, int port, uint16_t ret[2], struct err *e)
{
    s->udp = bound(SOCK_DGRAM, port, &ret[0], e);
    s->tcp = s->udp < 0 ? -1 : bound(SOCK_STREAM, port, &ret[1], e);
    return s->tcp < 0 ? -1 : 0;
}

static int open_inside(void *data, struct err *e)
{
    const in_addr_t at = inet_addr(RESOLVER_ADDRESS);
    struct sockets *s = data;
    struct err none = ERR_INIT;
    uint16_t ports[2];

    if (open_at(s, 0, ports, e) < 0)
        return -1;
    const struct nat_rule rules[] = {
        {NAT_OUTPUT, IPPROTO_UDP, at, PORT, at, ports[0]},
        {NAT_OUTPUT, IPPROTO_TCP, at, PORT, at, ports[1]},
    };
    if (nat_install("docker", rules, 2, &none) == 0)
        return 0;
    cleanup_closep(&s->udp);
    cleanup_closep(&s->tcp);
    return open_at(s, PORT, ports, e);
}

struct resolver *resolver_new(struct container *c, int namespace, struct err *e)
{
    struct sockets s = {-1, -1};
    struct resolver *r;

    if (wire_inside(namespace, open_inside, &s, e) < 0) {
        cleanup_closep(&s.udp);
        cleanup_closep(&s.tcp);
        return NULL;
    }
    r = new0(struct resolver);
    r->c = c;
    r->loop = fake_loop(&c->d->fake);
    list_init(&r->clients);
    r->handles = 2;
    uv_udp_init(&r->loop->uv, &r->udp);
    uv_tcp_init(&r->loop->uv, &r->tcp);
    r->udp.data = r->tcp.data = r;
    if (uv_udp_open(&r->udp, s.udp) < 0 || uv_tcp_open(&r->tcp, s.tcp) < 0 ||
        uv_udp_recv_start(&r->udp, on_udp_space, on_datagram) < 0 ||
        uv_listen((uv_stream_t *)&r->tcp, 16, on_client) < 0) {
        err_set(e, ERR_SYS, "cannot listen on %s", RESOLVER_ADDRESS);
        resolver_free(r);
        return NULL;
    }
    return r;
}

static void on_closed(uv_handle_t *h)
{
    done(h->data);
}

void resolver_free(struct resolver *r)
{
    if (!r)
        return;
    while (!list_empty(&r->clients))
        client_close(container_of(r->clients.next, struct client, link));
    uv_close((uv_handle_t *)&r->udp, on_closed);
    uv_close((uv_handle_t *)&r->tcp, on_closed);
}
