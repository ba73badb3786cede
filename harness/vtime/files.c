/* Writes to the files of a folder: seen before they happen, and when they have come to last. */
#include "harness/vtime/thread.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"

/* A frame of a write-ahead log begins with a header of its own write: page number, size of the
 * database in pages in the last frame of a transaction and 0 in others, salts, checksums. */
#define WAL_HEADER    24
#define WAL_COMMIT_AT 4
#define NAME_LENGTH   512
#define NAME_PART     32

const struct filter_call file_calls[] = {
    {SYS_write, FILTER_ALWAYS, 0},
    {SYS_writev, FILTER_ALWAYS, 0},
    {SYS_pwrite64, FILTER_ALWAYS, 0},
    {SYS_pwritev, FILTER_ALWAYS, 0},
    {SYS_ftruncate, FILTER_ALWAYS, 0},
    {SYS_fsync, FILTER_ALWAYS, 0},
    {SYS_fdatasync, FILTER_ALWAYS, 0},
    {SYS_rename, FILTER_ALWAYS, 0},
    {SYS_renameat, FILTER_ALWAYS, 0},
    {SYS_renameat2, FILTER_ALWAYS, 0},
    {-1, FILTER_ALWAYS, 0},
};

static bool is_below(const struct tracer *t, const char *path)
{
    const char *rest = str_after(path, t->files.dir);

    return rest && *rest == '/';
}

/* The name of an open file. */
static bool name_of_fd(const struct thread *th, int fd, char path[NAME_LENGTH])
{
    char link[64];
    ssize_t n;

    snprintf(link, sizeof(link), "/proc/%d/fd/%d", (int)th->tid, fd);
    n = readlink(link, path, NAME_LENGTH - 1);
    if (n < 0)
        return false;
    path[n] = '\0';
    return true;
}

/* A text in the memory of the thread; it may end just before memory that is not there. */
static bool name_at(const struct thread *th, uint64_t at, char path[NAME_LENGTH])
{
    for (size_t n = 0; n + NAME_PART < NAME_LENGTH;) {
        size_t part = NAME_PART - (at + n) % NAME_PART;

        if (mem_read(th->tid, at + n, path + n, part) < 0)
            return false;
        if (memchr(path + n, '\0', part))
            return true;
        n += part;
    }
    return false;
}

/* What the call is about, if that is a file that is watched. */
static bool name_of(const struct thread *th, arch_regs *r, char path[NAME_LENGTH])
{
    bool found;

    switch ((long)*arch_nr(r)) {
    case SYS_rename:
        found = name_at(th, *arch_arg(r, 1), path);
        break;
    case SYS_renameat:
    case SYS_renameat2:
        found = name_at(th, *arch_arg(r, 3), path);
        break;
    default:
        found = name_of_fd(th, (int)*arch_arg(r, 0), path);
    }
    return found && is_below(th->tracer, path);
}

static bool is_wal(const char *path)
{
    size_t n = strlen(path);

    return n > 4 && str_eq(path + n - 4, "-wal");
}

/* The thread writes to a write-ahead log. True: with this write a transaction is whole. */
static bool wal_write(struct thread *th, arch_regs *r)
{
    unsigned char header[WAL_HEADER];
    bool whole = th->wal_last;

    th->wal_last = false;
    if (*arch_arg(r, 2) != WAL_HEADER)
        return whole;
    if (mem_read(th->tid, *arch_arg(r, 1), header, sizeof(header)) == 0)
        for (int i = 0; i < 4; i++)
            th->wal_last |= header[WAL_COMMIT_AT + i] != 0;
    return false;
}

static bool commits(struct thread *th, arch_regs *r, const char *path)
{
    switch ((long)*arch_nr(r)) {
    case SYS_fsync:
    case SYS_fdatasync:
    case SYS_rename:
    case SYS_renameat:
    case SYS_renameat2:
        return true;
    case SYS_pwrite64:
        return is_wal(path) && wal_write(th, r);
    default:
        return false;
    }
}

static bool is_file_call(uint64_t nr)
{
    for (const struct filter_call *c = file_calls; c->nr >= 0; c++)
        if ((uint64_t)c->nr == nr)
            return true;
    return false;
}

bool file_enter(struct thread *th, arch_regs *r)
{
    struct tracer *t = th->tracer;
    char path[NAME_LENGTH];

    if (!t->files.dir[0] || !is_file_call(*arch_nr(r)) || !name_of(th, r, path))
        return false;
    t->files.fn(t->files.data, TRACER_WRITE, path);
    if (commits(th, r, path))
        thread_until_return(th, AFTER_COMMIT);
    else
        thread_continue(th, 0);
    return true;
}

void file_committed(struct thread *th)
{
    const struct tracer_files *f = &th->tracer->files;

    f->fn(f->data, TRACER_COMMIT, f->dir);
    thread_continue(th, 0);
}
