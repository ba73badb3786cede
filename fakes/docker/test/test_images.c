#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/test/client.c"

#define DIGEST "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const char *message(const struct answer *a)
{
    const char *s = json_str(a->json, "message");

    return s ? s : "";
}

static const char *last_line(const struct answer *a)
{
    const char *s = buf_str(&a->body), *found = s;

    for (; (s = strstr(s, "{\"")); s++)
        found = s;
    return found;
}

static void a_pull_of_an_unknown_repository_is_denied(void **state)
{
    const struct answer *a;

    (void)state;
    a = call("POST", "/images/create?fromImage=nosuch%2Fapp&tag=1", NULL);
    assert_int_equal(a->status, 404);
    assert_string_equal(message(a),
                        "pull access denied for nosuch/app, repository does not exist or may "
                        "require 'docker login': denied: requested access to the resource is "
                        "denied");
    a = call("POST", "/images/create?fromImage=busybox&tag=9", NULL);
    assert_int_equal(a->status, 404);
    assert_string_equal(message(a), "manifest for busybox:9 not found: manifest unknown: manifest "
                                    "unknown");
    a = call("POST", "/images/create?fromImage=UPPER/Case:1", NULL);
    assert_int_equal(a->status, 400);
    assert_string_equal(message(a), "invalid reference format: repository name must be lowercase");
    a = call("POST", "/v1.17/images/create?fromImage=nosuch", NULL);
    assert_true(str_starts(buf_str(&a->body), "pull access denied for nosuch"));
}

static void a_pull_takes_its_time_and_tells_progress(void **state)
{
    struct peer p;

    (void)state;
    control("image", "name", "app:1", "pull", "10s", "size", "40MB", "layers", "2", NULL);
    assert_int_equal(call("GET", "/images/app:1/json", NULL)->status, 404);
    ask(&p, "POST", "/images/create?fromImage=app&tag=1", NULL);
    assert_non_null(strstr(buf_str(&p.got), "{\"status\":\"Pulling from library/app\",\"id\":\"1\"}"
                                            "\r\n"));
    pass(9 * NS_PER_S);
    assert_false(p.eof);
    assert_int_equal(call("GET", "/images/app:1/json", NULL)->status, 404);
    pass(2 * NS_PER_S);
    assert_true(peer_wait_end(&p));
    answer_of(&p);
    assert_true(answer.chunks > 20);
    assert_non_null(strstr(buf_str(&answer.body), "\"status\":\"Downloading\",\"progressDetail\":{"
                                                  "\"current\":"));
    assert_true(str_starts(last_line(&answer),
                           "{\"status\":\"Status: Downloaded newer image for app:1\"}"));
    peer_close(&p);
    assert_int_equal(call("GET", "/images/app:1/json", NULL)->status, 200);
    call("POST", "/images/create?fromImage=app:1", NULL);
    assert_int_equal(answer.chunks, 3);
    assert_true(
        str_starts(last_line(&answer), "{\"status\":\"Status: Image is up to date for app:1\"}"));
}

static void a_pull_whose_client_leaves_is_given_up(void **state)
{
    struct peer p;

    (void)state;
    control("image", "name", "app:1", "pull", "10s", NULL);
    ask(&p, "POST", "/images/create?fromImage=app&tag=1", NULL);
    peer_close(&p);
    pass(20 * NS_PER_S);
    assert_int_equal(call("GET", "/images/app:1/json", NULL)->status, 404);
}

static void pulls_fail_before_the_stream_or_inside_it(void **state)
{
    const struct answer *a;
    struct peer p;

    (void)state;
    control("image", "name", "app:1", "pull-error", "toomanyrequests", NULL);
    a = call("POST", "/images/create?fromImage=app:1", NULL);
    assert_int_equal(a->status, 500);
    assert_true(str_starts(message(a), "toomanyrequests: "));
    control("image", "name", "app:2", "pull-error", "connection lost", "pull", "3s", NULL);
    ask(&p, "POST", "/images/create?fromImage=app:2", NULL);
    pass(4 * NS_PER_S);
    assert_true(peer_wait_end(&p));
    answer_of(&p);
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(buf_str(&answer.body),
                           "{\"errorDetail\":{\"message\":\"connection lost\"},\"error\":"
                           "\"connection lost\"}\r\n"));
    peer_close(&p);
    assert_int_equal(call("GET", "/images/app:2/json", NULL)->status, 404);
}

static void a_pull_by_digest_gives_no_tag(void **state)
{
    const struct answer *a;

    (void)state;
    control("image", "name", "a/app:1", "digest", DIGEST, NULL);
    call("POST", "/images/create?fromImage=a/app&tag=" DIGEST, NULL);
    assert_non_null(strstr(buf_str(&answer.body), "\"id\":\"a/app@" DIGEST "\""));
    a = call("GET", "/images/a/app@" DIGEST "/json", NULL);
    assert_int_equal(a->status, 200);
    assert_int_equal(json_array_size(json_at(a->json, "RepoTags")), 0);
    assert_int_equal(json_array_size(json_at(a->json, "RepoDigests")), 1);
    assert_int_equal(call("POST", "/images/a/app@" DIGEST "/tag?repo=a/app&tag=1", NULL)->status,
                     201);
    assert_int_equal(call("GET", "/images/a/app:1/json", NULL)->status, 200);
    a = call("GET", "/distribution/a/app:1/json", NULL);
    assert_string_equal(json_string_value(json_at(a->json, "Descriptor.digest")), DIGEST);
    assert_int_equal(call("GET", "/distribution/nosuch/json", NULL)->status, 403);
    assert_int_equal(call("GET", "/distribution/a/app:9/json", NULL)->status, 404);
}

static void names_of_one_digest_are_names_of_one_image(void **state)
{
    char id[80];

    (void)state;
    control("image", "name", "a/app:1", "digest", DIGEST, NULL);
    control("image", "name", "a/app:1.2", "digest", DIGEST, NULL);
    control("image", "name", "b/app:1", NULL);
    call("POST", "/images/create?fromImage=a/app&tag=1", NULL);
    call("POST", "/images/create?fromImage=a/app&tag=1.2", NULL);
    call("POST", "/images/create?fromImage=b/app&tag=1", NULL);
    call("GET", "/images/a/app:1/json", NULL);
    snprintf(id, sizeof(id), "%s", json_str(answer.json, "Id"));
    call("GET", "/images/a/app:1.2/json", NULL);
    assert_string_equal(json_str(answer.json, "Id"), id);
    assert_int_equal(json_array_size(json_at(answer.json, "RepoTags")), 2);
    call("GET", "/images/b/app:1/json", NULL);
    assert_string_not_equal(json_str(answer.json, "Id"), id);
}

static void credentials_are_decoded_and_masked(void **state)
{
    static const char header[] =
        /* {"username":"AWS","password":"top-secret"} with a newline, URL alphabet */
        "X-Registry-Auth: eyJ1c2VybmFtZSI6IkFXUyIsInBhc3N3b3JkIjoidG9wLXNlY3JldCJ9Cg==\r\n";
    const struct record *r = NULL;
    char *text;

    (void)state;
    call_with("POST", "/images/create?fromImage=busybox&tag=1", header, NULL);
    for (size_t i = 0; i < world->journal.n; i++)
        if (world->journal.records[i]->kind == RECORD_REQUEST)
            r = world->journal.records[i];
    assert_string_equal(json_str(r->data, "image"), "busybox:1");
    assert_string_equal(json_string_value(json_at(r->data, "auth.username")), "AWS");
    assert_string_equal(json_string_value(json_at(r->data, "auth.password")), "***");
    text = json_text(r->data);
    assert_null(strstr(text, "top-secret"));
    assert_null(strstr(text, "eyJ1c2Vy"));
    free(text);
}

static void a_name_is_removed_before_its_image(void **state)
{
    const struct answer *a;

    (void)state;
    call("POST", "/images/busybox:1/tag?repo=mine/copy&tag=x", NULL);
    a = call("DELETE", "/images/mine/copy:x", NULL);
    assert_int_equal(json_array_size(a->json), 1);
    assert_string_equal(json_str(json_array_get(a->json, 0), "Untagged"), "mine/copy:x");
    run("aa", "busybox:1", "");
    a = call("DELETE", "/images/busybox:1", NULL);
    assert_int_equal(a->status, 409);
    assert_true(str_starts(message(a), "conflict: unable to remove repository reference "
                                       "\"busybox:1\" (must force) - container "));
    call("DELETE", "/containers/aa?force=1", NULL);
    a = call("DELETE", "/images/busybox:1", NULL);
    assert_int_equal(a->status, 200);
    assert_int_equal(json_array_size(a->json), 4); /* tag, digest, image, layer */
    assert_int_equal(call("DELETE", "/images/busybox:1", NULL)->status, 404);
    assert_string_equal(message(&answer), "No such image: busybox:1");
}

static void an_image_in_use_cannot_be_deleted_by_id(void **state)
{
    const struct answer *a;
    char *id, *path;

    (void)state;
    run("aa", "busybox:1", "");
    id = xstrdup(json_str(call("GET", "/images/busybox:1/json", NULL)->json, "Id"));
    path = xasprintf("/images/%s?force=1", id);
    a = call("DELETE", path, NULL);
    assert_int_equal(a->status, 409);
    assert_non_null(strstr(message(a), "(cannot be forced) - image is being used by running "
                                       "container "));
    call("POST", "/containers/aa/kill", NULL);
    path[strlen("/images/") + strlen(id)] = '\0';
    a = call("DELETE", path, NULL);
    assert_int_equal(a->status, 409);
    assert_non_null(strstr(message(a), "(must be forced) - image is being used by stopped "
                                       "container "));
    free(id);
    free(path);
}

static void layers_of_the_same_name_are_shared(void **state)
{
    const struct answer *a;

    (void)state;
    control("image", "name", "one:1", "layers", "base,one", NULL);
    control("image", "name", "two:1", "layers", "base,two", NULL);
    call("POST", "/images/create?fromImage=one:1", NULL);
    call("POST", "/images/create?fromImage=two:1", NULL);
    assert_non_null(strstr(buf_str(&answer.body), "{\"status\":\"Already exists\""));
    a = call("DELETE", "/images/two:1", NULL);
    assert_int_equal(json_array_size(a->json), 4); /* tag, digest, image, the layer `two` */
}

static void lists_of_images_are_filtered(void **state)
{
    const struct answer *a;

    (void)state;
    control("image", "name", "other:1", "cached", "", "label", "k=v", NULL);
    assert_int_equal(json_array_size(call("GET", "/images/json", NULL)->json), 2);
    a = call("GET", "/images/json?filters={\"reference\":[\"busy*\"]}", NULL);
    assert_int_equal(json_array_size(a->json), 1);
    a = call("GET", "/images/json?filters={\"label\":[\"k=v\"]}", NULL);
    assert_int_equal(json_array_size(a->json), 1);
    a = call("GET", "/images/json?filters={\"dangling\":[\"true\"]}", NULL);
    assert_int_equal(json_array_size(a->json), 0);
    assert_int_equal(call("GET", "/images/json?filters={\"dangling\":[\"x\"]}", NULL)->status, 400);
}

static void an_image_is_forgotten_on_request(void **state)
{
    (void)state;
    assert_int_equal(control("unimage", "name", "busybox:1", "only", "local", NULL), 0);
    assert_int_equal(call("GET", "/images/busybox:1/json", NULL)->status, 404);
    assert_int_equal(call("POST", "/images/create?fromImage=busybox:1", NULL)->status, 200);
    assert_int_equal(control("unimage", "name", "busybox:1", NULL), 0);
    assert_int_equal(call("POST", "/images/create?fromImage=busybox:1", NULL)->status, 404);
}

static void volumes_live_from_create_to_delete(void **state)
{
    const struct answer *a;

    (void)state;
    a = call("POST", "/volumes/create", "{\"Name\":\"gv1\",\"Labels\":{\"l\":\"1\"}}");
    assert_int_equal(a->status, 201);
    assert_string_equal(json_string_value(json_at(a->json, "Labels.l")), "1");
    assert_string_equal(json_str(a->json, "Mountpoint"), "/var/lib/docker/volumes/gv1/_data");
    run("aa", "busybox:1", ",\"HostConfig\":{\"Binds\":[\"gv1:/data:ro\",\"/host:/h\"]}");
    a = call("DELETE", "/volumes/gv1", NULL);
    assert_int_equal(a->status, 409);
    assert_true(str_starts(message(a), "remove gv1: volume is in use - ["));
    inspect("aa", "Id");
    assert_int_equal(json_array_size(json_at(answer.json, "Mounts")), 2);
    assert_string_equal(json_str(json_array_get(json_at(answer.json, "Mounts"), 0), "Name"), "gv1");
    assert_true(
        json_is_false(json_object_get(json_array_get(json_at(answer.json, "Mounts"), 0), "RW")));
    call("DELETE", "/containers/aa?force=1&v=1", NULL);
    assert_int_equal(call("GET", "/volumes/gv1", NULL)->status, 200);
    assert_int_equal(call("DELETE", "/volumes/gv1", NULL)->status, 204);
    assert_int_equal(call("DELETE", "/volumes/gv1", NULL)->status, 404);
    assert_int_equal(call("DELETE", "/volumes/gv1?force=1", NULL)->status, 204);
    assert_int_equal(call("POST", "/volumes/create", "{\"Name\":\"a/b\"}")->status, 400);
    a = call("POST", "/volumes/create", "{}");
    assert_int_equal(strlen(json_str(a->json, "Name")), 64);
}

static void networks_and_plugins_are_listed(void **state)
{
    const struct answer *a;

    (void)state;
    run("aa", "busybox:1", "");
    assert_int_equal(json_array_size(call("GET", "/networks", NULL)->json), 3);
    a = call("GET", "/networks/bridge", NULL);
    assert_int_equal(json_object_size(json_at(a->json, "Containers")), 1);
    a = call("GET", "/networks/nosuch", NULL);
    assert_int_equal(a->status, 404);
    assert_string_equal(message(a), "network nosuch not found");
    assert_int_equal(json_array_size(call("GET", "/plugins", NULL)->json), 0);
    a = call("GET", "/info", NULL);
    assert_int_equal(json_int(a->json, "ContainersRunning", -1), 1);
    assert_string_equal(json_str(a->json, "CgroupVersion"), "1");
}

static void pruning_says_what_it_removed(void **state)
{
    const struct answer *a;

    (void)state;
    a = call("POST", "/containers/prune", NULL);
    assert_true(json_is_null(json_object_get(a->json, "ContainersDeleted")));
    run("aa", "busybox:1", "");
    call("POST", "/containers/aa/kill", NULL);
    a = call("POST", "/containers/prune", NULL);
    assert_int_equal(json_array_size(json_object_get(a->json, "ContainersDeleted")), 1);
    a = call("POST", "/images/prune?filters={\"dangling\":[\"false\"]}", NULL);
    assert_int_equal(json_array_size(json_object_get(a->json, "ImagesDeleted")), 4);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, client_begin, client_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_pull_of_an_unknown_repository_is_denied),
        TEST(a_pull_takes_its_time_and_tells_progress),
        TEST(a_pull_whose_client_leaves_is_given_up),
        TEST(pulls_fail_before_the_stream_or_inside_it),
        TEST(a_pull_by_digest_gives_no_tag),
        TEST(names_of_one_digest_are_names_of_one_image),
        TEST(credentials_are_decoded_and_masked),
        TEST(a_name_is_removed_before_its_image),
        TEST(an_image_in_use_cannot_be_deleted_by_id),
        TEST(layers_of_the_same_name_are_shared),
        TEST(lists_of_images_are_filtered),
        TEST(an_image_is_forgotten_on_request),
        TEST(volumes_live_from_create_to_delete),
        TEST(networks_and_plugins_are_listed),
        TEST(pruning_says_what_it_removed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
