/*
 * load.c - requests a second of a server behind a unix socket (wrk cannot).
 *
 *     load SOCKET TARGET CONNECTIONS SECONDS
 *
 * Each connection asks, waits for the whole answer, and asks again. The answer
 * has to be 2xx with a Content-Length; anything else ends the program with 1.
 * Prints one number.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

struct peer {
    int fd;
    size_t have, want; /* bytes of the answer; want is 0 until the headers are there */
    char head[4096];
};

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int dial(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        die(path);
    return fd;
}

/* Takes what came; 1 when the answer is whole. */
static int take(struct peer *p)
{
    ssize_t n = read(p->fd, p->head + p->have, sizeof(p->head) - 1 - p->have);
    char *end, *length;

    if (n <= 0)
        die("read");
    p->have += (size_t)n;
    p->head[p->have] = '\0';
    if (!p->want) {
        end = strstr(p->head, "\r\n\r\n");
        if (!end)
            return 0;
        length = strcasestr(p->head, "\r\ncontent-length:");
        errno = EPROTO;
        if (strncmp(p->head, "HTTP/1.1 2", 10) || !length || length > end)
            die(p->head);
        p->want = (size_t)(end + 4 - p->head) + strtoul(length + 17, NULL, 10);
        if (p->want >= sizeof(p->head))
            die("answer too large for this test");
    }
    return p->have >= p->want;
}

int main(int argc, char **argv)
{
    int n = argc == 5 ? (int)strtol(argv[3], NULL, 10) : 0;
    struct peer *peers = calloc((size_t)(n > 0 ? n : 1), sizeof(*peers));
    int ep = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event events[64];
    double begin, end, limit;
    char ask[1024];
    uint64_t done = 0;
    int len;

    if (n < 1 || !peers || ep < 0) {
        fprintf(stderr, "usage: load SOCKET TARGET CONNECTIONS SECONDS\n");
        return 2;
    }
    len = snprintf(ask, sizeof(ask), "GET %s HTTP/1.1\r\nHost: docker\r\n\r\n", argv[2]);
    for (int i = 0; i < n; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &peers[i]};

        peers[i].fd = dial(argv[1]);
        if (epoll_ctl(ep, EPOLL_CTL_ADD, peers[i].fd, &ev) < 0 ||
            write(peers[i].fd, ask, (size_t)len) != len)
            die("start");
    }
    begin = now();
    limit = begin + strtod(argv[4], NULL);
    for (end = begin; end < limit; end = now()) {
        int ready = epoll_wait(ep, events, 64, 1000);

        if (ready <= 0)
            die("no answer within a second");
        for (int i = 0; i < ready; i++) {
            struct peer *p = events[i].data.ptr;

            if (!take(p))
                continue;
            done++;
            p->have = p->want = 0;
            if (write(p->fd, ask, (size_t)len) != len)
                die("write");
        }
    }
    printf("%.0f\n", (double)done / (end - begin));
    return 0;
}
