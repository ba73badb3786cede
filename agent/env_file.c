#include <string.h>

#include "agent/env_file.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

int env_file_arn(const char *arn, char **ret_bucket, const char **ret_key, struct err *e)
{
    const char *rest = str_after(arn, "arn:"), *partition = rest;
    size_t n = rest ? strcspn(rest, ":") : 0;
    const char *slash;

    rest = n ? str_after(partition + n, ":s3:::") : NULL;
    slash = rest ? strchr(rest, '/') : NULL;
    if (!slash || slash == rest || !slash[1])
        return err_set(e, ERR_PARSE, "\"%.200s\" is no ARN of an object in S3", arn);
    *ret_bucket = xstrndup(rest, (size_t)(slash - rest));
    *ret_key = slash + 1;
    return 0;
}

static void read_line(const char *line, size_t n, json_t *own)
{
    const char *eq = memchr(line, '=', n);
    _cleanup_free_ char *name = NULL;

    if (n && line[n - 1] == '\r')
        n--; /* Go's scanner takes it for a part of the line's end */
    if (*line == '#' || !eq || eq == line)
        return;
    name = xstrndup(line, (size_t)(eq - line));
    json_object_set_new(own, name, json_stringn(eq + 1, (size_t)(line + n - eq - 1)));
}

int env_file_read(const char *text, size_t n, json_t *vars, struct err *e)
{
    _cleanup_json_ json_t *own = json_object();

    if (memchr(text, '\0', n) || !str_utf8_valid(text, n))
        return err_set(e, ERR_PARSE, "the file is no text");
    for (size_t at = 0; at < n;) {
        const char *line = text + at, *end = memchr(line, '\n', n - at);
        size_t len = end ? (size_t)(end - line) : n - at;

        if (len)
            read_line(line, len, own);
        at += len + 1;
    }
    json_object_update_missing(vars, own);
    return 0;
}
