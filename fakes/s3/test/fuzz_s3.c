/*
 * fuzz_s3.c - a Range header, an XML body, or the target of a listing, by the first byte.
 *
 * 'r' holds the rest against the range reader, whose part has to lie inside the object;
 * 'x' against the XML reader; anything else is the query of a listing that goes through a
 * socket into the fake.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/test/fuzz.h"
#include "fakes/s3/range.h"
#include "fakes/s3/test/s3_peer.h"
#include "fakes/s3/xml.h"

static void fuzz_range(const char *text)
{
    static const uint64_t sizes[] = {0, 1, 10, UINT64_MAX / 2};

    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        uint64_t from, end;
        enum s3_range r = s3_range_read(text, sizes[i], &from, &end);

        if (r == S3_RANGE_PART && (from >= end || end > sizes[i]))
            abort();
    }
}

static void fuzz_xml(const char *p, size_t n)
{
    struct err e = ERR_INIT;
    struct s3_xml *x = s3_xml_read(p, n, &e);

    if (!x == !*e.text)
        abort();
    s3_xml_free(x);
}

static void fuzz_listing(const char *query)
{
    char *target;

    if (strpbrk(query, "\r\n \t"))
        return;
    target = xasprintf("/box?%s", query);
    if (begin_world(false) == 0) {
        control("object", "{\"name\":\"box/a/b\",\"body\":\"x\"}");
        control("object", "{\"name\":\"box/a/c\",\"body\":\"x\"}");
        control("object", "{\"name\":\"box/d\",\"body\":\"x\"}");
        ask("GET", target, NULL, NULL);
        end_world(NULL);
    }
    free(target);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char *text;

    if (n && p[n - 1] == '\n') /* files of the corpus end in one */
        n--;
    if (!n)
        return 0;
    text = xmalloc(n);
    memcpy(text, p + 1, n - 1);
    text[n - 1] = '\0';
    if (*p == 'r')
        fuzz_range(text);
    else if (*p == 'x')
        fuzz_xml(text, n - 1);
    else
        fuzz_listing(text);
    free(text);
    return 0;
}
