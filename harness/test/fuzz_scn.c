/*
 * fuzz_scn.c - whatever stands in a scenario file.
 *
 * Nothing may crash or leak, and what is accepted must keep its promises: the
 * canonical form is a fixed point, and the JSON form comes back as the same
 * tree. Text that begins with '{' is read as the JSON form.
 *
 * With libFuzzer (from the top folder):
 *     make
 *     clang -g -O1 -fsanitize=fuzzer,address,undefined -DFUZZ_LIBFUZZER -D_GNU_SOURCE \
 *         -iquote build/layers/harness -include base/banned.h \
 *         -o build/fuzz-scn harness/test/fuzz_scn.c \
 *         harness/{cmd_lang,check,check_value,diag,digest,doc,fmt,guard,import,jpath,jscan,lex}.c \
 *         harness/{match,parse,parse_header,parse_step,schema,scn,scn_json,scn_json_read}.c \
 *         harness/{subst,value,verb}.c proto/[a-z]*.c base/[a-z]*.c -ljansson -lm
 *     build/fuzz-scn harness/test/corpus/scn
 * With AFL++: the same with afl-clang-fast and without the fuzzer sanitizer and the define; then
 *     afl-fuzz -i harness/test/corpus/scn -o out -- build/fuzz-scn @@
 * Without either, the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"
#include "base/test/fuzz.h"
#include "harness/fmt.h"
#include "harness/scn_json.h"

#define TEXT_MAX (4u * SCN_FILE_MAX)

static void must(bool holds, const char *what)
{
    if (holds)
        return;
    fprintf(stderr, "fuzz_scn: %s\n", what);
    abort();
}

static void check_fixed_point(const struct buf *text, const json_t *json)
{
    struct buf again = BUF_INIT(TEXT_MAX);
    struct diag d;

    diag_init(&d);
    struct scn *s = scn_parse("again.scn", buf_str(text), buf_len(text), &d);

    must(s != NULL, "the canonical form does not parse");
    must(!fmt_scn(s, &again), "the canonical form of the canonical form is too large");
    must(buf_len(&again) == buf_len(text) && !memcmp(buf_str(&again), buf_str(text), buf_len(text)),
         "the canonical form is no fixed point");
    json_t *same = scn_to_json(s);

    must(json_equal(same, json), "the canonical form is another tree");
    json_decref(same);
    scn_free(s);
    diag_release(&d);
    buf_release(&again);
}

static void check_json(const struct buf *text, const json_t *json)
{
    struct buf again = BUF_INIT(TEXT_MAX);
    struct err e = ERR_INIT;
    struct scn *s = scn_from_json("x.json", json, &e);

    if (!s)
        fprintf(stderr, "%s\n", e.text);
    must(s != NULL, "the JSON form is not read back");
    must(!fmt_scn(s, &again), "the canonical form of the JSON form is too large");
    must(buf_len(&again) == buf_len(text) && !memcmp(buf_str(&again), buf_str(text), buf_len(text)),
         "the JSON form comes back as another tree");
    scn_free(s);
    buf_release(&again);
}

static void from_json(const char *p, size_t n)
{
    json_t *v = json_read(p, n, JSON_READ_STRICT, NULL);
    struct err e = ERR_INIT;
    struct scn *s = v ? scn_from_json("x.json", v, &e) : NULL;
    struct buf text = BUF_INIT(TEXT_MAX);

    if (s)
        fmt_scn(s, &text);
    scn_free(s);
    json_decref(v);
    buf_release(&text);
}

static void from_lines(const char *p, size_t n)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct diag d;

    diag_init(&d);
    scn_free(scn_load_text("/nowhere/fuzz.scn", p, n, NULL, &d));
    diag_release(&d);
    diag_init(&d);
    struct scn *s = scn_parse("fuzz.scn", p, n, &d);

    must(s || *diag_text(&d), "a file is refused without a reason");
    if (s && !fmt_scn(s, &text)) {
        json_t *json = scn_to_json(s);

        check_fixed_point(&text, json);
        check_json(&text, json);
        json_decref(json);
    }
    scn_free(s);
    diag_release(&d);
    buf_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n && *p == '{')
        from_json((const char *)p, n);
    else
        from_lines((const char *)p, n);
    return 0;
}
