/* Does everything that is traced wait? */
#include "harness/vtime/thread.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"

static int open_stat(const struct thread *th)
{
    char path[64];

    snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", (int)th->group->tgid, (int)th->tid);
    return open(path, O_RDONLY | O_CLOEXEC);
}

/* The letter of /proc/PID/stat; 'X' when there is no such thread (any more). */
static char state_of(struct thread *th)
{
    char text[128];
    const char *p;
    ssize_t n;

    if (th->stat_fd < 0 && (!th->group || (th->stat_fd = open_stat(th)) < 0))
        return 'X';
    n = pread(th->stat_fd, text, sizeof(text) - 1, 0);
    if (n <= 0)
        return 'X';
    text[n] = '\0';
    p = strrchr(text, ')');
    return p && p[1] == ' ' ? p[2] : 'X';
}

/* S: it waits. D: for a disk, or for its vfork()ed child. T, t: it is stopped, by us or by a
 * signal. Z, X: it is as good as gone. R: it runs, or could. */
static bool waits(struct thread *th)
{
    switch (state_of(th)) {
    case 'S':
    case 'I':
    case 'Z':
    case 'X':
        return true;
    case 'D':
        return th->vforked;
    case 't':
    case 'T':
        return th->in_stop;
    default:
        return false;
    }
}

static bool all_wait(struct tracer *t)
{
    for (size_t i = 0; i < ARRAY_SIZE(t->buckets); i++) {
        struct list *pos;

        list_for_each (pos, &t->buckets[i])
            if (!waits(container_of(pos, struct thread, link)))
                return false;
    }
    return true;
}

/*
 * Looked at twice: a thread that was seen waiting may have been woken by one
 * that waited only when its turn came. Whoever runs between the two looks, and
 * waits again in a call of ours, has stopped for us, which our caller sees.
 */
bool tracer_quiet(struct tracer *t)
{
    return !t->waking && all_wait(t) && all_wait(t);
}

void tracer_describe(struct tracer *t, struct buf *out)
{
    for (size_t i = 0; i < ARRAY_SIZE(t->buckets); i++) {
        struct list *pos;

        list_for_each (pos, &t->buckets[i]) {
            struct thread *th = container_of(pos, struct thread, link);
            char state = state_of(th), text[128] = "", *end;

            if (waits(th) && !th->waking)
                continue;
            if (th->stat_fd >= 0 && pread(th->stat_fd, text, sizeof(text) - 1, 0) > 0 &&
                (end = strrchr(text, ')')))
                end[1] = '\0';
            buf_addf(out, "%s (state %c)\n", text, state);
        }
    }
}
