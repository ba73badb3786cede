#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <glob.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/exitcode.h"
#include "harness/fmt.h"
#include "harness/schema.h"
#include "harness/scn_json.h"
#include "harness/doc.h"

#define TEXT_MAX (1u << 24)

static struct scn *parse(const char *text, size_t n)
{
    struct diag d;
    struct scn *s;

    diag_init(&d);
    s = scn_parse("x.scn", text, n, &d);
    if (!s)
        print_message("%s", diag_text(&d));
    diag_release(&d);
    return s;
}

static struct scn *load(const char *text)
{
    struct diag d;
    struct scn *s;

    diag_init(&d);
    s = scn_load_text("x.scn", text, strlen(text), NULL, &d);
    if (!s)
        print_message("%s", diag_text(&d));
    diag_release(&d);
    return s;
}

/* fmt is a fixed point, and JSON comes back as the same tree. */
static void keeps_its_promises(const char *text, size_t n)
{
    struct buf once = BUF_INIT(TEXT_MAX), twice = BUF_INIT(TEXT_MAX), back = BUF_INIT(TEXT_MAX);
    struct scn *s = parse(text, n), *again, *read;
    struct err e = ERR_INIT;
    json_t *json;

    assert_non_null(s);
    fmt_scn(s, &once);
    again = parse(buf_str(&once), buf_len(&once));
    assert_non_null(again);
    fmt_scn(again, &twice);
    assert_string_equal(buf_str(&once), buf_str(&twice));
    json = scn_to_json(s);
    read = scn_from_json("x.json", json, &e);
    assert_string_equal(e.text, "");
    assert_non_null(read);
    fmt_scn(read, &back);
    assert_int_equal(buf_len(&back), buf_len(&once));
    assert_memory_equal(buf_str(&back), buf_str(&once), buf_len(&once));
    json_t *same = scn_to_json(again);

    assert_true(json_equal(json, same));
    json_decref(same);
    json_decref(json);
    scn_free(s);
    scn_free(again);
    scn_free(read);
    buf_release(&once);
    buf_release(&twice);
    buf_release(&back);
}

static size_t every_file(const char *pattern, bool may_be_wrong)
{
    glob_t found;
    size_t n = 0;

    if (glob(pattern, 0, NULL, &found))
        return 0;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        struct buf text = BUF_INIT(TEXT_MAX);
        struct diag d;
        struct scn *s;

        assert_int_equal(io_read_file(found.gl_pathv[i], &text, NULL), 0);
        diag_init(&d);
        s = scn_parse(found.gl_pathv[i], buf_str(&text), buf_len(&text), &d);
        if (!s && !may_be_wrong && !strstr(found.gl_pathv[i], "/self/"))
            fail_msg("%s", diag_text(&d));
        if (s) {
            keeps_its_promises(buf_str(&text), buf_len(&text));
            n++;
        }
        scn_free(s);
        diag_release(&d);
        buf_release(&text);
    }
    globfree(&found);
    return n;
}

static void every_scenario_survives_fmt_and_json(void **state)
{
    (void)state;
    assert_true(every_file("scenarios/*/*.scn", false) > 60);
    assert_true(every_file("harness/test/corpus/scn/*.scn", true) >= 4);
    every_file("harness/test/diag/*.scn", true);
}

static void every_example_of_the_reference_is_right(void **state)
{
    (void)state;
    for (int i = 0; i < VERB_MAX; i++) {
        const struct verb *v = verb_get((enum verb_id)i);
        struct buf text = BUF_INIT(TEXT_MAX);
        bool alone = v->id != VERB_USE;

        buf_addf(&text, "scenario 1\ntitle example\n%s%s", v->example,
                 str_ends(v->example, "\n") ? "" : "\n");
        if (!alone) {
            keeps_its_promises(buf_str(&text), buf_len(&text));
        } else {
            struct scn *s = load(buf_str(&text));

            assert_non_null(s);
            scn_free(s);
        }
        buf_release(&text);
    }
    for (int i = 0; i < HEADER_MAX; i++) {
        const struct header_word *h = header_get((enum header_id)i);
        char *text = xasprintf("scenario 1\n%s\n", h->example);

        keeps_its_promises(h->id == HEADER_SCENARIO ? "scenario 1\n" : text,
                           h->id == HEADER_SCENARIO ? 11 : strlen(text));
        free(text);
    }
}

static void the_canonical_form_has_columns_blocks_and_breaks(void **state)
{
    const char *text = "\n\nscenario 1\n#one\n\n\ntitle   x   # why\nany\nexpect   acs connect\n"
                       "# in it\nend # done\nstop agent \\\n   within 5s\n\n";
    struct buf out = BUF_INIT(TEXT_MAX);
    struct scn *s = parse(text, strlen(text));

    (void)state;
    fmt_scn(s, &out);
    assert_string_equal(buf_str(&out), "scenario 1\n#one\n\ntitle   x  # why\nany\n"
                                       "  expect  acs connect\n  # in it\nend  # done\n"
                                       "stop    agent  within 5s\n");
    scn_free(s);
    buf_release(&out);
}

static void carriage_returns_end_lines_and_stay_in_attachments(void **state)
{
    const char *text = "scenario 1\r\ntitle x y\r\nfile a @b\r\n-- b --\r\n1\r\n";
    struct scn *s = parse(text, strlen(text));

    (void)state;
    assert_non_null(s);
    assert_string_equal(s->title, "x y");
    assert_string_equal(s->attachments[0]->data, "1\r\n");
    scn_free(s);
    text = "scenario 1\ntitle x\nfile a @b\n-- b --\nno newline at the end";
    keeps_its_promises(text, strlen(text));
}

static void words_are_sorted_into_what_a_step_takes(void **state)
{
    struct scn *s = load("scenario 1\ntitle x\nneeds curl jq\nanswer ecs register submit\n"
                         "fault docker refuse as f\nheal f\n"
                         "expect docker POST /containers/*/start query.t == \"5\" .a exists "
                         "within 5s after 1s as c\n"
                         "count acs connect is 1\nrun echo a=b ${c.conn} code == 1\n");
    const struct scn_step *st;

    (void)state;
    assert_non_null(s);
    assert_int_equal(s->n_needs, 2);
    assert_int_equal(s->n_answers, 2);
    assert_int_equal(s->n_steps, 5);
    assert_null(s->steps[0]->what);
    assert_non_null(scn_option(s->steps[0], "refuse"));
    st = s->steps[2];
    assert_string_equal(st->what, "POST /containers/*/start");
    assert_int_equal(st->peer, PEER_DOCKER);
    assert_int_equal(st->n_matches, 2);
    assert_int_equal(st->matches[0].value.kind, SCN_STRING);
    assert_int_equal(st->matches[1].op, MATCH_EXISTS);
    assert_string_equal(st->within->text, "5s");
    assert_string_equal(st->after->text, "1s");
    assert_string_equal(st->as, "c");
    assert_int_equal(st->number, 3);
    assert_string_equal(scn_option(s->steps[3], "is")->value.text, "1");
    assert_int_equal(s->steps[4]->n_args, 3);
    assert_int_equal(s->steps[4]->n_matches, 1);
    scn_free(s);
}

static void an_import_brings_its_steps_its_needs_and_its_answers(void **state)
{
    char folder[] = "/tmp/test-scn-XXXXXX";
    struct err e = ERR_INIT;
    struct diag d;

    (void)state;
    assert_non_null(mkdtemp(folder));
    const char *dirs[] = {folder, NULL};
    char *path = xasprintf("%s/part.scn", folder);
    const char *part = "scenario 1\nneeds curl\nanswer ecs register\nparam image\n"
                       "note ${image}\nexpect acs connect as session\n";
    const char *text = "scenario 1\ntitle x\nneeds curl\nuse part.scn image=a:b as p\n"
                       "note ${p.session.conn}\n";

    assert_int_equal(io_write_file(path, part, strlen(part), 0644, &e), 0);
    diag_init(&d);
    struct scn *s = scn_load_text("x.scn", text, strlen(text), dirs, &d);

    assert_string_equal(diag_text(&d), "");
    assert_non_null(s);
    assert_int_equal(s->steps[0]->import->n_steps, 2);
    assert_string_equal(s->steps[0]->import->source.path, path);
    assert_int_equal(s->n_needs, 1);
    assert_int_equal(s->n_answers, 1);
    scn_free(s);
    diag_release(&d);
    assert_int_equal(io_remove_tree(folder, &e), 0);
    free(path);
}

static void the_json_form_is_read_strictly(void **state)
{
    static const struct {
        const char *json, *error;
    } bad[] = {
        {"[]", "expected an object"},
        {"{\"scenario\": 2, \"steps\": []}", "scenario: expected 1, the version of the language"},
        {"{\"scenario\": 1}", "steps: expected an array"},
        {"{\"scenario\": 1, \"steps\": [{\"verb\": \"nod\"}]}", "steps[0]: unknown verb \"nod\""},
        {"{\"scenario\": 1, \"stesp\": []}", "unknown member \"stesp\": did you mean \"steps\"?"},
        {"{\"scenario\": 1, \"steps\": [{\"verb\": \"advance\"}]}", "steps[0].time: missing"},
        {"{\"scenario\": 1, \"steps\": [{\"verb\": \"advance\", \"time\": [1]}]}",
         "steps[0].time: expected a value; an array is written {\"json\": [...]}"},
        {"{\"scenario\": 1, \"steps\": [{\"verb\": \"check\", \"value\": 1, \"match\": "
         "[{\"op\": \"=\"}]}]}",
         "steps[0].match[0]: op: expected one of == != < <= > >= ~ !~ contains exists absent"},
        {"{\"scenario\": 1, \"steps\": [], \"attachments\": [{\"name\": \"a\", \"text\": "
         "\"x\\n-- b --\\n\"}]}",
         "attachments[0]: a name without blanks is needed, and no line that reads \"-- NAME --\""},
        {"{\"scenario\": 1, \"steps\": [{\"verb\": \"note\", \"text\": \"x\", \"before\": "
         "[\"no comment\"]}]}",
         "steps[0]: before: expected \"\" or \"# comment\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        json_t *v = json_loads(bad[i].json, 0, NULL);
        struct err e = ERR_INIT;

        assert_non_null(v);
        assert_null(scn_from_json("x.json", v, &e));
        assert_string_equal(e.text, bad[i].error);
        json_decref(v);
    }
}

static void generated_json_may_use_plain_values(void **state)
{
    const char *json =
        "{\"scenario\": 1, \"header\": [{\"word\": \"title\", \"text\": \"a # b\"}],"
        "\"steps\": [{\"verb\": \"run\", \"word\": [\"echo\", \"within\", \"a b\", 5, \"5\", true, "
        "\"==\", \"a=b\"], \"match\": [{\"path\": \"code\", \"op\": \"==\", \"value\": 0}],"
        "\"within\": \"5s\"}]}";
    json_t *v = json_loads(json, 0, NULL);
    struct buf out = BUF_INIT(TEXT_MAX);
    struct err e = ERR_INIT;
    struct scn *s = scn_from_json("x.json", v, &e);

    (void)state;
    assert_non_null(s);
    fmt_scn(s, &out);
    assert_string_equal(buf_str(&out),
                        "scenario 1\ntitle   \"a # b\"\n"
                        "run     echo \"within\" \"a b\" 5 \"5\" true \"==\" \"a=b\"  code == 0  "
                        "within 5s\n");
    keeps_its_promises(buf_str(&out), buf_len(&out));
    scn_free(s);
    json_decref(v);
    buf_release(&out);
}

static void deep_and_long_input_ends_in_an_error(void **state)
{
    struct buf text = BUF_INIT(TEXT_MAX);
    struct diag d;

    (void)state;
    buf_adds(&text, "scenario 1\ntitle x\nnote y\n");
    for (int i = 0; i < 18; i++)
        buf_adds(&text, "any\n");
    for (int i = 0; i < 18; i++)
        buf_adds(&text, "end\n");
    buf_adds(&text, "send acs PayloadMessage ");
    for (int i = 0; i < 1000; i++)
        buf_addc(&text, '[');
    buf_adds(&text, "\nrun");
    for (int i = 0; i < 2 * SCN_WORDS_MAX; i++)
        buf_adds(&text, " w");
    buf_addc(&text, '\n');
    diag_init(&d);
    assert_null(scn_parse("x.scn", buf_str(&text), buf_len(&text), &d));
    assert_non_null(strstr(diag_text(&d), "16 deep at most"));
    assert_non_null(strstr(diag_text(&d), "nested deeper than 200"));
    assert_non_null(strstr(diag_text(&d), "at most 1024 words"));
    diag_release(&d);
    buf_release(&text);
}

static void the_schema_and_the_reference_name_every_verb(void **state)
{
    struct buf schema = BUF_INIT(TEXT_MAX), doc = BUF_INIT(TEXT_MAX);
    json_t *v, *defs;

    (void)state;
    scn_schema_write(&schema);
    doc_write(&doc);
    v = json_loadb(buf_str(&schema), buf_len(&schema), JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(v);
    defs = json_object_get(v, "$defs");
    for (int i = 0; i < VERB_MAX; i++) {
        const struct verb *verb = verb_get((enum verb_id)i);
        char *name = xasprintf("step_%s", verb->key), *title = xasprintf("\n### %s\n", verb->words);

        assert_string_equal(
            json_string_value(json_at(json_object_get(defs, name), "properties.verb.const")),
            verb->words);
        assert_non_null(strstr(buf_str(&doc), title));
        assert_non_null(strstr(buf_str(&doc), verb->doc));
        free(name);
        free(title);
    }
    json_decref(v);
    buf_release(&schema);
    buf_release(&doc);
}

/* Runs a command with its output going nowhere. */
static int quietly(int (*cmd)(int, char **), const char *a, const char *b, const char *c)
{
    char *argv[] = {(char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)c, NULL};
    int out = dup(1), err = dup(2), null = open("/dev/null", O_WRONLY | O_CLOEXEC), r;

    fflush(stdout);
    dup2(null, 1);
    dup2(null, 2);
    r = cmd(c ? 3 : b ? 2 : 1, argv);
    fflush(stdout);
    dup2(out, 1);
    dup2(err, 2);
    close(out);
    close(err);
    close(null);
    return r;
}

static void commands_end_with_their_exit_codes(void **state)
{
    char folder[] = "/tmp/test-scn-XXXXXX";
    struct buf text = BUF_INIT(TEXT_MAX);
    struct err e = ERR_INIT;

    (void)state;
    assert_non_null(mkdtemp(folder));
    char *path = xasprintf("%s/a.scn", folder), *bad = xasprintf("%s/b.scn", folder);
    const char *ugly = "scenario 1\ntitle x\nnote    y #  z\n";

    assert_int_equal(io_write_file(path, ugly, strlen(ugly), 0600, &e), 0);
    assert_int_equal(io_write_file(bad, "scenario 1\nnod\n", 15, 0600, &e), 0);
    assert_int_equal(quietly(cmd_fmt, "fmt", "--check", path), EXITCODE_FAILED);
    assert_int_equal(quietly(cmd_fmt, "fmt", "-w", path), EXITCODE_PASSED);
    assert_int_equal(quietly(cmd_fmt, "fmt", "--check", path), EXITCODE_PASSED);
    assert_int_equal(io_read_file(path, &text, &e), 0);
    assert_string_equal(buf_str(&text), "scenario 1\ntitle   x\nnote    y  #  z\n");
    assert_int_equal(quietly(cmd_fmt, "fmt", path, bad), EXITCODE_SCENARIO);
    assert_int_equal(quietly(cmd_fmt, "fmt", NULL, NULL), EXITCODE_USAGE);
    assert_int_equal(quietly(cmd_fmt, "fmt", "--chekc", path), EXITCODE_USAGE);
    assert_int_equal(quietly(cmd_json, "json", path, NULL), EXITCODE_PASSED);
    assert_int_equal(quietly(cmd_json, "json", bad, NULL), EXITCODE_SCENARIO);
    assert_int_equal(quietly(cmd_json, "json", "/nowhere", NULL), EXITCODE_USAGE);
    assert_int_equal(quietly(cmd_doc, "doc", NULL, NULL), EXITCODE_PASSED);
    assert_int_equal(quietly(cmd_schema, "schema", "--help", NULL), EXITCODE_PASSED);
    assert_int_equal(quietly(cmd_schema, "schema", "x", NULL), EXITCODE_USAGE);
    assert_int_equal(io_remove_tree(folder, &e), 0);
    free(path);
    free(bad);
    buf_release(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scenario_survives_fmt_and_json),
        cmocka_unit_test(every_example_of_the_reference_is_right),
        cmocka_unit_test(the_canonical_form_has_columns_blocks_and_breaks),
        cmocka_unit_test(carriage_returns_end_lines_and_stay_in_attachments),
        cmocka_unit_test(words_are_sorted_into_what_a_step_takes),
        cmocka_unit_test(an_import_brings_its_steps_its_needs_and_its_answers),
        cmocka_unit_test(the_json_form_is_read_strictly),
        cmocka_unit_test(generated_json_may_use_plain_values),
        cmocka_unit_test(deep_and_long_input_ends_in_an_error),
        cmocka_unit_test(the_schema_and_the_reference_name_every_verb),
        cmocka_unit_test(commands_end_with_their_exit_codes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
