#include "fakes/core/test/peer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/io.h"
#include "base/str.h"

void peer_connect(struct peer *p, struct fake *f)
{
    const char *path = str_after(f->url, "unix://"), *colon = strrchr(f->url, ':');

    *p = (struct peer){.w = f->world, .got = BUF_INIT(64 << 20)};
    if (path) {
        struct sockaddr_un sa = {.sun_family = AF_UNIX};

        memcpy(sa.sun_path, path, strlen(path) + 1);
        p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(p->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
            p->reset = true;
    } else {
        int one = 1;
        struct sockaddr_in sa = {.sin_family = AF_INET,
                                 .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
                                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};

        p->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        /* else a small piece waits for the acknowledgement of the one before */
        setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        if (connect(p->fd, (struct sockaddr *)&sa, sizeof(sa)) < 0)
            p->reset = true;
    }
    io_set_nonblock(p->fd, NULL);
}

void peer_close(struct peer *p)
{
    if (p->fd >= 0)
        close(p->fd);
    p->fd = -1;
    buf_release(&p->got);
}

static void take(struct peer *p)
{
    char chunk[65536];
    ssize_t n;

    while ((n = read(p->fd, chunk, sizeof(chunk))) > 0)
        buf_add(&p->got, chunk, (size_t)n);
    if (n == 0)
        p->eof = true;
    else if (errno != EAGAIN)
        p->eof = p->reset = true;
}

static void turn(struct world *w)
{
    loop_turn(&w->loop, loop_now(&w->loop) + 2 * NS_PER_MS);
}

void peer_send_bytes(struct peer *p, const void *b, size_t n)
{
    const char *s = b;

    while (n && !p->eof) {
        ssize_t k = send(p->fd, s, n, MSG_NOSIGNAL);

        if (k > 0) {
            s += k;
            n -= (size_t)k;
        } else if (k < 0 && errno != EAGAIN) {
            p->eof = p->reset = true;
        }
        turn(p->w);
        take(p);
    }
}

void peer_send(struct peer *p, const char *text)
{
    peer_send_bytes(p, text, strlen(text));
}

/* A limit in real time: a test may have moved the clock. ECSIM_SLOW stretches it (valgrind). */
static int64_t patience(const struct peer *p, int64_t ns)
{
    const char *slow = getenv("ECSIM_SLOW");
    uint64_t n;

    return loop_real(&p->w->loop) +
           ns * (slow && str_u64(slow, 100, &n) == 0 && n ? (int64_t)n : 1);
}

bool peer_wait_for(struct peer *p, const char *text, int64_t ns)
{
    int64_t until = patience(p, ns);

    for (;;) {
        take(p);
        if (memmem(buf_data(&p->got), buf_len(&p->got), text, strlen(text)))
            return true;
        if (p->eof || loop_real(&p->w->loop) > until)
            return false;
        turn(p->w);
    }
}

bool peer_wait(struct peer *p, const char *text)
{
    return peer_wait_for(p, text, 20 * NS_PER_S);
}

bool peer_wait_end(struct peer *p)
{
    int64_t until = patience(p, 20 * NS_PER_S);

    while (!p->eof && loop_real(&p->w->loop) < until) {
        turn(p->w);
        take(p);
    }
    return p->eof;
}

void peer_settle(struct world *w)
{
    for (int i = 0; i < 5; i++)
        turn(w);
}
