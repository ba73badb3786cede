#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fakes/s3/test/s3_peer.h"

#define CONFIG "<VersioningConfiguration><Status>%s</Status></VersioningConfiguration>"

static int set_status(const char *status)
{
    char *text = xasprintf(CONFIG, status);
    int r = ask("PUT", "/buck?versioning", NULL, text);

    free(text);
    return r;
}

static int begin(void **state)
{
    (void)state;
    if (begin_world(false) < 0 || control("bucket", "{\"name\": \"buck\"}") < 0)
        return -1;
    return set_status("Enabled") == 200 ? 0 : -1;
}

/* PUTs it, and returns the id of the version, to be freed. */
static char *put(const char *target, const char *body)
{
    static const char name[] = "\r\nx-amz-version-id: ";
    const char *s;

    assert_int_equal(ask("PUT", target, NULL, body), 200);
    s = strcasestr(got.head, name);
    return s ? xstrndup(s + strlen(name), strcspn(s + strlen(name), "\r")) : NULL;
}

static int ask_version(const char *method, const char *key, const char *id)
{
    char *target = xasprintf("%s?versionId=%s", key, id);
    int r = ask(method, target, NULL, NULL);

    free(target);
    return r;
}

static void a_version_outlives_the_next(void **state)
{
    char *one = put("/buck/a", "1"), *two = put("/buck/a", "2");

    (void)state;
    assert_string_not_equal(one, two);
    assert_int_equal(ask("GET", "/buck/a", NULL, NULL), 200);
    assert_string_equal(got.body, "2");
    assert_int_equal(ask_version("GET", "/buck/a", one), 200);
    assert_string_equal(got.body, "1");
    assert_int_equal(ask_version("DELETE", "/buck/a", two), 204);
    assert_int_equal(ask("GET", "/buck/a", NULL, NULL), 200);
    assert_string_equal(got.body, "1");
    assert_int_equal(ask_version("GET", "/buck/a", two), 404);
    assert_true(has("<Code>NoSuchVersion</Code>"));
    assert_int_equal(ask_version("DELETE", "/buck/a", two), 204); /* again is no error */
    free(one);
    free(two);
}

static void a_marker_hides_the_key(void **state)
{
    char *one = put("/buck/a", "1");

    (void)state;
    assert_int_equal(ask("DELETE", "/buck/a", NULL, NULL), 204);
    assert_true(has_header("x-amz-delete-marker: true"));
    assert_int_equal(ask("GET", "/buck/a", NULL, NULL), 404);
    assert_true(has_header("x-amz-delete-marker: true"));
    assert_int_equal(ask("GET", "/buck", NULL, NULL), 200);
    assert_null(strstr(got.body, "<Contents>"));
    assert_int_equal(ask_version("GET", "/buck/a", one), 200);
    assert_int_equal(ask("PUT", "/buck/a", "If-None-Match: *\r\n", "2"), 200);
    assert_int_equal(ask("PUT", "/buck/a", "If-None-Match: *\r\n", "3"), 412);
    free(one);
}

static void a_version_is_not_found_by_what_is_no_id(void **state)
{
    (void)state;
    free(put("/buck/a", "1"));
    assert_int_equal(ask_version("GET", "/buck/a", "..%2Fx"), 400);
    assert_true(has("<Code>InvalidArgument</Code>"));
    assert_int_equal(ask_version("GET", "/buck/a", "null"), 404);
    assert_int_equal(ask_version("DELETE", "/buck/a", "x"), 400);
    assert_int_equal(ask("GET", "/buck/a", NULL, NULL), 200);
}

static void a_bucket_is_empty_without_its_last_version(void **state)
{
    char *one = put("/buck/a", "1");

    (void)state;
    assert_int_equal(ask("DELETE", "/buck", NULL, NULL), 409);
    assert_int_equal(ask_version("DELETE", "/buck/a", one), 204);
    assert_int_equal(ask("DELETE", "/buck", NULL, NULL), 204);
    free(one);
}

static void a_status_that_is_none_changes_nothing(void **state)
{
    (void)state;
    assert_int_equal(set_status("Off"), 400);
    assert_int_equal(ask("PUT", "/buck?versioning", NULL, "<VersioningConfiguration/>"), 400);
    assert_true(has("<Code>IllegalVersioningConfigurationException</Code>"));
    assert_int_equal(ask("GET", "/buck?versioning", NULL, NULL), 200);
    assert_true(member_is("Status", "Enabled"));
}

static void suspended_there_is_one_without_an_id(void **state)
{
    char *one = put("/buck/a", "1");

    (void)state;
    assert_int_equal(set_status("Suspended"), 200);
    assert_null(put("/buck/a", "2"));
    assert_null(put("/buck/a", "3"));
    assert_int_equal(ask("GET", "/buck?versions", NULL, NULL), 200);
    assert_true(has("<VersionId>null</VersionId><IsLatest>true</IsLatest>"));
    assert_null(strstr(strstr(got.body, "<VersionId>null") + 1, "<VersionId>null"));
    assert_int_equal(ask_version("DELETE", "/buck/a", "null"), 204);
    assert_int_equal(ask("GET", "/buck/a", NULL, NULL), 200);
    assert_string_equal(got.body, "1");
    free(one);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_version_outlives_the_next),
        TEST(a_marker_hides_the_key),
        TEST(a_version_is_not_found_by_what_is_no_id),
        TEST(a_bucket_is_empty_without_its_last_version),
        TEST(a_status_that_is_none_changes_nothing),
        TEST(suspended_there_is_one_without_an_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
