/*
 * fuzz_gmsa.c - what credentials-fetcher answers, and credentialspecs.
 *
 * The first byte: 'a' the framed message of a lease, 'r' of a renewal, 'm' a status's message, 's'
 * where a spec is, 'j' and 'd' the JSON of a joined and of a domainless one.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/credential_spec.h"
#include "agent/credfetch_client.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"

#define INPUT_MAX (256 << 10)

static void read_answer(const char *p, size_t n, enum credfetch_method method)
{
    struct err e = ERR_INIT;
    char *id, **paths;
    const char *message;
    size_t len, n_paths;

    if (grpc_unframe(p, n, &message, &len) < 0)
        return;
    if (message != p + 5 || len != n - 5)
        abort();
    if (credfetch_read(message, len, method, &id, &paths, &n_paths, &e) < 0) {
        if (!*e.text)
            abort();
        return;
    }
    if (n_paths > CREDFETCH_PATHS_MAX || (method == CREDFETCH_RENEW && *id))
        abort();
    free(id);
    credfetch_free_paths(paths, n_paths);
}

static void read_message(const char *text)
{
    char *m = grpc_message(text);

    if (strlen(m) > strlen(text))
        abort();
    free(m);
}

static void read_source(const char *text)
{
    struct credential_spec s;
    struct err e = ERR_INIT;

    if (credential_spec_parse(text, &s, &e) < 0) {
        if (!*e.text || s.where || s.arn)
            abort();
        return;
    }
    if (!s.where || (s.source != SPEC_FILE) != (s.arn != NULL) ||
        (s.source == SPEC_S3) != (s.key != NULL))
        abort();
    credential_spec_release(&s);
}

static void read_spec(const char *p, size_t n, bool domainless)
{
    struct credential_spec_account a;
    struct err e = ERR_INIT;
    char *const folders[] = {(char *)(uintptr_t) "/krb/1/account"};

    if (credential_spec_read(p, n, domainless, &a, &e) < 0) {
        if (!*e.text || a.name)
            abort();
        return;
    }
    if (!domainless && *a.user_arn)
        abort();
    credential_spec_folder(&a, folders, 1);
    credential_spec_account_release(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char *text;

    if (n < 1 || n > INPUT_MAX)
        return 0;
    text = xstrndup((const char *)p + 1, n - 1);
    switch (*p) {
    case 'a':
        read_answer((const char *)p + 1, n - 1, CREDFETCH_ADD);
        break;
    case 'r':
        read_answer((const char *)p + 1, n - 1, CREDFETCH_RENEW);
        break;
    case 'm':
        read_message(text);
        break;
    case 's':
        read_source(text);
        break;
    default:
        read_spec((const char *)p + 1, n - 1, *p == 'd');
    }
    free(text);
    return 0;
}
