#include <string.h>
#include <strings.h>

#include "agent/shared_credentials.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define BLANKS " \t\r"

/* The line without blanks at its ends. */
static void trim(const char **s, size_t *n)
{
    size_t skip = strspn(*s, BLANKS);

    if (skip > *n)
        skip = *n;
    *s += skip;
    *n -= skip;
    while (*n && strchr(BLANKS, (*s)[*n - 1]))
        (*n)--;
}

static void take_value(struct shared_credentials *s, const char *line, size_t n)
{
    const char *eq = memchr(line, '=', n), *value;
    const struct {
        const char *name;
        char **slot;
    } known[] = {{"aws_access_key_id", &s->access_key},
                 {"aws_secret_access_key", &s->secret_key},
                 {"aws_session_token", &s->session_token}};
    size_t name_len, value_len;

    if (!eq)
        return;
    name_len = (size_t)(eq - line);
    value = eq + 1;
    value_len = n - name_len - 1;
    trim(&line, &name_len);
    trim(&value, &value_len);
    for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
        if (strlen(known[i].name) != name_len || strncasecmp(known[i].name, line, name_len) != 0)
            continue;
        free(*known[i].slot);
        *known[i].slot = value_len ? xstrndup(value, value_len) : NULL;
    }
}

/* Whether the line names a section; *ret_ours: this one. */
static bool is_section(const char *line, size_t n, const char *profile, bool *ret_ours)
{
    if (n < 2 || line[0] != '[' || line[n - 1] != ']')
        return false;
    line++;
    n -= 2;
    trim(&line, &n);
    *ret_ours = n == strlen(profile) && strncmp(line, profile, n) == 0;
    return true;
}

int shared_credentials_parse(const char *text, const char *profile, struct shared_credentials *ret,
                             struct err *e)
{
    struct shared_credentials s = {0};
    bool ours = false, found = false;

    while (*text) {
        const char *line = text;
        size_t n = strcspn(text, "\n");

        text += n + (text[n] == '\n');
        trim(&line, &n);
        if (!n || *line == '#' || *line == ';')
            continue;
        if (is_section(line, n, profile, &ours))
            found |= ours;
        else if (ours)
            take_value(&s, line, n);
    }
    if (s.access_key && s.secret_key) {
        *ret = s;
        return 0;
    }
    shared_credentials_release(&s);
    if (!found)
        return err_set(e, ERR_PARSE, "there is no profile [%.100s]", profile);
    return err_set(e, ERR_PARSE,
                   "the profile [%.100s] has no aws_access_key_id and "
                   "aws_secret_access_key",
                   profile);
}

int shared_credentials_read(const char *path, const char *profile, struct shared_credentials *ret,
                            struct err *e)
{
    struct buf text = BUF_INIT(SHARED_CREDENTIALS_MAX);
    int r = io_read_file(path, &text, e);

    if (r == 0 && shared_credentials_parse(buf_str(&text), profile, ret, e) < 0)
        r = err_wrap(e, "%s", path);
    if (text.mem)
        explicit_bzero(text.mem, text.room);
    buf_release(&text);
    return r;
}

void shared_credentials_release(struct shared_credentials *s)
{
    free(s->access_key);
    free(s->secret_key);
    free(s->session_token);
    *s = (struct shared_credentials){0};
}
