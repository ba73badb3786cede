#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/mem.h"
#include "proto/arn.h"

#define TASK "arn:aws:ecs:us-west-2:123456789012:task/demo/0123456789abcdef"

static void assert_part(struct arn_part p, const char *want)
{
    assert_int_equal(p.len, strlen(want));
    assert_memory_equal(p.s, want, p.len);
}

static void an_arn_is_split_into_its_parts(void **state)
{
    struct err e = ERR_INIT;
    struct arn a;

    (void)state;
    assert_int_equal(arn_parse(TASK, &a, &e), 0);
    assert_part(a.partition, "aws");
    assert_part(a.service, "ecs");
    assert_part(a.region, "us-west-2");
    assert_part(a.account, "123456789012");
    assert_part(a.resource, "task/demo/0123456789abcdef");
}

static void a_resource_keeps_its_colons_and_global_arns_have_no_region(void **state)
{
    struct err e = ERR_INIT;
    struct arn a;

    (void)state;
    assert_int_equal(arn_parse("arn:aws:s3:::bucket/a:b", &a, &e), 0);
    assert_part(a.region, "");
    assert_part(a.account, "");
    assert_part(a.resource, "bucket/a:b");
}

static void what_is_no_arn_is_refused_with_a_reason(void **state)
{
    static const char *const bad[] = {
        "", "task/demo", "arn:", "arn:aws:e", "arn::ecs:::x", "arn:aws:ecs:us-west-2:1:"};
    struct arn a;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct err e = ERR_INIT;

        assert_int_equal(arn_parse(bad[i], &a, &e), -1);
        assert_int_equal(e.code, ERR_PARSE);
        assert_true(*e.text);
    }
    assert_int_equal(arn_parse(NULL, &a, NULL), -1);
}

static void the_id_is_what_stands_last(void **state)
{
    (void)state;
    assert_string_equal(arn_id(TASK), "0123456789abcdef");
    assert_string_equal(arn_id("arn:aws:sns:us-west-2:1:topic"), "topic");
    assert_string_equal(arn_id("plain"), "plain");
}

static void arns_are_built_with_the_partition_of_the_region(void **state)
{
    struct buf b = BUF_INIT(200);

    (void)state;
    assert_int_equal(arn_build_ecs(&b, "us-west-2", "123456789012", "task", "demo", "ab"), 0);
    assert_string_equal(buf_str(&b), "arn:aws:ecs:us-west-2:123456789012:task/demo/ab");
    buf_clear(&b);
    assert_int_equal(arn_build_ecs(&b, "cn-north-1", "1", "cluster", NULL, "demo"), 0);
    assert_string_equal(buf_str(&b), "arn:aws-cn:ecs:cn-north-1:1:cluster/demo");
    buf_release(&b);
    assert_string_equal(arn_partition_of_region("us-gov-west-1"), "aws-us-gov");
}

static void names_of_endpoints_end_as_their_partition_says(void **state)
{
    static const struct {
        const char *region, *partition, *suffix, *dual_stack;
    } cases[] = {
        {"us-west-2", "aws", "amazonaws.com", "api.aws"},
        {"us-gov-west-1", "aws-us-gov", "amazonaws.com", "api.aws"},
        {"cn-north-1", "aws-cn", "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
        {"us-iso-east-1", "aws-iso", "c2s.ic.gov", "api.aws.ic.gov"},
        {"us-isob-east-1", "aws-iso-b", "sc2s.sgov.gov", "api.aws.scloud"},
        {"eu-isoe-west-1", "aws-iso-e", "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
        {"us-isof-south-1", "aws-iso-f", "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
        {"eusc-de-east-1", "aws-eusc", "amazonaws.eu", "api.amazonwebservices.eu"},
        {"mars-north-1", "aws", "amazonaws.com", "api.aws"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_string_equal(arn_partition_of_region(cases[i].region), cases[i].partition);
        assert_string_equal(arn_dns_suffix_of_region(cases[i].region), cases[i].suffix);
        assert_string_equal(arn_dual_stack_suffix_of_region(cases[i].region), cases[i].dual_stack);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_arn_is_split_into_its_parts),
        cmocka_unit_test(a_resource_keeps_its_colons_and_global_arns_have_no_region),
        cmocka_unit_test(what_is_no_arn_is_refused_with_a_reason),
        cmocka_unit_test(the_id_is_what_stands_last),
        cmocka_unit_test(arns_are_built_with_the_partition_of_the_region),
        cmocka_unit_test(names_of_endpoints_end_as_their_partition_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
