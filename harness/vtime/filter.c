/* The seccomp filter: which calls stop for the tracer. */
#include "harness/vtime/thread.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/mem.h"

#define FILTER_MAX 256

static const struct filter_call clock_calls[] = {
    {SYS_clock_gettime, FILTER_ALWAYS, 0},
    {SYS_gettimeofday, FILTER_ALWAYS, 0},
    {SYS_time, FILTER_ALWAYS, 0},
    {-1, FILTER_ALWAYS, 0},
};

/* What waits in there is not on the clock. Programs that want it can do without: containers are
 * not given it either, in Docker's profile since 25.0. */
static const struct filter_call refused_calls[] = {
    {SYS_io_uring_setup, FILTER_REFUSE, 0},
    {-1, FILTER_ALWAYS, 0},
};

struct program {
    struct sock_filter code[FILTER_MAX];
    unsigned short n;
};

static void op(struct program *p, struct sock_filter f)
{
    if (p->n < FILTER_MAX)
        p->code[p->n++] = f;
}

#define LOAD(off)         ((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, off))
#define RETURN(v)         ((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, v))
#define IF_EQ(v, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, v, yes, no))
#define IF_GE(v, yes, no) ((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, v, yes, no))
#define ARG_LOW(i)        ((unsigned)(offsetof(struct seccomp_data, args) + 8 * (unsigned)(i)))
#define ARG_HIGH(i)       (ARG_LOW(i) + 4)
#define STOP              SECCOMP_RET_TRACE
#define ALLOW             SECCOMP_RET_ALLOW

/* Only those of its operations that wait take a limit; with others the argument is a number. */
static void add_futex(struct program *p, const struct filter_call *c)
{
    static const unsigned waits[] = {FUTEX_WAIT, FUTEX_WAIT_BITSET, FUTEX_LOCK_PI, FUTEX_LOCK_PI2,
                                     FUTEX_WAIT_REQUEUE_PI};
    const unsigned char n = ARRAY_SIZE(waits);

    op(p, IF_EQ((unsigned)c->nr, 0, (unsigned char)(n + 9)));
    op(p, LOAD(ARG_LOW(1)));
    op(p, (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, (unsigned)FUTEX_CMD_MASK));
    for (unsigned char i = 0; i < n; i++)
        op(p, IF_EQ(waits[i], (unsigned char)(n - i), 0));
    op(p, RETURN(ALLOW));
    op(p, LOAD(ARG_LOW(c->arg)));
    op(p, IF_EQ(0, 0, 2));
    op(p, LOAD(ARG_HIGH(c->arg)));
    op(p, IF_EQ(0, 1, 0));
    op(p, RETURN(STOP));
    op(p, RETURN(ALLOW));
}

/* Each call is a block that ends in a return, so jumps stay short. */
static void add_call(struct program *p, const struct filter_call *c)
{
    /* the two names of each: of old, and for times of 64 bits */
    static const unsigned limits[] = {SO_RCVTIMEO, SO_SNDTIMEO, RCVTIMEO_NEW, SNDTIMEO_NEW};

    switch (c->rule) {
    case FILTER_ALWAYS:
        op(p, IF_EQ((unsigned)c->nr, 0, 1));
        op(p, RETURN(STOP));
        break;
    case FILTER_PTR:
        op(p, IF_EQ((unsigned)c->nr, 0, 6));
        op(p, LOAD(ARG_LOW(c->arg)));
        op(p, IF_EQ(0, 0, 2));
        op(p, LOAD(ARG_HIGH(c->arg)));
        op(p, IF_EQ(0, 1, 0));
        op(p, RETURN(STOP));
        op(p, RETURN(ALLOW));
        break;
    case FILTER_MS:
        op(p, IF_EQ((unsigned)c->nr, 0, 5));
        op(p, LOAD(ARG_LOW(c->arg)));
        op(p, IF_EQ(0, 2, 0));
        op(p, IF_GE(0x80000000u, 1, 0));
        op(p, RETURN(STOP));
        op(p, RETURN(ALLOW));
        break;
    case FILTER_FUTEX:
        add_futex(p, c);
        break;
    case FILTER_SOCKOPT:
        op(p, IF_EQ((unsigned)c->nr, 0, 9));
        op(p, LOAD(ARG_LOW(1)));
        op(p, IF_EQ(SOL_SOCKET, 0, 5));
        op(p, LOAD(ARG_LOW(2)));
        for (unsigned char i = 0; i < ARRAY_SIZE(limits); i++)
            op(p, IF_EQ(limits[i], (unsigned char)(4 - i), 0));
        op(p, RETURN(ALLOW));
        op(p, RETURN(STOP));
        break;
    case FILTER_REFUSE:
        op(p, IF_EQ((unsigned)c->nr, 0, 1));
        op(p, RETURN(SECCOMP_RET_ERRNO | ENOSYS));
        break;
    }
}

int tracer_install_filter(bool files)
{
    const struct filter_call *const tables[] = {clock_calls, refused_calls, wait_calls,
                                                timer_calls, socket_calls,  file_calls};
    const size_t n = files ? ARRAY_SIZE(tables) : ARRAY_SIZE(tables) - 1;
    struct program p = {.n = 0};
    struct sock_fprog prog;

    op(&p, LOAD(offsetof(struct seccomp_data, arch)));
    op(&p, IF_EQ(ARCH_AUDIT, 1, 0));
    op(&p, RETURN(ALLOW));
    op(&p, LOAD(offsetof(struct seccomp_data, nr)));
    for (size_t i = 0; i < n; i++)
        for (const struct filter_call *c = tables[i]; c->nr >= 0; c++)
            add_call(&p, c);
    if (p.n >= FILTER_MAX - 1) {
        errno = E2BIG;
        return -1;
    }
    op(&p, RETURN(ALLOW));
    prog = (struct sock_fprog){.len = p.n, .filter = p.code};
    /* who may do it without gives up no privilege: an agent can be root in its namespace */
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0)
        return 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &prog) == 0 ? 0 : -1;
}
