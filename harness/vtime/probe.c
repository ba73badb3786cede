/* Whether the machine lets us trace: found out by doing it once. */
#include "harness/vtime/tracer.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"

/* A time that no machine has. */
#define STRANGE_NS 123456789012345678LL

/* The child asks the kernel what time it is, and says whether it was lied to. */
static void child(int in)
{
    struct timespec ts = {0};
    char go;

    if (read(in, &go, 1) != 1)
        _exit(2);
    if (tracer_install_filter(false) < 0)
        _exit(3);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &ts);
    _exit(ts.tv_sec == STRANGE_NS / NS_PER_S ? 0 : 4);
}

static int serve(struct tracer *t, pid_t pid, struct err *e)
{
    static const char *const why[] = {"", "", "", "seccomp filters are not allowed",
                                      "calls are not stopped by a seccomp filter"};
    int status = 0, code;

    do {
        if (waitpid(pid, &status, __WALL) < 0 && errno != EINTR)
            return err_sys(e, errno, "waitpid");
    } while (tracer_event(t, pid, status));
    if (!WIFEXITED(status))
        return err_set(e, ERR_SYS, "a traced program was killed (by a security module?)");
    code = WEXITSTATUS(status);
    return code ? err_set(e, ERR_SYS, "%s", why[code < 5 ? code : 2]) : 0;
}

int tracer_probe(struct err *e)
{
    struct loop loop = {0}; /* never turned: only its clock is read */
    struct tracer t;
    int fds[2], k;
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_sys(e, errno, "pipe");
    tracer_init(&t, &loop);
    t.base = STRANGE_NS;
    pid = fork();
    if (pid == 0)
        child(fds[0]);
    close(fds[0]);
    k = pid < 0 ? err_sys(e, errno, "fork") : tracer_seize(&t, pid, e);
    if (k == 0 && write(fds[1], "g", 1) != 1)
        k = err_sys(e, errno, "pipe");
    close(fds[1]);
    if (k == 0)
        k = serve(&t, pid, e);
    else if (pid > 0)
        waitpid(pid, NULL, 0);
    tracer_release(&t);
    clock_release(&loop.clock);
    return k;
}
