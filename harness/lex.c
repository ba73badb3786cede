#include "harness/lex.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/jscan.h"
#include "harness/subst.h"

void lex_init(struct lex *l, const struct source *src, struct diag *d)
{
    *l = (struct lex){.src = src, .d = d, .line = 1};
}

void lex_words_release(struct lex_words *w)
{
    for (size_t i = 0; i < w->n; i++) {
        free(w->w[i].key);
        free(w->w[i].text);
    }
    free(w->w);
    free(w->comment);
    *w = (struct lex_words){0};
}

static char byte(const struct lex *l, size_t at)
{
    return at < l->src->len ? l->src->text[at] : '\0';
}

static bool ended(const struct lex *l)
{
    return l->at >= l->src->len;
}

/* At the end of a line; a carriage return before it belongs to it. */
static bool at_eol(const struct lex *l, size_t at)
{
    return at >= l->src->len || byte(l, at) == '\n' ||
           (byte(l, at) == '\r' && byte(l, at + 1) == '\n');
}

static bool blank(char c)
{
    return c == ' ' || c == '\t';
}

static void skip_blanks(struct lex *l)
{
    while (blank(byte(l, l->at)))
        l->at++;
}

/* Moves to `at`, counting the lines on the way. */
static void advance_to(struct lex *l, size_t at)
{
    for (; l->at < at; l->at++)
        if (l->src->text[l->at] == '\n') {
            l->line++;
            l->bol = l->at + 1;
        }
}

static size_t eol(const struct lex *l, size_t at)
{
    const char *nl = memchr(l->src->text + at, '\n', l->src->len - at);

    return nl ? (size_t)(nl - l->src->text) : l->src->len;
}

static void next_line(struct lex *l)
{
    size_t end = eol(l, l->at);

    advance_to(l, end < l->src->len ? end + 1 : end);
}

/* The place of bytes [at, at + len) that begin on the current line or a later one. */
static struct pos place(const struct lex *l, size_t at, size_t len)
{
    struct pos p = {.line = l->line};
    size_t bol = l->bol;

    for (size_t i = l->at; i < at && i < l->src->len; i++)
        if (l->src->text[i] == '\n') {
            p.line++;
            bol = i + 1;
        }
    size_t end = eol(l, at < l->src->len ? at : l->src->len);

    p.col = (uint32_t)(at - bol + 1);
    p.len = (uint32_t)(at + len > end ? end - at : len);
    return p;
}

/* An error of the JSON scanner, whose offsets count from the start of the source. */
static int json_error(struct lex *l, const struct jscan_error *e)
{
    diag_error(l->d, l->src, place(l, e->at, e->len), "%s", e->text);
    if (e->hint[0])
        diag_note(l->d, "%s", e->hint);
    if (e->first_len)
        diag_see(l->d, l->src, place(l, e->first_at, e->first_len), e->first_what);
    return -1;
}

static int unclosed_ref(struct lex *l, size_t at)
{
    diag_error(l->d, l->src, place(l, at, 2), "${ without a name and a closing }");
    diag_note(l->d, "write $${ for a plain ${");
    return -1;
}

static bool key_char(char c, bool first)
{
    if (c == '_' || ((c | 32) >= 'a' && (c | 32) <= 'z'))
        return true;
    return !first && ((c >= '0' && c <= '9') || (c && strchr(".-[]*", c)));
}

/* The length of `key` in "key=", or 0. */
static size_t key_len(const char *s, size_t n)
{
    size_t i = 0;

    while (i < n && key_char(s[i], i == 0))
        i++;
    if (!i || i >= n || s[i] != '=' || (i + 1 < n && (s[i + 1] == '=' || s[i + 1] == '~')))
        return 0;
    return i;
}

bool lex_is_key(const char *key)
{
    _cleanup_free_ char *with = xasprintf("%s=", key);

    return *key && key_len(with, strlen(with)) == strlen(key);
}

/* UTF-8 without control characters; a tab is none where blanks are allowed. */
static bool printable(const char *s, size_t n, bool tabs)
{
    for (size_t i = 0; i < n; i++)
        if (((unsigned char)s[i] < 0x20 && !(tabs && s[i] == '\t')) || s[i] == 0x7f)
            return false;
    return str_utf8_valid(s, n);
}

/* A bare word from l->at; may hold ${...} and, in a path, ["name"]. */
static int bare(struct lex *l, struct buf *text)
{
    size_t from = l->at, at = from, n;
    const char *s = l->src->text, *ref;
    struct jscan_error je;

    while (!at_eol(l, at) && !blank(s[at])) {
        size_t len = str_utf8_len(s + at, l->src->len - at);

        if (s[at] == '$' && byte(l, at + 1) == '{') {
            size_t end = at;

            if (subst_next(s, eol(l, at), &end, &ref, &n) != 1 || ref != s + at + 2 ||
                !printable(ref, n, false))
                return unclosed_ref(l, at);
            at = end;
        } else if (s[at] == '$' && byte(l, at + 1) == '$' && byte(l, at + 2) == '{') {
            at += 3;
        } else if (s[at] == '"' && at > from && s[at - 1] == '[') {
            if (jscan_string(s, l->src->len, &at, NULL, &je) < 0)
                return json_error(l, &je);
        } else if (s[at] == '"') {
            diag_error(l->d, l->src, place(l, at, 1), "a quote inside of a word");
            diag_note(l->d, "quote the whole: \"...\", with \\\" for a quote in it");
            return -1;
        } else if (!len || (unsigned char)s[at] < 0x20 || s[at] == 0x7f) {
            diag_error(l->d, l->src, place(l, at, 1),
                       len ? "control character in a word" : "a byte that is not UTF-8");
            return -1;
        } else {
            at += len;
        }
    }
    buf_add(text, s + from, at - from);
    l->at = at;
    return 0;
}

static int quoted(struct lex *l, struct buf *text)
{
    struct jscan_error je;
    size_t at = l->at;

    if (jscan_string(l->src->text, l->src->len, &at, text, &je) < 0)
        return json_error(l, &je);
    l->at = at;
    return 0;
}

/* /extended regular expression/ with \/ for a slash. */
static int regex(struct lex *l, struct buf *text)
{
    size_t at = l->at + 1;

    for (; !at_eol(l, at) && byte(l, at) != '/'; at++) {
        if (byte(l, at) == '\\' && !at_eol(l, at + 1)) {
            at++;
            if (byte(l, at) != '/')
                buf_addc(text, '\\');
        }
        buf_addc(text, byte(l, at));
    }
    if (at_eol(l, at)) {
        diag_error(l->d, l->src, place(l, l->at, at - l->at), "expression that is not closed");
        diag_note(l->d, "it stands in slashes: /.../, with \\/ for a slash in it");
        return -1;
    }
    if (!printable(buf_str(text), buf_len(text), true)) {
        diag_error(l->d, l->src, place(l, l->at, at - l->at),
                   "an expression has to be UTF-8 "
                   "without control characters");
        return -1;
    }
    l->at = at + 1;
    return 0;
}

static int json(struct lex *l, struct buf *text)
{
    struct jscan_error je;
    size_t at = l->at;

    if (jscan_value(l->src->text, l->src->len, &at, text, JSCAN_ONE_LINE, &je) < 0) {
        json_error(l, &je);
        /* Go on behind the brackets, so that their inside is not taken for steps. */
        at = jscan_skip(l->src->text, l->src->len, l->at);
        l->json_open = at == l->src->len;
        if (!l->json_open)
            advance_to(l, at);
        return -1;
    }
    advance_to(l, at);
    return 0;
}

static int file(struct lex *l, struct buf *text)
{
    size_t from = l->at++;

    if (bare(l, text) < 0)
        return -1;
    if (!buf_len(text))
        return diag_error(l->d, l->src, place(l, from, 1),
                          "expected the name of an attachment or a file behind '@'");
    return 0;
}

/* One value at l->at. */
static int value(struct lex *l, struct lex_word *w, struct buf *text)
{
    char c = byte(l, l->at);
    uint32_t line = l->line;
    size_t from = l->at;
    int r;

    w->value_pos = place(l, from, 1);
    if (c == '"') {
        w->kind = SCN_STRING;
        r = quoted(l, text);
    } else if (c == '{' || c == '[') {
        w->kind = SCN_JSON;
        r = json(l, text);
    } else if (c == '@') {
        w->kind = SCN_FILE;
        r = file(l, text);
    } else if (c == '/' && l->in_value) {
        w->kind = SCN_REGEX;
        r = regex(l, text);
    } else {
        w->kind = SCN_WORD;
        r = bare(l, text);
    }
    if (r < 0)
        return -1;
    w->value_pos.len = (uint32_t)((l->line == line ? l->at : eol(l, from)) - from);
    if (!at_eol(l, l->at) && !blank(byte(l, l->at))) {
        diag_error(l->d, l->src, place(l, l->at, 1), "a blank is missing here");
        return -1;
    }
    return 0;
}

static int word(struct lex *l, struct lex_word *w)
{
    struct buf text = BUF_INIT(SCN_FILE_MAX);
    size_t from = l->at, key = key_len(l->src->text + from, l->src->len - from);
    uint32_t line = l->line;
    struct pos pos = place(l, from, 1);

    *w = (struct lex_word){.raw = l->src->text + from};
    if (key) {
        w->key = xstrndup(l->src->text + from, key);
        l->at += key + 1;
    }
    if (key && (at_eol(l, l->at) || blank(byte(l, l->at)))) {
        w->kind = SCN_STRING; /* NAME= is the empty text */
        w->value_pos = place(l, l->at, 1);
    } else if (value(l, w, &text) < 0) {
        buf_release(&text);
        free(w->key);
        return -1;
    }
    pos.len = (uint32_t)((l->line == line ? l->at : eol(l, from)) - from);
    w->pos = pos;
    w->raw_len = l->at - from;
    w->text = buf_steal(&text, &w->len);
    return 0;
}

static int bad_comment(struct lex *l, size_t from, size_t to)
{
    return diag_error(l->d, l->src, place(l, from, to - from),
                      "a comment has to be UTF-8 without control characters");
}

/* Behind a word: blanks, a continued line, a comment. 1: the step is over; -1: error. */
static int between(struct lex *l, struct lex_words *ws)
{
    for (;;) {
        size_t at = l->at, end;

        skip_blanks(l);
        if (at_eol(l, l->at))
            return 1;
        if (byte(l, l->at) == '\\' && at_eol(l, l->at + 1) && l->at > at) {
            if (eol(l, l->at) == l->src->len)
                return diag_error(l->d, l->src, place(l, l->at, 1),
                                  "the file ends where a line goes on");
            next_line(l);
            continue;
        }
        if (byte(l, l->at) == '\\' && blank(byte(l, l->at + 1))) {
            diag_error(l->d, l->src, place(l, l->at, 1), "a lone backslash");
            diag_note(l->d, "at the very end of a line it continues the line; else quote it");
            return -1;
        }
        if (byte(l, l->at) != '#')
            return 0;
        if (!at_eol(l, l->at + 1) && !blank(byte(l, l->at + 1))) {
            diag_error(l->d, l->src, place(l, l->at, 1), "expected a blank behind '#'");
            diag_note(l->d, "a comment is written \"# text\"; quote a word that begins with '#'");
            return -1;
        }
        end = eol(l, l->at);
        if (end > l->at && byte(l, end - 1) == '\r')
            end--;
        while (blank(byte(l, end - 1)) && end > l->at + 1)
            end--;
        if (!printable(l->src->text + l->at, end - l->at, true))
            return bad_comment(l, l->at, end);
        ws->comment = xstrndup(l->src->text + l->at + 1, end - l->at - 1);
        l->at = end;
        return 1;
    }
}

static int add_word(struct lex *l, struct lex_words *ws)
{
    struct lex_word w;

    if (ws->n == SCN_WORDS_MAX)
        return diag_error(l->d, l->src, place(l, l->at, 1), "a step has at most %d words",
                          SCN_WORDS_MAX);
    if (word(l, &w) < 0)
        return -1;
    grow_array(ws->w, ws->n, ws->cap);
    ws->w[ws->n++] = w;
    ws->end = place(l, l->at, 1);
    l->in_value = !w.key && w.kind == SCN_WORD && (str_eq(w.text, "~") || str_eq(w.text, "!~"));
    return 0;
}

static int all_words(struct lex *l, struct lex_words *ws, size_t limit)
{
    int r = 0;

    while (!r && ws->n < limit) {
        if (add_word(l, ws) < 0)
            return -1;
        r = between(l, ws);
    }
    return r;
}

/* Looks like a line of JSON that was left open above, and not like a step. */
static bool json_line(const struct lex *l)
{
    size_t at = l->at;

    while (blank(byte(l, at)))
        at++;
    return byte(l, at) && strchr("\"{}[],-0123456789", byte(l, at)) &&
           !str_starts(l->src->text + at, "-- ");
}

/* The line behind an error: what a '\' or a bracket continues belongs to the broken step. */
static void skip_step(struct lex *l)
{
    while (l->json_open) {
        next_line(l);
        if (ended(l) || !json_line(l)) {
            l->json_open = false;
            return;
        }
    }
    for (;;) {
        size_t end = eol(l, l->at), at = end;

        if (at > l->bol && byte(l, at - 1) == '\r')
            at--;
        bool more = at > l->bol + 1 && byte(l, at - 1) == '\\' && blank(byte(l, at - 2));

        next_line(l);
        if (!more || ended(l))
            return;
    }
}

int lex_step(struct lex *l, struct lex_words *ret)
{
    *ret = (struct lex_words){0};
    l->in_value = false;
    if (all_words(l, ret, SIZE_MAX) < 0) {
        lex_words_release(ret);
        skip_step(l);
        return -1;
    }
    next_line(l);
    return 0;
}

/* Where a trailing comment of a text begins, or the end: '#' between blanks. */
static size_t text_end(const char *s, size_t n)
{
    for (size_t i = 1; i < n; i++)
        if (s[i] == '#' && blank(s[i - 1]) && (i + 1 == n || blank(s[i + 1])))
            return i;
    return n;
}

static size_t trimmed(const char *s, size_t n)
{
    while (n && blank(s[n - 1]))
        n--;
    return n;
}

/* The length of a "string" that is all of s but for a comment, or 0; text gets it decoded. */
static size_t whole_string(const char *s, size_t n, struct buf *text)
{
    struct jscan_error je;
    size_t at = 0, rest;

    if (!n || *s != '"' || jscan_string(s, n, &at, text, &je) < 0)
        return 0;
    rest = at;
    while (rest < n && blank(s[rest]))
        rest++;
    if (rest == n || (rest > at && s[rest] == '#' && (rest + 1 == n || blank(s[rest + 1]))))
        return at;
    return 0;
}

static int rest_of_line(struct lex *l, struct lex_words *ws)
{
    struct lex_word w = {.kind = SCN_STRING};
    struct buf text = BUF_INIT(SCN_FILE_MAX);
    const char *s = l->src->text + l->at;
    size_t n = eol(l, l->at) - l->at, len, hash;

    if (n && s[n - 1] == '\r')
        n--;
    n = trimmed(s, n);
    if (!printable(s, n, true))
        return diag_error(l->d, l->src, place(l, l->at, n),
                          "a text has to be UTF-8 without control characters");
    len = whole_string(s, n, &text);
    hash = len ? len + text_end(s + len, n - len) : text_end(s, n);
    if (!len) {
        buf_clear(&text);
        len = trimmed(s, hash);
        buf_add(&text, s, len);
    }
    w.text = buf_steal(&text, &w.len);
    w.pos = w.value_pos = place(l, l->at, len);
    w.raw = s;
    w.raw_len = len;
    grow_array(ws->w, ws->n, ws->cap);
    ws->w[ws->n++] = w;
    if (hash < n)
        ws->comment = xstrndup(s + hash + 1, n - hash - 1);
    ws->end = place(l, l->at + len, 1);
    return 0;
}

int lex_text(struct lex *l, size_t words, struct lex_words *ret)
{
    int r;

    *ret = (struct lex_words){0};
    l->in_value = false;
    r = all_words(l, ret, words);
    if (!r)
        r = rest_of_line(l, ret);
    if (r < 0) {
        lex_words_release(ret);
        skip_step(l);
        return -1;
    }
    next_line(l);
    return 0;
}

char *lex_peek(const struct lex *l, struct pos *ret_pos)
{
    size_t at = l->at;

    while (!at_eol(l, at) && !blank(byte(l, at)))
        at++;
    *ret_pos = place(l, l->at, at - l->at);
    return xstrndup(l->src->text + l->at, at - l->at);
}

/* The name in `-- name --` between [at, end), or NULL. */
static char *attachment_name(const struct lex *l, size_t at, size_t end)
{
    const char *s = l->src->text + at;
    size_t n;

    if (end > at && s[end - at - 1] == '\r')
        end--;
    n = trimmed(s, end - at);
    if (n < 7 || memcmp(s, "-- ", 3) || memcmp(s + n - 3, " --", 3))
        return NULL;
    s += 3;
    n -= 6;
    while (n && blank(*s)) {
        s++;
        n--;
    }
    n = trimmed(s, n);
    for (size_t i = 0; i < n; i++)
        if (blank(s[i]) || (unsigned char)s[i] < 0x20 || s[i] == 0x7f)
            return NULL;
    return n && str_utf8_valid(s, n) ? xstrndup(s, n) : NULL;
}

static struct scn_attachment *attachment(struct lex *l, char *name)
{
    struct scn_attachment *a = new0(struct scn_attachment);
    size_t from, to;

    a->name = name;
    a->pos = place(l, l->at, eol(l, l->at) - l->at);
    next_line(l);
    a->line = l->line;
    for (from = to = l->at; to < l->src->len;) {
        size_t end = eol(l, to);
        char *next = attachment_name(l, to, end);

        free(next);
        if (next)
            break;
        to = end < l->src->len ? end + 1 : end;
    }
    a->data = xmalloc(to - from + 1);
    memcpy(a->data, l->src->text + from, to - from);
    a->data[to - from] = '\0';
    a->len = to - from;
    a->subst = subst_has(a->data, a->len);
    advance_to(l, to);
    return a;
}

static int comment_line(struct lex *l, char **ret_text)
{
    size_t end = eol(l, l->at), stop = end;

    if (stop > l->at && byte(l, stop - 1) == '\r')
        stop--;
    stop = l->at + trimmed(l->src->text + l->at, stop - l->at);
    if (!printable(l->src->text + l->at, stop - l->at, true)) {
        bad_comment(l, l->at, stop);
        next_line(l);
        return -1;
    }
    *ret_text = xstrndup(l->src->text + l->at + 1, stop - l->at - 1);
    next_line(l);
    return LEX_COMMENT;
}

int lex_line(struct lex *l, char **ret_text, struct scn_attachment **ret_attachment)
{
    char *name;

    if (ended(l))
        return LEX_END;
    name = attachment_name(l, l->at, eol(l, l->at));
    if (name) {
        *ret_attachment = attachment(l, name);
        return LEX_ATTACHMENT;
    }
    skip_blanks(l);
    if (at_eol(l, l->at)) {
        next_line(l);
        return LEX_BLANK;
    }
    if (byte(l, l->at) == '#')
        return comment_line(l, ret_text);
    if (byte(l, l->at) == '\0' || byte(l, l->at) == '\r') {
        diag_error(l->d, l->src, place(l, l->at, 1), "control character in a line");
        next_line(l);
        return -1;
    }
    return LEX_STEP;
}

/* What may stand bare is decided by the lexer itself: text that it reads back as one word. A word
 * that looks like key=value is one where no options are taken (keyed). */
static bool reads_back(const char *text, enum scn_value_kind kind, bool keyed)
{
    struct source src = {.path = xstrdup(""), .text = xstrdup(text), .len = strlen(text)};
    struct diag d;
    struct lex l;
    struct lex_words ws = {0};
    bool ok = false;

    diag_init(&d);
    lex_init(&l, &src, &d);
    if (*text && !strchr("# \t", *text) && !str_eq(text, "\\") && !strchr(text, '\n') &&
        !lex_step(&l, &ws))
        ok = ws.n == 1 && !ws.comment && ws.w[0].raw_len == src.len &&
             (ws.w[0].key ? keyed && (ws.w[0].kind == SCN_WORD || !ws.w[0].len)
                          : ws.w[0].kind == kind);
    lex_words_release(&ws);
    diag_release(&d);
    free(src.path);
    free(src.text);
    return ok;
}

bool lex_is_word(const char *text)
{
    return reads_back(text, SCN_WORD, false);
}

bool lex_is_raw_word(const char *text)
{
    return reads_back(text, SCN_WORD, true);
}

bool lex_is_file(const char *name)
{
    _cleanup_free_ char *text = xasprintf("@%s", name);

    return reads_back(text, SCN_FILE, false);
}

bool lex_is_plain_text(const char *text)
{
    size_t n = strlen(text);

    if (!n || blank(text[0]) || blank(text[n - 1]) || text[0] == '"' || text[0] == '#')
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return text_end(text, n) == n;
}
