/* How time passes in a scenario: what connects the loop, the tracer and the wires. */
#include "harness/run.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/conn.h"

/* A receiver may hold its acknowledgement back for 40 ms: what is on its way for longer than this,
 * while nobody runs, has arrived. */
#define ARRIVED_NS (60 * NS_PER_MS)

static bool under_way(const struct conn *c)
{
    uv_os_fd_t fd;
    int unacked = 0, unsent = 0;

    /* what is written to a unix socket is with the receiver at once */
    if (c->is_unix || uv_fileno(&c->uv.handle, &fd) < 0 || ioctl(fd, SIOCOUTQ, &unacked) < 0)
        return false;
    /* what waits here because the receiver's window is full is not under way */
    if (unacked && ioctl(fd, SIOCOUTQNSD, &unsent) == 0)
        unacked -= unsent;
    return unacked > 0;
}

static bool wires_are_still(const struct run *r)
{
    struct list *pos;

    if (loop_real(&r->world.loop) - r->world.loop.seen > ARRIVED_NS)
        return true;
    list_for_each (pos, &r->world.conns)
        if (under_way(container_of(pos, struct conn, link)))
            return false;
    return true;
}

static bool quiet(void *data)
{
    struct run *r = data;

    return tracer_quiet(&r->tracer) && wires_are_still(r);
}

static void moved(void *data)
{
    struct run *r = data;

    tracer_moved(&r->tracer);
}

static bool serve(void *data)
{
    struct run *r = data;

    return r->procs_ready && procs_serve(&r->procs);
}

static const struct loop_others others = {.serve = serve, .quiet = quiet, .moved = moved};

void run_time_init(struct run *r, struct pace pace)
{
    r->pace = pace;
    tracer_init(&r->tracer, &r->world.loop);
    r->tracer.ask = pace.mode == LOOP_SCALED;
    loop_set_time(&r->world.loop, pace.mode, pace.scale);
    loop_set_others(&r->world.loop, &others, r);
}

void run_time_note(struct run *r)
{
    const struct tracer *t = &r->tracer;
    char clock[48], real[48];

    if (r->pace.mode == LOOP_VIRTUAL)
        journal_note(&r->world.journal, "scenario",
                     "virtual time: %s in %s; %llu jumps, %llu stops, %llu looks",
                     str_format_duration(loop_now(&r->world.loop), clock),
                     str_format_duration(loop_real(&r->world.loop), real),
                     (unsigned long long)t->jumps, (unsigned long long)t->stops,
                     (unsigned long long)t->looks);
}

void run_time_release(struct run *r)
{
    loop_set_others(&r->world.loop, NULL, NULL);
    tracer_release(&r->tracer);
}

struct tracer *run_tracer(struct run *r)
{
    return r->pace.mode == LOOP_REAL ? NULL : &r->tracer;
}

int run_time_over(struct run *r)
{
    struct buf who = BUF_INIT(1 << 16);
    char text[48];
    int k;

    tracer_describe(&r->tracer, &who);
    k = run_fail(r, r->step, "the limit of the whole scenario, %s of real time, has passed%s%s",
                 str_format_duration(r->limit, text),
                 buf_len(&who) ? "; time stands still because there is something running:\n" : "",
                 buf_str(&who));
    buf_release(&who);
    return k;
}

int run_clock_skew(struct run *r, const struct scn_step *s, int64_t offset)
{
    if (r->pace.mode == LOOP_REAL)
        return run_fail(r, s, "the agent's clock is the machine's: this needs virtual time");
    tracer_set_skew(&r->tracer, offset);
    return 0;
}

int run_clock_jump(struct run *r, const struct scn_step *s, int64_t offset)
{
    if (r->pace.mode == LOOP_REAL)
        return run_fail(r, s, "the agent's clock is the machine's: this needs virtual time");
    clock_step_wall(&r->world.loop.clock, offset);
    tracer_wall_stepped(&r->tracer, offset);
    return 0;
}
