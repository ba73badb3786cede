#include "harness/fmt.h"

#include <string.h>

#include "base/str.h"
#include "harness/jscan.h"
#include "harness/lex.h"
#include "harness/match.h"
#include "harness/parse.h"

#define VERB_WIDTH 7 /* expect, docker, restart ... */
#define FMT_MAX    (4u * SCN_FILE_MAX)

/* A line that is being written; it may go on below with ' \'. */
struct line {
    struct buf *out;
    size_t start; /* of the current physical line in out */
    int indent;
    bool first; /* nothing but the verb yet */
};

static void indent(struct buf *out, int n)
{
    for (int i = 0; i < n; i++)
        buf_addc(out, ' ');
}

static size_t column(const struct line *l)
{
    return buf_len(l->out) - l->start;
}

/* Room for a piece of n bytes behind `gap` blanks; goes to the next line when it is not there. */
static void gap(struct line *l, size_t n, int blanks)
{
    if (column(l) + (size_t)blanks + n > FMT_COLUMNS && !l->first) {
        buf_adds(l->out, " \\\n");
        l->start = buf_len(l->out);
        indent(l->out, l->indent + VERB_WIDTH + 1);
    } else {
        indent(l->out, l->first ? 0 : blanks);
    }
    l->first = false;
}

static void piece(struct line *l, const char *text, int blanks)
{
    gap(l, strlen(text), blanks);
    buf_adds(l->out, text);
}

static void add_regex(struct buf *out, const char *s)
{
    buf_addc(out, '/');
    for (; *s; s++) {
        if (*s == '/')
            buf_addc(out, '\\');
        buf_addc(out, *s);
        if (*s == '\\' && s[1])
            buf_addc(out, *++s);
    }
    buf_addc(out, '/');
}

void fmt_value(const struct scn_value *v, struct buf *out)
{
    switch (v->kind) {
    case SCN_STRING:
        buf_add_json_string(out, v->text, v->len);
        return;
    case SCN_REGEX:
        add_regex(out, v->text);
        return;
    case SCN_FILE:
        buf_addc(out, '@');
        buf_adds(out, v->text);
        return;
    case SCN_WORD:
    case SCN_JSON:
        buf_add(out, v->text, v->len);
        return;
    }
}

/* JSON that does not fit on a line of its own either is spread over several. */
static void spread(struct line *l, const struct scn_value *v)
{
    struct jscan_error e;
    const char *nl;

    jscan_text(v->text, v->len, l->out, l->indent, &e);
    nl = memrchr(buf_str(l->out), '\n', buf_len(l->out));
    l->start = nl ? (size_t)(nl + 1 - buf_str(l->out)) : 0;
}

/* prefix: "key=" or "". */
static void value_piece(struct line *l, const char *prefix, const struct scn_value *v, int blanks)
{
    struct buf text = BUF_INIT(FMT_MAX);
    size_t room = FMT_COLUMNS - (size_t)l->indent - VERB_WIDTH - 1;

    buf_adds(&text, prefix);
    if (v->kind == SCN_JSON && strlen(prefix) + v->len > room) {
        gap(l, 0, blanks);
        buf_adds(l->out, prefix);
        spread(l, v);
    } else {
        fmt_value(v, &text);
        piece(l, buf_str(&text), blanks);
    }
    buf_release(&text);
}

static void keyword(struct line *l, const char *word, const struct scn_value *v, int blanks)
{
    struct buf text = BUF_INIT(FMT_MAX);

    buf_addf(&text, "%s ", word);
    fmt_value(v, &text);
    piece(l, buf_str(&text), blanks);
    buf_release(&text);
}

static void lines(struct buf *out, const struct scn_lines *ls, int n)
{
    for (size_t i = 0; i < ls->n; i++) {
        if (*ls->lines[i])
            indent(out, n);
        buf_adds(out, ls->lines[i]);
        buf_addc(out, '\n');
    }
}

static void end_line(struct buf *out, const char *comment)
{
    if (comment)
        buf_addf(out, "  #%s", comment);
    buf_addc(out, '\n');
}

/* The first word, filled up to the column where the others begin. */
static void begin(struct line *l, struct buf *out, int n, const char *words)
{
    size_t first = strcspn(words, " ");

    *l = (struct line){.out = out, .start = buf_len(out), .indent = n, .first = true};
    indent(out, n);
    buf_add(out, words, first);
    if (words[first]) {
        indent(out, first < VERB_WIDTH ? (int)(VERB_WIDTH + 1 - first) : 1);
        buf_adds(out, words + first + 1);
        l->first = false;
    }
}

/* Behind the first word, once it is known that another follows. */
static void pad(struct line *l)
{
    size_t width = column(l) - (size_t)l->indent;

    if (l->first)
        indent(l->out, width < VERB_WIDTH ? (int)(VERB_WIDTH + 1 - width) : 1);
}

static void text_piece(struct line *l, const char *text, size_t len)
{
    if (lex_is_plain_text(text))
        buf_add(l->out, text, len);
    else
        buf_add_json_string(l->out, text, len);
    l->first = false;
}

/* Arguments in the order of the table; a literal stands before the argument that follows it. */
static void args(struct line *l, const struct verb_arg *table, const struct scn_value *v, size_t n)
{
    const char *literal = NULL;
    size_t i = 0;

    for (const struct verb_arg *a = table; a->name; a++) {
        bool many = a->many == ARG_SOME || a->many == ARG_ANY;

        if (a->kind == ARG_LITERAL) {
            literal = a->choices;
            continue;
        }
        while (i < n && (a->many == ARG_ONE || parse_fits(a, v[i].kind, v[i].text))) {
            if (literal)
                piece(l, literal, 1);
            literal = NULL;
            value_piece(l, "", &v[i++], 1);
            if (!many)
                break;
        }
        literal = NULL;
    }
}

static bool is_count(const struct scn_step *st, const struct scn_option *o)
{
    return (st->verb->flags & TAKES_COUNT) && verb_is_keyword(o->name);
}

static void options(struct line *l, const struct scn_step *st)
{
    for (size_t i = 0; i < st->n_options; i++) {
        const struct scn_option *o = &st->options[i];
        struct buf key = BUF_INIT(FMT_MAX);

        if (is_count(st, o))
            continue;
        buf_addf(&key, "%s%s", o->name, o->has_value ? "=" : "");
        if (o->has_value)
            value_piece(l, buf_str(&key), &o->value, 1);
        else
            piece(l, buf_str(&key), 1);
        buf_release(&key);
    }
}

static void matches(struct line *l, const struct scn_step *st)
{
    for (size_t i = 0; i < st->n_matches; i++) {
        const struct scn_match *m = &st->matches[i];
        struct buf text = BUF_INIT(FMT_MAX);
        int blanks = i == 0 && m->path ? 2 : 1;

        if (m->path)
            buf_addf(&text, "%s ", m->path->text);
        buf_adds(&text, match_op_name(m->op));
        if (m->has_value && m->value.kind == SCN_JSON) {
            piece(l, buf_str(&text), blanks);
            value_piece(l, "", &m->value, 1);
        } else {
            if (m->has_value) {
                buf_addc(&text, ' ');
                fmt_value(&m->value, &text);
            }
            piece(l, buf_str(&text), blanks);
        }
        buf_release(&text);
    }
}

static void suffixes(struct line *l, const struct scn_step *st)
{
    for (size_t i = 0; i < st->n_options; i++)
        if (is_count(st, &st->options[i]))
            keyword(l, st->options[i].name, &st->options[i].value, 2);
    if (st->within)
        keyword(l, "within", st->within, 2);
    if (st->for_)
        keyword(l, "for", st->for_, 2);
    if (st->after)
        keyword(l, "after", st->after, 2);
    if (st->as) {
        struct buf text = BUF_INIT(FMT_MAX);

        buf_addf(&text, "as %s", st->as);
        piece(l, buf_str(&text), 2);
        buf_release(&text);
    }
}

static void step_words(struct buf *out, const struct scn_step *st, int n)
{
    const struct verb *v = st->verb;
    struct line l;

    begin(&l, out, n, v->words);
    if (v->args->name && v->args->kind == ARG_TEXT) {
        pad(&l);
        text_piece(&l, st->args[0].text, st->args[0].len);
        return;
    }
    if (st->n_args || st->n_options || st->peer != PEER_NONE || st->as || st->n_matches ||
        st->within || st->for_ || st->after)
        pad(&l);
    if (st->peer != PEER_NONE)
        piece(&l, peer_name(st->peer), 1);
    if (st->what)
        piece(&l, st->what, 1);
    args(&l, v->args, st->args, st->n_args);
    options(&l, st);
    matches(&l, st);
    suffixes(&l, st);
}

static void steps(struct buf *out, struct scn_step *const *list, size_t count, int n)
{
    for (size_t i = 0; i < count; i++) {
        const struct scn_step *st = list[i];

        lines(out, &st->before, n);
        step_words(out, st, n);
        end_line(out, st->comment);
        if (!(st->verb->flags & TAKES_BLOCK))
            continue;
        steps(out, st->steps, st->n_steps, n + 2);
        lines(out, &st->tail, n + 2);
        indent(out, n);
        buf_adds(out, "end");
        end_line(out, st->end_comment);
    }
}

static void header(struct buf *out, const struct scn_header *h)
{
    struct line l;

    lines(out, &h->before, 0);
    begin(&l, out, 0, h->word->word);
    pad(&l);
    if (h->text)
        text_piece(&l, h->text, strlen(h->text));
    else
        args(&l, h->word->args, h->args, h->n_args);
    end_line(out, h->comment);
}

int fmt_scn(const struct scn *s, struct buf *out)
{
    for (size_t i = 0; i < s->n_headers; i++)
        header(out, s->headers[i]);
    steps(out, s->steps, s->n_steps, 0);
    lines(out, &s->tail, 0);
    for (size_t i = 0; i < s->n_attachments; i++) {
        const struct scn_attachment *a = s->attachments[i];

        buf_addf(out, "%s-- %s --\n", i ? "" : "\n", a->name);
        buf_add(out, a->data, a->len);
    }
    return out->full ? -1 : 0;
}
