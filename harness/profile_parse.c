#include "harness/profile_parse.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/lex.h"
#include "harness/match.h"
#include "harness/subst.h"
#include "harness/verb.h"

#define VERSION_FORM "a version such as 1.62.2"

struct reader {
    struct source src;
    const char *shown; /* of the file in profile.from; NULL: built in */
    struct diag *d;
    struct profiles *ps;
    struct profile *p; /* the one that is being read, NULL before the first */
    struct pos begun;  /* where it began */
    struct pos places[PROFILES_MAX];
    struct lex_words ws; /* of the line */
};

/* One kind of line. */
struct line {
    const char *word;
    const char *expects; /* what stands behind it, for messages */
    bool text;           /* the rest of the line as it is */
    size_t min, max;     /* words behind it */
    int (*take)(struct reader *r);
};

static int wrong(struct reader *r, size_t i, const char *fmt, const char *a)
{
    struct pos pos = i < r->ws.n ? r->ws.w[i].pos : r->ws.end;

    /* fmt is a literal of this file; a goes into its one %s */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    return diag_error(r->d, &r->src, pos, fmt, a);
#pragma GCC diagnostic pop
}

static char *take_text(struct reader *r, size_t i)
{
    return steal_ptr(&r->ws.w[i].text);
}

/* A word that may come once in a profile. */
static int once(struct reader *r, char **field)
{
    if (*field)
        return wrong(r, 0, "\"%s\" was said before for this agent", r->ws.w[0].text);
    *field = take_text(r, 1);
    return 0;
}

static int too_many(struct reader *r)
{
    return wrong(r, 0, "too many lines with \"%s\"", r->ws.w[0].text);
}

static int take_title(struct reader *r)
{
    return once(r, &r->p->title);
}

static int take_says(struct reader *r)
{
    return once(r, &r->p->says);
}

static int take_command(struct reader *r)
{
    struct profile *p = r->p;
    char **argv = str_argv(r->ws.w[1].text);
    bool fine = argv && argv[0];

    str_argv_free(argv);
    if (!fine)
        return wrong(r, 1, "not a command line%s", "");
    if (p->n_commands == PROFILE_LINES_MAX)
        return too_many(r);
    grow_array(p->commands, p->n_commands, p->cap_commands);
    p->commands[p->n_commands++] = take_text(r, 1);
    return 0;
}

/* version ask ARG... | version is X.Y.Z */
static int take_version(struct reader *r)
{
    struct profile *p = r->p;
    const char *how = r->ws.w[1].text;

    if (p->version || p->n_ask)
        return wrong(r, 0, "\"%s\" was said before for this agent", "version");
    if (str_eq(how, "is")) {
        if (r->ws.n != 3 || match_version("0", r->ws.w[2].text, NULL) < 0 ||
            !strchr("v0123456789", r->ws.w[2].text[0]))
            return wrong(r, 2, "expected %s", VERSION_FORM);
        p->version = take_text(r, 2);
        return 0;
    }
    if (!str_eq(how, "ask"))
        return wrong(r, 1, "expected \"ask\" and arguments, or \"is\" and %s", VERSION_FORM);
    for (size_t i = 2; i < r->ws.n; i++) {
        grow_array(p->ask, p->n_ask, p->cap_ask);
        p->ask[p->n_ask++] = take_text(r, i);
    }
    return 0;
}

/* ${...} of a value has to be a name that every scenario knows. */
static int check_refs(struct reader *r, const struct lex_word *w)
{
    const char *ref;
    size_t at = 0, n, used, n_names, k = 0;
    const struct builtin *b = builtins(&n_names);
    const char *names[64];
    int found;

    while ((found = subst_next(w->text, w->len, &at, &ref, &n)) > 0) {
        _cleanup_free_ char *name = xstrndup(ref, n);

        if (builtin_find(name, &used) && used == n)
            continue;
        diag_error(r->d, &r->src, w->value_pos, "${%s} is not known here", name);
        for (; k < n_names && k < ARRAY_SIZE(names); k++)
            names[k] = b[k].name;
        diag_suggest(r->d, name, names, k);
        return -1;
    }
    return found < 0 ? diag_error(r->d, &r->src, w->value_pos, "this ${ is not closed") : 0;
}

static int add_env(struct reader *r, char *name, char *value)
{
    struct profile *p = r->p;

    grow_array(p->env, p->n_env, p->cap_env);
    p->env[p->n_env++] = (struct profile_env){name, value};
    return p->n_env > PROFILE_LINES_MAX ? too_many(r) : 0;
}

static int take_env(struct reader *r)
{
    for (size_t i = 1; i < r->ws.n; i++) {
        struct lex_word *w = &r->ws.w[i];

        if (!w->key)
            return wrong(r, i, "expected NAME=VALUE%s", "");
        if (check_refs(r, w) < 0 || add_env(r, steal_ptr(&w->key), take_text(r, i)) < 0)
            return -1;
    }
    return 0;
}

static int take_unset(struct reader *r)
{
    for (size_t i = 1; i < r->ws.n; i++)
        if (add_env(r, take_text(r, i), NULL) < 0)
            return -1;
    return 0;
}

/* ports fixed | ports VARIABLE */
static int take_ports(struct reader *r)
{
    if (str_eq(r->ws.w[1].text, "fixed"))
        return 0;
    return once(r, &r->p->introspection);
}

static int take_needs(struct reader *r)
{
    if (!str_eq(r->ws.w[1].text, "sandbox"))
        return wrong(r, 1, "an agent may need a \"sandbox\", not \"%s\"", r->ws.w[1].text);
    r->p->needs_sandbox = true;
    return 0;
}

static int take_has(struct reader *r)
{
    struct profile *p = r->p;

    for (size_t i = 1; i < r->ws.n; i++) {
        if (p->n_features == PROFILE_LINES_MAX)
            return too_many(r);
        grow_array(p->features, p->n_features, p->cap_features);
        p->features[p->n_features++] = take_text(r, i);
    }
    return 0;
}

/* `in VERSIONS` at word *i, when it is there: *ret_guard, and *i moves on. */
static int take_guard(struct reader *r, size_t *i, char **ret_guard)
{
    struct err e = ERR_INIT;

    if (*i >= r->ws.n || !str_eq(r->ws.w[*i].text, "in"))
        return 0;
    if (*i + 1 >= r->ws.n || match_version_check(r->ws.w[*i + 1].text, NULL, &e) < 0)
        return wrong(r, *i + 1, "expected %s", arg_kind_expects(ARG_VERSIONS));
    *ret_guard = take_text(r, *i + 1);
    *i += 2;
    return 0;
}

/* The last word, when it is there, is a quoted text. */
static int take_quoted(struct reader *r, size_t i, bool must, char **ret)
{
    if (i >= r->ws.n && !must)
        return 0;
    if (i + 1 != r->ws.n || r->ws.w[i].kind != SCN_STRING || r->ws.w[i].key)
        return wrong(r, i < r->ws.n ? i : r->ws.n, "expected one \"quoted text\"%s", "");
    *ret = take_text(r, i);
    return 0;
}

/* WORD WHAT ISSUE [in VERSIONS] ["reason"] */
static int take_issue(struct reader *r, struct profile_knowns *l)
{
    struct profile_known *k;
    size_t i = 3;

    if (l->n == PROFILE_LINES_MAX)
        return too_many(r);
    grow_array(l->v, l->n, l->cap);
    k = &l->v[l->n++];
    *k = (struct profile_known){.what = take_text(r, 1), .issue = take_text(r, 2)};
    return take_guard(r, &i, &k->guard) < 0 ? -1 : take_quoted(r, i, false, &k->reason);
}

static int take_known(struct reader *r)
{
    return take_issue(r, &r->p->known);
}

static int take_dies(struct reader *r)
{
    return take_issue(r, &r->p->crashes);
}

/* differs [in VERSIONS] "text" */
static int take_differs(struct reader *r)
{
    struct profile *p = r->p;
    struct profile_note *n;
    size_t i = 1;

    if (p->n_notes == PROFILE_LINES_MAX)
        return too_many(r);
    grow_array(p->notes, p->n_notes, p->cap_notes);
    n = &p->notes[p->n_notes++];
    *n = (struct profile_note){0};
    return take_guard(r, &i, &n->guard) < 0 ? -1 : take_quoted(r, i, true, &n->text);
}

static char *folder_of(const char *path)
{
    const char *slash = path ? strrchr(path, '/') : NULL;

    if (!path)
        return NULL;
    return slash ? xstrndup(path, slash > path ? (size_t)(slash - path) : 1) : xstrdup(".");
}

/* The profile that was being read is whole. */
static int finish(struct reader *r)
{
    if (!r->p || r->p->n_commands)
        return 0;
    diag_error(r->d, &r->src, r->begun, "agent \"%s\" has no command", r->p->name);
    diag_note(r->d, "add a line such as: command /opt/agent -loglevel debug");
    return -1;
}

static int take_agent(struct reader *r)
{
    struct profiles *ps = r->ps;
    int k = finish(r);

    if (ps->n == PROFILES_MAX)
        return wrong(r, 0, "more than 256 agents in a file%s", "");
    for (size_t i = 0; i < ps->n; i++)
        if (str_eq(ps->all[i]->name, r->ws.w[1].text)) {
            wrong(r, 1, "there is an agent \"%s\" in this file already", r->ws.w[1].text);
            diag_see(r->d, &r->src, r->places[i], "here");
            k = -1;
        }
    r->begun = r->places[ps->n] = r->ws.w[1].pos;
    r->p = new0(struct profile);
    r->p->name = take_text(r, 1);
    r->p->from = r->shown ? xasprintf("%s:%u", r->shown, r->begun.line) : xstrdup("built in");
    r->p->folder = folder_of(r->shown);
    grow_array(ps->all, ps->n, ps->cap);
    ps->all[ps->n++] = r->p;
    return k;
}

static const struct line lines[] = {
    {"agent", "a name", false, 1, 1, take_agent},
    {"title", "a text", true, 1, 1, take_title},
    {"command", "a command line", true, 1, 1, take_command},
    {"version", "\"ask\" and arguments, or \"is\" and " VERSION_FORM, false, 2, 32, take_version},
    {"says", "a text", false, 1, 1, take_says},
    {"env", "NAME=VALUE", false, 1, 64, take_env},
    {"unset", "names of variables", false, 1, 64, take_unset},
    {"ports", "\"fixed\", or the variable that takes HOST:PORT", false, 1, 1, take_ports},
    {"needs", "\"sandbox\"", false, 1, 1, take_needs},
    {"has", "features", false, 1, 64, take_has},
    {"known", "a scenario and an issue", false, 2, 5, take_known},
    {"dies", "what it prints and an issue", false, 2, 5, take_dies},
    {"differs", "a \"quoted text\"", false, 1, 3, take_differs},
};

static const struct line *find_line(const char *word)
{
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        if (str_eq(lines[i].word, word))
            return &lines[i];
    return NULL;
}

static int unknown(struct reader *r, struct lex *l, const char *word, struct pos pos)
{
    const char *words[ARRAY_SIZE(lines)];

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        words[i] = lines[i].word;
    diag_error(r->d, &r->src, pos, "unknown word \"%s\"", word);
    if (!diag_suggest(r->d, word, words, ARRAY_SIZE(words)))
        diag_note(r->d, "expected one such as agent, command or env");
    if (lex_text(l, 1, &r->ws) == 0)
        lex_words_release(&r->ws);
    return -1;
}

static int read_line(struct reader *r, struct lex *l)
{
    struct pos pos;
    _cleanup_free_ char *word = lex_peek(l, &pos);
    const struct line *line = find_line(word);
    int k;

    if (!line)
        return unknown(r, l, word, pos);
    if ((line->text ? lex_text(l, 1, &r->ws) : lex_step(l, &r->ws)) < 0)
        return -1;
    if (r->ws.n - 1 < line->min || (line->text && !*r->ws.w[1].text))
        k = wrong(r, r->ws.n, "expected %s", line->expects);
    else if (r->ws.n - 1 > line->max)
        k = wrong(r, line->max + 1, "\"%s\" takes no more words", word);
    else if (!r->p && line->take != take_agent)
        k = wrong(r, 0, "\"%s\" belongs to an agent: begin with a line \"agent NAME\"", word);
    else
        k = line->take(r);
    lex_words_release(&r->ws);
    return k;
}

int profile_parse(struct profiles *ps, const char *path, const char *text, size_t len,
                  struct diag *d)
{
    struct reader r = {.shown = path, .d = d, .ps = ps};
    struct scn_attachment *attachment = NULL;
    char *comment = NULL;
    struct lex l;
    int k = 0, what;

    r.src = (struct source){xstrdup(path ? path : "built in"), xstrndup(text, len), len};
    lex_init(&l, &r.src, d);
    while ((what = lex_line(&l, &comment, &attachment)) != LEX_END) {
        free(steal_ptr(&comment));
        if (attachment) {
            diag_error(d, &r.src, attachment->pos, "a file of agents has no attachments");
            scn_attachment_free(steal_ptr(&attachment));
            what = -1;
        }
        if (what < 0 || (what == LEX_STEP && read_line(&r, &l) < 0))
            k = -1;
    }
    if (finish(&r) < 0)
        k = -1;
    free(r.src.path);
    free(r.src.text);
    return k;
}
