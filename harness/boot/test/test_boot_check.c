/* Verdicts: units and user data in, what happens out. The table of scenarios/boot/ and more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/boot/verdict.h"

#define DOCKER "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
#define ECS(order, wanted)                                                                         \
    "[Unit]\nWants=docker.service\nPartOf=docker.service\nAfter=docker.service\n" order            \
    "[Service]\nExecStart=/usr/libexec/amazon-ecs-init start\nRestart=on-failure\n"                \
    "RestartPreventExitStatus=5\n[Install]\nWantedBy=" wanted "\n"
#define AMAZON  ECS("After=cloud-final.service\n", "multi-user.target")
#define GENERIC ECS("", "multi-user.target")

static json_t *check_on(const char *host, const char *unit, const char *user_data, bool enabled)
{
    struct machine_unit units[] = {
        {(char *)(uintptr_t) "ecs.service", (char *)(uintptr_t)unit, strlen(unit)},
        {(char *)(uintptr_t) "docker.service", (char *)(uintptr_t)DOCKER, strlen(DOCKER)},
    };
    const char *disabled[] = {enabled ? NULL : "ecs", NULL};
    struct boot_check c = {.texts = units,
                           .n_texts = 2,
                           .disabled = disabled,
                           .host = host,
                           .user_data = user_data,
                           .user_data_len = strlen(user_data),
                           .user_data_name = "user-data"};
    struct err e = ERR_INIT;
    json_t *v = boot_check(&c, &e);

    if (!v)
        print_error("%s\n", e.text);
    assert_non_null(v);
    return v;
}

static void expect_on(const char *host, const char *unit, const char *user_data, bool enabled,
                      const char *verdict)
{
    json_t *v = check_on(host, unit, user_data, enabled);

    if (!str_eq(verdict_of(v), verdict))
        print_error("with: %s\n", user_data);
    assert_string_equal(verdict_of(v), verdict);
    json_decref(v);
}

static void amazon(const char *user_data, const char *verdict)
{
    expect_on("amazon-linux", AMAZON, user_data, true, verdict);
}

static const char *member(const json_t *v, const char *unit, const char *name)
{
    size_t i;
    json_t *u;

    json_array_foreach (json_object_get(v, "units"), i, u)
        if (str_eq(json_str(u, "unit"), unit))
            return json_str(u, name);
    return NULL;
}

static void a_blocking_start_in_user_data_deadlocks(void **state)
{
    (void)state;
    amazon("#!/bin/sh\nsystemctl start ecs\n", "deadlock");
    amazon("#!/bin/sh\nsystemctl start ecs.service\n", "deadlock");
    amazon("#!/bin/bash\nsudo -E /usr/bin/systemctl restart ecs || true\n", "deadlock");
    amazon("#!/bin/bash\nif true; then\n  systemctl enable --now ecs\nfi\n", "deadlock");
    amazon("#!/bin/bash\nservice ecs start\n", "deadlock");
    amazon("#!/bin/bash\nbash -c 'systemctl start ecs'\n", "deadlock");
    amazon("#!/bin/bash\nf() {\n  systemctl start ecs\n}\nf\n", "deadlock");
    amazon("#!/bin/bash\nsystemctl --quiet start docker ecs &&\n  echo done\n", "deadlock");
    amazon("#cloud-config\nruncmd:\n  - systemctl start ecs\n", "deadlock");
    amazon("#cloud-config\nruncmd:\n  - [systemctl, enable, --now, ecs]\n", "deadlock");
    amazon("#cloud-config\nbootcmd:\n  - systemctl start ecs\n", "deadlock");
    amazon("#cloud-boothook\n#!/bin/sh\nsystemctl start ecs\n", "deadlock");
}

static void what_does_not_wait_does_not_deadlock(void **state)
{
    (void)state;
    amazon("#!/bin/sh\nsystemctl start --no-block ecs\n", "boots");
    amazon("#!/bin/sh\nsystemctl enable --now --no-block ecs.service\n", "boots");
    amazon("#!/bin/sh\nsystemctl start ecs &\n", "boots");
    amazon("#!/bin/sh\n(sleep 1; systemctl start ecs) &\n", "boots");
    amazon("#!/bin/sh\n{ systemctl start ecs; } >/dev/null 2>&1 &\n", "boots");
    amazon("#!/bin/sh\nsystemd-run systemctl start ecs\n", "boots");
    amazon("#!/bin/sh\n# systemctl start ecs\necho 'systemctl start ecs'\n", "boots");
    amazon("#!/bin/sh\ncat <<EOF >/root/x\nsystemctl start ecs\nEOF\n", "boots");
    amazon("#!/bin/sh\nsystemctl status ecs\nsystemctl is-active ecs\n", "boots");
    amazon("#!/bin/sh\nsystemctl --user start ecs\n", "boots");
    amazon("#!/bin/sh\nsystemctl --job-mode=ignore-dependencies start ecs\n", "boots");
    amazon("#!/bin/sh\nsystemctl start docker\n", "boots");
    amazon("#!/bin/sh\nsystemctl stop ecs; systemctl start --no-block ecs\n", "boots");
}

static void the_circle_and_the_fix_are_named(void **state)
{
    json_t *v = check_on("amazon-linux", AMAZON, "#!/bin/sh\n\nsystemctl start ecs\n", true);
    const json_t *circle = json_object_get(v, "cycle");
    const char *fix = json_string_value(json_array_get(json_object_get(v, "fixes"), 0));

    (void)state;
    assert_int_equal(json_array_size(circle), 2);
    assert_string_equal(json_str(json_array_get(circle, 0), "unit"), "cloud-final.service");
    assert_string_equal(json_str(json_array_get(circle, 0), "state"), "running");
    assert_string_equal(json_str(json_array_get(circle, 1), "unit"), "ecs.service");
    assert_non_null(strstr(json_str(json_array_get(circle, 1), "why"), "ecs.service:5"));
    assert_non_null(strstr(fix, "user-data:3"));
    assert_non_null(strstr(fix, "systemctl start --no-block ecs"));
    json_decref(v);
}

static void the_agent_comes_after_the_user_data_or_not(void **state)
{
    json_t *v = check_on("amazon-linux", AMAZON, "#!/bin/sh\necho\n", true);

    (void)state;
    assert_string_equal(member(v, "ecs.service", "when"), "after-user-data");
    json_decref(v);
    v = check_on("amazon-linux", GENERIC, "#!/bin/sh\necho A=b >> /etc/ecs/ecs.config\n", true);
    assert_string_equal(member(v, "ecs.service", "when"), "before-user-data-ends");
    assert_true(verdict_warns(v));
    assert_non_null(strstr(json_string_value(json_array_get(json_object_get(v, "warnings"), 0)),
                           "user-data:2"));
    json_decref(v);
}

static void the_generic_unit_can_be_started_from_user_data(void **state)
{
    (void)state;
    expect_on("amazon-linux", GENERIC, "#!/bin/sh\nsystemctl start ecs\n", false, "boots");
}

static void nothing_starts_a_unit_that_is_not_enabled(void **state)
{
    (void)state;
    expect_on("amazon-linux", AMAZON, "#!/bin/sh\necho\n", false, "agent-down");
    expect_on("amazon-linux", AMAZON, "#!/bin/sh\nsystemctl enable ecs\n", false, "agent-down");
    expect_on("amazon-linux", AMAZON, "#!/bin/sh\nsystemctl mask ecs\n", true, "boots");
}

static void debian_has_an_ordering_cycle(void **state)
{
    json_t *v = check_on("debian", AMAZON, "", true);
    const json_t *c = json_array_get(json_object_get(v, "ordering_cycles"), 0);

    (void)state;
    assert_string_equal(verdict_of(v), "dropped");
    assert_int_equal(json_array_size(json_object_get(c, "may_go")), 2);
    json_decref(v);
    expect_on("debian", AMAZON, "#!/bin/sh\nsystemctl start ecs\n", false, "deadlock");
    expect_on("debian", AMAZON, "#!/bin/sh\nsystemctl enable --now --no-block ecs\n", false,
              "boots");
    expect_on("debian", ECS("After=cloud-final.service\n", "cloud-init.target"), "", true, "boots");
}

static void a_docker_update_is_tried(void **state)
{
    json_t *v = check_on("amazon-linux", AMAZON, "", true);

    (void)state;
    assert_string_equal(json_str(v, "docker_update"), "stays-stopped");
    json_decref(v);
    v = check_on("amazon-linux",
                 ECS("After=cloud-final.service\n", "multi-user.target docker.service"), "", true);
    assert_string_equal(json_str(v, "docker_update"), "comes-back");
    assert_false(verdict_warns(v));
    json_decref(v);
}

static void units_that_user_data_writes_count(void **state)
{
    static const char helper[] = "#!/bin/sh\n"
                                 "cat > /etc/systemd/system/helper.service <<'EOF'\n"
                                 "[Unit]\n"
                                 "After=ecs.service\n"
                                 "[Service]\n"
                                 "ExecStart=/bin/true\n"
                                 "[Install]\n"
                                 "WantedBy=multi-user.target\n"
                                 "EOF\n"
                                 "systemctl daemon-reload\n"
                                 "systemctl enable --now %s helper\n";
    _cleanup_free_ char *blocks = xasprintf(helper, ""), *queues = xasprintf(helper, "--no-block");

    (void)state;
    /* it waits for ecs, whose job waits for cloud-final */
    amazon(blocks, "deadlock");
    amazon(queues, "boots");
}

static void a_unit_that_starts_another_while_it_starts_deadlocks(void **state)
{
    (void)state;
    amazon("#!/bin/sh\n"
           "cat > /etc/systemd/system/x.service <<'EOF'\n"
           "[Unit]\nBefore=ecs.service\n"
           "[Service]\nType=oneshot\nExecStart=/usr/bin/systemctl start ecs\n"
           "EOF\n"
           "systemctl start --no-block x\n",
           "deadlock");
}

static void timeout_ends_a_wait(void **state)
{
    (void)state;
    amazon("#!/bin/sh\ntimeout 60 systemctl start ecs\n", "boots");
}

static void what_makes_no_sense_is_told_with_its_line(void **state)
{
    static const struct {
        const char *data, *says;
    } cases[] = {
        {"#!/bin/sh\necho \"open\n", "user-data:2: the double quote"},
        {"#!/bin/sh\ncat <<EOF\nx\n", "user-data:"},
        {"#cloud-config\nruncmd: [a\n", "user-data:"},
        {"#cloud-config\nruncmd: yes\n", "user-data:2"},
        {"hello\n", "user-data:1: cloud-init does not know"},
        {"#include\nhttp://x/\n", "user-data:1:"},
        {"#!/usr/bin/python3\nprint()\n", "only shell scripts"},
        {"Content-Type: multipart/mixed; boundary=\"x\"\n\nnothing\n", "no parts"},
        {"Content-Type: multipart/mixed; boundary=x\n\n--x\nContent-Type: text/x-shellscript\n\n"
         "#!/bin/sh\n",
         "no line \"--x--\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct boot_check c = {.user_data = cases[i].data,
                               .user_data_len = strlen(cases[i].data),
                               .user_data_name = "user-data"};
        struct err e = ERR_INIT;
        json_t *v = boot_check(&c, &e);

        if (v || !strstr(e.text, cases[i].says))
            print_error("%zu: %s\n", i, e.text);
        assert_null(v);
        assert_non_null(strstr(e.text, cases[i].says));
    }
}

static void parts_of_mime_are_read(void **state)
{
    (void)state;
    amazon("MIME-Version: 1.0\nContent-Type: multipart/mixed;\n boundary=\"=b=\"\n\n"
           "--=b=\nContent-Type: text/cloud-config\n\n#cloud-config\npackages: []\n"
           "--=b=\nContent-Type: text/x-shellscript\nContent-Transfer-Encoding: base64\n\n"
           "IyEvYmluL3NoCnN5c3RlbWN0bCBzdGFydCBlY3MK\n"
           "--=b=--\n",
           "deadlock");
    amazon("Content-Type: multipart/mixed; boundary=b\n\n"
           "--b\nContent-Type: text/plain\n\n#!/bin/sh\nsystemctl start ecs\n--b--\n",
           "deadlock");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_blocking_start_in_user_data_deadlocks),
        cmocka_unit_test(what_does_not_wait_does_not_deadlock),
        cmocka_unit_test(the_circle_and_the_fix_are_named),
        cmocka_unit_test(the_agent_comes_after_the_user_data_or_not),
        cmocka_unit_test(the_generic_unit_can_be_started_from_user_data),
        cmocka_unit_test(nothing_starts_a_unit_that_is_not_enabled),
        cmocka_unit_test(debian_has_an_ordering_cycle),
        cmocka_unit_test(a_docker_update_is_tried),
        cmocka_unit_test(units_that_user_data_writes_count),
        cmocka_unit_test(a_unit_that_starts_another_while_it_starts_deadlocks),
        cmocka_unit_test(timeout_ends_a_wait),
        cmocka_unit_test(what_makes_no_sense_is_told_with_its_line),
        cmocka_unit_test(parts_of_mime_are_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
