#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/progress.h"

static struct result make(enum outcome o, const char *reason, const char *report)
{
    return (struct result){.outcome = o,
                           .reason = xstrdup(reason),
                           .report = xstrdup(report),
                           .line = 4,
                           .seconds = 0.25,
                           .clock = 3};
}

static void a_result_survives_the_pipe(void **state)
{
    struct result a = make(OUTCOME_FAILED, "why", "line 1\n\"line 2\"\n"), b;
    char *text = result_write(&a);

    (void)state;
    assert_int_equal(result_read(&b, text, strlen(text), NULL), 0);
    assert_int_equal(b.outcome, OUTCOME_FAILED);
    assert_string_equal(b.report, a.report);
    assert_int_equal(b.line, 4);
    assert_true(b.clock > 2.9);
    result_release(&a);
    result_release(&b);
    free(text);
    assert_int_equal(result_read(&b, "{\"outcome\":\"fine\"}", 18, NULL), -1);
    assert_int_equal(result_read(&b, "{", 1, NULL), -1);
}

static struct progress_item items[] = {
    {.path = "a/one.scn", .title = "One & <two>"}, {.path = "a/two.scn", .title = "Two"},
    {.path = "three.scn", .title = "Three"},       {.path = "b/four.scn", .title = "Four"},
    {.path = "b/five.scn", .title = "Five"},
};

static void fill(struct progress *p)
{
    items[0].result = make(OUTCOME_PASSED, NULL, NULL);
    items[1].result = make(OUTCOME_FAILED, "it did not come",
                           "two.scn:3: expect x\n  a <b>\001\xff\xc3\xa9\xef\xbf\xbf\n");
    items[2].result = make(OUTCOME_SKIPPED, "needs curl", NULL);
    items[3].result = make(OUTCOME_KNOWN, "known some/issue#1: x", NULL);
    items[4].result = make(OUTCOME_HARNESS, "crashed", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        progress_done(p, i);
}

static void clean(void)
{
    for (size_t i = 0; i < ARRAY_SIZE(items); i++)
        result_release(&items[i].result);
}

static void in_a_pipe_it_is_tap_with_the_report_as_diagnostics(void **state)
{
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct progress p;

    (void)state;
    progress_init(&p, out, items, ARRAY_SIZE(items));
    progress_begin(&p);
    fill(&p);
    progress_end(&p, 1.5, 20);
    fclose(out);
    assert_true(str_starts(text, "TAP version 13\n1..5\nok 1 - a/one.scn: One & <two>\n"));
    assert_non_null(strstr(text, "not ok 2 - a/two.scn: Two\n  ---\n  outcome: failed\n"));
    assert_non_null(strstr(text, "    two.scn:3: expect x\n"));
    assert_non_null(strstr(text, "ok 3 - three.scn: Three # SKIP needs curl\n"));
    assert_non_null(strstr(
        text, "not ok 4 - b/four.scn: Four # TODO known some/issue#1: x\n")); /* lint-ok: words */
    assert_true(str_ends(text, "\n2 passed, 2 failed, 1 skipped\n"));
    free(text);
    clean();
}

static void on_a_terminal_one_line_lives_and_failures_stay_above_it(void **state)
{
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct progress p;

    (void)state;
    progress_init(&p, out, items, ARRAY_SIZE(items));
    p.live = true;
    progress_begin(&p);
    items[1].running = true;
    progress_tick(&p);
    items[1].running = false;
    fill(&p);
    progress_end(&p, 1.5, 20);
    fclose(out);
    assert_non_null(strstr(text, "\r\033[K[0/5] 0 passed, 0 failed, 0 skipped  a/two.scn"));
    assert_non_null(strstr(text, "\r\033[Kfailed  a/two.scn: Two\n  two.scn:3: expect x\n"));
    assert_null(strstr(text, "a/one.scn: One"));
    assert_true(str_ends(text, "\n2 passed, 2 failed, 1 skipped\n"));
    free(text);
    clean();
}

static void a_run_that_stops_early_says_so_and_counts_what_ended(void **state)
{
    static const char *const ends[] = {
        "Bail out! Interrupt: 4 of 5 had not ended\n# 1.50 s of real time for 20.00 s on the "
        "scenarios' clocks\n1 passed, 0 failed, 0 skipped\n",
        "\r\033[Kstopped early: Interrupt: 4 of 5 had not ended\n\r\033[K1.50 s of real time for "
        "20.00 s on the scenarios' clocks\n1 passed, 0 failed, 0 skipped\n"};
    char path[] = "/tmp/junit-test-XXXXXX";

    (void)state;
    close(mkstemp(path));
    for (size_t live = 0; live < 2; live++) {
        struct buf b = BUF_INIT(1 << 20);
        char *text;
        size_t n;
        FILE *out = open_memstream(&text, &n);
        struct progress p;

        for (size_t i = 0; i < ARRAY_SIZE(items); i++)
            items[i].done = false;
        progress_init(&p, out, items, ARRAY_SIZE(items));
        p.live = live;
        items[0].result = make(OUTCOME_PASSED, NULL, NULL);
        progress_done(&p, 0);
        progress_bail(&p, "Interrupt");
        progress_end(&p, 1.5, 20);
        fclose(out);
        assert_true(str_ends(text, ends[live]));
        assert_int_equal(junit_write(path, &p, 1.5, NULL), 0);
        assert_int_equal(io_read_file(path, &b, NULL), 0);
        assert_non_null(
            strstr(buf_str(&b), "tests=\"5\" failures=\"0\" errors=\"0\" skipped=\"4\""));
        assert_non_null(strstr(buf_str(&b), "name=\"three.scn: Three\" time=\"0.000\"><skipped "
                                            "message=\"not run to its end\"/></testcase>"));
        buf_release(&b);
        free(text);
        clean();
    }
    unlink(path);
}

static void junit_escapes_and_counts_as_jenkins_wants_it(void **state)
{
    char path[] = "/tmp/junit-test-XXXXXX";
    int fd = mkstemp(path);
    struct buf b = BUF_INIT(1 << 20);
    char *text;
    size_t n;
    FILE *out = open_memstream(&text, &n);
    struct progress p;

    (void)state;
    close(fd);
    progress_init(&p, out, items, ARRAY_SIZE(items));
    fill(&p);
    fclose(out);
    free(text);
    assert_int_equal(junit_write(path, &p, 1.5, NULL), 0);
    assert_int_equal(io_read_file(path, &b, NULL), 0);
    assert_non_null(strstr(buf_str(&b), "tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"2\""));
    assert_non_null(strstr(buf_str(&b), "name=\"one.scn: One &amp; &lt;two&gt;\""));
    assert_non_null(strstr(buf_str(&b),
                           "<failure message=\"it did not come\">two.scn:3: expect x\n"
                           "  a &lt;b&gt; \xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\n</failure>"));
    assert_non_null(strstr(buf_str(&b), "<error type=\"harness-error\" message=\"crashed\">"));
    assert_int_equal(junit_write("/nonexistent/x", &p, 1, NULL), -1);
    buf_release(&b);
    unlink(path);
    clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_survives_the_pipe),
        cmocka_unit_test(in_a_pipe_it_is_tap_with_the_report_as_diagnostics),
        cmocka_unit_test(on_a_terminal_one_line_lives_and_failures_stay_above_it),
        cmocka_unit_test(a_run_that_stops_early_says_so_and_counts_what_ended),
        cmocka_unit_test(junit_escapes_and_counts_as_jenkins_wants_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
