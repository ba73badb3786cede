/* Our vDSO in the memory of a traced process. */
#include "harness/vtime/thread.h"

#include <elf.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "harness/vtime/page.h"

/* The image as the build made it (ci/mk/compile.mk), padded to VTIME_IMAGE_SIZE. */
__asm__(".pushsection .rodata\n"
        ".balign 8\n"
        "vtime_image:\n"
        ".incbin \"" VTIME_IMAGE_FILE "\"\n"
        "vtime_image_end:\n"
        ".popsection\n");
extern const unsigned char vtime_image[], vtime_image_end[];

/* Words of argv, environment and auxiliary vector that are looked at. */
#define STACK_WORDS_MAX (1 << 20)
#define CHUNK           512

/* --- running a system call in the process ------------------------------------------------------
 */

/* Waits for the next stop of the thread. False: it ended, *status says how. */
static bool next_stop(struct thread *th, int *status)
{
    while (waitpid(th->tid, status, __WALL) < 0)
        if (errno != EINTR) {
            *status = SIGKILL; /* reaped by nobody we know of: as if it had been killed */
            return false;
        }
    return WIFSTOPPED(*status);
}

/* One instruction. A signal that comes meanwhile is sent once more afterwards. */
static bool step(struct thread *th, int *status)
{
    uint64_t held = 0;

    for (;;) {
        ptrace(PTRACE_SINGLESTEP, th->tid, NULL, NULL);
        if (!next_stop(th, status))
            return false;
        if (*status >> 16)
            continue; /* an interrupt of ours that came late */
        if (WSTOPSIG(*status) == SIGTRAP)
            break;
        held |= 1ull << (WSTOPSIG(*status) & 63);
    }
    for (int sig = 1; sig < 64; sig++)
        if (held >> sig & 1)
            syscall(SYS_tgkill, th->group->tgid, th->tid, sig);
    return true;
}

/* The thread stands at its first instruction, which is lent to the call. */
static bool inject(struct thread *th, const arch_regs *entry, long nr, const uint64_t args[6],
                   uint64_t *ret, int *status)
{
    arch_regs r = *entry;
    void *pc = (void *)(uintptr_t)*arch_pc(&r);
    long code;

    errno = 0;
    code = ptrace(PTRACE_PEEKTEXT, th->tid, pc, NULL);
    if (errno)
        return next_stop(th, status);
    ptrace(PTRACE_POKETEXT, th->tid, pc, (void *)((code & ~ARCH_SYSCALL_MASK) | ARCH_SYSCALL_INSN));
    *arch_result(&r) = (unsigned long long)nr;
    *arch_nr(&r) = (unsigned long long)-1;
    for (int i = 0; i < 6; i++)
        *arch_arg(&r, i) = args[i];
    ptrace(PTRACE_SETREGS, th->tid, NULL, &r);
    if (!step(th, status))
        return false;
    ptrace(PTRACE_GETREGS, th->tid, NULL, &r);
    *ret = *arch_result(&r);
    ptrace(PTRACE_POKETEXT, th->tid, pc, (void *)code);
    return true;
}

/* --- the auxiliary vector ------------------------------------------------------------------------
 */

/* Calls see(word, data) for each word of the initial stack until it returns false. */
static bool walk_stack(pid_t tid, uint64_t at, bool (*see)(uint64_t at, uint64_t word, void *data),
                       void *data)
{
    uint64_t words[CHUNK];
    size_t seen = 0;

    while (seen < STACK_WORDS_MAX) {
        /* the stack ends at a page, not at a chunk */
        size_t n = (4096 - at % 4096) / sizeof(*words);

        if (mem_read(tid, at, words, n * sizeof(*words)) < 0)
            return false;
        for (size_t i = 0; i < n; i++, at += sizeof(*words))
            if (!see(at, words[i], data))
                return true;
        seen += n;
    }
    return false;
}

struct search {
    int zeros; /* ends of argv and environment that were passed */
    bool past_argc;
    uint64_t type; /* of the entry whose value comes next */
    bool value;
    uint64_t found; /* address of the value of AT_SYSINFO_EHDR */
};

static bool look(uint64_t at, uint64_t word, void *data)
{
    struct search *s = data;

    if (!s->past_argc) {
        s->past_argc = true;
        return true;
    }
    if (s->zeros < 2) {
        s->zeros += word == 0;
        return true;
    }
    if (!s->value) {
        s->type = word;
        s->value = true;
        return word != AT_NULL;
    }
    s->value = false;
    if (s->type == AT_SYSINFO_EHDR)
        s->found = at;
    return true;
}

/* --- the image
 * -------------------------------------------------------------------------------------- */

static bool put(struct thread *th, const arch_regs *entry, int *status)
{
    const size_t size = VTIME_IMAGE_SIZE + VTIME_PAGE_SIZE;
    const uint64_t map[6] = {
        0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, (uint64_t)-1, 0};
    struct search s = {0};
    uint64_t at, none;

    if (!walk_stack(th->tid, arch_sp(entry), look, &s) || !s.found)
        return true; /* no vDSO to replace: it asks the kernel, and so us */
    if (!inject(th, entry, SYS_mmap, map, &at, status))
        return false;
    if ((int64_t)at < 0 && (int64_t)at > -4096)
        return true;
    if (mem_write(th->tid, at, vtime_image, (size_t)(vtime_image_end - vtime_image)) < 0)
        return true;
    th->group->page = at + VTIME_IMAGE_SIZE;
    image_write(th->group);
    if (!inject(th, entry, SYS_mprotect,
                (const uint64_t[6]){at, VTIME_IMAGE_SIZE, PROT_READ | PROT_EXEC}, &none, status))
        return false;
    mem_write(th->tid, s.found, &at, sizeof(at));
    return true;
}

bool image_install(struct thread *th, int *status)
{
    arch_regs entry;

    /* the registers are the new program's only when execve() has returned */
    ptrace(PTRACE_SYSCALL, th->tid, NULL, NULL);
    if (!next_stop(th, status))
        return false;
    if (ptrace(PTRACE_GETREGS, th->tid, NULL, &entry) < 0)
        return next_stop(th, status);
    if (!put(th, &entry, status))
        return false;
    ptrace(PTRACE_SETREGS, th->tid, NULL, &entry);
    return true;
}

void image_write(struct group *g)
{
    const struct tracer *t = g->tracer;
    struct vtime_page p,
        now = {.mono = tracer_mono(t), .offset = tracer_wall(t) - tracer_mono(t), .ask = t->ask};

    if (!g->page)
        return;
    /* readings since the last jump have counted on: never back */
    if (mem_read(g->tgid, g->page, &p, sizeof(p)) == 0 && p.mono > now.mono)
        now.mono = p.mono;
    mem_write(g->tgid, g->page, &now, sizeof(now));
}
