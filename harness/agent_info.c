#include "harness/agent_info.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"

#define OUTPUT_MAX (64 << 10)

/* X.Y.Z at s, or 0. */
static size_t version_len(const char *s)
{
    size_t n = 0;

    for (int part = 0; part < 3; part++) {
        size_t digits = strspn(s + n, "0123456789");

        if (!digits)
            return 0;
        n += digits;
        if (part < 2 && s[n++] != '.')
            return 0;
    }
    return n;
}

char *agent_info_version(const char *text)
{
    const char *ours = strstr(text, "behaves as: ");

    for (const char *s = ours ? ours : text; *s; s++) {
        size_t n;

        if (s > text && (isalnum((unsigned char)s[-1]) || s[-1] == '.') && s[-1] != 'v')
            continue;
        n = version_len(s);
        if (n)
            return xstrndup(s, n);
    }
    return NULL;
}

static void ask_child(char *const *argv, int out)
{
    char **with = argv ? new0_array(char *, 256) : NULL;
    size_t n = 0;

    while (argv[n] && n < 254) {
        with[n] = argv[n];
        n++;
    }
    with[n] = (char *)(uintptr_t) "-version";
    if (dup2(out, 1) >= 0 && dup2(out, 2) >= 0)
        execvp(with[0], with);
    _exit(errno == ENOENT ? 127 : 126); /* as a shell has it */
}

static int64_t real_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* Reads until the child closed its output or the limit has passed. */
static void collect(int fd, struct buf *out)
{
    int64_t until = real_now() + AGENT_INFO_LIMIT_NS;
    struct pollfd p = {fd, POLLIN, 0};
    char chunk[4096];
    ssize_t n;

    while (real_now() < until && poll(&p, 1, (int)((until - real_now()) / NS_PER_MS)) > 0) {
        n = read(fd, chunk, sizeof(chunk));
        if (n <= 0 || buf_add(out, chunk, (size_t)n) < 0)
            return;
    }
}

static int ask(struct agent_info *a, struct buf *out, struct err *e)
{
    int fds[2], status;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, errno, "pipe");
    pid = fork();
    if (pid == 0)
        ask_child(a->argv, fds[1]);
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return err_sys(e, errno, "fork");
    }
    collect(fds[0], out);
    close(fds[0]);
    kill(pid, SIGKILL);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !buf_len(out))
        return err_set(e, ERR_NOT_FOUND, "%s: no such program", a->argv[0]);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 126 && !buf_len(out))
        return err_set(e, ERR_NOT_FOUND, "%s: cannot be executed", a->argv[0]);
    return 0;
}

/* Scenarios run in folders of their own: a relative program would not be found from there. */
static void make_absolute(char **program)
{
    char *path = strchr(*program, '/') ? realpath(*program, NULL) : NULL;

    if (!path)
        return;
    free(*program);
    *program = path;
}

int agent_info_get(struct agent_info *a, const char *command, struct err *e)
{
    _cleanup_buf_ struct buf out = BUF_INIT(OUTPUT_MAX);

    *a = (struct agent_info){.argv = str_argv(command)};
    if (!a->argv || !a->argv[0])
        return err_set(e, ERR_USAGE, "--agent %s: not a command line", command);
    make_absolute(&a->argv[0]);
    if (ask(a, &out, e) < 0)
        return -1;
    a->version = agent_info_version(buf_str(&out));
    a->reference = strstr(buf_str(&out), "ecsim") != NULL;
    return 0;
}

void agent_info_release(struct agent_info *a)
{
    str_argv_free(a->argv);
    free(a->version);
    *a = (struct agent_info){0};
}
