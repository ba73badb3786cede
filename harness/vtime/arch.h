/*
 * arch.h - what of tracing depends on the processor.
 *
 * Only x86-64 so far. Another one needs: these accessors, the instruction that
 * enters the kernel, its AUDIT_ARCH, a calling convention in vdso/vdso.c, and a
 * look at which system calls of wait_table exist there.
 */
#ifndef HARNESS_VTIME_ARCH_H
#define HARNESS_VTIME_ARCH_H

#include <linux/audit.h>
#include <stdint.h>
#include <sys/user.h>

#if !defined(__x86_64__)
#error "virtual time is written for x86-64: see harness/vtime/arch.h"
#endif

#define ARCH_AUDIT AUDIT_ARCH_X86_64

/* `syscall`, and room for what follows it. */
#define ARCH_SYSCALL_INSN 0x050f
#define ARCH_SYSCALL_MASK 0xffff

typedef struct user_regs_struct arch_regs;

/* The number of the system call that is being entered; -1 skips it. */
static inline unsigned long long *arch_nr(arch_regs *r)
{
    return &r->orig_rax;
}

static inline unsigned long long *arch_result(arch_regs *r)
{
    return &r->rax;
}

static inline unsigned long long *arch_arg(arch_regs *r, int i)
{
    unsigned long long *const args[] = {&r->rdi, &r->rsi, &r->rdx, &r->r10, &r->r8, &r->r9};

    return args[i];
}

static inline unsigned long long *arch_pc(arch_regs *r)
{
    return &r->rip;
}

static inline unsigned long long arch_sp(const arch_regs *r)
{
    return r->rsp;
}

#endif
