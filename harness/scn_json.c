#include "harness/scn_json.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/str.h"
#include "harness/jscan.h"
#include "harness/lex.h"
#include "harness/match.h"
#include "harness/parse.h"
#include "harness/subst.h"

const char *const scn_json_members[] = {
    "verb", "peer",  "what",   "options", "match", "within",      "for", "after",
    "as",   "steps", "before", "comment", "tail",  "end_comment", NULL,
};

const char *scn_json_arg(const struct verb_arg *a)
{
    return a->name;
}

enum scn_value_kind scn_json_plain(const char *text)
{
    bool word = lex_is_word(text) && !subst_is_typed(text) && !verb_is_keyword(text) &&
                match_op_from(text) < 0;

    return word ? SCN_WORD : SCN_STRING;
}

static json_t *tagged(const char *tag, json_t *v)
{
    json_t *o = json_object();

    json_object_set_new(o, tag, v);
    return o;
}

/* True when compact JSON of v, with our blanks, is this text. */
static bool prints_as(const json_t *v, const char *text)
{
    _cleanup_free_ char *compact = json_text(v);
    _cleanup_buf_ struct buf ours = BUF_INIT(SCN_FILE_MAX * 2);
    struct jscan_error je;

    return !jscan_text(compact, strlen(compact), &ours, JSCAN_ONE_LINE, &je) &&
           str_eq(buf_str(&ours), text);
}

static json_t *json_value(const struct scn_value *v)
{
    json_t *j = json_loadb(v->text, v->len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);

    if (j && prints_as(j, v->text))
        return tagged("json", j);
    json_decref(j);
    return tagged("template", json_string(v->text));
}

static json_t *word_value(const struct scn_value *v)
{
    if (subst_is_typed(v->text)) {
        json_t *j = json_loadb(v->text, v->len, JSON_DECODE_ANY, NULL);

        if (j && prints_as(j, v->text))
            return j;
        json_decref(j);
    }
    if (scn_json_plain(v->text) == SCN_WORD)
        return json_string(v->text);
    return tagged("word", json_string(v->text));
}

static json_t *value(const struct scn_value *v)
{
    switch (v->kind) {
    case SCN_WORD:
        return word_value(v);
    case SCN_STRING:
        if (scn_json_plain(v->text) == SCN_STRING)
            return json_string(v->text);
        return tagged("string", json_string(v->text));
    case SCN_REGEX:
        return tagged("regex", json_string(v->text));
    case SCN_FILE:
        return tagged("file", json_string(v->text));
    case SCN_JSON:
        return json_value(v);
    }
    return json_null();
}

static void put_lines(json_t *o, const char *member, const struct scn_lines *l)
{
    json_t *a;

    if (!l->n)
        return;
    a = json_array();
    for (size_t i = 0; i < l->n; i++)
        json_array_append_new(a, json_string(l->lines[i]));
    json_object_set_new(o, member, a);
}

/* Arguments under their names; fills them in the order of the table, as parser and fmt do. */
static void put_args(json_t *o, const struct verb_arg *table, const struct scn_value *v, size_t n)
{
    size_t i = 0;

    for (const struct verb_arg *a = table; a->name; a++) {
        bool many = a->many == ARG_SOME || a->many == ARG_ANY;
        json_t *list;

        if (a->kind == ARG_LITERAL || i == n)
            continue;
        if (!many) {
            if (a->many == ARG_ONE || parse_fits(a, v[i].kind, v[i].text))
                json_object_set_new(o, scn_json_arg(a), value(&v[i++]));
            continue;
        }
        list = json_array();
        while (i < n)
            json_array_append_new(list, value(&v[i++]));
        json_object_set_new(o, scn_json_arg(a), list);
    }
}

static json_t *header(const struct scn_header *h)
{
    json_t *o = json_object();

    json_put_str(o, "word", h->word->word);
    if (h->text)
        json_put_str(o, "text", h->text);
    else
        put_args(o, h->word->args, h->args, h->n_args);
    put_lines(o, "before", &h->before);
    json_put_str(o, "comment", h->comment);
    return o;
}

/* A flag without a value is true; so is the bare word true where no flag is meant. */
static json_t *option(const struct scn_option *o)
{
    if (!o->has_value)
        return json_true();
    if (o->opt && o->opt->kind == ARG_BOOL && o->value.kind == SCN_WORD &&
        str_eq(o->value.text, "true"))
        return tagged("word", json_string("true"));
    return value(&o->value);
}

static void put_options(json_t *o, const struct scn_step *st)
{
    json_t *list;

    if (!st->n_options)
        return;
    list = json_object();
    for (size_t i = 0; i < st->n_options; i++)
        json_object_set_new(list, st->options[i].name, option(&st->options[i]));
    json_object_set_new(o, "options", list);
}

static void put_matches(json_t *o, const struct scn_step *st)
{
    json_t *list;

    if (!st->n_matches)
        return;
    list = json_array();
    for (size_t i = 0; i < st->n_matches; i++) {
        const struct scn_match *m = &st->matches[i];
        json_t *one = json_object();

        if (m->path)
            json_put_str(one, "path", m->path->text);
        json_put_str(one, "op", match_op_name(m->op));
        if (m->has_value)
            json_object_set_new(one, "value", value(&m->value));
        json_array_append_new(list, one);
    }
    json_object_set_new(o, "match", list);
}

static json_t *steps(struct scn_step *const *list, size_t n);

static json_t *step(const struct scn_step *st)
{
    json_t *o = json_object();

    json_put_str(o, "verb", st->verb->words);
    if (st->peer != PEER_NONE)
        json_put_str(o, "peer", peer_name(st->peer));
    json_put_str(o, "what", st->what);
    if (st->verb->args->name && st->verb->args->kind == ARG_TEXT)
        json_put_str(o, st->verb->args->name, st->args[0].text);
    else
        put_args(o, st->verb->args, st->args, st->n_args);
    put_options(o, st);
    put_matches(o, st);
    if (st->within)
        json_put(o, "within", value(st->within));
    if (st->for_)
        json_put(o, "for", value(st->for_));
    if (st->after)
        json_put(o, "after", value(st->after));
    json_put_str(o, "as", st->as);
    if (st->verb->flags & TAKES_BLOCK)
        json_put(o, "steps", steps(st->steps, st->n_steps));
    put_lines(o, "before", &st->before);
    json_put_str(o, "comment", st->comment);
    put_lines(o, "tail", &st->tail);
    json_put_str(o, "end_comment", st->end_comment);
    return o;
}

static json_t *steps(struct scn_step *const *list, size_t n)
{
    json_t *a = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(a, step(list[i]));
    return a;
}

static json_t *attachment(const struct scn_attachment *a)
{
    json_t *o = json_object(), *text = NULL;

    json_put_str(o, "name", a->name);
    if (!memchr(a->data, '\0', a->len))
        text = json_stringn(a->data, a->len);
    if (text) {
        json_put(o, "text", text);
    } else {
        struct buf b = BUF_INIT(2 * SCN_FILE_MAX);

        str_base64(&b, a->data, a->len);
        json_put_str(o, "base64", buf_str(&b));
        buf_release(&b);
    }
    return o;
}

json_t *scn_to_json(const struct scn *s)
{
    json_t *o = json_object(), *list = json_array();

    json_put_int(o, "scenario", s->version);
    for (size_t i = 0; i < s->n_headers; i++) {
        const struct scn_header *h = s->headers[i];

        if (h->word->id != HEADER_SCENARIO) {
            json_array_append_new(list, header(h));
            continue;
        }
        put_lines(o, "before", &h->before);
        json_put_str(o, "comment", h->comment);
    }
    json_put(o, "header", list);
    json_put(o, "steps", steps(s->steps, s->n_steps));
    put_lines(o, "tail", &s->tail);
    if (s->n_attachments) {
        list = json_array();
        for (size_t i = 0; i < s->n_attachments; i++)
            json_array_append_new(list, attachment(s->attachments[i]));
        json_put(o, "attachments", list);
    }
    return o;
}
