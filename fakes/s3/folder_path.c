/* folder.h: keys as paths. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/folder.h"

#define PART_MAX       240
#define EMPTY          "%"
#define GOES_ON        "%+"
#define PATH_BYTES_MAX (64 << 10)

static void add_part(struct buf *b, const char *s, size_t n)
{
    bool dots = (n == 1 && *s == '.') || (n == 2 && s[0] == '.' && s[1] == '.');
    size_t line = 0;

    if (!n)
        buf_adds(b, EMPTY);
    for (size_t i = 0; i < n; i++) {
        if (line >= PART_MAX) {
            buf_adds(b, GOES_ON "/");
            line = 0;
        }
        if (dots || s[i] == '%')
            line += 3, buf_addf(b, "%%%02X", (unsigned char)s[i]);
        else
            line++, buf_addc(b, s[i]);
    }
}

char *s3_folder_path(const char *key)
{
    struct buf b = BUF_INIT(PATH_BYTES_MAX);

    for (;; key++) {
        size_t n = strcspn(key, "/");

        add_part(&b, key, n);
        key += n;
        if (!*key)
            return buf_steal(&b, NULL);
        buf_addc(&b, '/');
    }
}

/* One part without its mark; true when a slash follows in the key. */
static bool read_part(struct buf *b, const char *s, size_t n)
{
    bool goes_on = n > 2 && !memcmp(s + n - 2, GOES_ON, 2);

    if (goes_on)
        n -= 2;
    if (n != 1 || *s != *EMPTY)
        str_unpercent(b, s, n, false);
    return !goes_on;
}

char *s3_folder_key(const char *path)
{
    struct buf b = BUF_INIT(PATH_BYTES_MAX);
    const char *beside = str_ends(path, S3_FOLDER_BESIDE) ? path + strlen(path) - 2 : NULL;
    _cleanup_free_ char *plain = beside ? xstrndup(path, (size_t)(beside - path)) : xstrdup(path);
    _cleanup_free_ char *again = NULL;
    char *key;

    for (const char *s = plain;;) {
        size_t n = strcspn(s, "/");
        bool slash = read_part(&b, s, n);

        s += n;
        if (!*s)
            break;
        s++;
        if (slash)
            buf_addc(&b, '/');
    }
    key = buf_steal(&b, NULL);
    again = s3_folder_path(key);
    if (str_eq(again, plain) && strlen(key) <= S3_KEY_MAX && str_utf8_valid(key, strlen(key)))
        return key;
    free(key);
    return NULL;
}
