#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"

struct fixture {
    struct log log;
    int fd;
    char text[LOG_LINE_MAX * 2];
};

static int setup(void **state)
{
    struct fixture *f = new0(struct fixture);

    f->fd = memfd_create("log", MFD_CLOEXEC);
    log_init(&f->log, LOG_DEBUG, f->fd);
    *state = f;
    return f->fd < 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    log_release(&f->log);
    close(f->fd);
    free(f);
    return 0;
}

/* What was written since the last call; the time is checked and taken out. */
static const char *said(struct fixture *f)
{
    ssize_t n = pread(f->fd, f->text, sizeof(f->text) - 1, 0);
    char *time = NULL, *end;
    int64_t when;

    assert_true(n >= 0);
    f->text[n] = '\0';
    assert_int_equal(ftruncate(f->fd, 0), 0);
    lseek(f->fd, 0, SEEK_SET);
    time = strstr(f->text, " time=");
    if (!time)
        return f->text;
    end = strchr(time + 1, ' ');
    assert_non_null(end);
    *end = '\0';
    assert_int_equal(str_parse_time(time + 6, &when), 0);
    assert_int_equal(strlen(time + 6), 24); /* milliseconds */
    *end = ' ';
    memmove(time, end, strlen(end) + 1);
    return f->text;
}

static void an_event_is_one_line_of_pairs(void **state)
{
    struct fixture *f = *state;

    log_event(&f->log, LOG_INFO, "Registered", "arn", "arn:aws:x/y", "left out", NULL, "n", "",
              NULL);
    assert_string_equal(said(f), "level=info msg=Registered arn=arn:aws:x/y n=\"\"\n");
    log_event(&f->log, LOG_WARN, "two words", NULL);
    assert_string_equal(said(f), "level=warn msg=\"two words\"\n");
    log_msg(&f->log, LOG_ERROR, "%d of %s", 3, "four");
    assert_string_equal(said(f), "level=error msg=\"3 of four\"\n");
}

static void whatever_a_peer_sends_stays_in_its_line_and_in_its_pair(void **state)
{
    struct fixture *f = *state;

    log_event(&f->log, LOG_INFO, "m", "a", "x\ny", "b", "q\"q", "c", "k=v", "d", "\x1b[31m", "e",
              "\xff", "f", "h\xc3\xa9", NULL);
    assert_string_equal(said(f), "level=info msg=m a=\"x\\ny\" b=\"q\\\"q\" c=\"k=v\" "
                                 "d=\"\\u001b[31m\" e=\"\xef\xbf\xbd\" f=\"h\xc3\xa9\"\n");
}

static void what_is_below_the_level_is_not_written(void **state)
{
    struct fixture *f = *state;

    f->log.level = LOG_WARN;
    log_event(&f->log, LOG_INFO, "m", NULL);
    log_msg(&f->log, LOG_DEBUG, "m");
    assert_string_equal(said(f), "");
    log_msg(&f->log, LOG_CRIT, "m");
    assert_string_equal(said(f), "level=crit msg=m\n");
    f->log.level = LOG_NOTHING;
    log_msg(&f->log, LOG_CRIT, "m");
    assert_string_equal(said(f), "");
}

static void a_secret_is_masked_in_messages_and_values(void **state)
{
    struct fixture *f = *state;

    log_secret(&f->log, "s3cr3t");
    log_secret(&f->log, "s3cr3t");
    log_secret(&f->log, "abc"); /* too short to be one: it would eat ordinary words */
    log_secret(&f->log, NULL);
    assert_int_equal(f->log.n_secrets, 1);
    log_event(&f->log, LOG_INFO, "key s3cr3t", "k", "s3cr3ts3cr3t", "abc", "xs3cr3t/", NULL);
    assert_string_equal(said(f), "level=info msg=\"key ***\" k=****** abc=x***/\n");
}

static void a_secret_that_begins_with_another_leaves_no_tail(void **state)
{
    struct fixture *f = *state;

    log_secret(&f->log, "wxyz");
    log_secret(&f->log, "abcd");
    log_secret(&f->log, "abcdefgh");
    log_msg(&f->log, LOG_INFO, "abcdefgh,abcd,wxyz");
    assert_string_equal(said(f), "level=info msg=***,***,***\n");
}

static void a_secret_with_quotes_is_masked_before_it_is_quoted(void **state)
{
    struct fixture *f = *state;

    log_secret(&f->log, "pa\"ss\\wd");
    log_event(&f->log, LOG_INFO, "m", "k", "it is pa\"ss\\wd", NULL);
    assert_string_equal(said(f), "level=info msg=m k=\"it is ***\"\n");
}

static void a_line_that_is_too_long_is_cut_and_shows_it(void **state)
{
    struct fixture *f = *state;
    char *wide = xmalloc(LOG_LINE_MAX + 100);
    const char *line;

    memset(wide, 'w', LOG_LINE_MAX + 99);
    wide[LOG_LINE_MAX + 99] = '\0';
    log_event(&f->log, LOG_INFO, "m", "k", wide, "z", "unseen", NULL);
    line = said(f);
    assert_true(str_starts(line, "level=info msg=m k=www"));
    assert_true(str_ends(line, "www...\n"));
    assert_int_equal(strlen(line), LOG_LINE_MAX + 1 - 30); /* said() took the time out */
    free(wide);
}

static void a_cut_line_does_not_end_in_half_a_character(void **state)
{
    struct fixture *f = *state;
    struct buf wide = BUF_INIT(LOG_LINE_MAX * 3);

    for (int shift = 0; shift < 3; shift++) {
        const char *line;

        buf_clear(&wide);
        for (int i = 0; i < shift; i++)
            buf_addc(&wide, 'x');
        while (buf_len(&wide) < LOG_LINE_MAX + 50)
            buf_adds(&wide, "\xe2\x82\xac");
        log_event(&f->log, LOG_INFO, buf_str(&wide), NULL);
        line = said(f);
        assert_true(str_ends(line, "\xac...\n"));
        assert_true(str_utf8_valid(line, strlen(line)));
    }
    buf_release(&wide);
}

static void a_secret_at_the_cut_is_not_seen_in_part(void **state)
{
    struct fixture *f = *state;
    struct buf wide = BUF_INIT(LOG_LINE_MAX * 2);

    log_secret(&f->log, "SECRETSECRETSECRETSECRET");
    for (int at = LOG_LINE_MAX - 90; at < LOG_LINE_MAX; at++) {
        buf_clear(&wide);
        while (buf_len(&wide) < (size_t)at)
            buf_addc(&wide, '.');
        buf_adds(&wide, "SECRETSECRETSECRETSECRET and more to come");
        log_event(&f->log, LOG_INFO, "m", "k", buf_str(&wide), NULL);
        assert_null(strchr(said(f), 'S'));
    }
    buf_release(&wide);
}

static void a_value_beyond_all_bounds_is_left_out_with_dots(void **state)
{
    struct fixture *f = *state;
    char *huge = xmalloc((1 << 20) + 10);

    memset(huge, 'h', (1 << 20) + 9);
    huge[(1 << 20) + 9] = '\0';
    log_event(&f->log, LOG_INFO, "m", "k", huge, NULL);
    assert_true(str_ends(said(f), "level=info msg=m k=...\n"));
    log_secret(&f->log, "secret");
    log_event(&f->log, LOG_INFO, "m", "k", huge, NULL);
    assert_true(str_ends(said(f), "level=info msg=m k=...\n"));
    free(huge);
}

static void a_file_is_a_second_target_and_is_appended_to(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/test_log.XXXXXX", text[200];
    int fd = mkstemp(path);
    ssize_t n;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, "old\n", 4), 4);
    assert_int_equal(log_add_file(&f->log, path), 0);
    assert_int_equal(log_add_file(&f->log, path), 0); /* again: rotated away, opened anew */
    log_msg(&f->log, LOG_INFO, "new");
    n = pread(fd, text, sizeof(text) - 1, 0);
    assert_true(n > 0);
    text[n] = '\0';
    assert_true(str_starts(text, "old\nlevel=info"));
    assert_string_equal(said(f), "level=info msg=new\n");
    assert_int_equal(log_add_file(&f->log, "/nonexistent/x"), -1);
    close(fd);
    unlink(path);
}

static int64_t size_of(const char *dir, const char *name)
{
    char path[200];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return stat(path, &st) < 0 ? -1 : (int64_t)st.st_size;
}

static void a_file_is_rolled_before_it_is_too_long_and_few_are_kept(void **state)
{
    struct fixture *f = *state;
    char dir[] = "/tmp/test_log.XXXXXX", path[200];

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/log", dir);
    assert_int_equal(log_add_file(&f->log, path), 0);
    log_roll(&f->log, path, 130, 2); /* two lines */
    for (int i = 0; i < 9; i++)
        log_msg(&f->log, LOG_INFO, "line %d", i);
    assert_in_range(size_of(dir, "log"), 20, 130);
    assert_in_range(size_of(dir, "log.1"), 20, 130);
    assert_in_range(size_of(dir, "log.2"), 20, 130);
    assert_int_equal(size_of(dir, "log.3"), -1);
    io_remove_tree(dir, NULL);
}

static void one_line_is_written_however_long_it_is(void **state)
{
    struct fixture *f = *state;
    char dir[] = "/tmp/test_log.XXXXXX", path[200];

    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/log", dir);
    assert_int_equal(log_add_file(&f->log, path), 0);
    log_roll(&f->log, path, 5, 0);
    log_msg(&f->log, LOG_INFO, "first");
    log_msg(&f->log, LOG_INFO, "second");
    assert_in_range(size_of(dir, "log"), 20, 130);
    assert_int_equal(size_of(dir, "log.1"), -1);
    io_remove_tree(dir, NULL);
}

static void levels_have_words(void **state)
{
    (void)state;
    for (int i = LOG_DEBUG; i <= LOG_NOTHING; i++)
        assert_int_equal(log_level_from(log_level_name((enum log_level)i)), i);
    assert_int_equal(log_level_from("INFO"), -1);
    assert_int_equal(log_level_from(NULL), -1);
}

#define with_log(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        with_log(an_event_is_one_line_of_pairs),
        with_log(whatever_a_peer_sends_stays_in_its_line_and_in_its_pair),
        with_log(what_is_below_the_level_is_not_written),
        with_log(a_secret_is_masked_in_messages_and_values),
        with_log(a_secret_that_begins_with_another_leaves_no_tail),
        with_log(a_secret_with_quotes_is_masked_before_it_is_quoted),
        with_log(a_line_that_is_too_long_is_cut_and_shows_it),
        with_log(a_cut_line_does_not_end_in_half_a_character),
        with_log(a_secret_at_the_cut_is_not_seen_in_part),
        with_log(a_value_beyond_all_bounds_is_left_out_with_dots),
        with_log(a_file_is_a_second_target_and_is_appended_to),
        with_log(a_file_is_rolled_before_it_is_too_long_and_few_are_kept),
        with_log(one_line_is_written_however_long_it_is),
        cmocka_unit_test(levels_have_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
