#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/container.h"
#include "fakes/docker/links.h"
#include "fakes/docker/test/client.c"

/* Creates one with these links; the message of the refusal, or "". */
static const char *create(const char *name, const char *links, const char *more)
{
    char *path = xasprintf("/containers/create?name=%s", name);
    char *body =
        xasprintf("{\"Image\":\"busybox:1\",\"HostConfig\":{\"Links\":[%s]%s}}", links, more);
    const struct answer *a = call("POST", path, body);
    const char *message = json_str(a->json, "message");

    free(path);
    free(body);
    return message ? message : "";
}

static int start(const char *name)
{
    char *path = xasprintf("/containers/%s/start", name);
    int status = call("POST", path, NULL)->status;

    free(path);
    return status;
}

/* The array as text. */
static const char *text_at(const json_t *o, const char *path)
{
    const json_t *v = path ? json_at(o, path) : o;
    char *text = v ? json_text(v) : xstrdup("");

    buf_clear(&texts);
    buf_adds(&texts, text);
    free(text);
    return buf_str(&texts);
}

static const char *links_of(const char *name)
{
    char *path = xasprintf("/containers/%s/json", name);
    const struct answer *a = call("GET", path, NULL);

    free(path);
    return text_at(a->json, "HostConfig.Links");
}

static const char *names_of(const char *name)
{
    const struct answer *a = call("GET", "/containers/json?all=1", NULL);
    char *own = xasprintf("\"/%s\"", name);
    json_t *v;
    size_t i;

    json_array_foreach (a->json, i, v)
        if (strstr(text_at(v, "Names"), own))
            break;
    free(own);
    return i < json_array_size(a->json) ? buf_str(&texts) : "";
}

static void what_is_no_link_is_refused(void **state)
{
    (void)state;
    create("aa", "", "");
    assert_string_equal(create("bb", "\"\"", ""), "empty string specified for links");
    assert_string_equal(create("bb", "\"a:b:c\"", ""), "bad format for links: a:b:c");
    assert_string_equal(create("bb", "\"no:x\"", ""),
                        "could not get container for no: No such container: no");
    assert_true(str_starts(create("bb", "\"aa:x\"", ",\"NetworkMode\":\"host\""),
                           "conflicting options: host type networking"));
    create("hh", "", ",\"NetworkMode\":\"host\"");
    assert_true(str_starts(create("bb", "\"hh:x\"", ""), "conflicting options: host type"));
    assert_string_equal(create("bb", "\"aa:x\"", ""), "");
}

static void a_link_is_a_name_of_the_other(void **state)
{
    (void)state;
    create("aa", "", "");
    create("bb", "\"aa:one\",\"/aa:/zz/two\",\"aa\"", "");
    assert_string_equal(links_of("bb"), "[\"/aa:/bb/one\",\"/aa:/bb/two\",\"/aa:/bb/aa\"]");
    assert_string_equal(names_of("aa"), "[\"/aa\",\"/bb/aa\",\"/bb/one\",\"/bb/two\"]");
    assert_string_equal(inspect("bb/one", "Name"), "/aa");
    assert_int_equal(call("POST", "/containers/aa/rename?name=zz", NULL)->status, 204);
    assert_int_equal(call("POST", "/containers/bb/rename?name=yy", NULL)->status, 204);
    assert_string_equal(links_of("yy"), "[\"/zz:/yy/one\",\"/zz:/yy/two\",\"/zz:/yy/aa\"]");
    assert_int_equal(call("GET", "/containers/bb/one/json", NULL)->status, 404);
    assert_int_equal(call("DELETE", "/containers/yy/one?link=1", NULL)->status, 204);
    assert_int_equal(call("DELETE", "/containers/yy/one?link=1", NULL)->status, 404);
    assert_int_equal(call("DELETE", "/containers/yy?link=1", NULL)->status, 500);
    assert_string_equal(links_of("yy"), "[\"/zz:/yy/two\",\"/zz:/yy/aa\"]");
    assert_int_equal(call("DELETE", "/containers/zz", NULL)->status, 204);
    assert_string_equal(links_of("yy"), "[\"/zz:/yy/two\",\"/zz:/yy/aa\"]");
    assert_int_equal(start("yy"), 500);
    assert_int_equal(call("DELETE", "/containers/yy", NULL)->status, 204);
}

static void both_ends_may_go_first(void **state)
{
    (void)state;
    create("aa", "", "");
    create("bb", "\"aa:one\"", "");
    create("cc", "\"bb:two\",\"aa:three\"", "");
    assert_int_equal(call("DELETE", "/containers/bb", NULL)->status, 204);
    assert_string_equal(names_of("aa"), "[\"/aa\",\"/cc/three\"]");
    assert_int_equal(call("DELETE", "/containers/aa", NULL)->status, 204);
    create("aa", "", "");
    assert_string_equal(names_of("aa"), "[\"/aa\"]");
}

static void the_other_must_run_on_the_same_network(void **state)
{
    (void)state;
    create("aa", "", "");
    create("bb", "\"aa:one\"", "");
    assert_int_equal(start("bb"), 500);
    assert_string_equal(inspect("bb", "State.Error"),
                        "Cannot link to a non running container: /aa AS /bb/one");
    assert_int_equal(start("aa"), 204);
    assert_int_equal(start("bb"), 204);
    call("POST", "/networks/create", "{\"Name\":\"net\"}");
    create("cc", "", ",\"NetworkMode\":\"net\"");
    assert_int_equal(start("cc"), 204);
    create("dd", "\"cc:x\"", "");
    assert_int_equal(start("dd"), 500);
    assert_string_equal(inspect("dd", "State.Error"),
                        "Cannot link to /cc, as it does not belong to the default network");
}

static void add_line(void *data, const char *kv)
{
    buf_addf(data, "%s\n", kv);
}

static const char *told(const char *name)
{
    struct docker *d = (struct docker *)engine;

    buf_clear(&texts);
    links_each_variable(map_get(&d->by_name, name), add_line, &texts);
    links_add_hosts(&texts, map_get(&d->by_name, name));
    return buf_str(&texts);
}

static void its_processes_are_told_of_the_other(void **state)
{
    char *wanted;

    (void)state;
    run("aa", "busybox:1",
        ",\"Env\":[\"A=1\",\"PATH=/bin\",\"HOME=/\"],\"Hostname\":\"first\",\"ExposedPorts\":{"
        "\"80/tcp\":{},\"53/udp\":{}}");
    create("bb", "\"aa:data-base\"", "");
    assert_int_equal(start("bb"), 204);
    wanted = xstrdup("DATA_BASE_PORT=udp://172.17.0.2:53\n"
                     "DATA_BASE_PORT_53_UDP=udp://172.17.0.2:53\n"
                     "DATA_BASE_PORT_53_UDP_ADDR=172.17.0.2\n"
                     "DATA_BASE_PORT_53_UDP_PORT=53\n"
                     "DATA_BASE_PORT_53_UDP_PROTO=udp\n"
                     "DATA_BASE_PORT_80_TCP=tcp://172.17.0.2:80\n"
                     "DATA_BASE_PORT_80_TCP_ADDR=172.17.0.2\n"
                     "DATA_BASE_PORT_80_TCP_PORT=80\n"
                     "DATA_BASE_PORT_80_TCP_PROTO=tcp\n"
                     "DATA_BASE_NAME=/bb/data-base\n"
                     "DATA_BASE_ENV_A=1\n"
                     "172.17.0.2\tdata-base first aa\n");
    assert_string_equal(told("bb"), wanted);
    free(wanted);
}

static void ports_in_a_row_are_told_as_one(void **state)
{
    (void)state;
    run("aa", "busybox:1",
        ",\"ExposedPorts\":{\"81/tcp\":{},\"80/tcp\":{},\"82/tcp\":{},\"90/tcp\":{}}");
    create("bb", "\"aa\"", "");
    assert_int_equal(start("bb"), 204);
    assert_true(str_starts(told("bb"), "AA_PORT=tcp://172.17.0.2:80\n"
                                       "AA_PORT_80_TCP_START=tcp://172.17.0.2:80\n"
                                       "AA_PORT_80_TCP_ADDR=172.17.0.2\n"
                                       "AA_PORT_80_TCP_PROTO=tcp\n"
                                       "AA_PORT_80_TCP_PORT_START=80\n"
                                       "AA_PORT_80_TCP_END=tcp://172.17.0.2:82\n"
                                       "AA_PORT_80_TCP_PORT_END=82\n"
                                       "AA_PORT_80_TCP=tcp://172.17.0.2:80\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_no_link_is_refused, client_begin, client_end),
        cmocka_unit_test_setup_teardown(a_link_is_a_name_of_the_other, client_begin, client_end),
        cmocka_unit_test_setup_teardown(both_ends_may_go_first, client_begin, client_end),
        cmocka_unit_test_setup_teardown(the_other_must_run_on_the_same_network, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(its_processes_are_told_of_the_other, client_begin,
                                        client_end),
        cmocka_unit_test_setup_teardown(ports_in_a_row_are_told_as_one, client_begin, client_end),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
