/*
 * What a person sees of a faulty scenario: each diag/NAME.scn, and diag/NAME.txt beside it. With
 * BLESS=1 in the environment the texts are written anew; read them before you commit them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <glob.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/scn.h"

static void every_message_reads_as_it_is_kept(void **state)
{
    glob_t found;

    (void)state;
    assert_int_equal(glob("harness/test/diag/*.scn", 0, NULL, &found), 0);
    assert_true(found.gl_pathc > 15);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *path = xasprintf("%.*s.txt", (int)strlen(found.gl_pathv[i]) - 4, found.gl_pathv[i]);
        struct buf kept = BUF_INIT(1 << 20);
        struct err e = ERR_INIT;
        struct diag d;

        diag_init(&d);
        scn_free(scn_load(found.gl_pathv[i], NULL, &d));
        assert_true(*diag_text(&d) != '\0');
        if (getenv("BLESS"))
            assert_int_equal(io_write_file(path, diag_text(&d), strlen(diag_text(&d)), 0644, &e),
                             0);
        assert_int_equal(io_read_file(path, &kept, &e), 0);
        assert_string_equal(diag_text(&d), buf_str(&kept));
        diag_release(&d);
        buf_release(&kept);
        free(path);
    }
    globfree(&found);
}

static void errors_stop_at_the_limit_and_warnings_leave_the_tree(void **state)
{
    const char *text = "scenario 1\ntitle x\nexpect acs connect as never-used\n";
    struct diag d;
    struct scn *s;

    (void)state;
    diag_init(&d);
    s = scn_load_text("x.scn", text, strlen(text), NULL, &d);
    assert_non_null(s);
    assert_int_equal(d.errors, 0);
    assert_int_equal(d.warnings, 1);
    scn_free(s);
    diag_release(&d);
    diag_init(&d);
    for (int i = 0; i < 100; i++)
        diag_error(&d, NULL, (struct pos){0}, "number %d.", i);
    assert_int_equal(d.errors, 100);
    assert_non_null(strstr(diag_text(&d), "number 19."));
    assert_null(strstr(diag_text(&d), "number 20."));
    diag_release(&d);
}

static void a_long_line_is_shown_around_the_caret(void **state)
{
    struct source src = {.path = xstrdup("x"), .text = xmalloc(1001), .len = 1000};
    struct diag d;

    (void)state;
    memset(src.text, 'a', 1000);
    src.text[1000] = '\0';
    src.text[500] = 'B';
    diag_init(&d);
    diag_error(&d, &src, (struct pos){1, 501, 1}, "here");
    assert_true(strlen(diag_text(&d)) < 500);
    const char *caret = strchr(diag_text(&d), '^'), *b = strchr(diag_text(&d), 'B');
    const char *nl = strchr(b, '\n');

    assert_int_equal(caret - nl - 1, b - (strchr(diag_text(&d), '\n') + 1));
    diag_release(&d);
    free(src.path);
    free(src.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_reads_as_it_is_kept),
        cmocka_unit_test(errors_stop_at_the_limit_and_warnings_leave_the_tree),
        cmocka_unit_test(a_long_line_is_shown_around_the_caret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
