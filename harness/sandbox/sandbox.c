#include "harness/sandbox/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define NAMESPACES (CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS)

pid_t sandbox_fork(const struct sandbox *s)
{
    unsigned long flags = NAMESPACES | SIGCHLD | (s->user_ns ? CLONE_NEWUSER : 0);

    /* Not clone3(), which valgrind does not know. Without a stack it returns twice, as fork(). */
    return (pid_t)syscall(SYS_clone, flags, NULL, NULL, NULL, 0UL);
}

static int write_map(const char *path, const char *text, struct err *e)
{
    _cleanup_close_ int fd = open(path, O_WRONLY | O_CLOEXEC);

    /* the kernel takes it in one write or not at all */
    if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
        return err_sys(e, errno, "%s", path);
    return 0;
}

/* We are root in here, as agents are on their instances, and still ourselves outside. */
static int map_user(const struct sandbox *s, struct err *e)
{
    char uid[32], gid[32];

    snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)s->uid);
    snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)s->gid);
    if (write_map("/proc/self/uid_map", uid, e) < 0 ||
        write_map("/proc/self/setgroups", "deny", e) < 0)
        return -1;
    return write_map("/proc/self/gid_map", gid, e);
}

int sandbox_enter(struct sandbox *s, const char *dir, const char *const *keep, struct err *e)
{
    struct err unused = ERR_INIT;

    if (s->user_ns && map_user(s, e) < 0)
        return -1;
    if (sandbox_mount(s, dir, keep, e) < 0 || sandbox_net(e) < 0)
        return -1;
    s->redirect = sandbox_redirect(&unused) == 0;
    return 0;
}

/* --- the probe ------------------------------------------------------------------------------ */

static long number_in(const char *path)
{
    _cleanup_buf_ struct buf b = BUF_INIT(64);

    return io_read_file(path, &b, NULL) < 0 ? -1 : strtol(buf_str(&b), NULL, 10);
}

static bool has_seccomp_filter(void)
{
    _cleanup_buf_ struct buf b = BUF_INIT(64 << 10);

    return io_read_file("/proc/self/status", &b, NULL) == 0 &&
           strstr(buf_str(&b), "\nSeccomp:\t2") != NULL;
}

/* The usual reasons why the kernel says no, as far as it tells. */
static const char *reason(void)
{
    if (number_in("/proc/sys/user/max_user_namespaces") == 0)
        return "user.max_user_namespaces is 0";
    if (number_in("/proc/sys/user/max_net_namespaces") == 0)
        return "user.max_net_namespaces is 0";
    if (geteuid() && number_in("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        return "kernel.unprivileged_userns_clone is 0";
    if (geteuid() && number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        return "kernel.apparmor_restrict_unprivileged_userns is 1";
    if (has_seccomp_filter())
        return "a seccomp filter is in force, as in containers";
    return NULL;
}

/* The child of a probe: tells 'r' (with redirect) or 'n', or why not. */
static void try_it(struct sandbox *s, const char *dir, int tell)
{
    struct err e = ERR_INIT;
    const char *text = e.text;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (sandbox_enter(s, dir, NULL, &e) == 0)
        text = s->redirect ? "r" : "n";
    _exit(io_write_all(tell, text, strlen(text), NULL) < 0);
}

static int probe_in(struct sandbox *s, const char *dir, struct err *e)
{
    char text[sizeof(e->text)] = "";
    int fds[2];
    size_t n = 0;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, errno, "pipe");
    pid = sandbox_fork(s);
    if (pid == 0)
        try_it(s, dir, fds[1]);
    close(fds[1]);
    if (pid < 0) {
        close(fds[0]);
        return err_sys(e, errno, "clone");
    }
    for (ssize_t k; n < sizeof(text) - 1; n += (size_t)k) {
        k = read(fds[0], text + n, sizeof(text) - 1 - n);
        if (k <= 0)
            break;
    }
    close(fds[0]);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        ;
    s->redirect = str_eq(text, "r");
    if (s->redirect || str_eq(text, "n"))
        return 0;
    return err_set(e, ERR_SYS, "%s", n ? text : "the process ended without a word");
}

static int probe(struct sandbox *s, struct err *e)
{
    _cleanup_free_ char *dir = io_temp_folder("ecsim-probe", e);
    int k;

    if (!dir)
        return -1;
    k = probe_in(s, dir, e);
    io_remove_tree(dir, NULL);
    return k;
}

int sandbox_probe(struct sandbox *s, struct err *e)
{
    char text[sizeof(e->text)];
    struct err why = ERR_INIT;
    int k = -1;

    *s = (struct sandbox){.uid = geteuid(), .gid = getegid()};
    /* root may make the other namespaces without one of users; a root without CAP_SYS_ADMIN
     * (in a container) may not */
    if (s->uid == 0)
        k = probe(s, &why);
    if (k < 0) {
        s->user_ns = true;
        k = probe(s, &why);
    }
    if (k == 0)
        return 0;
    memcpy(text, why.text, sizeof(text));
    return reason() ? err_set(e, ERR_SYS, "%.300s (%s)", text, reason())
                    : err_set(e, ERR_SYS, "%.400s", text);
}
