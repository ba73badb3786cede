/*
 * command.h - what the commands of a script ask of systemd.
 *
 * A shell script is read for its commands, not executed: words, quotes, comments, here-documents,
 * lists (; && || | &), groups and the keywords of if, for, while and case are known; variables and
 * substitutions are not expanded. Every command counts as executed once, in the order of the text,
 * whichever branch it stands in. Commands in front of others are looked through (sudo, nohup, env,
 * exec, time, timeout, setsid, nice, command, bash -c "...", systemd-run).
 *
 * What counts: systemctl (start, stop, restart, try-restart, reload-or-restart, isolate, enable,
 * disable, mask, unmask, daemon-reload, with --no-block, --now, --job-mode), service NAME start,
 * `cat > .../systemd/system/X.service <<EOF` (and tee), which writes a unit, and whether
 * something is written to /etc/ecs/.
 *
 * Life cycle: zeroed memory; scripts_read() any number of times; script_release().
 */
#ifndef HARNESS_BOOT_COMMAND_H
#define HARNESS_BOOT_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

#define SCRIPT_MAX     (1 << 20) /* bytes of one script */
#define SCRIPT_OPS_MAX 2000
#define SCRIPT_DEPTH   8 /* bash -c within bash -c */

enum op_kind {
    OP_START,
    OP_STOP,
    OP_RESTART,
    OP_TRY_RESTART,
    OP_ENABLE,
    OP_DISABLE,
    OP_MASK,
    OP_UNMASK,
    OP_RELOAD,     /* daemon-reload */
    OP_WRITE_UNIT, /* units[0] is its name (or NAME.service.d/X.conf), content its text */
    OP_WRITE_ECS,  /* something below /etc/ecs */
};

struct op {
    enum op_kind kind;
    char **units;      /* NULL-terminated full names; may be empty */
    bool blocks;       /* the script waits for the jobs */
    bool ignore_order; /* --job-mode=ignore-dependencies */
    bool limited;      /* below timeout(1): waits for so long at most */
    char *text;        /* the command in words, for a person */
    char *fix;         /* the same with --no-block; NULL: it does not wait */
    char *where;       /* "user-data:3" */
    char *content;     /* OP_WRITE_UNIT */
};

struct script {
    struct op *ops;
    size_t n, room;
};

/* Appends the commands of a shell script. from: its name, line: number of its first line.
 * -1 with ERR_PARSE (a quote or a here-document that nobody ends) or ERR_LIMIT. */
int script_read(struct script *s, const char *from, int line, const char *text, size_t n,
                struct err *e);
/* The same for one command as words: ExecStart=, a list in runcmd. */
int script_words(struct script *s, const char *from, int line, char *const *words, struct err *e);
void script_release(struct script *s);

/* A file that is written: OP_WRITE_UNIT or OP_WRITE_ECS when it is one that counts. */
int script_file(struct script *s, const char *where, const char *path, const char *content,
                struct err *e);

#endif
