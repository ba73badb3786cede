/*
 * engine.c - what a Docker engine behind a unix socket costs.
 *
 *     engine SOCKET lifecycles IMAGE WORKERS SECONDS   containers a second, each created,
 *                                                      started, seen to die, removed
 *     engine SOCKET fill IMAGE N                       N containers that run
 *     engine SOCKET list SECONDS                       median of a list, in microseconds
 *
 * lifecycles reads one stream of events beside: a worker goes on when its die
 * is in there. Each worker is a connection. An answer that is not 2xx ends the program.
 */
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum step { CREATING, STARTING, LIVING, REMOVING };

struct peer {
    int fd;
    size_t have;
    char got[256 << 10];
    enum step step;
    char id[65];
    unsigned long n;
};

static const char *socket_path, *image;

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "engine: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static void dial(struct peer *p)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
    p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (p->fd < 0 || connect(p->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        die(socket_path);
}

static void ask(struct peer *p, const char *method, const char *target, const char *body)
{
    char text[2048];
    int n = snprintf(text, sizeof(text),
                     "%s %s HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
                     "Content-Length: %zu\r\n\r\n%s",
                     method, target, strlen(body), body);

    if (write(p->fd, text, (size_t)n) != n)
        die("write");
}

static void take(struct peer *p)
{
    ssize_t n = read(p->fd, p->got + p->have, sizeof(p->got) - 1 - p->have);

    if (n <= 0)
        die("read");
    p->have += (size_t)n;
    p->got[p->have] = '\0';
}

/* 1 when the answer is there, to its end. */
static int whole(const struct peer *p)
{
    const char *end = strstr(p->got, "\r\n\r\n"), *length;

    if (!end)
        return 0;
    errno = 0;
    if (strncmp(p->got, "HTTP/1.1 2", 10))
        die(p->got);
    if (!strncmp(p->got, "HTTP/1.1 204", 12))
        return 1;
    length = strcasestr(p->got, "\r\ncontent-length:");
    if (length && length < end)
        return p->have >= (size_t)(end + 4 - p->got) + strtoul(length + 17, NULL, 10);
    return p->have > 7 && !memcmp(p->got + p->have - 7, "\r\n0\r\n\r\n", 7);
}

static void answer(struct peer *p)
{
    while (!whole(p))
        take(p);
}

static void create(struct peer *p)
{
    char body[512];

    snprintf(body, sizeof(body), "{\"Image\":\"%s\",\"HostConfig\":{\"NetworkMode\":\"none\"}}",
             image);
    p->have = 0;
    p->got[0] = '\0';
    p->step = CREATING;
    ask(p, "POST", "/v1.41/containers/create", body);
}

static void go_on(struct peer *p, const char *method, const char *suffix, enum step step)
{
    char target[160];

    snprintf(target, sizeof(target), "/v1.41/containers/%s%s", p->id, suffix);
    p->have = 0;
    p->got[0] = '\0';
    p->step = step;
    ask(p, method, target, "");
}

static void take_id(struct peer *p)
{
    const char *id = strstr(p->got, "\"Id\":\"");

    errno = 0;
    if (!id || strlen(id) < 70)
        die(p->got);
    memcpy(p->id, id + 6, 64);
}

/* The worker of this id may remove its container: it is dead. */
static void died(struct peer *workers, int n, const char *id)
{
    for (int i = 0; i < n; i++)
        if (!memcmp(workers[i].id, id, 64)) {
            if (workers[i].step == STARTING)
                workers[i].step = LIVING; /* the event was faster than the answer */
            else
                go_on(&workers[i], "DELETE", "", REMOVING);
        }
}

static void read_events(struct peer *e, struct peer *workers, int n)
{
    static const char mark[] = "{\"status\":\"die\",\"id\":\"";
    char *line = e->got, *end;

    take(e);
    while ((end = strchr(line, '\n'))) {
        const char *found;

        *end = '\0';
        found = strstr(line, mark);
        if (found)
            died(workers, n, found + sizeof(mark) - 1);
        line = end + 1;
    }
    e->have -= (size_t)(line - e->got);
    memmove(e->got, line, e->have + 1);
}

static void step(struct peer *p)
{
    int was_seen = p->step == LIVING;

    take(p);
    if (!whole(p))
        return;
    switch (p->step) {
    case CREATING:
        take_id(p);
        go_on(p, "POST", "/start", STARTING);
        break;
    case STARTING:
    case LIVING:
        p->step = LIVING;
        if (was_seen)
            go_on(p, "DELETE", "", REMOVING);
        break;
    case REMOVING:
        p->n++;
        p->id[0] = '\0';
        create(p);
        break;
    }
}

static void lifecycles(int n, double seconds)
{
    struct peer *w = calloc((size_t)n + 1, sizeof(*w));
    struct pollfd *fds = calloc((size_t)n + 1, sizeof(*fds));
    double begin, end;
    unsigned long done = 0;

    if (!w || !fds)
        die("memory");
    dial(&w[n]);
    ask(&w[n], "GET", "/v1.41/events", "");
    while (!strstr(w[n].got, "\r\n\r\n"))
        take(&w[n]);
    w[n].have = 0;
    for (int i = 0; i < n; i++) {
        dial(&w[i]);
        create(&w[i]);
    }
    for (int i = 0; i <= n; i++)
        fds[i] = (struct pollfd){.fd = w[i].fd, .events = POLLIN};
    begin = now();
    for (end = begin; end < begin + seconds; end = now()) {
        if (poll(fds, (nfds_t)n + 1, 5000) <= 0)
            die("nothing for 5 s");
        for (int i = 0; i < n; i++)
            if (fds[i].revents)
                step(&w[i]);
        if (fds[n].revents)
            read_events(&w[n], w, n);
    }
    for (int i = 0; i < n; i++)
        done += w[i].n;
    printf("%.0f\n", (double)done / (end - begin));
}

static void fill(int n)
{
    struct peer *p = calloc(1, sizeof(*p));

    if (!p)
        die("memory");
    dial(p);
    for (int i = 0; i < n; i++) {
        create(p);
        answer(p);
        take_id(p);
        go_on(p, "POST", "/start", STARTING);
        answer(p);
    }
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static void list(double seconds)
{
    struct peer *p = calloc(1, sizeof(*p));
    double *took = calloc(1 << 20, sizeof(*took)), begin = now();
    size_t n = 0;

    if (!p || !took)
        die("memory");
    dial(p);
    while (n < 1 << 20 && now() < begin + seconds) {
        double t = now();

        p->have = 0;
        p->got[0] = '\0';
        ask(p, "GET", "/v1.41/containers/json", "");
        answer(p);
        took[n++] = (now() - t) * 1e6;
    }
    qsort(took, n, sizeof(*took), by_size);
    printf("%.1f\n", took[n / 2]);
}

int main(int argc, char **argv)
{
    const char *what = argc > 2 ? argv[2] : "";

    if (argc > 1)
        socket_path = argv[1];
    if (argc > 3)
        image = argv[3];
    if (argc == 6 && !strcmp(what, "lifecycles"))
        lifecycles((int)strtol(argv[4], NULL, 10), strtod(argv[5], NULL));
    else if (argc == 5 && !strcmp(what, "fill"))
        fill((int)strtol(argv[4], NULL, 10));
    else if (argc == 4 && !strcmp(what, "list"))
        list(strtod(argv[3], NULL));
    else {
        fprintf(stderr, "usage: engine SOCKET lifecycles IMAGE WORKERS SECONDS | fill IMAGE N | "
                        "list SECONDS\n");
        return 2;
    }
    return 0;
}
