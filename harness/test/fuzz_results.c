/*
 * fuzz_results.c - files of results, as `ecsim merge` reads them, and traces of wires, as
 * `ecsim diff` does.
 *
 * What can be read as results is put together with itself, written, read again, and shown; what can
 * be read as a trace is compared with itself, which has to show nothing.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "harness/results.h"
#include "harness/wire_diff.h"

#define INPUT_MAX (64 << 10)

static void show(const struct results *r)
{
    struct buf b = BUF_INIT(16 << 20);

    results_text(r, "# ", &b);
    results_markdown(r, &b);
    results_html(r, &b);
    results_exit_code(r);
    results_missing(r);
    buf_release(&b);
}

static void read_results(const char *p, size_t n)
{
    struct results r, again, sum = {0};
    struct err e = ERR_INIT;
    char *text, *second;

    if (results_read(&r, p, n, &e) < 0) {
        if (e.code == ERR_NONE || r.n_rows || r.columns)
            abort();
        return;
    }
    text = results_json(&r);
    if (results_read(&again, text, strlen(text), &e) < 0)
        abort(); /* what we write is what we read */
    second = results_json(&again);
    if (!str_eq(text, second) || results_merge(&sum, &r, &e) < 0 ||
        results_merge(&sum, &again, &e) < 0 || sum.n_rows != r.n_rows)
        abort();
    results_sort(&sum);
    show(&sum);
    results_release(&sum);
    results_release(&again);
    results_release(&r);
    free(text);
    free(second);
}

static void read_trace(const char *p, size_t n)
{
    struct wire_diff d = {0};
    struct err e = ERR_INIT;

    if (wire_diff_add(&d, 0, p, n, &e) == 0) {
        if (wire_diff_add(&d, 1, p, n, &e) < 0)
            abort();
        wire_diff_find(&d);
        if (d.n)
            abort();
    }
    wire_diff_release(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n > INPUT_MAX)
        return 0;
    read_results((const char *)p, n);
    read_trace((const char *)p, n);
    return 0;
}
