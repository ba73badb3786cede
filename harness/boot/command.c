#include "harness/boot/command.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/shell.h"
#include "harness/boot/units.h"

/* One simple command, while it is looked at. */
struct look {
    struct script *s;
    const char *from;
    int line, depth;
    char *const *all; /* as it was written */
    bool background, limited;
    struct err *e;
};

static struct op *add(struct script *s, enum op_kind kind, struct err *e)
{
    if (s->n == SCRIPT_OPS_MAX) {
        err_set(e, ERR_LIMIT, "more than %d commands to systemd", SCRIPT_OPS_MAX);
        return NULL;
    }
    grow_array(s->ops, s->n, s->room);
    s->ops[s->n] = (struct op){.kind = kind, .units = new0_array(char *, 1)};
    return &s->ops[s->n++];
}

static void add_unit(struct op *o, const char *name)
{
    size_t n = 0;

    while (o->units[n])
        n++;
    o->units = xrealloc(o->units, (n + 2) * sizeof(*o->units));
    o->units[n] = units_full_name(name);
    o->units[n + 1] = NULL;
}

/* The words as a line; with extra behind the word `behind` (an index; SIZE_MAX: nowhere). */
static char *line_of(char *const *words, size_t behind, const char *extra)
{
    struct buf b = BUF_INIT(1 << 16);

    for (size_t i = 0; words[i]; i++) {
        if (i)
            buf_addc(&b, ' ');
        str_quote(&b, words[i]);
        if (i == behind)
            buf_addf(&b, " %s", extra);
    }
    return buf_steal(&b, NULL);
}

static bool is_assignment(const char *w)
{
    const char *p = w;

    while (isalnum((unsigned char)*p) || *p == '_')
        p++;
    return p > w && (*p == '=' || (*p == '+' && p[1] == '='));
}

static const char *base_name(const char *w)
{
    const char *slash = strrchr(w, '/');

    return slash ? slash + 1 : w;
}

static const struct verb_of {
    const char *word;
    enum op_kind kind;
} verbs[] = {
    {"start", OP_START},
    {"stop", OP_STOP},
    {"restart", OP_RESTART},
    {"reload-or-restart", OP_RESTART},
    {"try-restart", OP_TRY_RESTART},
    {"condrestart", OP_TRY_RESTART},
    {"try-reload-or-restart", OP_TRY_RESTART},
    {"isolate", OP_START},
    {"enable", OP_ENABLE},
    {"reenable", OP_ENABLE},
    {"disable", OP_DISABLE},
    {"mask", OP_MASK},
    {"unmask", OP_UNMASK},
    {"daemon-reload", OP_RELOAD},
};

static const struct verb_of *verb_of(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(verbs); i++)
        if (str_eq(verbs[i].word, word))
            return &verbs[i];
    return NULL;
}

/* What systemctl was told by options. */
struct flags {
    bool no_block, now, ignore_order, user;
};

/* True when the word is an option; *skip: its value is the next word. */
static bool is_option(const char *w, struct flags *f, bool *skip)
{
    static const char *const valued[] = {
        "-t", "--type",    "-p",     "--property", "-H",      "--host",
        "-M", "--machine", "-n",     "--lines",    "-o",      "--output",
        "-s", "--signal",  "--root", "--job-mode", "--state", "-P"};

    *skip = false;
    if (*w != '-')
        return false;
    f->no_block = f->no_block || str_eq(w, "--no-block");
    f->now = f->now || str_eq(w, "--now");
    f->user = f->user || str_eq(w, "--user");
    f->ignore_order = f->ignore_order || str_eq(w, "--job-mode=ignore-dependencies") ||
                      str_eq(w, "--ignore-dependencies");
    for (size_t i = 0; i < ARRAY_SIZE(valued); i++)
        *skip = *skip || str_eq(valued[i], w);
    return true;
}

static int one_op(struct look *l, enum op_kind kind, char *const *units, const struct flags *f,
                  size_t at)
{
    struct op *o = add(l->s, kind, l->e);
    bool jobs = kind == OP_START || kind == OP_STOP || kind == OP_RESTART || kind == OP_TRY_RESTART;

    if (!o)
        return -1;
    for (size_t i = 0; units && units[i]; i++)
        if (*units[i] != '-')
            add_unit(o, units[i]);
    o->ignore_order = f->ignore_order;
    o->limited = l->limited;
    o->blocks = jobs && !f->no_block && !l->background;
    o->text = line_of(l->all, SIZE_MAX, "");
    o->where = xasprintf("%s:%d", l->from, l->line);
    if (o->blocks)
        o->fix = line_of(l->all, at, "--no-block");
    return 0;
}

/* words[0] is systemctl; at: its place in l->all. */
static int systemctl(struct look *l, char *const *words, size_t at)
{
    struct flags f = {0};
    const struct verb_of *v = NULL;
    char **units = NULL;
    size_t n = 0, verb_at = at;
    bool skip = false;
    int k = 0;

    for (size_t i = 1; words[i]; i++)
        n++;
    units = new0_array(char *, n + 1);
    n = 0;
    for (size_t i = 1; words[i]; i++) {
        if (skip) {
            f.ignore_order = f.ignore_order || str_eq(words[i], "ignore-dependencies");
            skip = false;
        } else if (is_option(words[i], &f, &skip)) {
            continue;
        } else if (!v) {
            v = verb_of(words[i]);
            verb_at = at + i;
            if (!v)
                break;
        } else {
            units[n++] = words[i];
        }
    }
    if (v && !f.user) {
        k = one_op(l, v->kind, units, &f, verb_at);
        if (k == 0 && f.now &&
            (v->kind == OP_ENABLE || v->kind == OP_DISABLE || v->kind == OP_MASK))
            k = one_op(l, v->kind == OP_ENABLE ? OP_START : OP_STOP, units, &f, verb_at);
    }
    free(units);
    return k;
}

/* service NAME start: systemctl in other words. */
static int service(struct look *l, char *const *words)
{
    struct flags f = {0};
    const struct verb_of *v = words[1] && words[2] ? verb_of(words[2]) : NULL;
    char *unit[] = {words[1], NULL};
    int k;

    if (!v)
        return 0;
    k = one_op(l, v->kind, unit, &f, SIZE_MAX);
    if (k == 0 && l->s->ops[l->s->n - 1].fix) {
        struct op *o = &l->s->ops[l->s->n - 1];

        free(o->fix);
        o->fix = xasprintf("systemctl %s --no-block %s", words[2], words[1]);
    }
    return k;
}

/* Commands that run the one behind them; how many words of their own they have. 0: it is none. */
static size_t prefix_of(struct look *l, char *const *words)
{
    static const char *const plain[] = {"sudo", "nohup",  "exec", "time",    "nice",   "command",
                                        "env",  "ionice", "then", "builtin", "chroot", "flock"};
    static const char *const valued[] = {"-u", "-g", "-n", "-k", "-s", "-c", "-w"};
    const char *name = base_name(words[0]);
    bool detached = str_eq(name, "setsid") || str_eq(name, "systemd-run");
    bool timeout = str_eq(name, "timeout"), known = detached || timeout;
    bool waits = str_eq(name, "setsid"); /* it waits for its child unless it is a group leader */
    size_t i = 1;

    for (size_t k = 0; k < ARRAY_SIZE(plain); k++)
        known = known || str_eq(plain[k], name);
    if (!known)
        return 0;
    while (words[i] && (*words[i] == '-' || is_assignment(words[i]))) {
        bool value = false;

        waits = waits || str_eq(words[i], "--wait") || str_eq(words[i], "--pipe") ||
                str_eq(words[i], "--scope") || str_eq(words[i], "-P");
        for (size_t k = 0; k < ARRAY_SIZE(valued); k++)
            value = value || str_eq(valued[k], words[i]);
        i += value && words[i + 1] && !str_eq(name, "env") ? 2 : 1;
    }
    if (timeout && words[i])
        i++;
    l->limited = l->limited || timeout;
    l->background = l->background || (detached && !waits);
    return i;
}

static int parse_at(struct script *s, const char *from, int line, const char *text, size_t n,
                    int depth, bool background, bool limited, struct err *e);

/* bash -c "TEXT", and eval. */
static int inner_shell(struct look *l, char *const *words)
{
    for (size_t i = 1; words[i]; i++)
        if (*words[i] == '-' && strchr(words[i], 'c') && words[i + 1])
            return parse_at(l->s, l->from, l->line, words[i + 1], strlen(words[i + 1]),
                            l->depth + 1, l->background, l->limited, l->e);
    return 0;
}

static bool is_shell(const char *name)
{
    return str_eq(name, "sh") || str_eq(name, "bash") || str_eq(name, "dash") ||
           str_eq(name, "zsh") || str_eq(name, "su") || str_eq(name, "runuser");
}

static int look(struct look *l, char *const *words)
{
    size_t at = 0, skip;

    while (words[at] && is_assignment(words[at]))
        at++;
    while (words[at] && (skip = prefix_of(l, words + at)))
        at += skip;
    if (!words[at])
        return 0;
    if (str_eq(base_name(words[at]), "systemctl"))
        return systemctl(l, words + at, at);
    if (str_eq(base_name(words[at]), "service"))
        return service(l, words + at);
    if (is_shell(base_name(words[at])))
        return inner_shell(l, words + at);
    if (str_eq(words[at], "eval") && words[at + 1])
        return parse_at(l->s, l->from, l->line, words[at + 1], strlen(words[at + 1]), l->depth + 1,
                        l->background, l->limited, l->e);
    return 0;
}

int script_file(struct script *s, const char *where, const char *path, const char *content,
                struct err *e)
{
    const char *below = strstr(path, "systemd/system/");
    struct op *o;

    if (str_starts(path, "/etc/ecs/")) {
        o = add(s, OP_WRITE_ECS, e);
        if (!o)
            return -1;
        o->text = xstrdup(path);
        o->where = xstrdup(where);
        return 0;
    }
    if (!below || !content || str_ends(path, "/"))
        return 0;
    below += strlen("systemd/system/");
    o = add(s, OP_WRITE_UNIT, e);
    if (!o)
        return -1;
    free(o->units);
    o->units = new0_array(char *, 2);
    o->units[0] = xstrdup(below);
    o->content = xstrdup(content);
    o->text = xstrdup(path);
    o->where = xstrdup(where);
    return 0;
}

/* What a command writes by > or >> or tee, here-document or not. */
static int written(struct script *s, const char *from, const struct shell_command *c, struct err *e)
{
    _cleanup_free_ char *where = xasprintf("%s:%d", from, c->line);
    bool tee = false;
    int k = c->to ? script_file(s, where, c->to, c->here, e) : 0;

    for (size_t i = 0; k == 0 && i < c->n; i++) {
        if (tee && *c->words[i] == '/')
            k = script_file(s, where, c->words[i], c->here, e);
        tee = tee || str_eq(base_name(c->words[i]), "tee");
    }
    return k;
}

static int parse_at(struct script *s, const char *from, int line, const char *text, size_t n,
                    int depth, bool background, bool limited, struct err *e)
{
    struct shell sh = {0};
    int k;

    if (n > SCRIPT_MAX)
        return err_set(e, ERR_LIMIT, "%s: a script of more than 1 MiB", from);
    if (depth > SCRIPT_DEPTH)
        return err_set(e, ERR_LIMIT, "%s:%d: more than %d shells within shells", from, line,
                       SCRIPT_DEPTH);
    k = shell_parse(&sh, from, line, text, n, e);
    for (size_t i = 0; k == 0 && i < sh.n; i++) {
        const struct shell_command *c = &sh.commands[i];
        struct look l = {s,       from, c->line, depth, c->words, background || c->background,
                         limited, e};

        k = written(s, from, c, e);
        if (k == 0 && c->n)
            k = look(&l, c->words);
    }
    shell_release(&sh);
    return k;
}

int script_read(struct script *s, const char *from, int line, const char *text, size_t n,
                struct err *e)
{
    return parse_at(s, from, line, text, n, 0, false, false, e);
}

int script_words(struct script *s, const char *from, int line, char *const *words, struct err *e)
{
    struct look l = {s, from, line, 0, words, false, false, e};

    return words[0] ? look(&l, words) : 0;
}

void script_release(struct script *s)
{
    for (size_t i = 0; i < s->n; i++) {
        str_argv_free(s->ops[i].units);
        free(s->ops[i].text);
        free(s->ops[i].fix);
        free(s->ops[i].where);
        free(s->ops[i].content);
    }
    free(s->ops);
    *s = (struct script){0};
}
