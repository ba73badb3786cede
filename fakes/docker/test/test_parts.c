#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/behaviour.h"
#include "fakes/docker/gojson.h"
#include "fakes/docker/ref.h"
#include "fakes/docker/schema.h"

static void names_of_images_are_completed_and_shortened(void **state)
{
    static const struct {
        const char *given, *domain, *path, *familiar;
    } cases[] = {
        {"busybox", "docker.io", "library/busybox", "busybox:latest"},
        {"busybox:1.36", "docker.io", "library/busybox", "busybox:1.36"},
        {"docker.io/library/busybox", "docker.io", "library/busybox", "busybox:latest"},
        {"index.docker.io/a/b:2", "docker.io", "a/b", "a/b:2"},
        {"amazon/amazon-ecs-pause:0.1.0", "docker.io", "amazon/amazon-ecs-pause",
         "amazon/amazon-ecs-pause:0.1.0"},
        {"127.0.0.1:5000/lib/x", "127.0.0.1:5000", "lib/x", "127.0.0.1:5000/lib/x:latest"},
        {"localhost/x:t", "localhost", "x", "localhost/x:t"},
        {"a__b/c-d.e:T_1", "docker.io", "a__b/c-d.e", "a__b/c-d.e:T_1"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *why;
        struct ref r;
        char *s;

        assert_int_equal(ref_parse(&r, cases[i].given, &why), 0);
        ref_default_tag(&r);
        s = ref_familiar(&r);
        assert_string_equal(r.domain, cases[i].domain);
        assert_string_equal(r.path, cases[i].path);
        assert_string_equal(s, cases[i].familiar);
        free(s);
        ref_release(&r);
    }
}

static void bad_names_of_images_are_refused_in_the_librarys_words(void **state)
{
    static const char *const bad[] = {"",     ":1",   "a:",     "a:b:c@",  "a//b",       "a/-b",
                                      "a@x",  "-a/b", "a..b:1", "a b",     "a/",         "/a",
                                      "a:-x", "a_:1", "a___b",  "x.y:z/a", "a@sha256:12"};
    const char *why;
    struct ref r;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(ref_parse(&r, bad[i], &why), -1);
        assert_string_equal(why, "invalid reference format");
    }
    assert_int_equal(ref_parse(&r, "UPPER/Case:1", &why), -1);
    assert_string_equal(why, "invalid reference format: repository name must be lowercase");
}

static void broken_json_is_described_as_go_does(void **state)
{
    static const struct {
        const char *text, *decoder, *unmarshal;
    } cases[] = {
        {"", "EOF", "unexpected end of JSON input"},
        {" \n", "EOF", "unexpected end of JSON input"},
        {"{\"Image\": ", "unexpected EOF", "unexpected end of JSON input"},
        {"{\"a\":\"b", "unexpected EOF", "unexpected end of JSON input"},
        {"notjson", "invalid character 'o' in literal null (expecting 'u')", NULL},
        {"{a:1}", "invalid character 'a' looking for beginning of object key string", NULL},
        {"{\"a\" 1}", "invalid character '1' after object key", NULL},
        {"{\"a\":1 \"b\"}", "invalid character '\"' after object key:value pair", NULL},
        {"[1 2]", "invalid character '2' after array element", NULL},
        {"{\"a\":}", "invalid character '}' looking for beginning of value", NULL},
        {"'x'", "invalid character '\\'' looking for beginning of value", NULL},
        {"[1.]", "invalid character ']' after decimal point in numeric literal", NULL},
        {"[-]", "invalid character ']' in numeric literal", NULL},
        {"[1e]", "invalid character ']' in exponent of numeric literal", NULL},
        {"[\"\\x\"]", "invalid character 'x' in string escape code", NULL},
        {"[\"\\u12g4\"]", "invalid character 'g' in \\u hexadecimal character escape", NULL},
        {"[\"a\nb\"]", "invalid character '\\n' in string literal", NULL},
    };
    char why[GOJSON_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        size_t n = strlen(cases[i].text);

        assert_int_equal(gojson_check(cases[i].text, n, GOJSON_DECODER, why), -1);
        assert_string_equal(why, cases[i].decoder);
        assert_int_equal(gojson_check(cases[i].text, n, GOJSON_UNMARSHAL, why), -1);
        assert_string_equal(why, cases[i].unmarshal ? cases[i].unmarshal : cases[i].decoder);
    }
    assert_int_equal(gojson_check("{} x", 4, GOJSON_DECODER, why), 0);
    assert_int_equal(gojson_check("{} x", 4, GOJSON_UNMARSHAL, why), -1);
    assert_string_equal(why, "invalid character 'x' after top-level value");
}

static void members_are_found_in_any_case_and_unknown_ones_dropped(void **state)
{
    char why[GOJSON_TEXT_MAX];
    static const char text[] = "{\"image\":\"x\",\"CMD\":\"one\",\"Nonsense\":1,\"Env\":null}";
    json_t *o = gojson_read(text, strlen(text), GOJSON_DECODER, why), *c;

    (void)state;
    c = schema_read(config_schema(), o, "ContainerConfigWrapper", why);
    assert_non_null(c);
    assert_int_equal(json_object_size(c), 2);
    assert_string_equal(json_str(c, "Image"), "x");
    assert_string_equal(json_string_value(json_array_get(json_object_get(c, "Cmd"), 0)), "one");
    json_decref(c);
    json_decref(o);
}

static void a_wrong_type_is_refused_with_go_names(void **state)
{
    static const struct {
        const char *text, *why;
        bool host;
    } cases[] = {
        {"{\"Image\":5}", "number into Go struct field W.Image of type string", false},
        {"{\"Env\":\"A=1\"}", "string into Go struct field W.Env of type []string", false},
        {"{\"Labels\":{\"a\":1}}", "number into Go struct field W.Labels of type string", false},
        {"{\"Memory\":\"1g\"}", "string into Go struct field W.Memory of type int64", true},
        {"{\"Memory\":1.5}", "number 1.5 into Go struct field W.Memory of type int64", true},
        {"{\"LogConfig\":{\"Type\":[]}}",
         "array into Go struct field W.LogConfig.Type of type string", true},
        {"{\"PortBindings\":[]}", "array into Go struct field W.PortBindings of type nat.PortMap",
         true},
    };
    char why[GOJSON_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        json_t *o = gojson_read(cases[i].text, strlen(cases[i].text), GOJSON_DECODER, why);

        assert_null(
            schema_read(cases[i].host ? host_config_schema() : config_schema(), o, "W", why));
        assert_true(str_ends(why, cases[i].why));
        json_decref(o);
    }
}

static void an_empty_host_config_has_every_member_in_gos_order(void **state)
{
    struct buf b = BUF_INIT(1 << 16);
    size_t at = 0;

    (void)state;
    schema_write_for(&b, host_config_schema(), NULL, 1041, "Runtime", &at);
    assert_true(str_starts(buf_str(&b),
                           "{\"Binds\":null,\"ContainerIDFile\":\"\",\"LogConfig\":{\"Type\":\"\","
                           "\"Config\":null},\"NetworkMode\":\"\",\"PortBindings\":null,"));
    assert_true(str_starts(buf_str(&b) + at, ",\"ConsoleSize\":[0,0],\"Isolation\":\"\""));
    buf_release(&b);
}

static void options_of_images_are_read(void **state)
{
    struct behaviour *b = behaviour_new();
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(behaviour_set(b, "run-for", "1m30s", true, &e), 0);
    assert_int_equal(b->run_for, 90 * NS_PER_S);
    assert_int_equal(behaviour_set(b, "signal", "sigsegv", true, &e), 0);
    assert_int_equal(b->signal, 11);
    assert_int_equal(behaviour_set(b, "memory", "64MiB", true, &e), 0);
    assert_int_equal(b->memory, 64 << 20);
    assert_int_equal(behaviour_set(b, "cpu", "12.5%", true, &e), 0);
    assert_int_equal(b->cpu, 125);
    assert_int_equal(behaviour_set(b, "oom", "3s", true, &e), 0);
    assert_true(b->oom && b->run_for == 3 * NS_PER_S);
    assert_int_equal(behaviour_set(b, "health", "starting:2s,healthy:10s,unhealthy", true, &e), 0);
    assert_int_equal(b->n_steps, 3);
    assert_int_equal(b->steps[1].status, HEALTH_HEALTHY);
    assert_int_equal(b->steps[1].lasts, 10 * NS_PER_S);
    assert_int_equal(b->steps[2].lasts, -1);
    behaviour_unref(b);
}

static void wrong_options_get_one_clear_line(void **state)
{
    static const struct {
        const char *name, *value, *text;
        bool label;
    } cases[] = {
        {"run-for", "soon", "run-for: soon is not a duration such as 5s or 1m30s", false},
        {"run-for", "-1s", "run-for: -1s is not a duration such as 5s or 1m30s", false},
        {"exit", "256", "exit: 256 is not an exit code from 0 to 255", false},
        {"exit", "", "exit: \"\" is not an exit code from 0 to 255", false},
        {"health", "sick", "health: sick is not steps such as starting:2s,healthy:10s,unhealthy",
         false},
        {"layers", "a,,b", "layers: a,,b is not a number from 1 to 127 or names such as base,app",
         false},
        {"digest", "sha256:1", "digest: sha256:1 is not sha256: and 64 hexadecimal digits", false},
        {"ignore_term", "yes", "no such option: ignore_term (did you mean ignore-term?)", false},
        {"pull", "1s", "pull says what an image is; a container has none", true},
    };
    struct behaviour *b = behaviour_new();

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct err e = ERR_INIT;

        assert_int_equal(behaviour_set(b, cases[i].name, cases[i].value, cases[i].label, &e), -1);
        assert_string_equal(e.text, cases[i].text);
    }
    behaviour_unref(b);
}

static void a_copy_of_a_behaviour_stands_alone(void **state)
{
    struct behaviour *a = behaviour_new(), *b;
    struct err e = ERR_INIT;

    (void)state;
    behaviour_set(a, "stdout", "one", false, &e);
    b = behaviour_copy(a);
    behaviour_set(b, "stdout", "two", true, &e);
    assert_string_equal(a->out, "one");
    assert_string_equal(b->out, "two");
    behaviour_unref(a);
    behaviour_unref(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_images_are_completed_and_shortened),
        cmocka_unit_test(bad_names_of_images_are_refused_in_the_librarys_words),
        cmocka_unit_test(broken_json_is_described_as_go_does),
        cmocka_unit_test(members_are_found_in_any_case_and_unknown_ones_dropped),
        cmocka_unit_test(a_wrong_type_is_refused_with_go_names),
        cmocka_unit_test(an_empty_host_config_has_every_member_in_gos_order),
        cmocka_unit_test(options_of_images_are_read),
        cmocka_unit_test(wrong_options_get_one_clear_line),
        cmocka_unit_test(a_copy_of_a_behaviour_stands_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
