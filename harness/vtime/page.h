/*
 * page.h - the page of time that the tracer keeps in every traced process.
 *
 * It lies directly behind the code of our vDSO (vdso/vdso.c). The tracer writes
 * it while every thread of the process waits; the code there reads it. This
 * header is compiled into both, and uses nothing but the compiler.
 *
 * `mono` is what CLOCK_MONOTONIC says next. Each reading adds one nanosecond to
 * it: two readings are never equal, as on a real machine, and a loop that spins
 * until some microseconds have passed comes to its end although the clock
 * stands still while anybody runs.
 */
#ifndef HARNESS_VTIME_PAGE_H
#define HARNESS_VTIME_PAGE_H

#include <stdint.h>

struct vtime_page {
    int64_t mono;   /* ns */
    int64_t offset; /* ns from mono to CLOCK_REALTIME */
    int64_t ask;    /* not 0: ask the kernel, and so the tracer, for every reading */
};

/* What is mapped into a process: so many bytes of code, then the page. */
#define VTIME_IMAGE_SIZE 4096
#define VTIME_PAGE_SIZE  4096

#endif
