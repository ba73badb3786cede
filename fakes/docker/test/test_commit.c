#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "fakes/docker/engine.h"
#include "fakes/docker/image_config.h"
#include "fakes/docker/shell_word.h"
#include "fakes/docker/test/client.c"

/* What the lines make of {"Env":["A=1"],"Cmd":["sh"],"WorkingDir":"/w"}, as text; or the refusal.
 */
static const char *changed_by(const char *lines, int api)
{
    static char said[1024];
    char why[GOJSON_TEXT_MAX], *text;
    json_t *config = json_pack("{s:[s],s:[s],s:s}", "Env", "A=1", "Cmd", "sh", "WorkingDir", "/w");

    if (config_changes(config, lines, api, why) < 0) {
        snprintf(said, sizeof(said), "%s", why);
    } else {
        text = json_dumps(config, JSON_COMPACT | JSON_SORT_KEYS);
        snprintf(said, sizeof(said), "%s", text);
        free(text);
    }
    json_decref(config);
    return said;
}

static void instructions_change_a_configuration(void **state)
{
    (void)state;
    assert_string_equal(changed_by("ENV B=2 A=$A$A", API(41)),
                        "{\"Cmd\":[\"sh\"],\"Env\":[\"A=11\",\"B=2\"],\"WorkingDir\":\"/w\"}");
    assert_string_equal(changed_by("cmd [\"a\", \"b\"]\nWORKDIR x/../y/", API(41)),
                        "{\"Cmd\":[\"a\",\"b\"],\"Env\":[\"A=1\"],\"WorkingDir\":\"/w/y\"}");
    assert_string_equal(changed_by("ENTRYPOINT run me\nWORKDIR /d/", API(41)),
                        "{\"Entrypoint\":[\"/bin/sh\",\"-c\",\"run "
                        "me\"],\"Env\":[\"A=1\"],\"WorkingDir\":\"/d/\"}");
    assert_string_equal(
        changed_by("  # no\n\nLABEL a=\"x y\" \\\n# nor this\n  b=z\nEXPOSE 1-2/UDP", API(41)),
        "{\"Cmd\":[\"sh\"],\"Env\":[\"A=1\"],\"ExposedPorts\":{\"1/udp\":{},\"2/udp\":{}},"
        "\"Labels\":{\"a\":\"x y\",\"b\":\"z\"},\"WorkingDir\":\"/w\"}");
    assert_string_equal(
        changed_by("HEALTHCHECK --interval=2s CMD true\nVOLUME /a $A", API(41)),
        "{\"Cmd\":[\"sh\"],\"Env\":[\"A=1\"],\"Healthcheck\":{\"Interval\":2000000000,\"Test\":"
        "[\"CMD-SHELL\",\"true\"]},\"Volumes\":{\"/a\":{},\"1\":{}},\"WorkingDir\":\"/w\"}");
}

static void instructions_are_refused_as_buildkit_words_it(void **state)
{
    (void)state;
    assert_string_equal(changed_by("", API(41)), "file with no instructions");
    assert_string_equal(changed_by("RUN x", API(41)), "run is not a valid change command");
    assert_string_equal(changed_by("RUN x", API(45)), "RUN is not a valid change command");
    assert_string_equal(changed_by("STOPSIGNAL INT", API(41)),
                        "stopsignal is not a valid change command");
    assert_string_equal(changed_by("ENV", API(41)), "ENV requires at least one argument");
    assert_string_equal(changed_by("CMD [\"a\", 1]", API(41)),
                        "when using JSON array syntax, arrays must be comprised of strings only");
    assert_string_equal(changed_by("EXPOSE 70000", API(41)), "Invalid containerPort: 70000");
    assert_string_equal(changed_by("USER --x y", API(45)), "unknown flag: x");
}

static void words_are_read_as_a_shell_does(void **state)
{
    static const struct {
        const char *word, *old, *modern;
    } all[] = {
        {"a'b $A'\"c $A\\\"\"\\$A", "ab $Ac 1\"$A", "ab $Ac 1\"$A"},
        {"${A}$Z${Z:-x$A}${A:+y}", "1x1y", "1x1y"},
        {"$", "$", "$"},
        {"'a", "unexpected end of statement while looking for matching single-quote",
         "unexpected end of statement while looking for matching single-quote"},
        {"${Z-x}", "missing ':' in substitution", "x"},
        {"${Z:!x}", "unsupported modifier (!) in substitution",
         "unsupported modifier (:!) in substitution"},
        {"${Z:?}", "Z: is not allowed to be unset", "Z: is not allowed to be unset"},
        {"${}", "syntax error: bad substitution", "syntax error: bad substitution"},
        {"${A:-x", "syntax error: missing '}'", "syntax error: missing '}'"},
    };
    json_t *env = json_pack("[s]", "A=1");

    (void)state;
    for (size_t i = 0; i < 2 * ARRAY_SIZE(all); i++) {
        char why[GOJSON_TEXT_MAX];
        bool modern = i % 2;
        char *said = shell_word(all[i / 2].word, env, modern, why);

        assert_string_equal(said ? said : why, modern ? all[i / 2].modern : all[i / 2].old);
        free(said);
    }
    json_decref(env);
}

static char *committed(const char *query)
{
    char *path = xasprintf("/commit?container=main%s", query);
    const struct answer *a = call("POST", path, NULL);

    free(path);
    assert_int_equal(a->status, 201);
    return xstrdup(json_str(a->json, "Id"));
}

static void an_image_of_a_container_knows_what_it_came_from(void **state)
{
    const struct answer *a;
    char *id, *parent;

    (void)state;
    control("image", "name", "app:1", "cached", "yes", NULL);
    run("main", "app:1", ",\"Cmd\":[\"serve\"],\"Labels\":{\"l\":\"1\"}");
    id = committed("&repo=made&comment=why&changes=CMD+other");
    a = call("GET", "/images/made/json", NULL);
    assert_string_equal(json_str(a->json, "Id"), id);
    parent = xstrdup(json_str(a->json, "Parent"));
    assert_string_equal(json_str(a->json, "Comment"), "why");
    assert_string_equal(json_string_value(json_array_get(json_at(a->json, "Config.Cmd"), 2)),
                        "other");
    assert_string_equal(
        json_string_value(json_array_get(json_at(a->json, "ContainerConfig.Cmd"), 0)), "serve");
    assert_string_equal(inspect("main", "Image"), parent);
    free(parent);
    assert_string_equal(events_of("main"), "create start pause commit unpause");
    a = call("DELETE", "/images/app:1?force=1", NULL);
    assert_int_equal(a->status, 200); /* its names go, the image has a child */
    assert_int_equal(json_array_size(a->json), 2);
    run("child", "made", "");
    call("DELETE", "/containers/main?force=1", NULL);
    call("DELETE", "/containers/child?force=1", NULL);
    a = call("DELETE", "/images/made", NULL);
    assert_int_equal(json_array_size(a->json), 4); /* with its parent and that one's layer */
    free(id);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, client_begin, client_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(instructions_change_a_configuration),
        cmocka_unit_test(instructions_are_refused_as_buildkit_words_it),
        cmocka_unit_test(words_are_read_as_a_shell_does),
        TEST(an_image_of_a_container_knows_what_it_came_from),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
