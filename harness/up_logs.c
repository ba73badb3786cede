/* up.h: `ecsim logs`: the journal of a world, readable. */
#include "harness/up.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/journal.h"
#include "harness/exitcode.h"
#include "harness/up_dir.h"
#include "harness/up_parse.h"

#define LINE_MAX_BYTES (8u << 20)

enum { FOLLOW = UP_FLAG_F, JSON = 2 };

static const char usage[] =
    "usage: ecsim logs [-f] [--json] [--name NAME]\n"
    "\n"
    "Shows what happened in the world that `ecsim up` started: calls and their answers,\n"
    "frames, states, and what the agent printed.\n"
    "\n"
    "  -f, --follow   go on with what happens, until the world ends or Ctrl-C\n"
    "  --json         the records as they are, one JSON object a line\n"
    "  --name NAME    of the world (default: default)\n"
    "  --help         this text\n";

struct logs {
    struct buf in;
    bool json;
};

/* A value as one line of at most so many bytes. */
static void put_short(struct buf *out, const char *text, size_t max)
{
    size_t n = strcspn(text, "\r\n");

    if (n > max)
        buf_addf(out, "%.*s...", (int)max, text);
    else
        buf_addf(out, "%.*s", (int)n, text);
}

static void put_answer(struct buf *out, const json_t *data)
{
    const json_t *body = json_object_get(data, "body");
    const char *type = json_str(body, "__type"), *text = json_str(body, "message");

    buf_addf(out, "%lld", (long long)json_int(data, "status", 0));
    if (type)
        buf_addf(out, " %s", type);
    if (text && json_int(data, "status", 0) >= 400) {
        buf_adds(out, ": ");
        put_short(out, text, 200);
    }
}

/* Appends the record as a line for people; nothing for what only programs want to know. */
static void put_record(struct buf *out, const json_t *v)
{
    const char *kind = json_str(v, "kind"), *what = json_str(v, "what"),
               *peer = json_str(v, "peer");
    int64_t ms = (int64_t)(json_number_value(json_object_get(v, "t")) * 1000);
    const char *body = json_str(v, "body");

    if (!kind || !peer)
        return;
    buf_addf(out, "%5lld.%03lld %-7s ", (long long)(ms / 1000), (long long)(ms % 1000), peer);
    if (str_eq(kind, "request"))
        buf_addf(out, "-> %s", what);
    else if (str_eq(kind, "answer")) {
        buf_addf(out, "<- %s ", what);
        put_answer(out, v);
    } else if (str_eq(kind, "frame-in") || str_eq(kind, "frame-out"))
        buf_addf(out, "%s %s", str_eq(kind, "frame-in") ? "=>" : "<=", what);
    else if (str_eq(kind, "state"))
        buf_addf(out, "** %s: %s -> %s", what, json_str(v, "from"), json_str(v, "to"));
    else if (str_eq(kind, "process") && str_eq(what, "log"))
        put_short(out, body ? body : "", 400);
    else {
        /* a note is its text, the rest a kind and what it is about */
        buf_addf(out, "   %s", str_eq(kind, "note") ? "" : kind);
        if (what && !str_eq(what, kind) && !str_eq(kind, "note"))
            buf_addf(out, " %s", what);
        if (json_str(v, "text"))
            put_short(out, json_str(v, "text"), 300);
    }
    buf_addc(out, '\n');
}

static void show(struct logs *l, const char *line, size_t n)
{
    struct buf out = BUF_INIT(64 << 10);
    json_t *v;

    if (l->json) {
        fwrite(line, 1, n, stdout);
        fputc('\n', stdout);
        return;
    }
    v = json_read(line, n, JSON_READ_PEER, NULL);
    put_record(&out, v);
    fwrite(buf_str(&out), 1, buf_len(&out), stdout);
    buf_release(&out);
    json_decref(v);
}

/* All whole lines that are there. */
static int read_some(struct logs *l, int fd, struct err *e)
{
    char part[64 << 10];
    ssize_t n;

    while ((n = read(fd, part, sizeof(part))) > 0) {
        const char *end;

        if (buf_add(&l->in, part, (size_t)n) < 0)
            return err_set(e, ERR_LIMIT, "a record is longer than %u bytes", LINE_MAX_BYTES);
        while ((end = memchr(buf_str(&l->in), '\n', buf_len(&l->in)))) {
            size_t len = (size_t)(end - buf_str(&l->in));

            show(l, buf_str(&l->in), len);
            buf_consume(&l->in, len + 1);
        }
    }
    fflush(stdout);
    return n < 0 ? err_sys(e, errno, "the journal") : 0;
}

/* Until the process that writes it has ended. */
static int follow(struct logs *l, int fd, const char *path, pid_t pid, struct err *e)
{
    _cleanup_close_ int note = inotify_init1(IN_CLOEXEC | IN_NONBLOCK), ended = pidfd_open(pid, 0);
    struct pollfd p[2] = {{.fd = note, .events = POLLIN}, {.fd = ended, .events = POLLIN}};
    char drop[4096];

    if (note < 0 || inotify_add_watch(note, path, IN_MODIFY) < 0)
        return err_sys(e, errno, "%s", path);
    for (;;) {
        if (read_some(l, fd, e) < 0)
            return -1;
        if (ended < 0 || (p[1].revents & POLLIN) || ferror(stdout))
            return 0;
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return err_sys(e, errno, "poll");
        while (read(note, drop, sizeof(drop)) > 0)
            ;
    }
}

static int logs(const struct up_dir *d, unsigned flags, struct err *e)
{
    _cleanup_free_ char *path = up_dir_file(d, "journal");
    _cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct logs l = {.in = BUF_INIT(LINE_MAX_BYTES), .json = flags & JSON};
    pid_t pid = up_dir_holder(d);
    int r;

    if (fd < 0)
        return err_set(e, ERR_CONFLICT, "nothing runs under that name");
    r = (flags & FOLLOW) && pid > 0 ? follow(&l, fd, path, pid, e) : read_some(&l, fd, e);
    buf_release(&l.in);
    return r;
}

int cmd_logs(int argc, char **argv)
{
    static const struct option options[] = {{"follow", no_argument, NULL, 'f'},
                                            {"json", no_argument, NULL, JSON},
                                            {"name", required_argument, NULL, 'n'},
                                            {"help", no_argument, NULL, 'h'},
                                            {0}};
    struct up_dir d = {.lock = -1};
    struct err e = ERR_INIT;
    const char *name;
    unsigned flags;
    int r = up_parse_name(argc, argv, usage, options, "fh", &name, &flags, &e);

    if (r == 0 && (r = up_dir_init(&d, name, &e)) == 0)
        r = logs(&d, flags, &e);
    up_dir_release(&d);
    if (r >= 0)
        return EXITCODE_PASSED;
    fprintf(stderr, "ecsim logs: %s\n", e.text);
    return e.code == ERR_USAGE ? EXITCODE_USAGE : EXITCODE_FAILED;
}
