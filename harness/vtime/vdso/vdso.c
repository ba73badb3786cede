/*
 * A part of harness/vtime/tracer.h: the vDSO that a traced process gets in place of the kernel's.
 *
 * Programs find clock_gettime() and its kin through AT_SYSINFO_EHDR and call
 * them without entering the kernel, where no tracer could answer. This image
 * has the same symbols under the same version, and reads the time from the page
 * behind it. What it does not know it asks the kernel.
 *
 * Built apart from everything else: no libc, no relocations, one page (vdso.lds).
 */
#include <stddef.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

#include "harness/vtime/page.h"

#define EXPORT __attribute__((visibility("default"), used))
#define NS     1000000000

extern struct vtime_page vtime_page __attribute__((visibility("hidden")));

#if defined(__x86_64__)
static long ask(long nr, long a, long b)
{
    long r;

    __asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b) : "rcx", "r11", "memory");
    return r;
}
#else
#error "this architecture needs its system call here"
#endif

static int64_t read_mono(void)
{
    return __atomic_fetch_add(&vtime_page.mono, 1, __ATOMIC_RELAXED);
}

static int64_t read_wall(void)
{
    return read_mono() + __atomic_load_n(&vtime_page.offset, __ATOMIC_RELAXED);
}

static int asks(void)
{
    return __atomic_load_n(&vtime_page.ask, __ATOMIC_RELAXED) != 0;
}

EXPORT int __vdso_clock_gettime(clockid_t id, struct timespec *ts)
{
    int64_t ns;

    if (asks())
        return (int)ask(SYS_clock_gettime, id, (long)ts);
    switch (id) {
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_BOOTTIME:
        ns = read_mono();
        break;
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE:
    case CLOCK_TAI:
        ns = read_wall();
        break;
    default:
        return (int)ask(SYS_clock_gettime, id, (long)ts);
    }
    ts->tv_sec = ns / NS;
    ts->tv_nsec = ns % NS;
    return 0;
}

EXPORT int __vdso_clock_getres(clockid_t id, struct timespec *ts)
{
    return (int)ask(SYS_clock_getres, id, (long)ts);
}

EXPORT int __vdso_gettimeofday(struct timeval *tv, void *tz)
{
    int64_t ns;

    if (asks() || tz)
        return (int)ask(SYS_gettimeofday, (long)tv, (long)tz);
    if (!tv)
        return 0;
    ns = read_wall();
    tv->tv_sec = ns / NS;
    tv->tv_usec = ns % NS / 1000;
    return 0;
}

EXPORT time_t __vdso_time(time_t *t)
{
    time_t now = asks() ? (time_t)ask(SYS_time, 0, 0) : (time_t)(read_wall() / NS);

    if (t)
        *t = now;
    return now;
}
