#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "agent/credential_spec.h"
#include "agent/credfetch_client.h"
#include "agent/payload.h"
#include "agent/protobuf.h"
#include "base/mem.h"
#include "base/str.h"

static struct err e;

static char *spec_of(const char *members)
{
    char *text =
        xasprintf("{\"arn\":\"arn:aws:ecs:us-west-2:1:task/demo/1\",\"desiredStatus\":"
                  "\"RUNNING\",\"family\":\"f\",\"version\":\"1\",\"containers\":[{\"name\":"
                  "\"a\",\"image\":\"i\"%s}]}",
                  members);
    json_t *o = json_read(text, strlen(text), JSON_READ_PEER, &e);
    struct task *t = payload_task(o, &e);
    char *spec;

    assert_non_null(t);
    spec = credential_spec_of(&t->containers[0]);
    task_free(t);
    json_decref(o);
    free(text);
    return spec;
}

static void a_spec_of_the_container_wins_over_a_security_option(void **state)
{
    static const struct {
        const char *members, *spec;
    } rows[] = {
        {"", NULL},
        {",\"credentialSpecs\":[]", NULL},
        {",\"credentialSpecs\":[\"other:x\"]", NULL},
        {",\"credentialSpecs\":[\"other:x\",\"credentialspec:file://a\",\"credentialspec:file://"
         "b\"]",
         "credentialspec:file://a"},
        {",\"dockerConfig\":{\"hostConfig\":\"{\\\"SecurityOpt\\\":[\\\"x\\\","
         "\\\"credentialspecdomainless:arn\\\"]}\"}",
         "credentialspecdomainless:arn"},
        {",\"credentialSpecs\":[\"credentialspec:file://a\"],\"dockerConfig\":{\"hostConfig\":"
         "\"{\\\"SecurityOpt\\\":[\\\"credentialspec:file://b\\\"]}\"}",
         "credentialspec:file://a"},
        {",\"dockerConfig\":{\"hostConfig\":\"not json\"}", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *got = spec_of(rows[i].members);

        assert_true(str_eq(got, rows[i].spec));
        free(got);
    }
}

static void a_source_is_a_file_or_an_arn_of_two_services(void **state)
{
    static const struct {
        const char *text, *where, *why;
        enum credential_spec_source source;
        bool domainless;
    } rows[] = {
        {"credentialspec:file:///a/b.json", "/a/b.json", NULL, SPEC_FILE, false},
        {"credentialspecdomainless:file://c.json", "c.json", NULL, SPEC_FILE, true},
        {"credentialspec:arn:aws:s3:::b/k/l", "b", NULL, SPEC_S3, false},
        {"credentialspec:arn:aws-cn:s3:::b/k", "b", NULL, SPEC_S3, false},
        {"credentialspecdomainless:arn:aws:ssm:r:1:parameter/x/y", "/x/y", NULL, SPEC_SSM, true},
        {"credentialspec:arn:aws:ssm:r:1:thing/x", NULL, "invalid format", SPEC_SSM, false},
        {"credentialspec:arn:aws:s3:::bucket", NULL, "no ARN of an object", SPEC_S3, false},
        {"credentialspec:arn:aws:sqs:r:1:q", NULL, "only s3/ssm ARNs are valid", SPEC_S3, false},
        {"credentialspec:arn:aws:s3", NULL, "not enough sections", SPEC_S3, false},
        {"credentialspec:x.json", NULL, "invalid prefix", SPEC_S3, false},
        {"credentialspecs:x.json", NULL, "Invalid credentialspec", SPEC_S3, false},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct credential_spec s;

        err_clear(&e);
        if (credential_spec_parse(rows[i].text, &s, &e) < 0) {
            if (!rows[i].why || !strstr(e.text, rows[i].why))
                fail_msg("%s: %s", rows[i].text, e.text);
            continue;
        }
        assert_null(rows[i].why);
        assert_string_equal(s.where, rows[i].where);
        assert_int_equal(s.source, rows[i].source);
        assert_int_equal(s.domainless, rows[i].domainless);
        credential_spec_release(&s);
    }
}

static void what_counts_of_a_spec_is_read_and_nothing_of_it_is_in_an_error(void **state)
{
    static const char text[] =
        "{\"DomainJoinConfig\":{\"MachineAccountName\":\"Web\",\"DnsName\":\"c.com\"},"
        "\"ActiveDirectoryConfig\":{\"HostAccountConfig\":{\"PluginInput\":{\"CredentialArn\":"
        "\"arn:s\"}}}}";
    struct credential_spec_account a;

    (void)state;
    assert_int_equal(credential_spec_read(text, strlen(text), true, &a, &e), 0);
    assert_string_equal(a.name, "Web");
    assert_string_equal(a.domain, "c.com");
    assert_string_equal(a.user_arn, "arn:s");
    credential_spec_account_release(&a);
    assert_int_equal(credential_spec_read(text, strlen(text), false, &a, &e), 0);
    assert_string_equal(a.user_arn, "");
    credential_spec_account_release(&a);
    assert_int_equal(credential_spec_read("[1]", 3, false, &a, &e), -1);
    assert_int_equal(credential_spec_read("{\"x\":", 5, false, &a, &e), -1);
    assert_non_null(strstr(e.text, "error unmarshalling credentialspec domain-joined"));
}

static void an_account_has_the_folder_of_its_name(void **state)
{
    char *folders[] = {(char *)(uintptr_t) "/krb/1/web01", (char *)(uintptr_t) "/krb/1/WEB"};
    struct credential_spec_account a = {(char *)(uintptr_t) "web", (char *)(uintptr_t) "c.com",
                                        NULL};

    (void)state;
    assert_string_equal(credential_spec_folder(&a, folders, 2), "/krb/1/WEB");
    assert_string_equal(credential_spec_folder(&a, folders, 1), "/krb/1/web01");
    a.name = (char *)(uintptr_t) "sql";
    assert_null(credential_spec_folder(&a, folders, 2));
    a.name = (char *)(uintptr_t) "";
    assert_null(credential_spec_folder(&a, folders, 2));
}

static void docker_is_told_of_the_ticket_or_of_the_file(void **state)
{
    json_t *host = json_pack("{s:[s,s,s],s:[s]}", "SecurityOpt", "a", "credentialspec:x",
                             "credentialspecdomainless:y", "Binds", "/b:/b");
    char *text;

    (void)state;
    credential_spec_mount(host, "/krb/1/web");
    text = json_text(host);
    assert_string_equal(text, "{\"SecurityOpt\":[\"a\"],\"Binds\":[\"/b:/b\","
                              "\"/krb/1/web:/var/credentials-fetcher/krbdir:ro\"]}");
    free(text);
    json_decref(host);
    host = json_pack("{s:[s,s]}", "SecurityOpt", "a", "credentialspec:x");
    credential_spec_inject(host, "credentialspec=file://x");
    text = json_text(host);
    assert_string_equal(text, "{\"SecurityOpt\":[\"a\",\"credentialspec=file://x\"]}");
    free(text);
    json_decref(host);
}

static void a_message_is_its_members_and_unknown_ones_are_passed_over(void **state)
{
    static const char bytes[] = "\x08\x96\x01"         /* 1: 150, a number */
                                "\x0a\x03lid"          /* 1: "lid" */
                                "\x12\x02p1\x12\x02p2" /* 2: "p1", "p2" */
                                "\x19"
                                "12345678" /* 3: 64 bits */
                                "\x25"
                                "1234"; /* 4: 32 bits */
    char *id, **paths;
    size_t n;

    (void)state;
    assert_int_equal(credfetch_read(bytes, sizeof(bytes) - 1, CREDFETCH_ADD, &id, &paths, &n, &e),
                     0);
    assert_string_equal(id, "lid");
    assert_int_equal(n, 2);
    assert_string_equal(paths[1], "p2");
    free(id);
    credfetch_free_paths(paths, n);
    assert_int_equal(credfetch_read(bytes, 5, CREDFETCH_ADD, &id, &paths, &n, &e), -1);
    assert_int_equal(credfetch_read("\x0b", 1, CREDFETCH_ADD, &id, &paths, &n, &e), -1);
    assert_int_equal(credfetch_read("", 0, CREDFETCH_ADD, &id, &paths, &n, &e), 0);
    assert_string_equal(id, "");
    free(id);
    credfetch_free_paths(paths, n);
}

static void what_is_put_is_what_is_read(void **state)
{
    struct buf b = BUF_INIT(1 << 20);
    struct protobuf_reader r;
    struct protobuf_member m;
    char *longer = xcalloc(1, 301);

    (void)state;
    memset(longer, 'x', 300);
    protobuf_put(&b, 1, longer);
    protobuf_put(&b, 2, "");
    protobuf_put(&b, 3, NULL);
    protobuf_put_element(&b, 4, "");
    r = (struct protobuf_reader){(const unsigned char *)buf_str(&b),
                                 (const unsigned char *)buf_str(&b) + buf_len(&b)};
    err_clear(&e);
    assert_true(protobuf_next(&r, &m, &e));
    assert_int_equal(m.number, 1);
    assert_int_equal(m.n, 300);
    assert_true(protobuf_next(&r, &m, &e));
    assert_int_equal(m.number, 4);
    assert_int_equal(m.n, 0);
    assert_false(protobuf_next(&r, &m, &e));
    assert_int_equal(e.code, ERR_NONE);
    free(longer);
    buf_release(&b);
}

static void a_frame_is_one_message_that_is_not_compressed(void **state)
{
    const char *p;
    size_t n;
    char *text = grpc_message("50%25 of%20it%");

    (void)state;
    assert_int_equal(grpc_unframe("\0\0\0\0\2ab", 7, &p, &n), 0);
    assert_int_equal(n, 2);
    assert_memory_equal(p, "ab", 2);
    assert_int_equal(grpc_unframe("\1\0\0\0\2ab", 7, &p, &n), -1);
    assert_int_equal(grpc_unframe("\0\0\0\0\3ab", 7, &p, &n), -1);
    assert_int_equal(grpc_unframe("\0\0\0\0", 4, &p, &n), -1);
    assert_string_equal(text, "50% of it%");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_spec_of_the_container_wins_over_a_security_option),
        cmocka_unit_test(a_source_is_a_file_or_an_arn_of_two_services),
        cmocka_unit_test(what_counts_of_a_spec_is_read_and_nothing_of_it_is_in_an_error),
        cmocka_unit_test(an_account_has_the_folder_of_its_name),
        cmocka_unit_test(docker_is_told_of_the_ticket_or_of_the_file),
        cmocka_unit_test(a_message_is_its_members_and_unknown_ones_are_passed_over),
        cmocka_unit_test(what_is_put_is_what_is_read),
        cmocka_unit_test(a_frame_is_one_message_that_is_not_compressed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
