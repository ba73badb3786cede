#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/io.h"
#include "base/str.h"
#include "fakes/core/journal.h"

static struct loop loop;
static struct journal journal;
static char path[] = "/tmp/journal-test-XXXXXX";

static int begin(void **state)
{
    struct err e = ERR_INIT;
    int fd;

    (void)state;
    memcpy(path + sizeof(path) - 7, "XXXXXX", 6);
    fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(loop_init(&loop, &e), 0);
    journal_init(&journal, &loop);
    assert_int_equal(journal_open(&journal, path, &e), 0);
    return 0;
}

static int end(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    journal_release(&journal);
    assert_int_equal(loop_release(&loop, &e), 0);
    unlink(path);
    return 0;
}

static char *file(void)
{
    struct buf b = BUF_INIT(16 << 20);

    assert_int_equal(io_read_file(path, &b, NULL), 0);
    return buf_steal(&b, NULL);
}

static void each_record_is_a_line_of_the_file_at_once(void **state)
{
    struct record *r;
    json_t *line;
    char *text;

    (void)state;
    r = journal_record(&journal,
                       &(struct record_info){.kind = RECORD_REQUEST,
                                             .peer = "docker",
                                             .what = "GET /_ping",
                                             .group = "engine",
                                             .conn = 3,
                                             .exchange = 9,
                                             .foreign = true},
                       json_pack("{s:s}", "method", "GET"));
    assert_int_equal(r->n, 1);
    assert_true(r->foreign);
    text = file();
    line = json_read(text, strlen(text), JSON_READ_STRICT, NULL);
    assert_string_equal(json_str(line, "kind"), "request");
    assert_string_equal(json_str(line, "what"), "GET /_ping");
    assert_string_equal(json_str(line, "method"), "GET");
    assert_int_equal(json_int(line, "conn", 0), 3);
    json_decref(line);
    free(text);
}

static void secrets_are_masked_in_memory_and_in_the_file_at_any_depth(void **state)
{
    struct record *r;
    char *text;

    (void)state;
    journal_secret(&journal, "hush-hush");
    r = journal_add(&journal, RECORD_NOTE, "x", "y",
                    json_pack("{s:{s:[s]}}", "a", "b", "before hush-hush after"));
    assert_string_equal(json_string_value(json_array_get(json_at(r->data, "a.b"), 0)),
                        "before *** after");
    text = file();
    assert_null(strstr(text, "hush-hush"));
    free(text);
}

static void bodies_are_json_text_or_base64_and_say_when_they_were_cut(void **state)
{
    json_t *d = json_object();
    char *big = calloc(1, JOURNAL_BODY_MAX + 10);

    (void)state;
    journal_put_body(&journal, d, "{\"a\":1}", 7);
    assert_int_equal(json_int(json_object_get(d, "body"), "a", 0), 1);
    json_object_clear(d);
    journal_put_body(&journal, d, "{not json", 9);
    assert_string_equal(json_str(d, "body"), "{not json");
    json_object_clear(d);
    journal_put_body(&journal, d, "\xff\x00", 2);
    assert_string_equal(json_str(d, "body_base64"), "/wA=");
    json_object_clear(d);
    memset(big, 'x', JOURNAL_BODY_MAX + 10);
    journal_put_body(&journal, d, big, JOURNAL_BODY_MAX + 10);
    assert_int_equal(json_int(d, "body_cut", 0), JOURNAL_BODY_MAX + 10);
    assert_int_equal(json_string_length(json_object_get(d, "body")), JOURNAL_BODY_MAX);
    free(big);
    json_decref(d);
}

static void a_server_that_runs_for_long_keeps_nothing_in_memory(void **state)
{
    char *text;

    (void)state;
    journal.keep = false;
    assert_null(journal_add(&journal, RECORD_NOTE, "x", "y", NULL));
    journal_state(&journal, "docker", "container c", "created", "running");
    journal_note(&journal, "docker", "%d", 5);
    assert_int_equal(journal.count, 3);
    assert_int_equal(journal.n, 0);
    text = file();
    assert_non_null(strstr(text, "\"from\":\"created\",\"to\":\"running\""));
    free(text);
}

static void a_file_that_cannot_be_written_is_remembered(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(journal_open(&journal, "/dev/full", &e), 0);
    journal_note(&journal, "x", "lost");
    assert_int_equal(journal.write_error, ENOSPC);
    assert_int_equal(journal_open(&journal, "/nonexistent/file", &e), -1);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(each_record_is_a_line_of_the_file_at_once),
        T(secrets_are_masked_in_memory_and_in_the_file_at_any_depth),
        T(bodies_are_json_text_or_base64_and_say_when_they_were_cut),
        T(a_server_that_runs_for_long_keeps_nothing_in_memory),
        T(a_file_that_cannot_be_written_is_remembered),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
