/*
 * fuzz_text.c - what the readers of words, numbers, times, encodings and JSON are given.
 *
 * Nothing may crash or leak, and what is read comes back when it is written.
 *
 * With libFuzzer (from the top folder):
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_LIBFUZZER -D_GNU_SOURCE -iquote . \
 *         -o build/fuzz-text base/test/fuzz_text.c base/[a-z]*.c -ljansson -lm
 *     build/fuzz-text base/test/corpus/text
 * Without, the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"

#define TEXT_MAX (1 << 20)

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_text: %s\n", what);
    abort();
}

static bool same(const struct buf *b, const char *s, size_t n)
{
    return buf_len(b) == n && (!n || !memcmp(buf_str(b), s, n));
}

static void json(const char *s, size_t n)
{
    struct err e = ERR_INIT;
    json_t *v = json_read(s, n, JSON_READ_PEER, &e),
           *strict = json_read(s, n, JSON_READ_STRICT, NULL);

    must(!v == !!*e.text, "JSON is refused without a reason, or read with one");
    must(!strict || json_equal(v, strict), "what is strict JSON is other JSON to a peer");
    if (v) {
        char *text = json_text(v);
        json_t *again = json_read(text, strlen(text), JSON_READ_STRICT, &e);

        must(again && json_equal(v, again), "JSON that was written reads otherwise");
        json_decref(again);
        free(text);
    }
    json_decref(strict);
    json_decref(v);
}

static void encodings(const char *s, size_t n)
{
    struct buf a = BUF_INIT(8 * TEXT_MAX), b = BUF_INIT(8 * TEXT_MAX);

    str_unbase64(&a, s, n);
    buf_clear(&a);
    must(str_base64(&a, s, n) == 0 && str_unbase64(&b, buf_str(&a), buf_len(&a)) == 0 &&
             same(&b, s, n),
         "base64");
    buf_clear(&a);
    buf_clear(&b);
    str_unpercent(&a, s, n, true);
    buf_clear(&a);
    must(str_percent(&a, s, n, false) == 0 &&
             str_unpercent(&b, buf_str(&a), buf_len(&a), false) == 0 && same(&b, s, n),
         "percent");
    for (size_t i = 0; i < n;) {
        size_t k = str_utf8_len(s + i, n - i);

        must(k <= 4 && k <= n - i, "a UTF-8 sequence reaches behind the end");
        i += k ? k : 1;
    }
    str_utf8_valid(s, n);
    buf_release(&a);
    buf_release(&b);
}

static void words(const char *s)
{
    struct buf b = BUF_INIT(8 * TEXT_MAX);
    char **argv = str_argv(s), **again;
    size_t n = 0;

    for (; argv && argv[n]; n++) {
        if (n)
            buf_addc(&b, ' ');
        str_quote(&b, argv[n]);
    }
    again = argv ? str_argv(buf_str(&b)) : NULL;
    must(!argv || again, "words that were quoted are none");
    for (size_t i = 0; again && i <= n; i++)
        must(str_eq(argv[i], again[i]), "words that were quoted are others");
    str_argv_free(again);
    str_argv_free(argv);
    buf_release(&b);
}

static void numbers(const char *s)
{
    int64_t v, again;
    uint64_t u;
    char text[48];

    if (str_duration(s, &v) == 0)
        must(str_duration(str_format_duration(v, text), &again) == 0 && again == v, "duration");
    if (str_parse_time(s, &v) == 0)
        must(str_parse_time(str_format_time(v, 9, text), &again) == 0 && again == v, "time");
    if (str_parse_amz_date(s, &v) == 0)
        must(str_eq(str_format_amz_date(v, text), s), "date of SigV4");
    str_u64(s, UINT64_MAX, &u);
    str_i64(s, &v);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char *text;

    if (n && p[n - 1] == '\n') /* files of the corpus end in one */
        n--;
    if (!n || n > TEXT_MAX)
        return 0;
    text = xmalloc(n);
    memcpy(text, p + 1, n - 1);
    text[n - 1] = '\0';
    if (*p == 'j')
        json(text, n - 1);
    else if (*p == 'e')
        encodings(text, n - 1);
    else if (*p == 'w')
        words(text);
    else
        numbers(text);
    free(text);
    return 0;
}
