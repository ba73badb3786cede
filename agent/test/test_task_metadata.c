#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "agent/container_inspect.h"
#include "agent/payload.h"
#include "agent/task_metadata.h"
#include "agent/wire.h"
#include "base/str.h"

static const struct metadata_instance instance = {
    .cluster = "demo", .zone = "us-west-2a", .zone_id = "usw2-az1", .vpc_id = "vpc-1"};

static struct task *task_of(const char *text)
{
    struct err e = ERR_INIT;
    json_t *spec = json_read(text, strlen(text), JSON_READ_STRICT, &e);
    struct task *t;

    assert_non_null(spec);
    t = payload_task(spec, &e);
    json_decref(spec);
    assert_non_null(t);
    return t;
}

#define TASK(more, container)                                                                      \
    "{\"arn\":\"arn:aws:ecs:us-west-2:123456789012:task/demo/1\",\"family\":\"web\","              \
    "\"version\":\"3\",\"desiredStatus\":\"RUNNING\"" more                                         \
    ",\"containers\":[{\"name\":\"main\",\"image\":\"i:1\",\"essential\":true,\"cpu\":1,"          \
    "\"memory\":64" container "}]}"

#define INSPECT(networks)                                                                          \
    "{\"Id\":\"0123\",\"Created\":\"2026-11-24T07:00:00.5Z\",\"State\":{\"Running\":true,"         \
    "\"StartedAt\":\"2026-11-24T07:00:01Z\"},\"Config\":{\"Labels\":{\"a\":\"b\"}},"               \
    "\"HostConfig\":{\"NetworkMode\":\"default\"},\"Mounts\":[{\"Name\":\"v\",\"Source\":\"/s\","  \
    "\"Destination\":\"/d\"}],\"NetworkSettings\":" networks "}"

static void inspect(struct task *t, const char *text)
{
    struct err e = ERR_INIT;
    json_t *v = json_read(text, strlen(text), JSON_READ_STRICT, &e);

    assert_non_null(v);
    container_inspect(&t->containers[0], v);
    container_set_text(&t->containers[0].docker_id, "0123");
    json_decref(v);
}

static void holds(json_t *o, const char *part)
{
    char *text;

    assert_non_null(o);
    text = wire_text(o);
    if (!strstr(text, part))
        fail_msg("%s\nhas no %s", text, part);
    free(text);
    json_decref(o);
}

static void lacks(json_t *o, const char *part)
{
    char *text;

    assert_non_null(o);
    text = wire_text(o);
    if (strstr(text, part))
        fail_msg("%s\nhas %s", text, part);
    free(text);
    json_decref(o);
}

static void an_inspect_is_told_to_the_container(void **state)
{
    struct task *t = task_of(TASK("", ""));
    struct container *c = &t->containers[0];

    (void)state;
    inspect(t, INSPECT("{\"IPAddress\":\"1.2.3.4\",\"Networks\":{\"bridge\":{\"IPAddress\":"
                       "\"172.17.0.2\",\"GlobalIPv6Address\":\"fd00::2\"}}}"));
    holds(metadata_container(c, METADATA_V3), "\"Networks\":[{\"NetworkMode\":\"bridge\","
                                              "\"IPv4Addresses\":[\"172.17.0.2\"]}]");
    holds(metadata_container(c, METADATA_V4),
          "\"IPv4Addresses\":[\"172.17.0.2\"],\"IPv6Addresses\":[\"fd00::2\"]");
    holds(metadata_container(c, METADATA_V3), "\"Labels\":{\"a\":\"b\"}");
    holds(metadata_container(c, METADATA_V4), "\"CreatedAt\":\"2026-11-24T07:00:00.5Z\"");
    holds(metadata_container(c, METADATA_V4), "\"StartedAt\":\"2026-11-24T07:00:01Z\"");
    holds(metadata_container(c, METADATA_V4), "\"Limits\":{\"CPU\":2,\"Memory\":64}");
    holds(metadata_container(c, METADATA_V4),
          "\"Volumes\":[{\"DockerName\":\"v\",\"Source\":\"/s\",\"Destination\":\"/d\"}]");
    lacks(metadata_container(c, METADATA_V2), "Networks");
    task_free(t);
}

static void engines_of_long_ago_name_no_networks(void **state)
{
    struct task *t = task_of(TASK("", ""));

    (void)state;
    inspect(t, INSPECT("{\"IPAddress\":\"1.2.3.4\"}"));
    holds(metadata_container(&t->containers[0], METADATA_V3),
          "\"Networks\":[{\"NetworkMode\":\"default\",\"IPv4Addresses\":[\"1.2.3.4\"]}]");
    task_free(t);
}

static void who_has_not_been_looked_at_has_no_networks(void **state)
{
    struct task *t = task_of(TASK("", ""));
    struct container *c = &t->containers[0];

    (void)state;
    container_set_text(&c->docker_id, "0123");
    assert_null(metadata_container(c, METADATA_V3));
    assert_null(metadata_container(c, METADATA_V4));
    assert_null(metadata_task(t, &instance, METADATA_V3));
    lacks(metadata_task(t, &instance, METADATA_V4), "Networks");
    task_free(t);
}

static void what_docker_does_not_have_is_left_out(void **state)
{
    struct task *t = task_of(TASK("", ""));

    (void)state;
    lacks(metadata_task(t, &instance, METADATA_V3), "Containers");
    t->containers[0].known = CONTAINER_PULLED;
    lacks(metadata_task(t, &instance, METADATA_V3), "Containers");
    holds(metadata_task(t, &instance, METADATA_V4), "\"KnownStatus\":\"PULLED\"");
    task_free(t);
}

static void limits_of_the_task_are_told_when_it_has_some(void **state)
{
    struct task *t = task_of(TASK(",\"cpu\":0.5,\"memory\":512", ""));

    (void)state;
    holds(metadata_task(t, &instance, METADATA_V3), "\"Limits\":{\"CPU\":0.5,\"Memory\":512}");
    task_free(t);
    t = task_of(TASK(",\"cpu\":2", ""));
    holds(metadata_task(t, &instance, METADATA_V4), "\"Limits\":{\"CPU\":2}");
    task_free(t);
    t = task_of(TASK("", ""));
    lacks(metadata_task(t, &instance, METADATA_V4), "Limits\":{\"CPU\":0");
    task_free(t);
}

#define INTERFACE                                                                                  \
    ",\"elasticNetworkInterfaces\":[{\"ipv4Addresses\":[{\"privateAddress\":\"10.0.1.7\"}],"       \
    "\"ipv6Addresses\":[{\"address\":\"fd00::7\"}],\"macAddress\":\"0a:00\","                      \
    "\"subnetGatewayIpv4Address\":\"10.0.1.1/20\",\"domainNameServers\":[\"10.0.0.2\"],"           \
    "\"domainName\":[\"ec2.internal\"],\"privateDnsName\":\"ip-10-0-1-7\"}]"

static void a_network_interface_is_the_tasks_address(void **state)
{
    struct task *t = task_of(TASK(INTERFACE, ""));
    struct container *c = &t->containers[0];

    (void)state;
    container_set_text(&c->docker_id, "0123");
    assert_true(metadata_has_address(t, "10.0.1.7"));
    assert_true(metadata_has_address(t, "fd00::7"));
    assert_false(metadata_has_address(t, "10.0.1.8"));
    holds(metadata_container(c, METADATA_V2),
          "{\"NetworkMode\":\"awsvpc\",\"IPv4Addresses\":[\"10.0.1.7\"],\"IPv6Addresses\":"
          "[\"fd00::7\"]}");
    holds(metadata_container(c, METADATA_V4),
          "\"AttachmentIndex\":0,\"MACAddress\":\"0a:00\",\"IPv4SubnetCIDRBlock\":\"10.0.0.0/20\","
          "\"DomainNameServers\":[\"10.0.0.2\"],\"DomainNameSearchList\":[\"ec2.internal\"],"
          "\"PrivateDNSName\":\"ip-10-0-1-7\",\"SubnetGatewayIpv4Address\":\"10.0.1.1/20\"");
    task_free(t);
}

static void associations_are_told_by_type_and_name(void **state)
{
    struct task *t =
        task_of(TASK(",\"associations\":[{\"containers\":[\"main\"],\"content\":{\"encoding\":"
                     "\"identity\",\"value\":\"{}\"},\"name\":\"d\",\"type\":\"eia\"}]",
                     ""));
    json_t *names = metadata_associations(&t->containers[0], "eia");

    (void)state;
    assert_int_equal(json_array_size(names), 1);
    json_decref(names);
    assert_true(json_is_null(metadata_associations(&t->containers[0], "gpu")));
    assert_string_equal(metadata_association(t, "eia", "d"), "{}");
    assert_null(metadata_association(t, "eia", "e"));
    task_free(t);
}

static void what_is_told_survives_being_saved(void **state)
{
    struct task *t = task_of(TASK("", "")), *again = task_of(TASK("", ""));
    json_t *before, *after, *saved;

    (void)state;
    inspect(t, INSPECT("{\"Networks\":{\"n\":{\"IPAddress\":\"9.9.9.9\"}}}"));
    saved = container_state_json(&t->containers[0]);
    container_state_load(&again->containers[0], saved);
    before = metadata_container(&t->containers[0], METADATA_V4);
    after = metadata_container(&again->containers[0], METADATA_V4);
    assert_true(json_equal(before, after));
    json_decref(saved);
    json_decref(before);
    json_decref(after);
    task_free(t);
    task_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_inspect_is_told_to_the_container),
        cmocka_unit_test(engines_of_long_ago_name_no_networks),
        cmocka_unit_test(who_has_not_been_looked_at_has_no_networks),
        cmocka_unit_test(what_docker_does_not_have_is_left_out),
        cmocka_unit_test(limits_of_the_task_are_told_when_it_has_some),
        cmocka_unit_test(a_network_interface_is_the_tasks_address),
        cmocka_unit_test(associations_are_told_by_type_and_name),
        cmocka_unit_test(what_is_told_survives_being_saved),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
