#include "harness/boot/user_data.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

/* Headers of a part, as far as they count. */
struct headers {
    char type[80], boundary[160], encoding[40];
};

static const char *next_line(const char *s, const char *end)
{
    const char *nl = memchr(s, '\n', (size_t)(end - s));

    return nl ? nl + 1 : end;
}

static int count_lines(const char *s, const char *end)
{
    int n = 0;

    for (; s < end; s++)
        n += *s == '\n';
    return n;
}

static bool begins(const char *s, const char *end, const char *with)
{
    size_t n = strlen(with);

    return (size_t)(end - s) >= n && strncasecmp(s, with, n) == 0;
}

/* The value up to ; or a blank, without quotes. */
static void copy_value(char *to, size_t room, const char *s, const char *end)
{
    size_t n = 0;
    bool quoted = s < end && *s == '"';

    if (quoted)
        s++;
    while (s < end && n + 1 < room &&
           (quoted ? *s != '"' : *s != ';' && !isspace((unsigned char)*s)))
        to[n++] = *s++;
    to[n] = '\0';
}

static const char *find_in(const char *s, const char *end, const char *what)
{
    for (; s < end; s++)
        if (begins(s, end, what))
            return s + strlen(what);
    return NULL;
}

/* Reads headers up to the empty line, folded ones too; where the body begins. */
static const char *read_headers(struct headers *h, const char *s, const char *end)
{
    *h = (struct headers){.type = "text/plain"};
    while (s < end && *s != '\n' && !(*s == '\r' && s + 1 < end && s[1] == '\n')) {
        const char *nl = next_line(s, end), *v, *b;

        while (nl < end && (*nl == ' ' || *nl == '\t'))
            nl = next_line(nl, end);
        v = memchr(s, ':', (size_t)(nl - s));
        v = v ? v + 1 : nl;
        while (v < nl && isspace((unsigned char)*v))
            v++;
        if (begins(s, nl, "content-type:")) {
            copy_value(h->type, sizeof(h->type), v, nl);
            if ((b = find_in(v, nl, "boundary=")))
                copy_value(h->boundary, sizeof(h->boundary), b, nl);
        } else if (begins(s, nl, "content-transfer-encoding:")) {
            copy_value(h->encoding, sizeof(h->encoding), v, nl);
        }
        s = nl;
    }
    return s < end ? next_line(s, end) : end;
}

static int unquote_printable(struct buf *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned value;
        char hex[3] = {0};

        if (s[i] != '=') {
            buf_addc(out, s[i]);
        } else if (i + 1 < n && s[i + 1] == '\n') {
            i++;
        } else if (i + 2 < n && s[i + 1] == '\r' && s[i + 2] == '\n') {
            i += 2;
        } else if (i + 2 < n && isxdigit((unsigned char)s[i + 1]) &&
                   isxdigit((unsigned char)s[i + 2])) {
            memcpy(hex, s + i + 1, 2);
            value = (unsigned)strtoul(hex, NULL, 16);
            buf_addc(out, (char)value);
            i += 2;
        } else {
            return -1;
        }
    }
    return 0;
}

static int part(struct user_data *u, const char *from, int line, const char *type, const char *text,
                size_t n, int depth, struct err *e);

static int multipart(struct user_data *u, const char *from, int line, const char *boundary,
                     const char *text, size_t n, int depth, struct err *e);

static int encoded(struct user_data *u, const char *from, int line, const struct headers *h,
                   const char *text, size_t n, int depth, struct err *e)
{
    _cleanup_buf_ struct buf plain = BUF_INIT(USER_DATA_MAX);
    const char *how = h->encoding;

    if (strcasecmp(how, "base64") == 0) {
        if (str_unbase64(&plain, text, n) < 0)
            return err_set(e, ERR_PARSE, "%s:%d: this part is no base64", from, line);
    } else if (strcasecmp(how, "quoted-printable") == 0) {
        if (unquote_printable(&plain, text, n) < 0)
            return err_set(e, ERR_PARSE, "%s:%d: this part is no quoted-printable", from, line);
    } else if (*how && strcasecmp(how, "7bit") && strcasecmp(how, "8bit") &&
               strcasecmp(how, "binary")) {
        return err_set(e, ERR_PARSE,
                       "%s:%d: Content-Transfer-Encoding is \"%s\", expected 7bit, 8bit, binary, "
                       "base64 or quoted-printable",
                       from, line, how);
    } else {
        return part(u, from, line, h->type, text, n, depth, e);
    }
    return part(u, from, line, h->type, buf_str(&plain), buf_len(&plain), depth, e);
}

static bool is_boundary(const char *s, const char *end, const char *boundary, bool *last)
{
    size_t n = strlen(boundary);

    if (end - s < (ptrdiff_t)n + 2 || s[0] != '-' || s[1] != '-' ||
        strncmp(s + 2, boundary, n) != 0)
        return false;
    *last = end - s >= (ptrdiff_t)n + 4 && s[n + 2] == '-' && s[n + 3] == '-';
    return true;
}

static int multipart(struct user_data *u, const char *from, int line, const char *boundary,
                     const char *text, size_t n, int depth, struct err *e)
{
    const char *end = text + n, *begin = NULL;
    bool last = false;
    int k = 0;

    if (!*boundary)
        return err_set(e, ERR_PARSE, "%s:%d: a multipart message without boundary=", from, line);
    for (const char *s = text; k == 0 && s < end && !last; s = next_line(s, end)) {
        if (!is_boundary(s, end, boundary, &last))
            continue;
        if (begin) {
            struct headers h;
            const char *body = read_headers(&h, begin, s);
            size_t len = (size_t)(s - body);

            if (str_starts(h.type, "multipart/"))
                k = multipart(u, from, line + count_lines(text, body), h.boundary, body, len,
                              depth + 1, e);
            else
                k = encoded(u, from, line + count_lines(text, body), &h, body, len, depth, e);
        }
        begin = next_line(s, end);
    }
    if (k == 0 && !begin)
        return err_set(e, ERR_PARSE, "%s:%d: there is no line \"--%s\": this message has no parts",
                       from, line, boundary);
    if (k == 0 && !last)
        return err_set(e, ERR_PARSE,
                       "%s:%d: there is no line \"--%s--\" at the end of this message", from, line,
                       boundary);
    return k;
}

/* The type that the first line of a text says; NULL: none. */
static const char *type_of(const char *s, const char *end)
{
    static const struct {
        const char *begins, *type;
    } types[] = {
        {"#!", "text/x-shellscript"},
        {"#cloud-config-archive", "text/cloud-config-archive"},
        {"#cloud-config", "text/cloud-config"},
        {"#cloud-boothook", "text/cloud-boothook"},
        {"#include", "text/x-include-url"},
        {"#part-handler", "text/part-handler"},
        {"#upstart-job", "text/upstart-job"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(types); i++)
        if (begins(s, end, types[i].begins))
            return types[i].type;
    return NULL;
}

static bool is_script(const char *type)
{
    return str_starts(type, "text/x-shellscript");
}

/* Scripts of other languages cannot be read for their commands. */
static int check_interpreter(const char *from, int line, const char *s, const char *end,
                             struct err *e)
{
    const char *nl = next_line(s, end);

    if (!begins(s, end, "#!") || find_in(s, nl, "sh\n") || find_in(s, nl, "sh ") ||
        find_in(s, nl, "sh\r") || (nl == end && end - s >= 2 && str_starts(end - 2, "sh")))
        return 0;
    return err_set(e, ERR_PARSE, "%s:%d: a script for \"%.*s\": only shell scripts can be read",
                   from, line, (int)(nl - s - 2 < 60 ? nl - s - 2 : 60), s + 2);
}

static int part(struct user_data *u, const char *from, int line, const char *type, const char *text,
                size_t n, int depth, struct err *e)
{
    const char *end = text + n, *s = text, *said;
    struct headers h;

    if (depth > 5 || ++u->parts > USER_DATA_PARTS)
        return err_set(e, ERR_LIMIT, "%s:%d: more parts than cloud-init would read", from, line);
    if (n >= 2 && (unsigned char)text[0] == 0x1f && (unsigned char)text[1] == 0x8b)
        return err_set(e, ERR_PARSE, "%s:%d: this is gzip; unpack it first (gunzip)", from, line);
    if (begins(s, end, "## template:")) {
        s = next_line(s, end);
        line++;
    }
    said = type_of(s, end);
    if (said && (!*type || str_eq(type, "text/plain") || str_eq(type, "application/octet-stream")))
        type = said;
    if (str_eq(type, "text/cloud-config"))
        return cloud_config_read(u, from, line, s, (size_t)(end - s), e);
    if (str_eq(type, "text/cloud-boothook"))
        return script_read(&u->init, from, line, s, (size_t)(end - s), e);
    if (is_script(type))
        return check_interpreter(from, line, s, end, e) < 0
                   ? -1
                   : script_read(&u->final, from, line, s, (size_t)(end - s), e);
    if (begins(s, end, "content-type:") || begins(s, end, "mime-version:")) {
        const char *body = read_headers(&h, s, end);

        if (str_starts(h.type, "multipart/"))
            return multipart(u, from, line + count_lines(s, body), h.boundary, body,
                             (size_t)(end - body), depth + 1, e);
        return encoded(u, from, line + count_lines(s, body), &h, body, (size_t)(end - body),
                       depth + 1, e);
    }
    if (*type && !str_eq(type, "text/plain"))
        return err_set(e, ERR_PARSE, "%s:%d: nobody can see from here what a part of type %s does",
                       from, line, type);
    return err_set(
        e, ERR_PARSE,
        "%s:%d: cloud-init does not know what this is, and ignores it; expected "
        "\"#!/bin/sh\", \"#cloud-config\", \"#cloud-boothook\" or a MIME multipart message",
        from, line);
}

static void move_ops(struct script *to, struct script *from)
{
    for (size_t i = 0; i < from->n; i++) {
        grow_array(to->ops, to->n, to->room);
        to->ops[to->n++] = from->ops[i];
    }
    free(from->ops);
    *from = (struct script){0};
}

int user_data_read(struct user_data *u, const char *from, const char *text, size_t n, struct err *e)
{
    int k;

    if (n > USER_DATA_MAX)
        return err_set(e, ERR_LIMIT, "%s: user data of more than 1 MiB", from);
    if (n == 0)
        return 0;
    k = part(u, from, 1, "", text, n, 0, e);
    move_ops(&u->final, &u->runcmd);
    return k;
}

void user_data_release(struct user_data *u)
{
    script_release(&u->init);
    script_release(&u->final);
    script_release(&u->runcmd);
}
