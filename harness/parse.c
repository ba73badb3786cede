#include "harness/parse.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

struct parser {
    struct parse p;
    struct lex lex;
    struct scn_lines before;              /* comments and blank lines that wait for a step */
    struct scn_step *open[SCN_BLOCK_MAX]; /* blocks */
    size_t depth;
    size_t lost; /* blocks whose first line was broken: their `end` is no error */
    size_t n_steps;
    const char *phase;
    bool in_steps;    /* the header is over */
    bool attachments; /* so are the steps */
};

static const struct source *source(const struct parser *r)
{
    return &r->p.scn->source;
}

/* -- unknown words -- */

static int unknown_verb(struct parser *r, const char *first, struct pos pos)
{
    const char *words[VERB_MAX + HEADER_MAX + 1];
    size_t n = 0, first_len = strlen(first);
    _cleanup_buf_ struct buf list = BUF_INIT(512);
    _cleanup_free_ char *two = NULL;
    const struct lex_words *ws = &r->p.ws;

    for (int i = 0; i < VERB_MAX; i++) {
        const char *rest = str_after(verb_get((enum verb_id)i)->words, first);

        if (rest && *rest == ' ' && first_len)
            buf_addf(&list, "%s%s", buf_len(&list) ? ", " : "", verb_get((enum verb_id)i)->words);
        words[n++] = verb_get((enum verb_id)i)->words;
    }
    for (int i = 0; i < HEADER_MAX; i++)
        words[n++] = header_get((enum header_id)i)->word;
    words[n++] = "end";
    if (!buf_len(&list)) {
        diag_error(r->p.d, source(r), pos, "unknown verb \"%s\"", first);
        if (!diag_suggest(r->p.d, first, words, n))
            diag_note(r->p.d, "expected a step such as expect, send or start agent");
        return -1;
    }
    if (ws->n < 2) {
        diag_error(r->p.d, source(r), pos, "\"%s\" needs a second word", first);
        diag_note(r->p.d, "there are: %s", buf_str(&list));
        return -1;
    }
    two = xasprintf("%s %s", first, ws->w[1].text);
    diag_error(r->p.d, source(r), ws->w[1].pos, "unknown verb \"%s\"", two);
    if (!diag_suggest(r->p.d, two, words, n))
        diag_note(r->p.d, "there are: %s", buf_str(&list));
    return -1;
}

/* -- lines of the tree -- */

static void take_before(struct parser *r, struct scn_lines *to)
{
    *to = r->before;
    r->before = (struct scn_lines){0};
}

static void add_step(struct parser *r, struct scn_step *st)
{
    struct scn *s = r->p.scn;

    if (r->depth) {
        struct scn_step *block = r->open[r->depth - 1];

        grow_array(block->steps, block->n_steps, block->cap_steps);
        block->steps[block->n_steps++] = st;
        return;
    }
    grow_array(s->steps, s->n_steps, s->cap_steps);
    s->steps[s->n_steps++] = st;
}

static void open_block(struct parser *r, struct scn_step *st)
{
    if (r->depth == SCN_BLOCK_MAX) {
        diag_error(r->p.d, source(r), st->pos, "blocks within blocks go %d deep at most",
                   SCN_BLOCK_MAX);
        r->lost++;
        return;
    }
    r->open[r->depth++] = st;
}

static void end_block(struct parser *r, struct pos pos)
{
    struct scn_step *block;

    if (r->p.ws.n > 1)
        diag_error(r->p.d, source(r), r->p.ws.w[1].pos, "\"end\" takes no more words");
    if (r->lost) {
        r->lost--;
        return;
    }
    if (!r->depth) {
        diag_error(r->p.d, source(r), pos, "\"end\" without a block");
        diag_note(r->p.d, "blocks begin with any, repeat or each");
        return;
    }
    block = r->open[--r->depth];
    scn_lines_trim(&r->before);
    take_before(r, &block->tail);
    block->end_pos = pos;
    block->end_comment = steal_ptr(&r->p.ws.comment);
}

static struct pos whole_line(const struct parser *r)
{
    struct pos first = r->p.ws.w[0].pos;

    first.len = (uint32_t)(r->p.ws.w[r->p.ws.n - 1].raw + r->p.ws.w[r->p.ws.n - 1].raw_len -
                           r->p.ws.w[0].raw);
    return first;
}

static void step_line(struct parser *r, const struct verb *v, size_t words)
{
    struct scn_step *st = scn_step_new(r->p.scn, v);
    bool block = v->flags & TAKES_BLOCK;

    st->pos = r->p.ws.w[0].pos;
    st->line = whole_line(r);
    st->number = ++r->n_steps;
    st->phase = r->phase;
    r->p.i = words;
    if (v->id != VERB_ENV && v->id != VERB_USE && v->id != VERB_UNSET)
        r->in_steps = true;
    if (r->n_steps == SCN_STEPS_MAX + 1)
        diag_error(r->p.d, source(r), st->pos, "a file has at most %d steps", SCN_STEPS_MAX);
    if (r->n_steps > SCN_STEPS_MAX || parse_step(&r->p, st) < 0) {
        scn_step_free(st);
        r->lost += block;
        return;
    }
    take_before(r, &st->before);
    st->comment = steal_ptr(&r->p.ws.comment);
    add_step(r, st);
    if (v->id == VERB_PHASE)
        r->phase = st->args[0].text;
    if (block)
        open_block(r, st);
}

static void header_line(struct parser *r, const struct header_word *word)
{
    struct scn_header *h;
    struct scn *s = r->p.scn;

    if (r->in_steps) {
        diag_error(r->p.d, source(r), r->p.ws.w[0].pos, "\"%s\" belongs to the header", word->word);
        diag_note(r->p.d, "move it above the first step");
        return;
    }
    h = new0(struct scn_header);
    h->word = word;
    h->pos = r->p.ws.w[0].pos;
    r->p.i = 1;
    if (parse_header(&r->p, h) < 0) {
        scn_header_free(h);
        return;
    }
    take_before(r, &h->before);
    h->comment = steal_ptr(&r->p.ws.comment);
    grow_array(s->headers, s->n_headers, s->cap_headers);
    s->headers[s->n_headers++] = h;
}

/* -- reading -- */

static bool takes_text(const char *first)
{
    const struct header_word *h = header_find(first);
    const struct verb *v = verb_named(first);

    return h ? h->args[0].kind == ARG_TEXT : v && v->args[0].name && v->args[0].kind == ARG_TEXT;
}

static void words_line(struct parser *r)
{
    struct pos pos;
    _cleanup_free_ char *first = lex_peek(&r->lex, &pos);
    const struct header_word *h = header_find(first);
    const struct verb *v;
    size_t words = 1;

    if ((takes_text(first) ? lex_text(&r->lex, 1, &r->p.ws) : lex_step(&r->lex, &r->p.ws)) < 0) {
        v = verb_named(first);
        r->lost += v && v->flags & TAKES_BLOCK;
        return;
    }
    v = verb_find(first, r->p.ws.n > 1 ? r->p.ws.w[1].text : NULL, &words);
    if (str_eq(first, "end"))
        end_block(r, pos);
    else if (r->attachments)
        diag_error(r->p.d, source(r), pos, "a step behind an attachment");
    else if (h)
        header_line(r, h);
    else if (v)
        step_line(r, v, words);
    else
        unknown_verb(r, first, pos);
    lex_words_release(&r->p.ws);
}

static void attachment(struct parser *r, struct scn_attachment *a)
{
    struct scn *s = r->p.scn;
    const struct scn_attachment *before = scn_attachment(s, a->name);

    if (before) {
        diag_error(r->p.d, source(r), a->pos, "attachment \"%s\" is there twice", a->name);
        diag_see(r->p.d, source(r), before->pos, "first here");
        scn_attachment_free(a);
        return;
    }
    if (s->n_attachments == SCN_ATTACHMENT_MAX) {
        diag_error(r->p.d, source(r), a->pos, "a file has at most %d attachments",
                   SCN_ATTACHMENT_MAX);
        scn_attachment_free(a);
        return;
    }
    grow_array(s->attachments, s->n_attachments, s->cap_attachments);
    s->attachments[s->n_attachments++] = a;
    r->attachments = true;
}

static void one_line(struct parser *r, int kind, char *text, struct scn_attachment *a)
{
    bool top = !r->p.scn->n_headers && !r->p.scn->n_steps;

    switch (kind) {
    case LEX_BLANK:
        scn_lines_add(&r->before, xstrdup(""), top);
        return;
    case LEX_COMMENT:
        /* A bare '#' is not a blank line. */
        scn_lines_add(&r->before, xasprintf("#%s", text), top);
        free(text);
        return;
    case LEX_ATTACHMENT:
        attachment(r, a);
        return;
    case LEX_STEP:
        words_line(r);
        return;
    }
}

static void check_version(struct parser *r)
{
    const struct scn *s = r->p.scn;
    const struct scn_header *h = s->n_headers ? s->headers[0] : NULL;
    struct pos pos = {.line = 1, .col = 1, .len = 1};

    if (!h || h->word->id != HEADER_SCENARIO) {
        diag_error(r->p.d, source(r), h ? h->pos : pos,
                   "expected \"scenario 1\" as the first line");
        return;
    }
    if (s->n_steps && s->steps[0]->pos.line < h->pos.line)
        diag_error(r->p.d, source(r), s->steps[0]->pos,
                   "expected \"scenario 1\" as the first line");
    if (!str_eq(h->args[0].text, "1")) {
        diag_error(r->p.d, source(r), h->args[0].pos, "unknown version \"%s\" of the language",
                   h->args[0].text);
        diag_note(r->p.d, "this program knows version 1");
    }
}

static void finish(struct parser *r)
{
    while (r->depth) {
        struct scn_step *block = r->open[--r->depth];

        diag_error(r->p.d, source(r), block->pos, "\"%s\" without \"end\"", block->verb->words);
    }
    scn_lines_trim(&r->before);
    take_before(r, &r->p.scn->tail);
}

struct scn *scn_parse(const char *path, const char *text, size_t len, struct diag *d)
{
    struct parser r = {.p.d = d, .phase = ""};
    size_t errors = d->errors;
    int kind;

    if (len > SCN_FILE_MAX) {
        struct source src = {.path = (char *)(uintptr_t)path};

        diag_error(d, &src, (struct pos){0}, "larger than %u bytes", SCN_FILE_MAX);
        return NULL;
    }
    r.p.scn = scn_new(path, text, len);
    lex_init(&r.lex, source(&r), d);
    do {
        struct scn_attachment *a = NULL;
        char *line = NULL;

        kind = lex_line(&r.lex, &line, &a);
        one_line(&r, kind, line, a);
    } while (kind != LEX_END && !d->cut);
    finish(&r);
    if (d->errors == errors)
        check_version(&r);
    if (d->errors == errors)
        scn_digest(r.p.scn, d);
    if (d->errors == errors)
        return r.p.scn;
    scn_free(r.p.scn);
    return NULL;
}
