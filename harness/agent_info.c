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
#include <uv.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/fake.h"
#include "harness/peers.h"

#define OUTPUT_MAX (64 << 10)
/* How often it is looked whether the agent that is asked has ended. */
#define SERVE_TURN_NS (2 * NS_PER_MS)

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
        if (n && s[n] != '.') /* 169.254.169.254 is none */
            return xstrndup(s, n);
    }
    return NULL;
}

static void ask_child(const struct agent_info *a, char *const *question, int out)
{
    char **with = new0_array(char *, 512);
    size_t n = 0;

    while (a->argv[n] && n < 254) {
        with[n] = a->argv[n];
        n++;
    }
    for (size_t i = 0; question[i] && n < 510; i++)
        with[n++] = question[i];
    /* up to 1.15 an official agent wants to know its region before it says its version */
    setenv("AWS_DEFAULT_REGION", "us-west-2", 0);
    if (dup2(out, 1) >= 0 && dup2(out, 2) >= 0)
        execvp(with[0], with);
    _exit(errno == ENOENT ? 127 : 126); /* as a shell has it */
}

/* Reads until the child closed its output or the limit has passed. */
static void collect(int fd, struct buf *out)
{
    int64_t left, until = (int64_t)uv_hrtime() + AGENT_INFO_LIMIT_NS;
    struct pollfd p = {fd, POLLIN, 0};
    char chunk[4096];
    ssize_t n;

    while ((left = until - (int64_t)uv_hrtime()) > 0 && poll(&p, 1, (int)(left / NS_PER_MS)) > 0) {
        n = read(fd, chunk, sizeof(chunk));
        if (n <= 0 || buf_add(out, chunk, (size_t)n) < 0)
            return;
    }
}

/* Serves Docker while the child runs; returns how it ended. */
static int serve_while(pid_t pid, int go, const char *dir, struct err *e)
{
    const struct peer_place place = {.socket_dir = dir, .sandbox = true};
    struct world w;
    int status = 0;

    if (world_init(&w, 1, e) < 0 || peers_add(&w, "docker", &place, e) < 0)
        return -1;
    close(go);
    while (waitpid(pid, &status, WNOHANG) == 0)
        loop_turn(&w.loop, loop_now(&w.loop) + SERVE_TURN_NS);
    world_release(&w);
    return status;
}

/*
 * In the sandbox, as its first process. Agents up to 1.15 do not say their version before they
 * have asked the instance metadata, which refuses here, and found a Docker engine, which is ours.
 */
static void ask_in_sandbox(const struct agent_info *a, char *const *question, struct sandbox *box,
                           const char *dir, int out)
{
    const char *const keep[] = {a->argv[0], NULL};
    struct err e = ERR_INIT;
    int status = -1, go[2];
    pid_t pid;

    if (sandbox_enter(box, dir, keep, &e) == 0 && pipe2(go, O_CLOEXEC) == 0) {
        pid = fork();
        if (pid == 0) {
            /* not before the socket is there: the pipe ends when the parent closes it */
            close(go[1]);
            if (read(go[0], &status, 1) == 0)
                ask_child(a, question, out);
            _exit(1);
        }
        close(go[0]); /* and not `out`: who reads there shall wait for our end */
        status = serve_while(pid, go[1], dir, &e);
    }
    if (status < 0)
        fprintf(stderr, "ecsim: %s\n", e.text);
    _exit(status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

static int ask_in(struct agent_info *a, char *const *question, struct sandbox *box, const char *dir,
                  struct buf *out, struct err *e)
{
    int fds[2], status;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, errno, "pipe");
    pid = box ? sandbox_fork(box) : fork();
    if (pid == 0) {
        if (box)
            ask_in_sandbox(a, question, box, dir, fds[1]);
        ask_child(a, question, fds[1]);
    }
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

static int ask(struct agent_info *a, char *const *question, struct sandbox *box, struct buf *out,
               struct err *e)
{
    _cleanup_free_ char *dir = box ? io_temp_folder("ecsim-ask", e) : NULL;
    int k;

    if (box && !dir)
        return -1;
    k = ask_in(a, question, box, dir, out, e);
    if (dir)
        io_remove_tree(dir, NULL);
    return k;
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

/* A command line, of which the profile is not known yet. */
static int split(struct agent_info *a, const char *command, struct err *e)
{
    a->argv = str_argv(command);
    if (!a->argv || !a->argv[0])
        return err_set(e, ERR_USAGE, "--agent %s: not a command line", command);
    make_absolute(&a->argv[0]);
    return 0;
}

static int ask_version(struct agent_info *a, const struct profiles *ps, struct sandbox *box,
                       struct err *e)
{
    static char flag[] = "-version";
    char *const usual[] = {flag, NULL};
    const struct profile *p = a->profile;
    char **question = new0_array(char *, (p ? p->n_ask : 0) + 1);
    _cleanup_buf_ struct buf out = BUF_INIT(OUTPUT_MAX);
    int k;

    for (size_t i = 0; p && i < p->n_ask; i++)
        question[i] = p->ask[i];
    k = ask(a, p && p->n_ask ? question : usual, box, &out, e);
    free(question);
    if (k < 0)
        return -1;
    if (p && p->says && !strstr(buf_str(&out), p->says))
        return err_set(e, ERR_CONFLICT,
                       "agent %s: %s does not say \"%s\" when it is asked for its version", p->name,
                       a->argv[0], p->says);
    a->version = agent_info_version(buf_str(&out));
    if (!p)
        a->profile = profiles_guess(ps, buf_str(&out));
    return 0;
}

int agent_info_get(struct agent_info *a, const struct profiles *ps, const char *text,
                   struct sandbox *box, struct err *e)
{
    _cleanup_buf_ struct buf near = BUF_INIT(256);

    *a = (struct agent_info){.profile = profiles_find(ps, text)};
    if (a->profile && !(a->argv = profile_command(a->profile, e)))
        return -1;
    if (!a->profile && split(a, text, e) < 0)
        return -1;
    if (a->profile && a->profile->version) {
        a->version = xstrdup(a->profile->version);
        return 0;
    }
    if (ask_version(a, ps, box, e) == 0)
        return 0;
    profiles_suggest(ps, text, &near);
    if (!a->profile && e->code == ERR_NOT_FOUND && buf_len(&near))
        err_set(e, ERR_NOT_FOUND, "%.300s: no such program%s", text, buf_str(&near));
    return -1;
}

void agent_info_release(struct agent_info *a)
{
    str_argv_free(a->argv);
    free(a->version);
    *a = (struct agent_info){0};
}
