#include "agent/init/environment.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"

static bool names_same(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");

    return strncmp(a, b, n) == 0 && (b[n] == '=' || b[n] == '\0');
}

void init_env_put(json_t *env, const char *line)
{
    size_t i;
    json_t *old;

    json_array_foreach (env, i, old)
        if (names_same(line, json_string_value(old))) {
            json_array_set_new(env, i, json_string(line));
            return;
        }
    json_array_append_new(env, json_string(line));
}

/* docker run --env-file: a line with # in front is a comment; a name without = is taken from our
 * own environment, if it is there. */
void init_env_put_file(const struct init *in, json_t *env, const char *text, size_t n)
{
    const char *end = text + n;

    while (text < end) {
        const char *nl = memchr(text, '\n', (size_t)(end - text));
        _cleanup_free_ char *line = xstrndup(text, (size_t)((nl ? nl : end) - text));
        char *s = line + strspn(line, " \t");
        size_t len = strlen(s);

        if (len && s[len - 1] == '\r')
            s[len - 1] = '\0';
        if (*s && *s != '#' && strchr(s, '=')) {
            init_env_put(env, s);
        } else if (*s && *s != '#' && *init_env(in, s)) {
            _cleanup_free_ char *full = xasprintf("%s=%s", s, init_env(in, s));

            init_env_put(env, full);
        }
        text = nl ? nl + 1 : end;
    }
}
