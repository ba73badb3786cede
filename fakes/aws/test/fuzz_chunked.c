/*
 * fuzz_chunked.c - bodies signed in chunks. The first byte says which kind, whether signatures
 * are verified, and in which pieces the rest arrives.
 */
#include "base/test/fuzz.h"

#include <string.h>

#include "fakes/aws/chunked.h"

static int count(void *data, const char *p, size_t n)
{
    (void)p;
    *(uint64_t *)data += n;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const enum sigv4_payload kinds[] = {SIGV4_PAYLOAD_CHUNKS, SIGV4_PAYLOAD_CHUNKS_TRAILER,
                                               SIGV4_PAYLOAD_UNSIGNED_TRAILER};
    struct sigv4 s = {0};
    struct aws_chunked c;
    uint64_t seen = 0;
    size_t step;

    if (!n)
        return 0;
    s.payload = kinds[p[0] % 3];
    s.checked = p[0] & 0x40;
    step = (size_t)(p[0] >> 2 & 0xf) + 1;
    aws_chunked_init(&c, &s, count, &seen);
    for (size_t i = 1; i < n; i += step)
        if (aws_chunked_feed(&c, (const char *)p + i, i + step > n ? n - i : step) < 0)
            break;
    aws_chunked_finish(&c);
    if (seen != c.decoded)
        abort();
    aws_chunked_release(&c);
    return 0;
}
