#include "harness/check.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/match.h"
#include "harness/subst.h"

enum name_kind { NAME_CAPTURE, NAME_VALUE, NAME_FAULT, NAME_IMPORT, NAME_PARAM };

/* Something that has a name. */
struct name {
    enum name_kind kind;
    struct pos pos;
    const struct scn *file;
    const struct scn *import; /* NAME_IMPORT: whose captures are NAME.CAPTURE */
    struct scn_param *param;
    bool used;
    bool quiet; /* not using it is no news */
};

/* A file or a block: names end with it. */
struct scope {
    struct map names;
    struct scope *outer; /* NULL: of the file */
};

struct check {
    struct scn *file;
    struct diag *d;
    struct scope *scope;
    struct map later;   /* every capture of the file to come: name to struct scn_step */
    struct map content; /* attachments that were looked at */
    bool in_any;
};

static const struct source *source(const struct check *c)
{
    return &c->file->source;
}

/* -- scopes -- */

static void open_scope(struct check *c, struct scope *s)
{
    *s = (struct scope){.outer = c->scope};
    map_init(&s->names);
    c->scope = s;
}

static void close_scope(struct check *c)
{
    struct scope *s = c->scope;
    const char *key;
    void *v;

    for (size_t i = 0; map_next(&s->names, &i, &key, &v);) {
        const struct name *n = v;

        if (n->kind == NAME_CAPTURE && !n->used && !n->quiet && !c->d->errors) {
            diag_warning(c->d, source(c), n->pos, "\"%s\" is captured and never used", key);
            diag_note(c->d, "leave \"as %s\" out, or use ${%s...}", key, key);
        }
        free(v);
    }
    map_release(&s->names);
    c->scope = s->outer;
}

static struct name *find_name(const struct check *c, const char *name)
{
    for (const struct scope *s = c->scope; s; s = s->outer) {
        struct name *n = map_get(&s->names, name);

        if (n)
            return n;
    }
    return NULL;
}

static int add_name(struct check *c, const char *name, struct name how)
{
    const struct name *before = find_name(c, name);
    size_t used;

    how.file = c->file;
    if (before) {
        diag_error(c->d, source(c), how.pos, "the name \"%s\" is taken", name);
        diag_see(c->d, source(c), before->pos, "by this");
        return -1;
    }
    if (builtin_find(name, &used) && used == strlen(name)) {
        diag_error(c->d, source(c), how.pos, "the name \"%s\" is built in", name);
        diag_note(c->d, "choose another name");
        return -1;
    }
    map_set(&c->scope->names, name, xmemdup(&how, sizeof(how)));
    return 0;
}

static int check_name_form(struct check *c, const char *name, struct pos pos)
{
    size_t n = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

    if (*name && !name[n] && *name != '-' && !(*name >= '0' && *name <= '9'))
        return 0;
    return diag_error(c->d, source(c), pos, "\"%s\" is no name: expected %s", name,
                      arg_kind_expects(ARG_NAME));
}

/* -- references -- */

static void suggest_name(struct check *c, const char *name, const char *whole)
{
    const char *list[256];
    size_t n = 0, n_builtins;
    const struct builtin *b = builtins(&n_builtins);

    for (const struct scope *s = c->scope; s; s = s->outer) {
        const char *key;
        void *v;

        for (size_t i = 0; n < 200 && map_next(&s->names, &i, &key, &v);)
            list[n++] = key;
    }
    for (size_t i = 0; i < n_builtins && n < ARRAY_SIZE(list); i++)
        list[n++] = b[i].name;
    if (!diag_suggest(c->d, whole, list, n) && !diag_suggest(c->d, name, list, n))
        diag_note(c->d, "a step above names it with \"as\"; write $${ for a plain ${");
}

static int unknown_name(struct check *c, const char *name, const char *whole,
                        const struct source *src, struct pos pos)
{
    const struct scn_step *later = map_get(&c->later, name);

    diag_error(c->d, src, pos, "${%s} is not known here", whole);
    if (later)
        diag_see(c->d, source(c), later->as_pos, "it is captured only here");
    else
        suggest_name(c, name, whole);
    return -1;
}

/* The steps of a file that leave a capture behind: all but those inside of loops. */
static const struct scn_step *find_capture(struct scn_step *const *steps, size_t n,
                                           const char *name)
{
    for (size_t i = 0; i < n; i++) {
        const struct scn_step *st = steps[i], *in;

        if ((st->verb->flags & TAKES_AS && str_eq(st->as, name)) ||
            (st->id == VERB_SET && str_eq(st->args[0].text, name)))
            return st;
        if (st->id != VERB_ANY)
            continue;
        in = find_capture(st->steps, st->n_steps, name);
        if (in)
            return in;
    }
    return NULL;
}

/* ${t.reg...}: the name behind that of an import. */
static int check_import_ref(struct check *c, const struct name *n, const char *rest,
                            const char *whole, const struct source *src, struct pos pos)
{
    size_t len = strcspn(rest, ".[");
    _cleanup_free_ char *name = xstrndup(rest, len);

    if (n->import && find_capture(n->import->steps, n->import->n_steps, name))
        return 0;
    diag_error(c->d, src, pos, "${%s}: the file captures no \"%s\"", whole, name);
    return -1;
}

static int check_path(struct check *c, const char *rest, const struct source *src, struct pos pos)
{
    struct err e = ERR_INIT;
    struct jpath *p = jpath_new_rest(rest, NULL, &e);

    if (!p)
        return diag_error(c->d, src, pos, "%s", e.text);
    jpath_free(p);
    return 0;
}

/* One reference, as between the braces. */
static int check_ref(struct check *c, const char *ref, const struct source *src, struct pos pos)
{
    size_t used = strcspn(ref, ".[");
    _cleanup_free_ char *name = xstrndup(ref, used);
    struct name *n = find_name(c, name);

    if (n) {
        n->used = true;
        if (n->param)
            n->param->used = true;
        if (n->kind == NAME_FAULT)
            return diag_error(c->d, src, pos, "\"%s\" names a fault, which has no value", name);
        if (n->kind == NAME_IMPORT)
            return check_import_ref(c, n, ref[used] == '.' ? ref + used + 1 : "", ref, src, pos);
        return check_path(c, ref + used, src, pos);
    }
    if (builtin_find(ref, &used))
        return check_path(c, ref + used, src, pos);
    return unknown_name(c, name, ref, src, pos);
}

/* The text of a reference without the backslashes that a JSON string needs in ["name"]. */
static void copy_ref(char *to, size_t room, const char *ref, size_t n)
{
    size_t out = 0;

    for (size_t i = 0; i < n && out + 1 < room; i++)
        if (ref[i] != '\\')
            to[out++] = ref[i];
    to[out] = '\0';
}

/*
 * Every ${...} of a text. In an attachment each is pointed at; elsewhere too, when the text stands
 * in the source as it is (bare, or in quotes without escapes), else the whole value is.
 */
static int check_refs(struct check *c, const char *s, size_t n, const struct scn_attachment *a,
                      struct pos pos)
{
    size_t at = 0, len = 0, quote = pos.len == n + 2;
    bool as_it_is = pos.len == n || quote;
    const char *ref;
    int r, bad = 0;

    while ((r = subst_next(s, n, &at, &ref, &len)) != 0) {
        size_t from = r < 0 ? at : (size_t)(ref - 2 - s), width = r < 0 ? 2 : len + 3;
        struct source src = *source(c);
        struct pos p = pos;
        char text[1100];

        if (a) {
            p = check_place(c->file, a, from, width, &src);
        } else if (as_it_is) {
            p.col += (uint32_t)(from + quote);
            p.len = (uint32_t)width;
        }
        if (r < 0) {
            diag_error(c->d, &src, p, "${ without a name and a closing }");
            diag_note(c->d, "write $${ for a plain ${");
            return -1;
        }
        copy_ref(text, sizeof(text), ref, len);
        bad |= check_ref(c, text, &src, p);
    }
    return bad;
}

static int check_value_refs(struct check *c, const struct scn_value *v)
{
    const struct scn_attachment *a = v->content;
    int r = 0;

    if (a && !map_get(&c->content, a->name)) {
        map_set(&c->content, a->name, (void *)(uintptr_t)a);
        r = check_content(c->file, a, c->d);
    }
    if (a)
        return r | (a->subst ? check_refs(c, a->data, a->len, a, v->pos) : 0);
    if (!v->subst)
        return 0;
    if (v->kind == SCN_FILE) { /* the name stands behind '@' */
        struct pos p = v->pos;

        p.col++;
        p.len--;
        return check_refs(c, v->text, v->len, NULL, p);
    }
    return check_refs(c, v->text, v->len, NULL, v->pos);
}

/* -- steps -- */

static int check_arg(struct check *c, const struct verb_arg *a, const struct scn_value *v)
{
    int r = check_value_refs(c, v);

    switch (a->kind) {
    case ARG_LITERAL:
    case ARG_TEXT:
    case ARG_GUARD:
    case ARG_HEALER:
    case ARG_PEER:
    case ARG_VERSIONS:
    case ARG_QUOTED:
        return r;
    default:
        return r | check_value(v, a->kind, a->choices, a->name, c->d);
    }
}

static int check_args(struct check *c, const struct scn_step *st)
{
    size_t i = 0;
    int r = 0;

    for (const struct verb_arg *a = st->verb->args; a->name; a++) {
        if (a->kind == ARG_LITERAL)
            continue;
        do {
            if (i == st->n_args)
                break;
            r |= check_arg(c, a, &st->args[i++]);
        } while (a->many == ARG_SOME || a->many == ARG_ANY);
    }
    return r;
}

/* until=10s, or until=NAME of a capture anywhere in the file. */
static int check_until(struct check *c, const struct scn_option *o)
{
    int64_t ns;

    if (o->value.subst || !value_duration(&o->value, NULL, &ns, NULL))
        return 0;
    struct name *n = find_name(c, o->value.text);

    if (n)
        n->used = true;
    if (n || map_get(&c->later, o->value.text))
        return 0;
    diag_error(c->d, source(c), o->value.pos, "until: no step has \"as %s\"", o->value.text);
    diag_note(c->d, "expected %s", arg_kind_expects(ARG_UNTIL));
    return -1;
}

static int check_options(struct check *c, const struct scn_step *st)
{
    int r = 0;

    for (size_t i = 0; i < st->n_options; i++) {
        const struct scn_option *o = &st->options[i];

        if (!o->has_value) {
            if (o->opt && o->opt->kind != ARG_FLAG && o->opt->kind != ARG_BOOL)
                r |= diag_error(c->d, source(c), o->pos, "%s: expected %s", o->name,
                                arg_kind_expects(o->opt->kind));
            continue;
        }
        r |= check_value_refs(c, &o->value);
        if (o->opt && o->opt->kind == ARG_UNTIL)
            r |= check_until(c, o);
        else if (o->opt)
            r |= check_value(&o->value, o->opt->kind, o->opt->choices, o->name, c->d);
        else if (st->verb->flags & TAKES_COUNT)
            r |= check_value(&o->value, ARG_INT, NULL, o->name, c->d);
    }
    return r;
}

static int check_matches(struct check *c, const struct scn_step *st)
{
    int r = 0;

    for (size_t i = 0; i < st->n_matches; i++) {
        const struct scn_match *m = &st->matches[i];
        struct err e = ERR_INIT;

        if (!m->has_value)
            continue;
        r |= check_value_refs(c, &m->value);
        if ((m->op == MATCH_RE || m->op == MATCH_NOT_RE) && !m->value.subst &&
            match_regex_check(m->value.text, &e) < 0)
            r |= diag_error(c->d, source(c), m->value.pos, "%s", e.text);
    }
    return r;
}

static int check_suffixes(struct check *c, const struct scn_step *st)
{
    static const char *const names[] = {"within", "for", "after"};
    const struct scn_value *const values[] = {st->within, st->for_, st->after};
    int r = 0;

    for (int i = 0; i < 3; i++)
        if (values[i]) {
            r |= check_value_refs(c, values[i]);
            r |= check_value(values[i], ARG_DURATION, NULL, names[i], c->d);
        }
    return r;
}

static int check_fault(struct check *c, const struct scn_step *st)
{
    static const char *const kinds[] = {
        "delay",  "hang",  "refuse",  "reset",    "close",   "cut",
        "status", "error", "wsclose", "badframe", "garbage", "slow",
    };
    const struct scn_option *found = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
        const struct scn_option *o = scn_option(st, kinds[i]);
        bool pair = found && str_eq(found->name, "status") && str_eq(kinds[i], "error");

        if (o && found && !pair) {
            diag_error(c->d, source(c), o->pos, "a fault is of one kind");
            diag_see(c->d, source(c), found->pos, "and it is this already");
            return -1;
        }
        found = o ? o : found;
    }
    if (found)
        return 0;
    diag_error(c->d, source(c), st->line, "expected what goes wrong");
    diag_note(c->d, "one of: delay= hang refuse reset= close cut= status= error= wsclose= "
                    "badframe garbage slow=");
    return -1;
}

static int check_heal(struct check *c, const struct scn_step *st)
{
    const struct scn_value *v = &st->args[0];
    struct name *n = find_name(c, v->text);

    if (v->subst || str_eq(v->text, "all") || peer_from(v->text) >= 0 ||
        (n && n->kind == NAME_FAULT))
        return 0;
    diag_error(c->d, source(c), v->pos, "no fault above is called \"%s\"", v->text);
    diag_note(c->d, "expected %s", arg_kind_expects(ARG_HEALER));
    return -1;
}

static int check_guards(struct check *c, const struct scn_step *st)
{
    for (size_t i = 0; i < st->n_args; i++) {
        const struct scn_value *v = &st->args[i];
        struct err e = ERR_INIT;

        if (v->kind == SCN_STRING && i + 1 == st->n_args && i)
            return 0; /* the reason */
        if (v->kind != SCN_WORD)
            return diag_error(c->d, source(c), v->pos, "expected %s", arg_kind_expects(ARG_GUARD));
        if (!str_eq(v->text, "agent"))
            continue;
        if (++i == st->n_args || st->args[i].kind != SCN_WORD ||
            match_version_check(st->args[i].text, NULL, &e) < 0) {
            diag_error(c->d, source(c), i < st->n_args ? st->args[i].pos : v->pos,
                       "expected versions behind \"agent\"");
            diag_note(c->d, "such as agent <1.20 or agent 1.20..1.62");
            return -1;
        }
    }
    return 0;
}

static int check_env(struct check *c, const struct scn_step *st)
{
    if (st->n_args || st->n_options)
        return 0;
    return diag_error(c->d, source(c), st->pos, "expected NAME=VALUE or @file behind \"env\"");
}

static int check_count(struct check *c, const struct scn_step *st)
{
    const struct scn_option *min = scn_option(st, "min");

    if (!st->n_options) {
        diag_error(c->d, source(c), st->line, "expected how many");
        diag_note(c->d, "is 1, min 1 or max 3");
        return -1;
    }
    if (min && st->n_options == 1 && str_eq(min->value.text, "0"))
        diag_warning(c->d, source(c), st->line, "this holds always");
    return 0;
}

/* Steps that say nothing. */
static void check_idle(struct check *c, const struct scn_step *st, bool last)
{
    bool constant = st->id == VERB_CHECK && !st->args[0].subst && st->n_matches &&
                    !st->matches[0].value.subst && st->args[0].kind != SCN_FILE;

    if (constant)
        diag_warning(c->d, source(c), st->line, "this compares two values that never change");
    if (st->id == VERB_PROBE && !st->n_matches && !st->as)
        diag_warning(c->d, source(c), st->line, "without a matcher any answer will do");
    if (st->id == VERB_NEVER && !st->for_ && last && !c->file->parent) {
        diag_warning(c->d, source(c), st->line, "nothing comes behind this, so nothing is watched");
        diag_note(c->d, "say how long to watch: for 500ms");
    }
}

static int check_special(struct check *c, const struct scn_step *st)
{
    switch (st->id) {
    case VERB_FAULT:
        return check_fault(c, st);
    case VERB_HEAL:
        return check_heal(c, st);
    case VERB_SKIP_IF:
    case VERB_ONLY_IF:
        return check_guards(c, st);
    case VERB_ENV:
        return check_env(c, st);
    case VERB_COUNT:
        return check_count(c, st);
    default:
        return 0;
    }
}

static int check_steps(struct check *c, struct scn_step *const *steps, size_t n);
static int check_file(struct scn *s, struct diag *d);

/* -- blocks and imports -- */

static int check_block(struct check *c, const struct scn_step *st)
{
    struct scope scope;
    bool loop = st->id == VERB_REPEAT || st->id == VERB_EACH, was = c->in_any;
    const char *counter = st->as ? st->as : "i";
    int r = 0;

    if (!st->n_steps)
        diag_warning(c->d, source(c), st->line, "an empty block");
    c->in_any = st->id == VERB_ANY;
    if (loop)
        open_scope(c, &scope);
    if (st->id == VERB_EACH)
        r |= add_name(c, st->args[0].text,
                      (struct name){.kind = NAME_VALUE, .pos = st->args[0].pos});
    if (st->id == VERB_REPEAT)
        r |= add_name(c, counter,
                      (struct name){.kind = NAME_VALUE, .pos = st->as ? st->as_pos : st->pos});
    r |= check_steps(c, st->steps, st->n_steps);
    if (loop)
        close_scope(c);
    c->in_any = was;
    return r;
}

static int check_use_params(struct check *c, const struct scn_step *st)
{
    const struct scn *file = st->import;
    const char *names[256];
    size_t n = 0;
    int r = 0;

    for (size_t i = 0; i < file->n_params; i++) {
        if (n < ARRAY_SIZE(names))
            names[n++] = file->params[i].name;
        if (file->params[i].dflt || scn_option(st, file->params[i].name))
            continue;
        r |= diag_error(c->d, source(c), st->line, "\"%s\" needs %s=...", st->args[0].text,
                        file->params[i].name);
        diag_see(c->d, &file->source, file->params[i].header->pos, "declared here");
    }
    for (size_t i = 0; i < st->n_options; i++) {
        size_t k = 0;

        while (k < file->n_params && !str_eq(file->params[k].name, st->options[i].name))
            k++;
        if (k < file->n_params)
            continue;
        r |= diag_error(c->d, source(c), st->options[i].pos, "\"%s\" has no parameter \"%s\"",
                        st->args[0].text, st->options[i].name);
        if (!diag_suggest(c->d, st->options[i].name, names, n))
            diag_note(c->d, n ? "there are others" : "it has none");
    }
    return r;
}

static int check_use(struct check *c, const struct scn_step *st)
{
    int r = check_use_params(c, st) | check_file(st->import, c->d);

    if (st->as)
        r |= add_name(c, st->as,
                      (struct name){.kind = NAME_IMPORT, .pos = st->as_pos, .import = st->import});
    return r;
}

static int check_new_names(struct check *c, const struct scn_step *st)
{
    const struct verb *v = st->verb;
    struct name n = {.kind = NAME_CAPTURE, .pos = st->as_pos};

    if (v->flags & TAKES_NEW_NAME && !(v->flags & TAKES_BLOCK))
        return add_name(c, st->args[0].text,
                        (struct name){.kind = NAME_VALUE, .pos = st->args[0].pos});
    if (!st->as || !(v->flags & (TAKES_AS | TAKES_AS_LABEL)))
        return 0;
    if (v->flags & TAKES_AS_LABEL)
        n.kind = NAME_FAULT;
    /* The user of a file may look at its captures; a send's name also serves reports. */
    n.quiet = c->file->parent || st->id == VERB_SEND;
    return add_name(c, st->as, n);
}

static int check_step(struct check *c, const struct scn_step *st, bool last)
{
    int r = check_args(c, st) | check_options(c, st) | check_matches(c, st) |
            check_suffixes(c, st) | check_what(st, c->d);

    if (st->what_subst)
        r |= check_refs(c, st->what, strlen(st->what), NULL, st->what_pos);
    if (st->as)
        r |= check_name_form(c, st->as, st->as_pos);
    if (c->in_any && !(st->verb->flags & FITS_ANY)) {
        diag_error(c->d, source(c), st->pos, "\"%s\" cannot stand in an \"any\" block",
                   st->verb->words);
        diag_note(c->d, "it takes expect, probe and run");
        r = -1;
    }
    r |= check_special(c, st);
    if (r < 0)
        return -1;
    check_idle(c, st, last);
    if (st->verb->flags & TAKES_BLOCK)
        return check_block(c, st);
    if (st->id == VERB_USE)
        return check_use(c, st);
    return check_new_names(c, st);
}

static int check_steps(struct check *c, struct scn_step *const *steps, size_t n)
{
    int r = 0;

    for (size_t i = 0; i < n; i++) {
        r |= check_step(c, steps[i], i + 1 == n && !c->scope->outer);
        if (steps[i]->verb->flags & TAKES_AS && steps[i]->as)
            map_remove(&c->later, steps[i]->as);
    }
    return r;
}

/* -- files -- */

static void collect_later(struct check *c, struct scn_step *const *steps, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (steps[i]->as && steps[i]->verb->flags & TAKES_AS)
            map_set(&c->later, steps[i]->as, steps[i]);
        collect_later(c, steps[i]->steps, steps[i]->n_steps);
    }
}

static int check_headers(struct check *c)
{
    struct scn *s = c->file;
    int r = 0;

    if (!s->parent && !*s->title) {
        r = diag_error(c->d, source(c), s->headers[0]->pos, "a scenario needs a title");
        diag_note(c->d, "the second line is usually: title WHAT HAPPENS");
    }
    for (size_t i = 0; i < s->n_params; i++) {
        const struct scn_header *h = s->params[i].header;

        r |= check_value(&h->args[0], ARG_NAME, NULL, "param", c->d);
        if (!s->parent && !s->params[i].dflt) {
            r |= diag_error(c->d, source(c), h->pos, "parameter \"%s\" has no value",
                            s->params[i].name);
            diag_note(c->d, "only a file that others use can leave it to them");
        }
        if (s->params[i].dflt)
            r |= check_value_refs(c, s->params[i].dflt);
        r |= add_name(
            c, s->params[i].name,
            (struct name){.kind = NAME_PARAM, .pos = h->args[0].pos, .param = &s->params[i]});
    }
    return r;
}

static void check_unused(struct check *c)
{
    struct scn *s = c->file;

    for (size_t i = 0; i < s->n_attachments; i++)
        if (!s->attachments[i]->used) {
            diag_error(c->d, source(c), s->attachments[i]->pos, "attachment \"%s\" is not used",
                       s->attachments[i]->name);
            diag_note(c->d, "a step names it: @%s", s->attachments[i]->name);
        }
    for (size_t i = 0; i < s->n_params; i++)
        if (!s->params[i].used) {
            diag_error(c->d, source(c), s->params[i].header->args[0].pos,
                       "parameter \"%s\" is not used", s->params[i].name);
            diag_note(c->d, "a step uses it: ${%s}", s->params[i].name);
        }
}

static int check_file(struct scn *s, struct diag *d)
{
    struct check c = {.file = s, .d = d};
    size_t errors = d->errors;
    struct scope scope;

    open_scope(&c, &scope);
    collect_later(&c, s->steps, s->n_steps);
    check_headers(&c);
    check_steps(&c, s->steps, s->n_steps);
    if (d->errors == errors)
        check_unused(&c);
    close_scope(&c);
    map_release(&c.later);
    map_release(&c.content);
    return d->errors > errors ? -1 : 0;
}

int check_scn(struct scn *s, struct diag *d)
{
    return check_file(s, d);
}
