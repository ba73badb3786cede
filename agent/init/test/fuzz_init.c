/*
 * fuzz_init.c - what lies in the cache folder and beside it, by the first byte.
 *
 * 'd' desired-image; 's' state; 'm' an .md5 file; 'p' previous-image; anything else an env-file.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/init/cache.h"
#include "agent/init/environment.h"
#include "agent/init/trial.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"

#define INPUT_MAX (64 << 10)

static void environment(const char *text, size_t n)
{
    static const char *const none[] = {"GIVEN=1", NULL};
    struct init in = {.env = none};
    json_t *env = json_array();

    init_env_put_file(&in, env, text, n);
    json_decref(env);
}

/* A file of the cache's folder, and nothing above or below it. */
static void desired(const char *text)
{
    char *path = agent_desired_image(text);
    const char *name = path ? str_after(path, INIT_CACHE "/") : "x";

    if (!name || !*name || strchr(name, '/') || str_eq(name, "..") || strchr(name, '\n'))
        abort();
    free(path);
}

static void checksum(const char *text)
{
    char *md5 = cache_md5_of(text);

    if (md5 && strlen(md5) != 32)
        abort();
    free(md5);
}

static void previous(const char *text)
{
    char *id = trial_image_id(text);

    if (id && strlen(id) != strlen("sha256:") + 64)
        abort();
    free(id);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char *text;

    if (n < 1 || n > INPUT_MAX)
        return 0;
    text = xstrndup((const char *)p + 1, n - 1);
    if (*p == 'd')
        desired(text);
    else if (*p == 's')
        cache_state_of(text);
    else if (*p == 'm')
        checksum(text);
    else if (*p == 'p')
        previous(text);
    else
        environment(text, strlen(text));
    free(text);
    return 0;
}
