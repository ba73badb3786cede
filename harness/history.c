#include "harness/history.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/str.h"

/* The history of one scenario; more is cut, with a last line that says so. */
#define HISTORY_MAX (8u << 20)
/* Letters of a hexadecimal word from which on it is an id. */
#define ID_MIN 12
/* Records of one peer that are no further apart than this happened at the same time: their order is
 * that of the processors, not of the scenario. */
#define TOGETHER_NS NS_PER_MS
/* So many digits are an account, not a time. */
#define ACCOUNT_DIGITS 12
/* A whole number from here on is a time of day in seconds, or finer. */
#define EPOCH_MIN 1000000000

struct writer {
    struct buf out;
    struct map ids; /* id -> its number, allocated text */
    bool blind;     /* every id is "#": for putting lines in order */
    const char *dir;
};

struct line {
    const struct record *rec;
    char *key; /* the line without the numbers of ids */
};

static const char *name_of(struct writer *w, const char *id, size_t n)
{
    char *key, *name;

    if (w->blind)
        return "#";
    key = xstrndup(id, n);
    name = map_get(&w->ids, key);
    if (!name) {
        name = xasprintf("#%zu", map_count(&w->ids) + 1);
        map_set(&w->ids, key, name);
    }
    free(key);
    return name;
}

/* Letters of a hexadecimal word, with the hyphens of a UUID. */
static size_t id_length(const char *s)
{
    size_t n = 0, hex = 0;
    bool digit = false;

    for (;
         isxdigit((unsigned char)s[n]) || (s[n] == '-' && hex && isxdigit((unsigned char)s[n + 1]));
         n++) {
        hex += s[n] != '-';
        digit = digit || isdigit((unsigned char)s[n]);
    }
    return hex >= ID_MIN && digit ? n : 0;
}

/* 2026-11-26T14:17:38.5Z, and what else begins so. */
static size_t time_length(const char *s)
{
    static const char form[] = "dddd-dd-dd?dd:dd:dd";
    size_t n = 0;

    for (; form[n]; n++)
        if (form[n] == 'd' ? !isdigit((unsigned char)s[n]) : form[n] != '?' && s[n] != form[n])
            return 0;
    return n + strspn(s + n, ".0123456789Z");
}

/* "41 57 53 34", as in the answer to a wrong signature. */
static size_t bytes_length(const char *s)
{
    size_t n = 0;

    while (isxdigit((unsigned char)s[n]) && isxdigit((unsigned char)s[n + 1]))
        n += s[n + 2] == ' ' ? 3 : 2;
    return n >= 3 * ID_MIN && s[2] == ' ' ? n : 0;
}

/* A time of day as a number inside of a text. */
static size_t epoch_length(const char *s)
{
    size_t n = strspn(s, "0123456789");

    return n >= 10 && !isalpha((unsigned char)s[n])
               ? n + (s[n] == '.' ? 1 + strspn(s + n + 1, "0123456789") : 0)
               : 0;
}

static size_t port_length(const char *s)
{
    const char *p = str_after(s, "127.0.0.1:");

    if (!p)
        p = str_after(s, "localhost:");
    return p && isdigit((unsigned char)*p) ? (size_t)(p - s) + strspn(p, "0123456789") : 0;
}

static void put_text(struct writer *w, const char *s)
{
    while (*s) {
        const char *rest = str_after(s, w->dir);
        size_t n;

        if (rest) {
            buf_adds(&w->out, "<dir>");
            s = rest;
        } else if ((n = time_length(s))) {
            buf_adds(&w->out, "<time>");
            s += n;
        } else if ((n = bytes_length(s))) {
            buf_adds(&w->out, "<bytes>");
            s += n;
        } else if ((n = port_length(s))) {
            buf_adds(&w->out, "<port>");
            s += n;
        } else if ((n = epoch_length(s)) && n != ACCOUNT_DIGITS) {
            buf_adds(&w->out, "<time>");
            s += n;
        } else if ((n = id_length(s))) {
            buf_adds(&w->out, name_of(w, s, n));
            s += n;
        } else {
            /* a word is looked at from its beginning only: "feed" in "agentfeed" is no id */
            do
                buf_add(&w->out, s, 1);
            while (isalnum((unsigned char)*s++) && isalnum((unsigned char)*s));
        }
    }
}

char *history_plain(const char *text, const char *dir)
{
    struct writer w = {.out = BUF_INIT(HISTORY_MAX), .blind = true, .dir = dir};

    put_text(&w, text);
    return buf_steal(&w.out, NULL);
}

static void put_value(struct writer *w, const json_t *v);

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void put_members(struct writer *w, const json_t *v)
{
    const char **keys = new0_array(const char *, json_object_size(v) + 1), *key;
    json_t *unused;
    size_t n = 0;

    json_object_foreach ((json_t *)(uintptr_t)v, key, unused)
        keys[n++] = key;
    qsort(keys, n, sizeof(*keys), by_name);
    for (size_t i = 0; i < n; i++) {
        buf_adds(&w->out, i ? "," : "");
        put_text(w, keys[i]);
        buf_adds(&w->out, ":");
        put_value(w, json_object_get(v, keys[i]));
    }
    free(keys);
}

static void put_value(struct writer *w, const json_t *v)
{
    size_t i;
    const json_t *item;

    switch (json_typeof(v)) {
    case JSON_OBJECT:
        buf_adds(&w->out, "{");
        put_members(w, v);
        buf_adds(&w->out, "}");
        break;
    case JSON_ARRAY:
        buf_adds(&w->out, "[");
        json_array_foreach (v, i, item) {
            buf_adds(&w->out, i ? "," : "");
            put_value(w, item);
        }
        buf_adds(&w->out, "]");
        break;
    case JSON_STRING:
        put_text(w, json_string_value(v));
        break;
    case JSON_INTEGER:
        if (json_integer_value(v) >= EPOCH_MIN)
            buf_adds(&w->out, "<time>");
        else
            buf_addf(&w->out, "%lld", (long long)json_integer_value(v));
        break;
    case JSON_REAL:
        if (json_real_value(v) >= EPOCH_MIN)
            buf_adds(&w->out, "<time>");
        else
            buf_addf(&w->out, "%.6g", json_real_value(v));
        break;
    default:
        buf_adds(&w->out, json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null");
    }
}

static void put_record(struct writer *w, const struct record *rec)
{
    static const char *const members[] = {"query", "status", "code", "signal", "body", "text"};

    buf_addf(&w->out, "%s %s ", rec->peer, record_kind_name(rec->kind));
    put_text(w, rec->what);
    for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
        const json_t *v = json_object_get(rec->data, members[i]);

        if (!v)
            continue;
        buf_addf(&w->out, " %s=", members[i]);
        put_value(w, v);
    }
    buf_adds(&w->out, "\n");
}

static bool is_part(const struct record *rec)
{
    switch (rec->kind) {
    case RECORD_REQUEST:
    case RECORD_ANSWER:
    case RECORD_FRAME_IN:
    case RECORD_FRAME_OUT:
    case RECORD_CONNECT:
    case RECORD_DISCONNECT:
        return true;
    case RECORD_PROCESS:
        return !str_eq(rec->what, "log") && !str_eq(rec->what, "start");
    default:
        return false;
    }
}

static int by_key(const void *a, const void *b)
{
    const struct line *x = a, *y = b;
    int k = strcmp(x->key, y->key);

    return k ? k : (x->rec->n > y->rec->n) - (x->rec->n < y->rec->n);
}

/* Puts what happened at the same time in an order that does not depend on the machine. */
static void settle(struct line *lines, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t k = i + 1;

        while (k < n && lines[k].rec->mono - lines[k - 1].rec->mono <= TOGETHER_NS)
            k++;
        qsort(lines + i, k - i, sizeof(*lines), by_key);
        i = k;
    }
}

static void put_peer(struct writer *w, const struct journal *j, size_t upto, const char *peer)
{
    struct line *lines = new0_array(struct line, upto + 1);
    struct writer blind = {.out = BUF_INIT(HISTORY_MAX), .blind = true, .dir = w->dir};
    size_t n = 0;

    for (size_t i = 0; i < upto; i++) {
        if (!is_part(j->records[i]) || !str_eq(j->records[i]->peer, peer))
            continue;
        /* what came at the very end might as well have come behind it */
        if (j->records[upto - 1]->mono - j->records[i]->mono <= TOGETHER_NS)
            break;
        buf_clear(&blind.out);
        put_record(&blind, j->records[i]);
        lines[n].rec = j->records[i];
        lines[n++].key = xstrdup(buf_str(&blind.out));
    }
    buf_release(&blind.out);
    settle(lines, n);
    for (size_t i = 0; i < n; i++) {
        if (buf_len(&w->out) < HISTORY_MAX / 2)
            put_record(w, lines[i].rec);
        free(lines[i].key);
    }
    free(lines);
}

char *history_text(const struct journal *j, size_t upto, const char *dir)
{
    struct writer w = {.out = BUF_INIT(HISTORY_MAX), .dir = dir};
    const char *id;
    void *name;
    char *text;

    for (size_t p = 0; p < j->n_peers; p++)
        put_peer(&w, j, upto, j->peers[p]);
    if (buf_len(&w.out) >= HISTORY_MAX / 2)
        buf_adds(&w.out, "... the rest was not compared\n");
    text = buf_steal(&w.out, NULL);
    for (size_t i = 0; map_next(&w.ids, &i, &id, &name);)
        free(name);
    map_release(&w.ids);
    return text;
}

/* The line that begins at s, shortened around the place that differs. */
static char *piece(const char *s, size_t at)
{
    size_t n = strcspn(s, "\n"), from = at > 60 ? at - 60 : 0;

    return xasprintf("%s%.*s%s", from ? "..." : "", (int)(n - from < 140 ? n - from : 140),
                     s + from, n - from > 140 ? "..." : "");
}

char *history_difference(const char *first, const char *second)
{
    size_t line = 1, at = 0, begin = 0;
    char *a, *b, *text;

    if (str_eq(first, second))
        return NULL;
    for (; first[at] && first[at] == second[at]; at++)
        if (first[at] == '\n') {
            line++;
            begin = at + 1;
        }
    a = piece(first + begin, at - begin);
    b = piece(second + begin, at - begin);
    text = xasprintf("line %zu of the history: first \"%s\", then \"%s\"", line, a, b);
    free(a);
    free(b);
    return text;
}
