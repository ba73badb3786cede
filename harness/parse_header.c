#include "harness/parse.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

struct lex_word *parse_peek(struct parse *p)
{
    return p->i < p->ws.n ? &p->ws.w[p->i] : NULL;
}

bool parse_fits(const struct verb_arg *a, enum scn_value_kind kind, const char *text)
{
    switch (a->kind) {
    case ARG_LITERAL:
        return kind == SCN_WORD && str_eq(text, a->choices);
    case ARG_PEER:
        return kind == SCN_WORD && peer_from(text) >= 0;
    case ARG_QUOTED:
        return kind == SCN_STRING;
    case ARG_VERSIONS:
        return kind == SCN_WORD;
    case ARG_FILE:
        return kind == SCN_FILE;
    case ARG_BODY:
        return kind == SCN_FILE || kind == SCN_JSON || kind == SCN_STRING;
    default:
        return true;
    }
}

int parse_value(struct parse *p, struct lex_word *w, struct scn_value *v)
{
    *v = (struct scn_value){.pos = w->key ? w->pos : w->value_pos};
    if (!w->key) {
        scn_value_set(v, p->scn, w->kind, w->text, w->len);
        v->pos = w->pos;
        return 0;
    }
    if (w->kind != SCN_WORD && w->len) {
        diag_error(p->d, &p->scn->source, w->pos, "a quoted or JSON value inside of a word");
        diag_note(p->d, "quote the whole: \"%s=...\"", w->key);
        return -1;
    }
    scn_value_set(v, p->scn, SCN_WORD, w->raw, w->raw_len);
    return 0;
}

static void upper(const char *name, char *out, size_t n)
{
    size_t i = 0;

    for (; name[i] && i + 1 < n; i++)
        out[i] = name[i] >= 'a' && name[i] <= 'z' ? (char)(name[i] - 32) : name[i];
    out[i] = '\0';
}

int parse_missing(struct parse *p, const struct verb_arg *a)
{
    const struct lex_word *w = parse_peek(p);
    struct pos pos = w ? w->pos : p->ws.end;
    char name[40];

    upper(a->name, name, sizeof(name));
    if (a->kind == ARG_LITERAL)
        return diag_error(p->d, &p->scn->source, pos, "expected \"%s\" here", a->choices);
    diag_error(p->d, &p->scn->source, pos, "expected %s here", name);
    diag_note(p->d, "%s is %s", name,
              a->kind == ARG_CHOICE ? a->choices : arg_kind_expects(a->kind));
    return -1;
}

static int too_many(struct parse *p, const char *word)
{
    diag_error(p->d, &p->scn->source, parse_peek(p)->pos, "\"%s\" takes no more words", word);
    return -1;
}

static int add(struct parse *p, struct scn_header *h)
{
    grow_array(h->args, h->n_args, h->cap_args);
    if (parse_value(p, parse_peek(p), &h->args[h->n_args]) < 0)
        return -1;
    h->n_args++;
    p->i++;
    return 0;
}

int parse_header(struct parse *p, struct scn_header *h)
{
    bool need = false; /* behind a literal, the next argument has to come */

    for (const struct verb_arg *a = h->word->args; a->name; a++) {
        struct lex_word *w = parse_peek(p);
        bool many = a->many == ARG_SOME || a->many == ARG_ANY;
        bool must = a->many == ARG_ONE || a->many == ARG_SOME || need;

        need = false;
        if (!w || !parse_fits(a, w->key ? SCN_WORD : w->kind, w->key ? w->raw : w->text)) {
            if (must)
                return parse_missing(p, a);
            continue;
        }
        if (a->kind == ARG_LITERAL) {
            need = true;
            p->i++;
            continue;
        }
        if (a->kind == ARG_TEXT) {
            h->text = steal_ptr(&w->text);
            p->i++;
            continue;
        }
        do {
            if (add(p, h) < 0)
                return -1;
        } while (many && parse_peek(p));
    }
    return parse_peek(p) ? too_many(p, h->word->word) : 0;
}
