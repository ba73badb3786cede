#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "base/mem.h"
#include "fakes/core/route.h"

static const struct route table[] = {
    {"GET", "/", "root", NULL},
    {"GET", "/containers/json", "list", NULL},
    {"GET", "/containers/{id}/json", "inspect", NULL},
    {"POST", "/containers/{id}/start", "start", NULL},
    {"DELETE", "/containers/{id}", "remove", NULL},
    {"GET", "/images/json", "images", NULL},
    {"GET", "/images/{name...}/json", "image", NULL},
    {"DELETE", "/images/{name...}", "rmi", NULL},
    {"*", "/any/{a}/of/{b}", "any", NULL},
    {NULL, NULL, NULL, NULL},
};

static const char *group_of(const char *method, const char *path)
{
    const struct route *r = route_find(table, method, path, NULL);

    return r ? r->group : "none";
}

static void a_word_before_a_name_wins(void **state)
{
    (void)state;
    assert_string_equal(group_of("GET", "/containers/json"), "list");
    assert_string_equal(group_of("GET", "/containers/json/json"), "inspect");
    assert_string_equal(group_of("GET", "/"), "root");
}

static void a_name_is_one_segment_and_never_empty(void **state)
{
    (void)state;
    assert_string_equal(group_of("GET", "/containers/abc/json"), "inspect");
    assert_string_equal(group_of("GET", "/containers//json"), "none");
    assert_string_equal(group_of("GET", "/containers/a/b/json"), "none");
    assert_string_equal(group_of("DELETE", "/containers/abc/"), "none");
    assert_string_equal(group_of("GET", "/containers/abc/jso"), "none");
    assert_string_equal(group_of("GET", "/containers/abc/jsonx"), "none");
}

static void a_long_name_takes_as_many_segments_as_the_rest_leaves(void **state)
{
    const char *pattern = "/images/{name...}/json";
    char *v = route_param(pattern, "/images/a/json/json", "name");

    (void)state;
    assert_string_equal(v, "a/json");
    free(v);
    v = route_param(pattern, "/images/localhost:5000/team/app:1/json", "name");
    assert_string_equal(v, "localhost:5000/team/app:1");
    free(v);
    assert_string_equal(group_of("GET", "/images/json"), "images");
    assert_string_equal(group_of("GET", "/images/library/busybox/json"), "image");
    assert_string_equal(group_of("GET", "/images//json"), "none");
    assert_string_equal(group_of("DELETE", "/images/a/b/c"), "rmi");
    assert_string_equal(group_of("DELETE", "/images/"), "none");
}

static void another_method_on_a_known_path_is_told_apart_from_an_unknown_path(void **state)
{
    bool other = true;

    (void)state;
    assert_null(route_find(table, "GET", "/containers/abc/start", &other));
    assert_true(other);
    assert_null(route_find(table, "GET", "/nowhere", &other));
    assert_false(other);
    other = true;
    assert_non_null(route_find(table, "POST", "/containers/abc/start", &other));
    assert_false(other);
    assert_string_equal(group_of("PATCH", "/any/1/of/2"), "any");
}

static void each_name_of_a_pattern_is_found(void **state)
{
    char *a = route_param("/any/{a}/of/{b}", "/any/x y/of/2", "a");
    char *b = route_param("/any/{a}/of/{b}", "/any/x y/of/2", "b");

    (void)state;
    assert_string_equal(a, "x y");
    assert_string_equal(b, "2");
    free(a);
    free(b);
    assert_null(route_param("/any/{a}/of/{b}", "/any/x/of/2", "c"));
    assert_null(route_param("/any/{a}/of/{b}", "/other/x/of/2", "a"));
    assert_null(route_param("/open/{a", "/open/x", "a"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_word_before_a_name_wins),
        cmocka_unit_test(a_name_is_one_segment_and_never_empty),
        cmocka_unit_test(a_long_name_takes_as_many_segments_as_the_rest_leaves),
        cmocka_unit_test(another_method_on_a_known_path_is_told_apart_from_an_unknown_path),
        cmocka_unit_test(each_name_of_a_pattern_is_found),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
