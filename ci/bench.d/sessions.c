/*
 * sessions.c - many agents on one control plane.
 *
 *     sessions ECS_PORT ACS_PORT AGENTS SECONDS EVERY_MS
 *
 * Registers so many instances, opens an ACS session for each, and answers every
 * heartbeat. Prints two numbers: heartbeats answered a second, over all, and the
 * longest time in milliseconds between two heartbeats of one agent above EVERY_MS.
 * The world must not verify signatures.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct agent {
    int fd;
    double last; /* when its last heartbeat came; 0: none yet */
    size_t have;
    char in[8192];
};

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "sessions: %s: %s\n", what, strerror(errno));
    exit(1);
}

static int dial(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        die("connect");
    return fd;
}

static void say(int fd, const char *p, size_t n)
{
    if (write(fd, p, n) != (ssize_t)n)
        die("write");
}

/* Reads until `end` came; what is behind it stays where it is. */
static size_t hear(int fd, char *p, size_t room, const char *end)
{
    size_t n = 0;

    for (;;) {
        ssize_t r = read(fd, p + n, room - 1 - n);

        if (r <= 0)
            die("read");
        n += (size_t)r;
        p[n] = '\0';
        if (strstr(p, end))
            return n;
        if (n == room - 1)
            die("an answer is too long");
    }
}

static void register_one(int port, char *arn, size_t room)
{
    static const char body[] = "{\"cluster\":\"default\"}";
    char text[4096], *at;
    int fd = dial(port);
    int n =
        snprintf(text, sizeof(text),
                 "POST / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nX-Amz-Target: "
                 "AmazonEC2ContainerServiceV20141113.RegisterContainerInstance\r\nContent-Type: "
                 "application/x-amz-json-1.1\r\nContent-Length: %zu\r\n\r\n%s",
                 sizeof(body) - 1, body);

    say(fd, text, (size_t)n);
    hear(fd, text, sizeof(text), "\"containerInstanceArn\":\"");
    at = strstr(text, "\"containerInstanceArn\":\"") + strlen("\"containerInstanceArn\":\"");
    snprintf(arn, room, "%.*s", (int)strcspn(at, "\""), at);
    close(fd);
}

static void open_session(struct agent *a, int ecs, int acs)
{
    char arn[512], text[2048], *end;
    int n;

    register_one(ecs, arn, sizeof(arn));
    a->fd = dial(acs);
    n = snprintf(text, sizeof(text),
                 "GET /ws?agentHash=0&agentVersion=1&clusterArn=default&containerInstanceArn=%s&"
                 "protocolVersion=2&sendCredentials=false&seqNum=1 HTTP/1.1\r\nHost: h\r\nUpgrade: "
                 "websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                 "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n",
                 arn);
    say(a->fd, text, (size_t)n);
    a->have = hear(a->fd, a->in, sizeof(a->in), "\r\n\r\n");
    if (strncmp(a->in, "HTTP/1.1 101", 12))
        die("no session");
    end = strstr(a->in, "\r\n\r\n") + 4;
    a->have -= (size_t)(end - a->in);
    memmove(a->in, end, a->have);
}

/* The answer to a heartbeat: masked with zeros, which is a mask too. */
static void answer(struct agent *a, const char *message)
{
    char frame[256], *id = strstr(message, "\"messageId\":\"");
    int n;

    if (!id)
        return;
    n = snprintf(frame + 8, sizeof(frame) - 8,
                 "{\"type\":\"HeartbeatAckRequest\",\"message\":{\"messageId\":\"%.36s\"}}",
                 id + 13);
    frame[0] = (char)0x81;
    frame[1] = (char)(0x80 | n);
    memset(frame + 2, 0, 4);
    memmove(frame + 6, frame + 8, (size_t)n);
    say(a->fd, frame, (size_t)n + 6);
}

/* Every whole frame that is there; returns how many were heartbeats. */
static unsigned take(struct agent *a)
{
    ssize_t r = read(a->fd, a->in + a->have, sizeof(a->in) - 1 - a->have);
    unsigned beats = 0;

    if (r <= 0)
        die("a session ended");
    a->have += (size_t)r;
    for (;;) {
        size_t head = 2, n = (unsigned char)a->in[1] & 0x7f;
        char after;

        if (a->have >= 4 && n == 126) {
            n = (size_t)(unsigned char)a->in[2] << 8 | (unsigned char)a->in[3];
            head = 4;
        }
        if (a->have < 2 || n == 126 || a->have < head + n)
            return beats;
        after = a->in[head + n];
        a->in[head + n] = '\0';
        if (strstr(a->in + head, "\"HeartbeatMessage\"")) {
            answer(a, a->in + head);
            beats++;
        }
        a->in[head + n] = after;
        a->have -= head + n;
        memmove(a->in, a->in + head + n, a->have);
    }
}

struct count {
    unsigned long beats;
    double late, every;
};

/* Takes what comes within so many milliseconds. */
static void turn(int ep, int timeout, struct count *c)
{
    struct epoll_event ev[64];
    int got = epoll_wait(ep, ev, 64, timeout);

    for (int i = 0; i < got; i++) {
        struct agent *a = ev[i].data.ptr;
        unsigned more = take(a);
        double t = now();

        if (more && a->last && t - a->last - c->every > c->late)
            c->late = t - a->last - c->every;
        if (more)
            a->last = t;
        c->beats += more;
    }
}

int main(int argc, char **argv)
{
    struct rlimit files = {4096, 4096};
    struct agent *agents;
    struct count c = {0};
    double begin, end;
    int n, ep = epoll_create1(EPOLL_CLOEXEC);

    if (argc != 6)
        die("usage: sessions ECS_PORT ACS_PORT AGENTS SECONDS EVERY_MS");
    setrlimit(RLIMIT_NOFILE, &files);
    n = atoi(argv[3]);
    c.every = atof(argv[5]) / 1000;
    agents = calloc((size_t)n, sizeof(*agents));
    for (int i = 0; i < n; i++) {
        struct epoll_event ev = {.events = EPOLLIN, .data.ptr = &agents[i]};

        open_session(&agents[i], atoi(argv[1]), atoi(argv[2]));
        epoll_ctl(ep, EPOLL_CTL_ADD, agents[i].fd, &ev);
        turn(ep, 0, &c);
    }
    for (int i = 0; i < n; i++)
        agents[i].last = 0;
    c.beats = 0;
    c.late = 0;
    begin = now();
    end = begin + atof(argv[4]);
    while (now() < end)
        turn(ep, 100, &c);
    printf("%.0f %.1f\n", (double)c.beats / (now() - begin), c.late * 1000);
    return 0;
}
