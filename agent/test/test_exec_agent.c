#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <sys/stat.h>

#include "agent/exec_agent.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

static char *root;
static struct exec_agent *agent;
static json_t *binds;
static struct err e;

static void put(const char *path)
{
    char *file = xasprintf("%s/%s", root, path), *slash = strrchr(file, '/');

    *slash = '\0';
    assert_int_equal(io_mkdirs(file, 0755, &e), 0);
    *slash = '/';
    assert_int_equal(io_write_file(file, "x", 1, 0755, &e), 0);
    free(file);
}

static void put_version(const char *version)
{
    static const char *const programs[] = {"amazon-ssm-agent", "ssm-agent-worker",
                                           "ssm-session-worker"};

    for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
        char *path = xasprintf("bin/%s/%s", version, programs[i]);

        put(path);
        free(path);
    }
}

static struct exec_agent *read_spec(const char *text)
{
    json_t *spec = json_read(text, strlen(text), JSON_READ_STRICT, &e);

    exec_agent_free(agent);
    agent = exec_agent_read(spec);
    json_decref(spec);
    return agent;
}

static int setup(void **state)
{
    (void)state;
    root = io_temp_folder("exec-agent", &e);
    binds = json_array();
    err_clear(&e);
    put("certs/tls-ca-bundle.pem");
    put("config/other");
    read_spec("{\"managedAgents\":[{\"name\":\"ExecuteCommandAgent\"}]}");
    return root && agent ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    io_remove_tree(root, &e);
    free(root);
    json_decref(binds);
    exec_agent_free(agent);
    agent = NULL;
    err_clear(&e);
    return 0;
}

static int prepare(void)
{
    return exec_agent_prepare(agent, root, "0123", "-web", binds, &e);
}

static const char *bind_at(size_t i)
{
    return json_string_value(json_array_get(binds, i));
}

static void the_newest_whole_version_is_taken(void **state)
{
    (void)state;
    put_version("3.1.1732.0");
    put_version("3.1.9");
    put_version("latest");
    put("bin/3.2/amazon-ssm-agent");
    assert_true(exec_agent_available(root));
    assert_int_equal(prepare(), 0);
    assert_int_equal(json_array_size(binds), 7);
    assert_true(str_starts(bind_at(0), EXEC_AGENT_HOST
                           "/bin/3.1.1732.0/amazon-ssm-agent:/ecs-execute-command-"));
    assert_string_equal(bind_at(6), "/var/log/ecs/exec/0123/web:/var/log/amazon/ssm");
}

static void without_a_whole_version_it_is_told(void **state)
{
    (void)state;
    assert_int_equal(prepare(), -1);
    assert_non_null(strstr(e.text, "no such file or directory"));
    err_clear(&e);
    put("bin/3.2/amazon-ssm-agent");
    assert_false(exec_agent_available(root));
    assert_int_equal(prepare(), -1);
    assert_non_null(strstr(e.text, "no valid versions were found in"));
    assert_int_equal(json_array_size(binds), 0);
    assert_null(agent->id);
}

static void certificates_are_needed(void **state)
{
    char *path = xasprintf("%s/certs/tls-ca-bundle.pem", root);

    (void)state;
    put_version("1");
    assert_int_equal(remove(path), 0);
    free(path);
    assert_false(exec_agent_available(root));
    assert_int_equal(prepare(), -1);
    assert_string_equal(e.text, "could not find certs");
}

/* Docker makes a folder of a file that it is to mount and does not find. */
static void a_folder_in_place_of_the_configuration_gives_way(void **state)
{
    const char *to;
    char *name, *path;
    struct stat st;

    (void)state;
    put_version("1");
    assert_int_equal(prepare(), 0);
    to = bind_at(3) + strlen(EXEC_AGENT_HOST);
    name = xstrndup(to, strcspn(to, ":"));
    path = xasprintf("%s%s", root, name);
    assert_int_equal(remove(path), 0);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(prepare(), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_true(S_ISREG(st.st_mode));
    free(path);
    free(name);
}

static void odd_session_limits_are_the_default(void **state)
{
    static const char *const odd[] = {"0", "-3", "many", "", "2x"};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
        char *text = xasprintf("{\"managedAgents\":[{\"name\":\"ExecuteCommandAgent\","
                               "\"properties\":{\"sessionLimit\":\"%s\"}}]}",
                               odd[i]);

        read_spec(text);
        assert_int_equal(agent->session_limit, 2);
        free(text);
    }
    read_spec("{\"managedAgents\":[{\"name\":\"ExecuteCommandAgent\","
              "\"properties\":{\"sessionLimit\":\"7\"}}]}");
    assert_int_equal(agent->session_limit, 7);
    assert_null(read_spec("{\"managedAgents\":[{\"name\":\"another\"}]}"));
}

static void what_was_saved_comes_back(void **state)
{
    json_t *saved, *again;

    (void)state;
    put_version("1");
    assert_int_equal(prepare(), 0);
    exec_agent_set(agent, EXEC_AGENT_STOPPED, "why");
    saved = exec_agent_state(agent);
    read_spec("{\"managedAgents\":[{\"name\":\"ExecuteCommandAgent\"}]}");
    exec_agent_load(agent, saved);
    assert_int_equal(agent->status, EXEC_AGENT_STOPPED);
    assert_true(agent->due);
    again = exec_agent_state(agent);
    assert_true(json_equal(saved, again));
    json_decref(saved);
    json_decref(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_whole_version_is_taken, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_whole_version_it_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(certificates_are_needed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_in_place_of_the_configuration_gives_way, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(odd_session_limits_are_the_default, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_saved_comes_back, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
