#include "harness/parse.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/match.h"

#define WORDS_MAX 64 /* of a list that suggestions are taken from */

static int error_at(struct parse *p, const struct lex_word *w, const char *what)
{
    return diag_error(p->d, &p->scn->source, w ? w->pos : p->ws.end, "%s", what);
}

static const struct source *source(const struct parse *p)
{
    return &p->scn->source;
}

/* -- peer and what -- */

static int parse_peer(struct parse *p, struct scn_step *st)
{
    struct lex_word *w = parse_peek(p);
    const char *names[PEER_MAX];
    struct buf list = BUF_INIT(256);
    size_t n = 0;
    int peer = w && !w->key && w->kind == SCN_WORD ? peer_from(w->text) : -1;

    if (peer >= 0 && st->verb->peers & PEER_BIT(peer)) {
        st->peer = (enum peer)peer;
        p->i++;
        return 0;
    }
    for (int i = 0; i < PEER_MAX; i++)
        if (st->verb->peers & PEER_BIT(i)) {
            buf_addf(&list, "%s%s", n ? ", " : "", peer_name((enum peer)i));
            names[n++] = peer_name((enum peer)i);
        }
    if (!w)
        error_at(p, NULL, "expected a peer here");
    else if (peer >= 0)
        diag_error(p->d, source(p), w->pos, "\"%s\" does not work with %s", st->verb->words,
                   w->text);
    else
        diag_error(p->d, source(p), w->pos, "unknown peer \"%s\"", w->text);
    if (!w || peer >= 0 || !diag_suggest(p->d, w->text, names, n))
        diag_note(p->d, "expected one of: %s", buf_str(&list));
    buf_release(&list);
    return -1;
}

static bool is_method(const char *s)
{
    if (str_eq(s, "*"))
        return true;
    for (const char *c = s; *c; c++)
        if (*c < 'A' || *c > 'Z')
            return false;
    return *s != '\0';
}

/* The bare word is a flag of the verb (`hang`) or one of its suffixes. */
static bool is_flag_or_keyword(const struct scn_step *st, const struct lex_word *w)
{
    const struct verb_opt *o = verb_option(st->verb, w->text);

    if (verb_is_keyword(w->text))
        return true;
    return o && str_eq(o->name, w->text) && (o->kind == ARG_FLAG || o->kind == ARG_BOOL);
}

static int set_what(struct scn_step *st, const char *text, struct pos pos)
{
    st->what = xstrdup(text);
    st->what_pos = pos;
    st->what_subst = strstr(text, "${") != NULL;
    return 0;
}

static int parse_call(struct parse *p, struct scn_step *st, struct lex_word *method)
{
    struct lex_word *w = parse_peek(p);
    _cleanup_free_ char *what = NULL;
    struct pos pos = method->pos;

    bool rooted = w && strchr("/*$", *w->text);

    /* An object of S3 is BUCKET/KEY. */
    if (!w || w->key || w->kind != SCN_WORD || !(rooted || st->peer == PEER_S3)) {
        error_at(p, w, "expected the path of the call here");
        diag_note(p->d, "a call is METHOD PATH, such as POST /containers/*/start");
        return -1;
    }
    what = xasprintf("%s %s", method->text, w->text);
    if (w->pos.line == pos.line)
        pos.len = w->pos.col + w->pos.len - pos.col;
    p->i++;
    return set_what(st, what, pos);
}

static int parse_what(struct parse *p, struct scn_step *st)
{
    bool optional = st->verb->flags & TAKES_WHAT_OPT;
    struct lex_word *w = parse_peek(p);

    if (optional && (!w || w->key || is_flag_or_keyword(st, w)))
        return 0;
    if (!w || w->key || w->kind != SCN_WORD || is_flag_or_keyword(st, w)) {
        error_at(p, w, "expected what is asked of the peer here");
        diag_note(p->d, peer_speaks_http(st->peer)
                            ? "METHOD PATH, such as POST /containers/create, or connect"
                            : "the name of an operation, a message or an event");
        return -1;
    }
    p->i++;
    if (peer_speaks_http(st->peer) && is_method(w->text))
        return parse_call(p, st, w);
    if (peer_speaks_http(st->peer) && *w->text == '/') {
        error_at(p, w, "expected the method before the path");
        diag_note(p->d, "GET %s, or * %s for any method", w->text, w->text);
        return -1;
    }
    return set_what(st, w->text, w->pos);
}

/* -- arguments -- */

/* A path followed by an operator begins the matchers. */
static bool at_matcher(const struct parse *p)
{
    const struct lex_word *w = &p->ws.w[p->i], *op = w + 1;

    return p->i + 1 < p->ws.n && !w->key && w->kind == SCN_WORD && jpath_is(w->text) && !op->key &&
           op->kind == SCN_WORD && match_op_from(op->text) >= 0;
}

static bool keyword_allowed(const struct verb *v, const char *word)
{
    static const struct {
        const char *word;
        unsigned flags;
    } needs[] = {
        {"within", TAKES_WITHIN}, {"for", TAKES_FOR},
        {"after", TAKES_AFTER},   {"as", TAKES_AS | TAKES_AS_LABEL | TAKES_AS_LOOP | TAKES_AS_USE},
        {"is", TAKES_COUNT},      {"min", TAKES_COUNT},
        {"max", TAKES_COUNT},
    };

    for (size_t i = 0; i < ARRAY_SIZE(needs); i++)
        if (str_eq(needs[i].word, word))
            return v->flags & needs[i].flags;
    return false;
}

/* is, min and max are everyday words where nothing is counted. */
static bool is_keyword_here(const struct verb *v, const struct lex_word *w)
{
    if (w->key || w->kind != SCN_WORD || !verb_is_keyword(w->text))
        return false;
    return keyword_allowed(v, w->text) || str_eq(w->text, "within") || str_eq(w->text, "for") ||
           str_eq(w->text, "after") || str_eq(w->text, "as");
}

/* Can the next word be an argument, or does something else begin here? */
static bool at_argument(const struct parse *p, const struct scn_step *st, const struct verb_arg *a)
{
    const struct lex_word *w = p->i < p->ws.n ? &p->ws.w[p->i] : NULL;
    bool list = a->many == ARG_SOME || a->many == ARG_ANY;

    if (!w || is_keyword_here(st->verb, w))
        return false;
    if (w->key && st->verb->opts->name)
        return false;
    if ((list || a->many == ARG_OPTIONAL) && (st->verb->flags & TAKES_MATCH) && at_matcher(p))
        return false;
    if (a->many == ARG_OPTIONAL || a->kind == ARG_LITERAL)
        return parse_fits(a, w->key ? SCN_WORD : w->kind, w->key ? w->raw : w->text);
    return true;
}

static int parse_arg(struct parse *p, struct scn_step *st, const struct verb_arg *a)
{
    struct lex_word *w = &p->ws.w[p->i];
    struct scn_value v;

    if (a->kind == ARG_LITERAL) {
        p->i++;
        return 0;
    }
    if (!parse_fits(a, w->key ? SCN_WORD : w->kind, w->text)) {
        diag_error(p->d, source(p), w->pos, "expected %s", arg_kind_expects(a->kind));
        return -1;
    }
    if (w->kind == SCN_REGEX) {
        error_at(p, w, "a regular expression stands only behind ~ and !~");
        return -1;
    }
    if (parse_value(p, w, &v) < 0)
        return -1;
    *scn_add_arg(st) = v;
    p->i++;
    return 0;
}

static int parse_args(struct parse *p, struct scn_step *st)
{
    for (const struct verb_arg *a = st->verb->args; a->name; a++) {
        bool many = a->many == ARG_SOME || a->many == ARG_ANY;

        if (!at_argument(p, st, a)) {
            if (a->many == ARG_ONE || a->many == ARG_SOME)
                return parse_missing(p, a);
            continue;
        }
        do {
            if (parse_arg(p, st, a) < 0)
                return -1;
        } while (many && at_argument(p, st, a));
    }
    return 0;
}

/* -- options -- */

static int unknown_option(struct parse *p, const struct scn_step *st, const struct lex_word *w,
                          const char *key)
{
    const char *names[WORDS_MAX];
    struct buf list = BUF_INIT(2048);
    size_t n = 0;

    diag_error(p->d, source(p), w->pos, "\"%s\" has no option \"%s\"", st->verb->words, key);
    for (const struct verb_opt *o = st->verb->opts; o->name && n < WORDS_MAX; o++) {
        buf_addf(&list, "%s%s", n ? ", " : "", o->name);
        names[n++] = o->name;
    }
    if (!diag_suggest(p->d, key, names, n)) {
        if (n)
            diag_note(p->d, "there are: %s", buf_str(&list));
        else
            diag_note(p->d, "it takes none; quote the word if it is meant as a text");
    }
    buf_release(&list);
    return -1;
}

static int twice(struct parse *p, const struct lex_word *w, const char *name, struct pos first)
{
    diag_error(p->d, source(p), w->pos, "\"%s\" is there twice", name);
    diag_see(p->d, source(p), first, "first here");
    return -1;
}

static int add_option(struct parse *p, struct scn_step *st, struct lex_word *w, const char *name,
                      const struct verb_opt *o)
{
    const struct scn_option *before = scn_option(st, name);
    struct scn_option *opt;

    if (before)
        return twice(p, w, name, before->pos);
    opt = scn_add_option(st);
    opt->name = xstrdup(name);
    opt->opt = o && o->name[strlen(o->name) - 1] == '*' && o->name[0] == '*' ? NULL : o;
    opt->pos = w->pos;
    return 0;
}

static int parse_option(struct parse *p, struct scn_step *st)
{
    struct lex_word *w = parse_peek(p);
    const struct verb_opt *o = verb_option(st->verb, w->key);
    struct scn_option *opt;

    if (!o)
        return unknown_option(p, st, w, w->key);
    if (o->kind == ARG_FLAG) {
        diag_error(p->d, source(p), w->pos, "\"%s\" takes no value", o->name);
        return -1;
    }
    if (add_option(p, st, w, w->key, o) < 0)
        return -1;
    opt = &st->options[st->n_options - 1];
    opt->has_value = true;
    scn_value_set(&opt->value, p->scn, w->kind, w->text, w->len);
    opt->value.pos = w->value_pos;
    p->i++;
    return 0;
}

static int parse_flag(struct parse *p, struct scn_step *st)
{
    struct lex_word *w = parse_peek(p);

    if (add_option(p, st, w, w->text, verb_option(st->verb, w->text)) < 0)
        return -1;
    p->i++;
    return 0;
}

/* -- matchers -- */

static int unknown_op(struct parse *p, const struct lex_word *w)
{
    const char *names[MATCH_OP_MAX];

    for (int i = 0; i < MATCH_OP_MAX; i++)
        names[i] = match_op_name((enum match_op)i);
    if (!w) {
        error_at(p, NULL, "expected an operator here");
    } else {
        diag_error(p->d, source(p), w->pos, "unknown operator \"%.*s\"", (int)w->raw_len, w->raw);
        if (w->raw_len == 1 && *w->raw == '=') {
            diag_note(p->d, "did you mean \"==\"?");
            return -1;
        }
        if (w->raw_len > 2 && diag_suggest(p->d, w->text, names, MATCH_OP_MAX))
            return -1;
    }
    diag_note(p->d, "there are: == != < <= > >= ~ !~ contains exists absent");
    return -1;
}

/* OP [VALUE] at the next word; pos is where the matcher begins. */
static int parse_op(struct parse *p, struct scn_match *m, struct pos pos)
{
    struct lex_word *w = parse_peek(p);
    int op = w && !w->key && w->kind == SCN_WORD ? match_op_from(w->text) : -1;
    bool re = op == MATCH_RE || op == MATCH_NOT_RE;

    m->pos = pos;
    if (op < 0)
        return unknown_op(p, w);
    m->op = (enum match_op)op;
    p->i++;
    if (!match_op_unary(m->op)) {
        const struct lex_word *last = w;

        w = parse_peek(p);
        if (!w || (verb_is_keyword(w->text) && w->kind == SCN_WORD && !w->key)) {
            diag_error(p->d, source(p), w ? w->pos : p->ws.end, "expected a value behind \"%s\"",
                       last->text);
            if (w)
                diag_note(p->d, "quote \"%s\" if it is meant as a text", w->text);
            return -1;
        }
        if (re && w->kind != SCN_REGEX && w->kind != SCN_STRING) {
            error_at(p, w, "expected a regular expression here");
            diag_note(p->d, "it stands in slashes: /.../, with \\/ for a slash in it");
            return -1;
        }
        if (parse_value(p, w, &m->value) < 0)
            return -1;
        m->has_value = true;
        p->i++;
    }
    if (w->pos.line == pos.line && w->pos.col > pos.col)
        m->pos.len = w->pos.col + w->pos.len - pos.col;
    return 0;
}

static int parse_match(struct parse *p, struct scn_step *st)
{
    struct lex_word *w = parse_peek(p);
    struct err e = ERR_INIT;
    struct scn_match *m;
    struct jpath *path;
    size_t at = 0;

    path = jpath_new(w->text, &at, &e);
    if (!path) {
        struct pos pos = w->pos;

        pos.col += (uint32_t)at;
        pos.len = at < pos.len ? pos.len - (uint32_t)at : 1;
        return diag_error(p->d, source(p), pos, "%s", e.text);
    }
    p->i++;
    m = scn_add_match(st);
    m->path = path;
    return parse_op(p, m, w->pos);
}

/* -- suffixes -- */

static struct scn_value *new_value(struct parse *p, struct lex_word *w)
{
    struct scn_value v;

    if (parse_value(p, w, &v) < 0)
        return NULL;
    return xmemdup(&v, sizeof(v));
}

/* The word behind a keyword. */
static struct lex_word *operand(struct parse *p, const struct lex_word *keyword,
                                const char *expected)
{
    struct lex_word *w;

    p->i++;
    w = parse_peek(p);
    if (w && !w->key && (w->kind == SCN_WORD || w->kind == SCN_STRING) &&
        !verb_is_keyword(w->text)) {
        p->i++;
        return w;
    }
    diag_error(p->d, source(p), w ? w->pos : p->ws.end, "expected %s behind \"%s\"", expected,
               keyword->text);
    return NULL;
}

static int parse_count(struct parse *p, struct scn_step *st, struct lex_word *keyword)
{
    struct lex_word *w = operand(p, keyword, arg_kind_expects(ARG_INT));
    struct scn_option *opt;

    if (!w || add_option(p, st, keyword, keyword->text, NULL) < 0)
        return -1;
    opt = &st->options[st->n_options - 1];
    opt->has_value = true;
    return parse_value(p, w, &opt->value);
}

static int parse_as(struct parse *p, struct scn_step *st, struct lex_word *keyword)
{
    struct lex_word *w = operand(p, keyword, "a name");

    if (!w)
        return -1;
    if (st->as)
        return twice(p, keyword, "as", st->as_pos);
    st->as = steal_ptr(&w->text);
    st->as_pos = w->pos;
    return 0;
}

static int parse_suffix(struct parse *p, struct scn_step *st)
{
    struct lex_word *keyword = parse_peek(p), *w;
    struct scn_value **slot;

    if (!keyword_allowed(st->verb, keyword->text)) {
        diag_error(p->d, source(p), keyword->pos, "\"%s\" takes no \"%s\"", st->verb->words,
                   keyword->text);
        diag_note(p->d, "quote the word if it is meant as a text");
        return -1;
    }
    if (str_eq(keyword->text, "as"))
        return parse_as(p, st, keyword);
    slot = scn_suffix(st, keyword->text);
    if (!slot)
        return parse_count(p, st, keyword);
    if (*slot)
        return twice(p, keyword, keyword->text, (*slot)->pos);
    w = operand(p, keyword, arg_kind_expects(ARG_DURATION));
    if (!w)
        return -1;
    *slot = new_value(p, w);
    return *slot ? 0 : -1;
}

/* -- the rest of a line -- */

static int unexpected(struct parse *p, const struct scn_step *st)
{
    struct lex_word *w = parse_peek(p), *op = p->i + 1 < p->ws.n ? w + 1 : NULL;
    size_t n;
    const char *const *roots = jpath_roots(&n);
    static const char *const keywords[] = {"within", "for", "after", "as", "is", "min", "max"};
    const char *flags[WORDS_MAX];
    size_t n_flags = 0;

    if ((st->verb->flags & TAKES_MATCH) && w->kind == SCN_WORD && op && !op->key &&
        match_op_from(op->text) >= 0) {
        diag_error(p->d, source(p), w->pos, "unknown path \"%s\"", w->text);
        if (!diag_suggest(p->d, w->text, roots, n))
            diag_note(p->d, "a member of the body is written .%s", w->text);
        return -1;
    }
    diag_error(p->d, source(p), w->pos, "unexpected %s in \"%s\"",
               w->kind == SCN_WORD ? "word" : "value", st->verb->words);
    for (const struct verb_opt *o = st->verb->opts; o->name && n_flags < WORDS_MAX; o++)
        flags[n_flags++] = o->name;
    for (size_t i = 0; i < ARRAY_SIZE(keywords) && n_flags < WORDS_MAX; i++)
        if (keyword_allowed(st->verb, keywords[i]))
            flags[n_flags++] = keywords[i];
    if (w->kind == SCN_WORD && diag_suggest(p->d, w->text, flags, n_flags))
        return -1;
    if (w->kind == SCN_WORD && (st->verb->flags & TAKES_MATCH) && jpath_is(w->text))
        return unknown_op(p, op);
    return -1;
}

/* Options, then matchers, then suffixes: a word that comes too late is told so. */
enum part { PART_OPTIONS, PART_MATCHES, PART_SUFFIXES };

static int in_order(struct parse *p, enum part *now, enum part part)
{
    static const char *const names[] = {"options", "matchers", "suffixes"};

    if (part >= *now) {
        *now = part;
        return 0;
    }
    diag_error(p->d, source(p), parse_peek(p)->pos, "%s stand before %s", names[part], names[*now]);
    diag_note(p->d, "the order is: arguments, options, matchers, then within, for, after and as");
    return -1;
}

static int parse_rest(struct parse *p, struct scn_step *st, enum part *now)
{
    struct lex_word *w = parse_peek(p);
    const struct verb *v = st->verb;
    const struct verb_opt *o = w->kind == SCN_WORD && !w->key ? verb_option(v, w->text) : NULL;

    if (w->key)
        return in_order(p, now, PART_OPTIONS) < 0 ? -1 : parse_option(p, st);
    if (is_keyword_here(v, w))
        return in_order(p, now, PART_SUFFIXES) < 0 ? -1 : parse_suffix(p, st);
    if (o && str_eq(o->name, w->text) && (o->kind == ARG_FLAG || o->kind == ARG_BOOL))
        return in_order(p, now, PART_OPTIONS) < 0 ? -1 : parse_flag(p, st);
    if (v->flags & TAKES_MATCH_ONE && !st->n_matches)
        return parse_op(p, scn_add_match(st), w->pos);
    if (v->flags & TAKES_MATCH && w->kind == SCN_WORD &&
        (*w->text == '.' || (jpath_is(w->text) && p->i + 1 < p->ws.n)))
        return in_order(p, now, PART_MATCHES) < 0 ? -1 : parse_match(p, st);
    return unexpected(p, st);
}

int parse_step(struct parse *p, struct scn_step *st)
{
    const struct verb *v = st->verb;
    enum part now = PART_OPTIONS;

    if (v->flags & TAKES_PEER && parse_peer(p, st) < 0)
        return -1;
    if (v->flags & (TAKES_WHAT | TAKES_WHAT_OPT) && parse_what(p, st) < 0)
        return -1;
    if (parse_args(p, st) < 0)
        return -1;
    while (p->i < p->ws.n)
        if (parse_rest(p, st, &now) < 0)
            return -1;
    if (v->flags & TAKES_MATCH_ONE && !st->n_matches)
        return unknown_op(p, NULL);
    return 0;
}
