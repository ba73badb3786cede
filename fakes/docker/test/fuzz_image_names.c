/*
 * fuzz_image_names.c - names of images as clients write them (ref.h).
 *
 * A name that is one has a familiar form, which is one too, and means the same image; what was
 * given a tag for want of one means itself from then on.
 *
 * With libFuzzer: ci/fuzz image_names. Without: the program reads the files named on its
 * command line, once each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "fakes/docker/ref.h"

#define INPUT_MAX 4096

static bool same(const char *a, const char *b)
{
    return a && b ? str_eq(a, b) : a == b;
}

/* What the library cannot read back either: docker.io/us.example/x is "us.example/x" for people,
 * which is an image of another registry. */
static bool ambiguous(const struct ref *r)
{
    size_t n = strcspn(r->path, "/");

    /* library/ and 64 hex digits: for people that is an id */
    if (strlen(r->repo) == 64 && strspn(r->repo, "0123456789abcdef") == 64)
        return true;
    return str_eq(r->domain, "docker.io") && r->path[n] &&
           (memchr(r->path, '.', n) ||
            (n == strlen("localhost") && str_starts(r->path, "localhost")));
}

/* The familiar form leaves the tag out where there is a digest. */
static void check_familiar(const struct ref *r)
{
    char *text = ref_familiar(r);
    const char *why = NULL;
    struct ref again;

    if (ambiguous(r)) {
        free(text);
        return;
    }
    if (ref_parse(&again, text, &why) < 0)
        abort();
    if (!same(r->domain, again.domain) || !same(r->path, again.path) ||
        !same(r->digest, again.digest) || !same(r->repo, again.repo) ||
        (!r->digest && !same(r->tag, again.tag)))
        abort();
    ref_release(&again);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    const char *why = NULL;
    struct ref r;
    char *text;

    if (n > INPUT_MAX)
        return 0;
    text = xstrndup((const char *)p, n);
    if (ref_parse(&r, text, &why) < 0) {
        if (!why || !*why)
            abort();
    } else {
        if (!*r.domain || !*r.path || !*r.repo || (r.tag && !ref_tag_valid(r.tag)) ||
            (r.digest && !ref_digest_valid(r.digest)))
            abort();
        check_familiar(&r);
        ref_default_tag(&r);
        if (!r.tag && !r.digest)
            abort();
        check_familiar(&r);
        ref_release(&r);
    }
    free(text);
    return 0;
}
