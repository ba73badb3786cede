/*
 * fuzz_registry_auth.c - ECS_ENGINE_AUTH_DATA and names of images.
 *
 * The first byte is the type ('d' docker, else dockercfg); then a line with the
 * name of an image, then the data. What is found for the image is a login of
 * the data, what is told is one line, and no secret that was understood is in it.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/registry_auth.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"

#define INPUT_MAX (256 << 10)
/* Shorter ones may be in any text. */
#define SECRET_MIN 12

/* The line names registries: a password that is a part of such a name is in it rightly. */
static bool is_in_a_name(const char *data, const char *password)
{
    json_t *v = json_read(data, strlen(data), JSON_READ_PEER, NULL), *entry;
    bool found = false;
    const char *key;

    json_object_foreach (v, key, entry)
        found |= strstr(key, password) != NULL;
    json_decref(v);
    return found;
}

static void check_line(const struct registry_auth *a, const char *data)
{
    const char *key;
    json_t *login;

    if (!a->found || strlen(a->found) > 64 << 10)
        abort();
    json_object_foreach (a->logins, key, login) {
        const char *password = json_str(login, "password");

        if (password && strlen(password) >= SECRET_MIN && strstr(a->found, password) &&
            !is_in_a_name(data, password))
            abort();
    }
}

static void check_image(const struct registry_auth *a, const char *image)
{
    const json_t *login = registry_auth_for(a, image);
    char *host = registry_auth_host(image);
    const char *key;
    json_t *v;
    bool ours = !login;

    if (!*host || strchr(host, '/'))
        abort();
    json_object_foreach (a->logins, key, v)
        ours |= v == login && (str_starts(key, host) || str_eq(key, REGISTRY_AUTH_HUB));
    if (!ours)
        abort(); /* another registry's credentials */
    free(host);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct registry_auth a;
    char *text, *data;

    if (n < 2 || n > INPUT_MAX)
        return 0;
    text = xstrndup((const char *)p + 1, n - 1);
    data = strchr(text, '\n');
    if (data) {
        *data++ = '\0';
        registry_auth_read(&a, *p == 'd' ? "docker" : "dockercfg", data, NULL);
        check_line(&a, data);
        check_image(&a, text);
        registry_auth_release(&a);
    }
    free(text);
    return 0;
}
