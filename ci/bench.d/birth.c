/*
 * birth.c - how long a program takes from exec() until a file says that it is
 * there, and what memory that took.
 *
 *     birth FILE TEXT SECONDS COMMAND...   until FILE holds TEXT
 *     birth unix:SOCKET TARGET SECONDS COMMAND...   until GET TARGET is answered 200
 *
 * Prints "MS ANON_KB HWM_KB": milliseconds; the largest private memory (RssAnon
 * of /proc/PID/status) that was seen until 300 ms after; the largest resident
 * set as the kernel counted it (VmHWM), shared pages included. Then SIGTERM,
 * and 1 when the program does not end within five seconds.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static double now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static void pause_us(long us)
{
    struct timespec ts = {.tv_nsec = us * 1000};

    nanosleep(&ts, NULL);
}

/* Looks at what was added to the file since the last time. */
static int said(const char *path, const char *text)
{
    static char tail[1 << 16];
    static off_t from;
    int fd = open(path, O_RDONLY | O_CLOEXEC), found = 0;
    ssize_t n;

    if (fd < 0)
        return 0;
    while ((n = pread(fd, tail, sizeof(tail), from)) > 0) {
        found = memmem(tail, (size_t)n, text, strlen(text)) != NULL;
        if (found || (size_t)n < sizeof(tail))
            break;
        from += n - (ssize_t)strlen(text); /* it may lie across the border */
    }
    close(fd);
    return found;
}

static int answered(const char *path, const char *target)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    struct timeval limit = {.tv_sec = 2};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), ok = 0;
    char text[1024];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: docker\r\n\r\n", target);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0 && write(fd, text, (size_t)len) == len) {
        ssize_t n = read(fd, text, sizeof(text));

        ok = n > 12 && !memcmp(text, "HTTP/1.1 200", 12);
    }
    close(fd);
    return ok;
}

static long status_kb(pid_t pid, const char *field)
{
    char path[64], text[4096], *at;
    ssize_t n;
    int fd;

    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    at = strstr(text, field);
    return at ? strtol(at + strlen(field), NULL, 10) : 0;
}

static int stop(pid_t pid)
{
    int status;

    kill(pid, SIGTERM);
    for (double limit = now() + 5000; now() < limit; pause_us(500))
        if (waitpid(pid, &status, WNOHANG) == pid)
            return 0;
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
    fprintf(stderr, "birth: the program did not end within 5 s after SIGTERM\n");
    return 1;
}

int main(int argc, char **argv)
{
    double begin, born = 0, limit;
    long anon = 0, hwm, seen;
    pid_t pid;

    if (argc < 5) {
        fprintf(stderr, "usage: birth FILE|unix:SOCKET TEXT SECONDS COMMAND...\n");
        return 2;
    }
    begin = now();
    limit = begin + strtod(argv[3], NULL) * 1000;
    pid = fork();
    if (pid == 0) {
        execvp(argv[4], argv + 4);
        fprintf(stderr, "birth: %s: %s\n", argv[4], strerror(errno));
        _exit(127);
    }
    for (; now() < (born > 0 ? born + 300 : limit); pause_us(200)) {
        if (born <= 0 && (!strncmp(argv[1], "unix:", 5) ? answered(argv[1] + 5, argv[2])
                                                        : said(argv[1], argv[2])))
            born = now();
        seen = status_kb(pid, "RssAnon:");
        anon = seen > anon ? seen : anon;
        if (waitpid(pid, NULL, WNOHANG) == pid) {
            fprintf(stderr, "birth: the program ended by itself\n");
            return 1;
        }
    }
    hwm = status_kb(pid, "VmHWM:");
    if (stop(pid))
        return 1;
    if (born <= 0) {
        fprintf(stderr, "birth: not within %s s\n", argv[3]);
        return 1;
    }
    printf("%.2f %ld %ld\n", born - begin, anon, hwm);
    return 0;
}
