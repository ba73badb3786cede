/* JSON into a tree: scn_from_json() of harness/scn_json.h. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"
#include "harness/jscan.h"
#include "harness/lex.h"
#include "harness/match.h"
#include "harness/parse.h"
#include "harness/scn_json.h"

struct reader {
    struct scn *s;
    struct err *e;
    char at[256]; /* where we are: "steps[3].match[0]" */
    size_t depth;
    size_t n_steps;
};

__attribute__((format(printf, 2, 3))) static int fail(struct reader *r, const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    return err_set(r->e, ERR_PARSE, "%s%s%s", r->at, *r->at ? ": " : "", text);
}

/* Goes down one level; the length before, for up(). */
__attribute__((format(printf, 2, 3))) static size_t down(struct reader *r, const char *fmt, ...)
{
    size_t n = strlen(r->at);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(r->at + n, sizeof(r->at) - n, fmt, ap);
    va_end(ap);
    return n;
}

static void up(struct reader *r, size_t n)
{
    r->at[n] = '\0';
}

/* A string that may stand on a line: no control characters. */
static const char *line_text(struct reader *r, const json_t *v, const char *what)
{
    const char *s = json_string_value(v);

    if (!s) {
        fail(r, "%s: expected a string", what);
        return NULL;
    }
    for (const char *c = s; *c; c++)
        if (((unsigned char)*c < 0x20 && *c != '\t') || *c == 0x7f) {
            fail(r, "%s: control character", what);
            return NULL;
        }
    return s;
}

static int read_comment(struct reader *r, const json_t *o, const char *member, char **ret)
{
    const json_t *v = json_object_get(o, member);
    const char *s;
    size_t n;

    if (!v)
        return 0;
    s = line_text(r, v, member);
    if (!s)
        return -1;
    n = strlen(s);
    if (n && *s != ' ' && *s != '\t')
        return fail(r, "%s: expected a blank first", member);
    while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
        n--;
    *ret = xstrndup(s, n);
    return 0;
}

static int read_lines(struct reader *r, const json_t *o, const char *member, struct scn_lines *to,
                      bool first)
{
    const json_t *list = json_object_get(o, member), *v;
    size_t i;

    if (list && !json_is_array(list))
        return fail(r, "%s: expected an array of strings", member);
    json_array_foreach (list, i, v) {
        const char *s = line_text(r, v, member);
        size_t n;

        if (!s)
            return -1;
        if (*s && *s != '#')
            return fail(r, "%s: expected \"\" or \"# comment\"", member);
        n = strlen(s);
        while (n && (s[n - 1] == ' ' || s[n - 1] == '\t'))
            n--;
        scn_lines_add(to, xstrndup(s, n), first);
    }
    return 0;
}

/* -- values -- */

static int set_json(struct reader *r, struct scn_value *v, const char *text)
{
    _cleanup_buf_ struct buf out = BUF_INIT(2 * SCN_FILE_MAX);
    struct jscan_error je;

    if (jscan_text(text, strlen(text), &out, JSCAN_ONE_LINE, &je) < 0)
        return fail(r, "template: offset %zu: %s", je.at, je.text);
    if (*text != '{' && *text != '[')
        return fail(r, "expected an object or an array");
    scn_value_set(v, r->s, SCN_JSON, buf_str(&out), buf_len(&out));
    return 0;
}

/* Text between slashes: a slash in it needs no backslash here. */
static int set_regex(struct reader *r, struct scn_value *v, const char *text)
{
    _cleanup_buf_ struct buf out = BUF_INIT(SCN_FILE_MAX);

    for (const char *c = text; *c; c++) {
        if (*c == '\\' && !c[1])
            return fail(r, "regex: a lone backslash at the end");
        if (*c == '\\' && c[1] != '/')
            buf_addc(&out, *c++);
        else if (*c == '\\')
            c++;
        buf_addc(&out, *c);
    }
    scn_value_set(v, r->s, SCN_REGEX, buf_str(&out), buf_len(&out));
    return 0;
}

static int set_tagged(struct reader *r, struct scn_value *v, const json_t *o)
{
    const char *tag = json_object_iter_key(json_object_iter((json_t *)(uintptr_t)o));
    const json_t *inner = tag ? json_object_get(o, tag) : NULL;
    _cleanup_free_ char *text = NULL;
    const char *s;

    if (!tag || json_object_size(o) != 1)
        return fail(r, "expected one of string, word, regex, file, json, template");
    if (str_eq(tag, "json")) {
        text = json_text(inner);
        return set_json(r, v, text);
    }
    s = json_string_value(inner);
    if (!s)
        return fail(r, "%s: expected a string", tag);
    if (str_eq(tag, "template"))
        return set_json(r, v, s);
    if (str_eq(tag, "string")) {
        scn_value_set(v, r->s, SCN_STRING, s, strlen(s));
        return 0;
    }
    if (!line_text(r, inner, tag))
        return -1;
    if (str_eq(tag, "regex"))
        return set_regex(r, v, s);
    if (!str_eq(tag, "word") && !str_eq(tag, "file"))
        return fail(r, "unknown kind of value \"%s\"", tag);
    if (*tag == 'w' ? !lex_is_raw_word(s) : !lex_is_file(s))
        return fail(r, "%s: \"%s\" is no word", tag, s);
    scn_value_set(v, r->s, *tag == 'w' ? SCN_WORD : SCN_FILE, s, strlen(s));
    return 0;
}

static int set_value(struct reader *r, struct scn_value *v, const json_t *j)
{
    _cleanup_free_ char *text = NULL;
    const char *s = json_string_value(j);

    if (s) {
        scn_value_set(v, r->s, scn_json_plain(s), s, strlen(s));
        return 0;
    }
    if (json_is_object(j))
        return set_tagged(r, v, j);
    if (json_is_array(j))
        return fail(r, "expected a value; an array is written {\"json\": [...]}");
    text = json_text(j);
    scn_value_set(v, r->s, SCN_WORD, text, strlen(text));
    return 0;
}

/* -- arguments -- */

typedef struct scn_value *(*add_fn)(void *to);

static struct scn_value *add_step_arg(void *to)
{
    return scn_add_arg(to);
}

static struct scn_value *add_header_arg(void *to)
{
    struct scn_header *h = to;

    grow_array(h->args, h->n_args, h->cap_args);
    h->args[h->n_args] = (struct scn_value){0};
    return &h->args[h->n_args++];
}

static int read_arg(struct reader *r, const struct verb_arg *a, const json_t *v, add_fn add,
                    void *to)
{
    struct scn_value *value = add(to);

    if (set_value(r, value, v) < 0)
        return -1;
    if (parse_fits(a, value->kind, value->text))
        return 0;
    return fail(r, "expected %s", arg_kind_expects(a->kind));
}

static int read_args(struct reader *r, const struct verb_arg *table, const json_t *o, add_fn add,
                     void *to)
{
    for (const struct verb_arg *a = table; a->name; a++) {
        const json_t *v = json_object_get(o, scn_json_arg(a)), *one;
        bool many = a->many == ARG_SOME || a->many == ARG_ANY;
        size_t i, n, at = down(r, ".%s", a->name);
        int bad = 0;

        if (a->kind == ARG_LITERAL || (!v && (a->many == ARG_OPTIONAL || a->many == ARG_ANY))) {
            up(r, at);
            continue;
        }
        if (!v)
            return fail(r, "missing");
        if (many && !json_is_array(v))
            return fail(r, "expected an array");
        if (a->many == ARG_SOME && !json_array_size(v))
            return fail(r, "expected at least one");
        if (!many)
            bad = read_arg(r, a, v, add, to);
        json_array_foreach (v, i, one) {
            n = down(r, "[%zu]", i);
            bad = bad < 0 ? -1 : read_arg(r, a, one, add, to);
            if (!bad)
                up(r, n);
        }
        if (bad < 0)
            return -1;
        up(r, at);
    }
    return 0;
}

static bool is_arg(const struct verb_arg *table, const char *key)
{
    for (const struct verb_arg *a = table; a->name; a++)
        if (a->kind != ARG_LITERAL && str_eq(scn_json_arg(a), key))
            return true;
    return false;
}

static int known_members(struct reader *r, const json_t *o, const struct verb_arg *table,
                         const char *const *others)
{
    const char *key, *list[32];
    json_t *v;
    size_t n = 0, n_others = 0;

    while (others[n_others])
        n_others++;
    for (size_t i = 0; i < n_others && n < 24; i++)
        list[n++] = others[i];
    for (const struct verb_arg *a = table; a->name && n < ARRAY_SIZE(list); a++)
        list[n++] = a->name;
    json_object_foreach ((json_t *)(uintptr_t)o, key, v) {
        const char *near;

        if (is_arg(table, key) || strtab_value(others, n_others, key) >= 0)
            continue;
        near = str_nearest(key, list, n);
        return fail(r,
                    near ? "unknown member \"%s\": did you mean \"%s\"?" : "unknown member \"%s\"",
                    key, near);
    }
    return 0;
}

/* -- header -- */

static int read_header(struct reader *r, const json_t *o)
{
    static const char *const members[] = {"word", "before", "comment", NULL};
    const char *word = json_str(o, "word");
    const struct header_word *hw = word ? header_find(word) : NULL;
    struct scn *s = r->s;
    struct scn_header *h;

    if (!hw || hw->id == HEADER_SCENARIO)
        return fail(r, "word: expected a word of the header, such as title");
    h = new0(struct scn_header);
    h->word = hw;
    grow_array(s->headers, s->n_headers, s->cap_headers);
    s->headers[s->n_headers++] = h;
    if (known_members(r, o, hw->args, members) < 0 ||
        read_lines(r, o, "before", &h->before, false) < 0 ||
        read_comment(r, o, "comment", &h->comment) < 0)
        return -1;
    if (hw->args->kind != ARG_TEXT)
        return read_args(r, hw->args, o, add_header_arg, h);
    if (!json_str(o, "text"))
        return fail(r, "text: expected a string");
    h->text = xstrdup(json_str(o, "text"));
    return 0;
}

static int read_first_line(struct reader *r, const json_t *o)
{
    struct scn *s = r->s;
    struct scn_header *h = new0(struct scn_header);
    struct scn_value *v;

    h->word = header_get(HEADER_SCENARIO);
    grow_array(s->headers, s->n_headers, s->cap_headers);
    s->headers[s->n_headers++] = h;
    if (json_int(o, "scenario", 0) != 1)
        return fail(r, "scenario: expected 1, the version of the language");
    v = add_header_arg(h);
    scn_value_set(v, s, SCN_WORD, "1", 1);
    if (read_lines(r, o, "before", &h->before, true) < 0)
        return -1;
    return read_comment(r, o, "comment", &h->comment);
}

/* -- steps -- */

static int read_options(struct reader *r, struct scn_step *st, const json_t *o)
{
    const json_t *list = json_object_get(o, "options");
    const char *key;
    json_t *v;

    if (list && !json_is_object(list))
        return fail(r, "options: expected an object");
    json_object_foreach ((json_t *)(uintptr_t)list, key, v) {
        bool count = st->verb->flags & TAKES_COUNT && verb_is_keyword(key);
        const struct verb_opt *opt = count ? NULL : verb_option(st->verb, key);
        bool flag = opt && (opt->kind == ARG_FLAG || opt->kind == ARG_BOOL);
        struct scn_option *to;
        size_t at = down(r, ".options.%s", key);

        if (!opt && !count)
            return fail(r, "\"%s\" has no such option", st->verb->words);
        if (!count && !lex_is_key(key) && !flag)
            return fail(r, "not a name that can stand before '='");
        to = scn_add_option(st);
        to->name = xstrdup(key);
        to->opt = opt && *opt->name != '*' ? opt : NULL;
        to->has_value = !(flag && json_is_true(v));
        if (to->has_value && set_value(r, &to->value, v) < 0)
            return -1;
        if (to->has_value && opt && opt->kind == ARG_FLAG)
            return fail(r, "expected true");
        up(r, at);
    }
    return 0;
}

static int read_match(struct reader *r, struct scn_step *st, const json_t *o)
{
    static const char *const members[] = {"path", "op", "value", NULL};
    static const struct verb_arg none[] = {{0}};
    const char *path = json_str(o, "path"), *op = json_str(o, "op");
    const json_t *v = json_object_get(o, "value");
    struct scn_match *m = scn_add_match(st);
    bool one = st->verb->flags & TAKES_MATCH_ONE;
    struct err e = ERR_INIT;

    if (known_members(r, o, none, members) < 0)
        return -1;
    if (!op || match_op_from(op) < 0)
        return fail(r, "op: expected one of == != < <= > >= ~ !~ contains exists absent");
    m->op = (enum match_op)match_op_from(op);
    if (one == (path != NULL))
        return fail(r, one ? "path: \"%s\" takes none" : "path: expected the path of a matcher",
                    st->verb->words);
    if (path) {
        m->path = jpath_new(path, NULL, &e);
        if (!m->path)
            return fail(r, "path: %s", e.text);
        if (!lex_is_word(path))
            return fail(r, "path: \"%s\" is no word", path);
    }
    if (match_op_unary(m->op) == (v != NULL))
        return fail(r, v ? "value: %s takes none" : "value: %s needs one", op);
    m->has_value = v != NULL;
    return v ? set_value(r, &m->value, v) : 0;
}

static int read_matches(struct reader *r, struct scn_step *st, const json_t *o)
{
    const json_t *list = json_object_get(o, "match"), *v;
    size_t i, limit = st->verb->flags & TAKES_MATCH       ? SCN_WORDS_MAX
                      : st->verb->flags & TAKES_MATCH_ONE ? 1
                                                          : 0;

    if (list && !json_is_array(list))
        return fail(r, "match: expected an array");
    if (json_array_size(list) > limit)
        return fail(r, "match: \"%s\" takes at most %zu", st->verb->words, limit);
    json_array_foreach (list, i, v) {
        size_t at = down(r, ".match[%zu]", i);

        if (read_match(r, st, v) < 0)
            return -1;
        up(r, at);
    }
    return 0;
}

static int read_suffixes(struct reader *r, struct scn_step *st, const json_t *o)
{
    static const char *const words[] = {"within", "for", "after"};
    const json_t *as = json_object_get(o, "as");

    for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
        const json_t *v = json_object_get(o, words[i]);
        struct scn_value **slot = scn_suffix(st, words[i]);
        size_t at;

        if (!v)
            continue;
        at = down(r, ".%s", words[i]);
        *slot = new0(struct scn_value);
        if (set_value(r, *slot, v) < 0)
            return -1;
        up(r, at);
    }
    if (!as)
        return 0;
    if (!json_is_string(as) || !lex_is_word(json_string_value(as)))
        return fail(r, "as: expected a name");
    st->as = xstrdup(json_string_value(as));
    return 0;
}

static int read_peer(struct reader *r, struct scn_step *st, const json_t *o)
{
    const char *peer = json_str(o, "peer"), *what = json_str(o, "what");
    const char *path;

    if (st->verb->flags & TAKES_PEER) {
        if (!peer || peer_from(peer) < 0)
            return fail(r, "peer: expected docker, ecs, acs, tcs, s3, imds, aws, cni or agent");
        st->peer = (enum peer)peer_from(peer);
    }
    if (!what)
        return 0;
    path = strchr(what, ' ');
    _cleanup_free_ char *first = path ? xstrndup(what, (size_t)(path - what)) : xstrdup(what);

    if (!lex_is_word(first) || (path && !lex_is_word(path + 1)))
        return fail(r, "what: expected a word, or METHOD PATH");
    st->what = xstrdup(what);
    return 0;
}

static int read_steps(struct reader *r, const json_t *o, struct scn_step *block);

static int read_step(struct reader *r, struct scn_step *st, const json_t *o)
{
    const struct verb_arg *args = st->verb->args;
    const char *text;

    if (known_members(r, o, args, scn_json_members) < 0 || read_peer(r, st, o) < 0)
        return -1;
    if (args->name && args->kind == ARG_TEXT) {
        text = json_str(o, args->name);
        if (!text)
            return fail(r, "%s: expected a string", args->name);
        scn_value_set(scn_add_arg(st), r->s, SCN_STRING, text, strlen(text));
    } else if (read_args(r, args, o, add_step_arg, st) < 0) {
        return -1;
    }
    if (read_options(r, st, o) < 0 || read_matches(r, st, o) < 0 || read_suffixes(r, st, o) < 0 ||
        read_lines(r, o, "before", &st->before, false) < 0 ||
        read_comment(r, o, "comment", &st->comment) < 0)
        return -1;
    if (!(st->verb->flags & TAKES_BLOCK))
        return json_object_get(o, "steps") ? fail(r, "steps: \"%s\" has none", st->verb->words) : 0;
    if (read_lines(r, o, "tail", &st->tail, false) < 0 ||
        read_comment(r, o, "end_comment", &st->end_comment) < 0)
        return -1;
    scn_lines_trim(&st->tail);
    return read_steps(r, o, st);
}

static void put_step(struct reader *r, struct scn_step *block, struct scn_step *st)
{
    if (block) {
        grow_array(block->steps, block->n_steps, block->cap_steps);
        block->steps[block->n_steps++] = st;
    } else {
        grow_array(r->s->steps, r->s->n_steps, r->s->cap_steps);
        r->s->steps[r->s->n_steps++] = st;
    }
}

static int read_steps(struct reader *r, const json_t *o, struct scn_step *block)
{
    const json_t *list = json_object_get(o, "steps"), *v;
    size_t i;

    if (!json_is_array(list))
        return fail(r, "steps: expected an array");
    if (++r->depth > SCN_BLOCK_MAX + 1)
        return fail(r, "blocks within blocks go %d deep at most", SCN_BLOCK_MAX);
    json_array_foreach (list, i, v) {
        size_t at = down(r, "%ssteps[%zu]", block ? "." : "", i);
        const char *words = json_str(v, "verb");
        const struct verb *verb = words ? verb_named(words) : NULL;
        struct scn_step *st;

        if (!verb)
            return words ? fail(r, "unknown verb \"%s\"", words) : fail(r, "verb: missing");
        if (++r->n_steps > SCN_STEPS_MAX)
            return fail(r, "a file has at most %d steps", SCN_STEPS_MAX);
        st = scn_step_new(r->s, verb);
        st->number = r->n_steps;
        put_step(r, block, st);
        if (read_step(r, st, v) < 0)
            return -1;
        up(r, at);
    }
    r->depth--;
    return 0;
}

/* -- attachments -- */

/* A line that would begin another attachment cannot be part of one. */
static bool splits(const char *name, const char *data, size_t len)
{
    _cleanup_buf_ struct buf text = BUF_INIT(2 * SCN_FILE_MAX);
    struct scn_attachment *a = NULL;
    struct source src;
    struct diag d;
    struct lex l;
    char *line = NULL;
    bool whole;

    buf_addf(&text, "-- %s --\n", name);
    buf_add(&text, data, len);
    src = (struct source){.text = buf_data(&text), .len = buf_len(&text)};
    diag_init(&d);
    lex_init(&l, &src, &d);
    whole = lex_line(&l, &line, &a) == LEX_ATTACHMENT && a->len == len && str_eq(a->name, name);
    scn_attachment_free(a);
    free(line);
    diag_release(&d);
    return !whole;
}

static int read_attachment(struct reader *r, const json_t *o, bool last)
{
    static const char *const members[] = {"name", "text", "base64", NULL};
    static const struct verb_arg none[] = {{0}};
    const char *name = json_str(o, "name"), *base64 = json_str(o, "base64");
    const json_t *text = json_object_get(o, "text");
    struct scn_attachment *a;
    _cleanup_buf_ struct buf data = BUF_INIT(SCN_FILE_MAX);
    size_t i;

    if (known_members(r, o, none, members) < 0)
        return -1;
    if (!name || !json_is_string(text) == !base64)
        return fail(r, "expected a name, and text or base64");
    if (base64 ? str_unbase64(&data, base64, strlen(base64)) < 0
               : buf_add(&data, json_string_value(text), json_string_length(text)) < 0)
        return fail(r, "%s: not valid, or larger than %u bytes", base64 ? "base64" : "text",
                    SCN_FILE_MAX);
    if (scn_attachment(r->s, name))
        return fail(r, "\"%s\" is there twice", name);
    if (splits(name, buf_str(&data), buf_len(&data)))
        return fail(r, "a name without blanks is needed, and no line that reads \"-- NAME --\"");
    i = buf_len(&data);
    if (!last && i && buf_str(&data)[i - 1] != '\n')
        return fail(r, "only the last attachment may end without a newline");
    a = new0(struct scn_attachment);
    a->name = xstrdup(name);
    a->data = buf_steal(&data, &a->len);
    grow_array(r->s->attachments, r->s->n_attachments, r->s->cap_attachments);
    r->s->attachments[r->s->n_attachments++] = a;
    return 0;
}

static int read_list(struct reader *r, const json_t *o, const char *member)
{
    const json_t *list = json_object_get(o, member), *v;
    size_t i;

    if (list && !json_is_array(list))
        return fail(r, "%s: expected an array", member);
    json_array_foreach (list, i, v) {
        size_t at = down(r, "%s[%zu]", member, i);
        int bad = *member == 'h' ? read_header(r, v)
                                 : read_attachment(r, v, i + 1 == json_array_size(list));

        if (bad < 0)
            return -1;
        up(r, at);
    }
    return 0;
}

struct scn *scn_from_json(const char *path, const json_t *v, struct err *e)
{
    static const char *const members[] = {"scenario", "header",  "steps",       "tail",
                                          "before",   "comment", "attachments", NULL};
    static const struct verb_arg none[] = {{0}};
    struct reader r = {.s = scn_new(path, "", 0), .e = e};

    if (!json_is_object(v)) {
        fail(&r, "expected an object");
        goto bad;
    }
    if (known_members(&r, v, none, members) < 0 || read_first_line(&r, v) < 0 ||
        read_list(&r, v, "header") < 0 || read_steps(&r, v, NULL) < 0 ||
        read_lines(&r, v, "tail", &r.s->tail, false) < 0 || read_list(&r, v, "attachments") < 0)
        goto bad;
    scn_lines_trim(&r.s->tail);
    return r.s;
bad:
    scn_free(r.s);
    return NULL;
}
