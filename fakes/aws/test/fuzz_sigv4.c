/*
 * fuzz_sigv4.c - signatures that anybody may send: first line the target, then
 * one header a line. Verified as a JSON service and as S3 would.
 */
#include "base/test/fuzz.h"

#include <string.h>

#include "base/mem.h"
#include "fakes/aws/keyring.h"
#include "fakes/aws/sigv4.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Cuts text at the first `c`; returns what is behind it, "" when there is none. */
static char *cut(char *text, char c)
{
    char *at = strchr(text, c);

    if (!at)
        return text + strlen(text);
    *at = '\0';
    return at + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char *text = xstrndup((const char *)p, n), *line = cut(text, '\n');
    struct http_header headers[HTTP_HEADERS_MAX];
    struct sigv4_request r = {.method = "GET", .headers = headers, .payload_hash = EMPTY};
    struct world *w = new0(struct world);
    struct keyring *ring = NULL;
    struct sigv4 s;

    r.raw_query = cut(text, '?');
    r.raw_path = text;
    while (*line && r.n_headers < HTTP_HEADERS_MAX) {
        char *next = cut(line, '\n');

        headers[r.n_headers++] = (struct http_header){line, cut(line, ':')};
        line = next;
    }
    if (world_init(w, 1, NULL) == 0 && (ring = keyring_of(w, NULL))) {
        for (int s3 = 0; s3 < 2; s3++) {
            const struct sigv4_rules rules = {.service = s3 ? "s3" : "ecs",
                                              .region = "us-west-2",
                                              .skew = INT64_MAX / 4,
                                              .s3 = s3};

            sigv4_verify(&s, &r, &rules, ring, 0);
            sigv4_release(&s);
        }
    }
    world_release(w);
    free(w);
    free(text);
    return 0;
}
