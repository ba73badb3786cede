#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/http_answer.h"
#include "base/str.h"

/* Takes a line, or what there is of one: bytes used. *ret_whole: it ended, without CR and LF in
 * a->line. */
static size_t take_line(struct http_answer *a, const char *p, size_t n, bool *ret_whole)
{
    const char *lf = memchr(p, '\n', n);
    size_t used = lf ? (size_t)(lf - p) + 1 : n, keep = lf ? used - 1 : n;

    if (keep > (size_t)(HTTP_ANSWER_LINE - a->line_len))
        keep = (size_t)(HTTP_ANSWER_LINE - a->line_len);
    memcpy(a->line + a->line_len, p, keep);
    a->line_len = (unsigned char)(a->line_len + keep);
    *ret_whole = lf != NULL;
    if (lf) {
        while (a->line_len && a->line[a->line_len - 1] == '\r')
            a->line_len--;
        a->line[a->line_len] = '\0';
        a->line_len = 0;
    }
    return used;
}

static bool on_status(struct http_answer *a)
{
    long status = 0;

    if (strncmp(a->line, "HTTP/1.", 7) == 0 && strlen(a->line) >= 12 && a->line[8] == ' ')
        status = strtol(a->line + 9, NULL, 10);
    a->status = (int)status;
    a->part = HTTP_ANSWER_HEADER;
    return status >= 100 && status <= 999;
}

/* The value of the header, when the line is this one. */
static const char *value_of(const char *line, const char *name)
{
    size_t n = strlen(name);

    if (strncasecmp(line, name, n) != 0 || line[n] != ':')
        return NULL;
    line += n + 1;
    return line + strspn(line, " \t");
}

/* Whether the body may begin, and how. */
static bool on_headers_end(struct http_answer *a)
{
    if (a->status < 200) { /* 100 Continue: the answer proper follows */
        *a = (struct http_answer){0};
        return true;
    }
    a->part = a->chunked ? HTTP_ANSWER_CHUNK_SIZE : HTTP_ANSWER_BODY;
    if (a->status == 204 || a->status == 304 || (!a->chunked && a->has_length && !a->left))
        a->part = HTTP_ANSWER_DONE;
    return a->part != HTTP_ANSWER_DONE;
}

static bool on_header(struct http_answer *a)
{
    const char *v;

    if (!*a->line)
        return on_headers_end(a);
    if ((v = value_of(a->line, "Transfer-Encoding")))
        a->chunked = strcasecmp(v, "chunked") == 0;
    else if ((v = value_of(a->line, "Content-Length")))
        a->has_length = str_u64(v, UINT64_MAX, &a->left) == 0;
    return true;
}

static bool on_chunk_size(struct http_answer *a)
{
    char *end;

    if (!*a->line || strspn(a->line, "0123456789abcdefABCDEF") == 0 ||
        strspn(a->line, "0123456789abcdefABCDEF") > 15)
        return false;
    a->left = strtoull(a->line, &end, 16);
    a->part = a->left ? HTTP_ANSWER_CHUNK : HTTP_ANSWER_TRAILER;
    return *end == '\0' || *end == ';' || *end == ' ';
}

static bool on_line(struct http_answer *a)
{
    switch (a->part) {
    case HTTP_ANSWER_STATUS:
        return on_status(a);
    case HTTP_ANSWER_HEADER:
        return on_header(a);
    case HTTP_ANSWER_CHUNK_SIZE:
        return on_chunk_size(a);
    case HTTP_ANSWER_CHUNK_END:
        a->part = HTTP_ANSWER_CHUNK_SIZE;
        return !*a->line;
    default: /* a trailer */
        if (!*a->line)
            a->part = HTTP_ANSWER_DONE;
        return *a->line != '\0';
    }
}

/* Bytes used of the body. */
static size_t take_body(struct http_answer *a, const char *p, size_t n, http_answer_fn body,
                        void *user)
{
    bool counted = a->part == HTTP_ANSWER_CHUNK || a->has_length;

    if (counted && n > a->left)
        n = (size_t)a->left;
    body(p, n, user);
    if (!counted)
        return n;
    a->left -= n;
    if (!a->left)
        a->part = a->part == HTTP_ANSWER_CHUNK ? HTTP_ANSWER_CHUNK_END : HTTP_ANSWER_DONE;
    return n;
}

bool http_answer_feed(struct http_answer *a, const char *p, size_t n, http_answer_fn body,
                      void *user)
{
    while (n && a->part != HTTP_ANSWER_DONE) {
        bool whole = false;
        size_t used;

        if (a->part == HTTP_ANSWER_BODY || a->part == HTTP_ANSWER_CHUNK) {
            used = take_body(a, p, n, body, user);
        } else {
            used = take_line(a, p, n, &whole);
            if (a->part <= HTTP_ANSWER_HEADER && (a->headers += used) > HTTP_ANSWER_HEADERS)
                return false;
            if (whole && !on_line(a))
                return false;
        }
        p += used;
        n -= used;
    }
    return a->part != HTTP_ANSWER_DONE;
}
