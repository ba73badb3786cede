#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/test/client.c"

#define JSON_TYPE "Content-Type: application/json\r\n"

static const char *message(const struct answer *a)
{
    const char *s = json_str(a->json, "message");

    return s ? s : "";
}

static void a_ping_tells_the_version_in_its_headers(void **state)
{
    const struct answer *a;

    (void)state;
    a = call("GET", "/_ping", NULL);
    assert_int_equal(a->status, 200);
    assert_string_equal(buf_str(&a->body), "OK");
    assert_non_null(strstr(a->head, "\r\nApi-Version: 1.41\r\n"));
    assert_non_null(strstr(a->head, "\r\nCache-Control: no-cache, no-store, must-revalidate\r\n"));
    assert_non_null(strstr(a->head, "\r\nServer: Docker/20.10.24 (linux)\r\n"));
    a = call("HEAD", "/_ping", NULL);
    assert_int_equal(a->status, 200);
    assert_int_equal(buf_len(&a->body), 0);
    assert_non_null(strstr(a->head, "\r\nContent-Length: 0\r\n"));
}

static void an_engine_on_windows_says_so(void **state)
{
    const struct answer *a;

    (void)state;
    assert_int_equal(control("version", "windows", "1995", NULL), -1);
    assert_int_equal(control("version", "windows", "2019", NULL), 0);
    a = call("GET", "/info", NULL);
    assert_string_equal(json_str(a->json, "OSType"), "windows");
    assert_string_equal(json_str(a->json, "OSVersion"), "10.0.17763");
    assert_int_equal(json_int(a->json, "Containers", -1), 0);
    assert_non_null(strstr(a->head, "\r\nServer: Docker/20.10.24 (windows)\r\n"));
    a = call("GET", "/version", NULL);
    assert_string_equal(json_str(a->json, "Os"), "windows");
    assert_string_equal(json_str(a->json, "KernelVersion"),
                        "10.0 17763 (17763.3532.amd64fre.rs5_release_svc_prod1.221027-1402)");
}

static void security_options_are_those_of_the_system(void **state)
{
    static const struct {
        const char *windows, *option, *message;
        int create, start;
    } rows[] = {
        {"0", "no-new-privileges", NULL, 201, 204},
        {"0", "label:disable", NULL, 201, 204},
        {"0", "credentialspec:file://x", "invalid --security-opt 2: \"credentialspec:file://x\"",
         500, 0},
        {"2022", "credentialspec=file://x", NULL, 201, 204},
        {"2022", "credentialspec=registry://x", NULL, 201, 204},
        {"2022", "credentialspec=file://",
         "invalid credential spec security option - value must be prefixed by 'file://', "
         "'registry://', or 'raw://' followed by a non-empty value",
         201, 400},
        {"2022", "seccomp=x", "security option not supported: seccomp", 201, 400},
    };

    (void)state;
    control("image", "name", "busybox:latest", "cached", "true", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char *body = xasprintf("{\"Image\":\"busybox\",\"HostConfig\":{\"SecurityOpt\":[\"%s\"]}}",
                               rows[i].option);
        char *path = xasprintf("/containers/s%zu/start", i);
        char *create = xasprintf("/containers/create?name=s%zu", i);
        const struct answer *a;

        assert_int_equal(control("version", "windows", rows[i].windows, NULL), 0);
        a = call("POST", create, body);
        assert_int_equal(a->status, rows[i].create);
        if (rows[i].start)
            a = call("POST", path, NULL);
        if (rows[i].start)
            assert_int_equal(a->status, rows[i].start);
        if (rows[i].message)
            assert_string_equal(message(a), rows[i].message);
        free(create);
        free(path);
        free(body);
    }
}

static void versions_outside_the_window_are_refused(void **state)
{
    const struct answer *a;

    (void)state;
    a = call("GET", "/v1.11/version", NULL);
    assert_int_equal(a->status, 400);
    assert_string_equal(buf_str(&a->body),
                        "client version 1.11 is too old. Minimum supported API version is 1.12, "
                        "please upgrade your client to a newer version\n");
    assert_non_null(strstr(a->head, "\r\nX-Content-Type-Options: nosniff\r\n"));
    assert_null(strstr(a->head, "Docker-Experimental"));
    a = call("GET", "/v1.42/version", NULL);
    assert_int_equal(a->status, 400);
    assert_string_equal(message(a), "client version 1.42 is too new. Maximum supported API version "
                                    "is 1.41");
    assert_int_equal(call("GET", "/v1.17/version", NULL)->status, 200);
    assert_int_equal(control("version", "version", "25.0.3", NULL), 0);
    a = call("GET", "/v1.23/version", NULL);
    assert_int_equal(a->status, 400);
    assert_true(str_starts(message(a), "client version 1.23 is too old. Minimum supported API "
                                       "version is 1.24"));
    assert_string_equal(json_str(call("GET", "/version", NULL)->json, "ApiVersion"), "1.44");
    assert_string_equal(json_str(answer.json, "MinAPIVersion"), "1.24");
    assert_string_equal(json_str(answer.json, "Version"), "25.0.3");
}

static void the_version_window_can_be_set_and_is_checked(void **state)
{
    (void)state;
    assert_int_equal(control("version", "api", "1.20", NULL), 0);
    assert_int_equal(call("GET", "/v1.21/version", NULL)->status, 400);
    assert_int_equal(control("version", "api", "1.60", "min", "1.45", NULL), 0);
    assert_int_equal(call("GET", "/v1.44/version", NULL)->status, 400);
    assert_int_equal(call("GET", "/v1.45/version", NULL)->status, 200);
    assert_int_equal(control("version", "api", "1.30", "min", "1.31", NULL), -1);
    assert_string_equal(control_err.text, "min 1.31 is above api 1.30");
    assert_int_equal(control("version", "api", "new", NULL), -1);
    assert_string_equal(control_err.text, "api: new is not a version such as 1.41");
    assert_int_equal(control("version", "version", "podman", NULL), -1);
    assert_string_equal(control_err.text, "version: podman is not known; say its api too");
}

static void unknown_paths_and_methods_are_not_found(void **state)
{
    const struct answer *a;

    (void)state;
    a = call("GET", "/v1.41/nonexistent", NULL);
    assert_int_equal(a->status, 404);
    assert_string_equal(message(a), "page not found");
    assert_null(strstr(a->head, "Api-Version"));
    assert_int_equal(call("DELETE", "/version", NULL)->status, 404);
    assert_int_equal(call("GET", "/vabc/version", NULL)->status, 404);
    a = call("GET", "/v1.17/nonexistent", NULL);
    assert_string_equal(buf_str(&a->body), "page not found\n");
    a = call("POST", "/swarm/init", "{}");
    assert_int_equal(a->status, 501);
    assert_string_equal(message(a), "ecsim does not simulate POST /swarm/init");
}

static void calls_are_named_without_the_version_and_grouped(void **state)
{
    static const struct {
        const char *method, *path, *what, *group;
    } cases[] = {
        {"GET", "/v1.41/containers/json?all=1", "GET /containers/json", "engine"},
        {"POST", "/v1.24/containers/create?name=x", "POST /containers/create", "lifecycle"},
        {"DELETE", "/images/a/b:1", "DELETE /images/a/b:1", "images"},
        {"GET", "/distribution/a/b:1/json", "GET /distribution/a/b:1/json", "images"},
        {"GET", "/volumes/x", "GET /volumes/x", "volumes"},
        {"POST", "/networks/create", "POST /networks/create", "networks"},
        {"POST", "/commit", "POST /commit", "images"},
        {"POST", "/grpc", "POST /grpc", NULL},
        {"GET", "/nothing", "GET /nothing", NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const struct record *r = NULL;

        call(cases[i].method, cases[i].path, NULL);
        for (size_t k = 0; k < world->journal.n; k++)
            if (world->journal.records[k]->kind == RECORD_REQUEST)
                r = world->journal.records[k];
        assert_string_equal(r->what, cases[i].what);
        if (cases[i].group)
            assert_string_equal(r->group, cases[i].group);
        else
            assert_null(r->group);
    }
}

static void a_fault_is_worded_as_the_engine_words_errors(void **state)
{
    struct fault *f = fault_table_add(&world->faults, NULL, "docker", "GET /info", FAULT_ERROR);
    const struct answer *a;

    (void)state;
    f->type = xstrdup("toomanyrequests");
    a = call("GET", "/info", NULL);
    assert_int_equal(a->status, 500);
    assert_true(str_starts(message(a), "toomanyrequests: You have reached your pull rate limit."));
    f->text = xstrdup("the daemon is ill");
    f->status = 503;
    a = call("GET", "/v1.20/info", NULL);
    assert_int_equal(a->status, 503);
    assert_string_equal(buf_str(&a->body), "the daemon is ill\n");
}

/* --- create ------------------------------------------------------------------------------ */

static void create_refuses_as_dockerd_does(void **state)
{
    static const struct {
        const char *query, *headers, *body;
        int status;
        const char *text;
    } cases[] = {
        {"", JSON_TYPE, "{\"Image\": ", 500, "unexpected EOF"},
        {"", JSON_TYPE, "", 500, "EOF"},
        {"", JSON_TYPE, "{}", 400, "Config cannot be empty in order to create a container"},
        {"", "", "{\"Image\":\"busybox:1\"}", 400,
         "Content-Type specified () must be 'application/json'"},
        {"", "Content-Type: text/plain\r\n", "{}", 400,
         "Content-Type specified (text/plain) must be 'application/json'"},
        {"", JSON_TYPE, "{\"Image\":5}", 500,
         "json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Image of type "
         "string"},
        {"", JSON_TYPE, "{\"Image\":\"nosuch\"}", 404, "No such image: nosuch:latest"},
        {"?name=-bad%2Fname", JSON_TYPE, "{\"Image\":\"busybox:1\"}", 400,
         "Invalid container name (-bad/name), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed"},
        {"", JSON_TYPE, "{\"Image\":\"empty:1\"}", 400, "No command specified"},
        {"", JSON_TYPE, "{\"Image\":\"busybox:1\",\"HostConfig\":{\"Memory\":4194304}}", 400,
         "Minimum memory limit allowed is 6MB"},
        {"", JSON_TYPE, "{\"Image\":\"busybox:1\",\"HostConfig\":{\"Binds\":[\"rel:/rel:zz\"]}}",
         500, "invalid mode: zz"},
        {"", JSON_TYPE, "{\"Image\":\"busybox:1\",\"HostConfig\":{\"Links\":[\"nosuch:x\"]}}", 400,
         "could not get container for nosuch: No such container: nosuch"},
        {"", JSON_TYPE, "{\"Image\":\"busybox:1\",\"HostConfig\":{\"VolumesFrom\":[\"nosuch\"]}}",
         400, "No such container: nosuch"},
        {"", JSON_TYPE,
         "{\"Image\":\"busybox:1\",\"HostConfig\":{\"RestartPolicy\":{\"Name\":\"often\"}}}", 400,
         "invalid restart policy 'often'"},
        {"", JSON_TYPE,
         "{\"Image\":\"busybox:1\",\"Hostname\":\"h\",\"HostConfig\":{\"NetworkMode\":"
         "\"container:x\"}}",
         400, "conflicting options: hostname and the network mode"},
    };

    (void)state;
    control("image", "name", "empty:1", "cached", "yes", "cmd", "", NULL);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char *path = xasprintf("/containers/create%s", cases[i].query);
        const struct answer *a = call_with("POST", path, cases[i].headers, cases[i].body);

        free(path);
        assert_int_equal(a->status, cases[i].status);
        assert_string_equal(message(a), cases[i].text);
    }
    assert_int_equal(json_array_size(call("GET", "/containers/json?all=1", NULL)->json), 0);
    assert_int_equal(json_array_size(json_at(call("GET", "/volumes", NULL)->json, "Volumes")), 0);
}

static void a_name_can_be_given_once(void **state)
{
    const struct answer *a;
    char *text, *id;

    (void)state;
    a = call("POST", "/containers/create?name=aa", "{\"Image\":\"busybox:1\"}");
    assert_int_equal(a->status, 201);
    id = xstrdup(json_str(a->json, "Id"));
    text = xasprintf("Conflict. The container name \"/aa\" is already in use by container \"%s\". "
                     "You have to remove (or rename) that container to be able to reuse that name.",
                     id);
    a = call("POST", "/containers/create?name=aa", "{\"Image\":\"busybox:1\"}");
    assert_int_equal(a->status, 409);
    assert_string_equal(message(a), text);
    assert_string_equal(inspect("aa", "Id"), id);
    id[12] = '\0';
    assert_string_equal(inspect(id, "Name"), "/aa");
    free(id);
    free(text);
}

static void what_the_image_says_completes_the_body(void **state)
{
    (void)state;
    control("image", "name", "full:1", "cached", "yes", "entrypoint", "/bin/sh -c", "cmd", "serve",
            "env", "PATH=/bin FOO=bar", "volume", "/vol", "expose", "80/tcp", "label", "k=v",
            "stop-signal", "QUIT", "workdir", "/tmp", NULL);
    run("aa", "full:1", ",\"Env\":[\"FOO=mine\"],\"Labels\":{\"a\":\"b\"}");
    assert_string_equal(inspect("aa", "Path"), "/bin/sh");
    assert_string_equal(inspect("aa", "Config.WorkingDir"), "/tmp");
    assert_string_equal(inspect("aa", "Config.StopSignal"), "SIGQUIT");
    assert_string_equal(inspect("aa", "Config.Labels.k"), "v");
    assert_string_equal(inspect("aa", "Config.Labels.a"), "b");
    assert_int_equal(json_array_size(json_at(answer.json, "Config.Env")), 2);
    assert_int_equal(json_array_size(json_at(answer.json, "Mounts")), 1);
    assert_non_null(json_object_get(json_at(answer.json, "Config.ExposedPorts"), "80/tcp"));
    call("POST", "/containers/aa/stop", NULL);
    assert_string_equal(events_of("aa"), "create start kill(3) die[131] stop");
    assert_int_equal(call("DELETE", "/containers/aa?v=1", NULL)->status, 204);
    assert_int_equal(json_array_size(json_at(call("GET", "/volumes", NULL)->json, "Volumes")), 0);
}

static void defaults_are_those_of_the_engine(void **state)
{
    (void)state;
    run("aa", "busybox:1", ",\"HostConfig\":{\"Memory\":67108864}");
    assert_int_equal(inspect_int("aa", "HostConfig.MemorySwap"), 134217728);
    assert_int_equal(inspect_int("aa", "HostConfig.ShmSize"), 67108864);
    assert_string_equal(inspect("aa", "HostConfig.NetworkMode"), "default");
    assert_string_equal(inspect("aa", "HostConfig.LogConfig.Type"), "json-file");
    assert_string_equal(inspect("aa", "HostConfig.IpcMode"), "private");
    assert_string_equal(inspect("aa", "HostConfig.Runtime"), "runc");
    assert_true(strlen(inspect("aa", "Config.Hostname")) == 12);
}

static void a_plugin_that_is_not_there_is_looked_for(void **state)
{
    struct peer p;

    (void)state;
    ask(&p, "POST", "/containers/create",
        "{\"Image\":\"busybox:1\",\"HostConfig\":{\"LogConfig\":{\"Type\":\"nosuch\"}}}");
    pass(14 * NS_PER_S);
    assert_int_equal(buf_len(&p.got), 0);
    pass(2 * NS_PER_S);
    assert_true(peer_wait_end(&p));
    assert_int_equal(answer_of(&p)->status, 400);
    assert_string_equal(message(&answer),
                        "error looking up logging plugin nosuch: plugin \"nosuch\" not found");
    peer_close(&p);
}

/* --- list -------------------------------------------------------------------------------- */

static size_t listed(const char *query)
{
    char *path = xasprintf("/containers/json?%s", query);
    const struct answer *a = call("GET", path, NULL);
    size_t n = json_array_size(a->json);

    assert_int_equal(a->status, 200);
    free(path);
    return n;
}

static void lists_are_filtered(void **state)
{
    (void)state;
    control("image", "name", "other:1", "cached", "", NULL);
    run("web", "busybox:1", ",\"Labels\":{\"a\":\"b\"}");
    run("web-2", "other:1", "");
    run("job", "busybox:1", "");
    call("POST", "/containers/job/kill", NULL);
    assert_int_equal(listed(""), 2);
    assert_int_equal(listed("all=1"), 3);
    assert_int_equal(listed("all=1&limit=1"), 1);
    assert_string_equal(json_string_value(json_array_get(
                            json_object_get(json_array_get(answer.json, 0), "Names"), 0)),
                        "/job");
    assert_int_equal(listed("filters={\"name\":[\"^/web$\"]}"), 1);
    assert_int_equal(listed("filters={\"name\":{\"web\":true}}"), 2);
    assert_int_equal(listed("filters={\"label\":[\"a=b\"]}"), 1);
    assert_int_equal(listed("filters={\"label\":[\"a\",\"x\"]}"), 0);
    assert_int_equal(listed("filters={\"status\":[\"exited\"]}"), 1);
    assert_int_equal(listed("all=1&filters={\"exited\":[\"137\"]}"), 1);
    assert_int_equal(listed("filters={\"ancestor\":[\"other:1\"]}"), 1);
    assert_int_equal(listed("all=1&filters={\"before\":[\"job\"]}"), 2);
    assert_int_equal(listed("all=1&filters={\"since\":[\"web\"]}"), 2);
    assert_int_equal(call("GET", "/containers/json?filters={\"status\":[\"x\"]}", NULL)->status,
                     400);
    assert_string_equal(message(&answer), "Invalid filter 'status=x'");
    assert_int_equal(call("GET", "/containers/json?filters=notjson", NULL)->status, 500);
    assert_int_equal(call("GET", "/containers/json?filters={\"nosuch\":[\"x\"]}", NULL)->status,
                     400);
}

/* --- events ------------------------------------------------------------------------------ */

static void events_are_streamed_one_a_chunk_with_old_and_new_members(void **state)
{
    struct peer p;
    json_t *e;

    (void)state;
    ask(&p, "GET", "/events?filters={\"type\":[\"container\"]}", NULL);
    assert_non_null(strstr(buf_str(&p.got), "Transfer-Encoding: chunked\r\n"));
    run("aa", "busybox:1", ",\"Labels\":{\"x\":\"<y>\"}");
    peer_settle(world);
    take(&p);
    answer_of(&p);
    assert_int_equal(answer.chunks, 2);
    assert_non_null(strstr(buf_str(&answer.body), "\"x\":\"\\u003cy\\u003e\""));
    e = json_read(buf_str(&answer.body), strcspn(buf_str(&answer.body), "\n"), JSON_READ_PEER,
                  NULL);
    assert_string_equal(json_str(e, "status"), "create");
    assert_string_equal(json_str(e, "from"), "busybox:1");
    assert_string_equal(json_str(e, "Type"), "container");
    assert_string_equal(json_str(e, "Action"), "create");
    assert_string_equal(json_string_value(json_at(e, "Actor.Attributes.name")), "aa");
    assert_string_equal(json_str(e, "id"), json_string_value(json_at(e, "Actor.ID")));
    json_decref(e);
    peer_close(&p);
}

static void an_event_stream_ends_at_its_until(void **state)
{
    char *path =
        xasprintf("/events?until=%lld", (long long)(loop_wall(&world->loop) / NS_PER_S) + 10);
    struct peer p;

    (void)state;
    ask(&p, "GET", path, NULL);
    free(path);
    assert_false(p.eof);
    pass(11 * NS_PER_S);
    assert_true(peer_wait_end(&p));
    peer_close(&p);
    assert_int_equal(call("GET", "/events?since=zzz", NULL)->status, 500);
    assert_string_equal(message(&answer), "strconv.ParseInt: parsing \"zzz\": invalid syntax");
}

/* --- statistics and logs ------------------------------------------------------------------ */

static void statistics_grow_with_the_clock(void **state)
{
    struct peer p;
    json_t *first, *second;
    const char *line;

    (void)state;
    run("aa", "busybox:1", ",\"Labels\":{\"ecsim.cpu\":\"50%\",\"ecsim.memory\":\"64MiB\"}");
    ask(&p, "GET", "/containers/aa/stats?stream=1", NULL);
    pass(NS_PER_S);
    take(&p);
    answer_of(&p);
    assert_int_equal(answer.chunks, 2);
    line = buf_str(&answer.body);
    first = json_read(line, strcspn(line, "\n"), JSON_READ_PEER, NULL);
    line += strcspn(line, "\n") + 1;
    second = json_read(line, strcspn(line, "\n"), JSON_READ_PEER, NULL);
    assert_int_equal(json_array_size(json_at(first, "cpu_stats.cpu_usage.percpu_usage")), 2);
    assert_in_range(json_integer_value(json_at(second, "cpu_stats.cpu_usage.total_usage")) -
                        json_integer_value(json_at(first, "cpu_stats.cpu_usage.total_usage")),
                    490000000, 520000000);
    assert_int_equal(json_integer_value(json_at(second, "memory_stats.usage")) -
                         json_integer_value(json_at(second, "memory_stats.stats.cache")),
                     64 << 20);
    assert_int_equal(json_integer_value(json_at(second, "memory_stats.usage")) -
                         json_integer_value(json_at(second, "memory_stats.stats.inactive_file")),
                     64 << 20);
    assert_int_equal(json_integer_value(json_at(second, "precpu_stats.cpu_usage.total_usage")),
                     json_integer_value(json_at(first, "cpu_stats.cpu_usage.total_usage")));
    assert_true(json_integer_value(json_at(second, "networks.eth0.rx_bytes")) >
                json_integer_value(json_at(first, "networks.eth0.rx_bytes")));
    json_decref(first);
    json_decref(second);
    call("POST", "/containers/aa/kill", NULL);
    assert_false(p.eof);
    call("DELETE", "/containers/aa", NULL);
    assert_true(peer_wait_end(&p));
    peer_close(&p);
}

static void one_sample_of_a_stopped_container_is_empty(void **state)
{
    const struct answer *a;

    (void)state;
    call("POST", "/containers/create?name=aa", "{\"Image\":\"busybox:1\"}");
    a = call("GET", "/containers/aa/stats?stream=false", NULL);
    assert_string_equal(json_str(a->json, "read"), "0001-01-01T00:00:00Z");
    assert_string_equal(json_str(a->json, "name"), "/aa");
}

static void logs_are_framed_and_followed_to_the_end(void **state)
{
    struct peer p;

    (void)state;
    run("aa", "busybox:1",
        ",\"Labels\":{\"ecsim.stdout\":\"tick\",\"ecsim.stderr\":\"tock\",\"ecsim.every\":\"1s\","
        "\"ecsim.repeat\":\"3\",\"ecsim.run-for\":\"10s\"}");
    pass(NS_PER_MS);
    ask(&p, "GET", "/containers/aa/logs?stdout=1&stderr=1&follow=1", NULL);
    answer_of(&p);
    assert_int_equal(answer.chunks, 2);
    assert_memory_equal(buf_str(&answer.body), "\1\0\0\0\0\0\0\5tick\n\2\0\0\0\0\0\0\5tock\n", 26);
    pass(11 * NS_PER_S);
    assert_true(peer_wait_end(&p));
    answer_of(&p);
    assert_int_equal(answer.chunks, 6);
    peer_close(&p);
    call("GET", "/containers/aa/logs?stdout=1&tail=1&timestamps=1", NULL);
    assert_int_equal(answer.chunks, 1);
    assert_true(str_ends(buf_str(&answer.body) + 8, "Z tick\n"));
    assert_int_equal(call("GET", "/containers/aa/logs", NULL)->status, 400);
}

static void logs_of_a_terminal_are_raw(void **state)
{
    (void)state;
    run("aa", "busybox:1", ",\"Tty\":true,\"Labels\":{\"ecsim.stdout\":\"one\\ntwo\"}");
    pass(NS_PER_MS);
    call("GET", "/containers/aa/logs?stdout=1", NULL);
    assert_string_equal(buf_str(&answer.body), "one\r\ntwo\r\n");
}

/* --- health ------------------------------------------------------------------------------ */

static void health_follows_the_declared_steps(void **state)
{
    (void)state;
    run("aa", "busybox:1",
        ",\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"]},\"Labels\":{\"ecsim.health\":"
        "\"starting:2s,healthy:10s,unhealthy\"}");
    assert_string_equal(inspect("aa", "State.Health.Status"), "starting");
    pass(2 * NS_PER_S + NS_PER_MS);
    assert_string_equal(inspect("aa", "State.Health.Status"), "healthy");
    pass(10 * NS_PER_S);
    assert_string_equal(inspect("aa", "State.Health.Status"), "unhealthy");
    assert_int_equal(inspect_int("aa", "State.Health.FailingStreak"), 3);
    assert_string_equal(events_of("aa"),
                        "create start health_status: healthy health_status: unhealthy");
    assert_int_equal(control("health", "container", "aa", "status", "healthy", NULL), 0);
    assert_string_equal(inspect("aa", "State.Health.Status"), "healthy");
    assert_int_equal(control("health", "container", "aa", "status", "fine", NULL), -1);
    assert_string_equal(control_err.text, "status: fine is none of starting, healthy, unhealthy");
}

static void a_check_without_a_declaration_succeeds_after_its_interval(void **state)
{
    (void)state;
    run("aa", "busybox:1",
        ",\"Healthcheck\":{\"Test\":[\"CMD\",\"true\"],\"Interval\":5000000000}");
    run("bb", "busybox:1", "");
    pass(4 * NS_PER_S);
    assert_string_equal(inspect("aa", "State.Health.Status"), "starting");
    pass(2 * NS_PER_S);
    assert_string_equal(inspect("aa", "State.Health.Status"), "healthy");
    assert_string_equal(inspect("bb", "State.Health.Status"), "");
    assert_int_equal(control("health", "container", "bb", "status", "healthy", NULL), -1);
    assert_string_equal(control_err.text, "container bb has no health check");
}

/* --- control ----------------------------------------------------------------------------- */

static void control_finds_a_container_by_what_people_call_it(void **state)
{
    (void)state;
    run("ecs-web-1-main-aa", "busybox:1",
        ",\"Labels\":{\"com.amazonaws.ecs.container-name\":\"main\"}");
    run("ecs-web-1-side-bb", "busybox:1",
        ",\"Labels\":{\"com.amazonaws.ecs.container-name\":\"side\"}");
    assert_int_equal(control("exit", "container", "ecs-web-*", NULL), -1);
    assert_true(str_starts(control_err.text, "more than one container is meant by ecs-web-*; "
                                             "there is: "));
    assert_int_equal(control("exit", "container", "nosuch", NULL), -1);
    assert_true(str_starts(control_err.text, "no container is meant by nosuch; there is: "));
    assert_int_equal(control("exit", "container", "main", "code", "5", NULL), 0);
    assert_int_equal(inspect_int("ecs-web-1-main-aa", "State.ExitCode"), 5);
    assert_int_equal(control("exit", "container", "ecs-*-side-*", "signal", "KILL", NULL), 0);
    assert_int_equal(inspect_int("ecs-web-1-side-bb", "State.ExitCode"), 137);
    assert_int_equal(control("exit", "container", "side", "code", "0", NULL), -1);
    assert_string_equal(control_err.text, "container ecs-web-1-side-bb is exited, not running");
}

static void control_says_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(control("exot", NULL), -1);
    assert_string_equal(control_err.text, "docker: no such command: exot (did you mean exit?)");
    assert_int_equal(control("exit", "contaner", "x", NULL), -1);
    assert_string_equal(control_err.text,
                        "exit has no argument contaner (did you mean container?)");
    assert_int_equal(control("exit", "container", "x", "code", "1", "signal", "9", NULL), -1);
    assert_string_equal(control_err.text, "exit with a code or by a signal, not both");
    assert_int_equal(control("image", "name", "x", "run-far", "1s", NULL), -1);
    assert_string_equal(control_err.text,
                        "image x: no such option: run-far (did you mean run-for?)");
    assert_int_equal(control("unimage", "name", "nosuch", NULL), -1);
    assert_string_equal(control_err.text, "no image nosuch in the catalogue or local");
}

static void a_report_lists_the_containers(void **state)
{
    struct err e = ERR_INIT;
    json_t *ret = NULL, *args = json_object();

    (void)state;
    run("aa", "busybox:1", "");
    assert_int_equal(engine->ops->control(engine, "containers", args, &ret, &e), 0);
    assert_int_equal(json_array_size(ret), 1);
    assert_string_equal(json_str(json_array_get(ret, 0), "state"), "running");
    json_decref(ret);
    json_decref(args);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, client_begin, client_end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ping_tells_the_version_in_its_headers),
        TEST(an_engine_on_windows_says_so),
        TEST(security_options_are_those_of_the_system),
        TEST(versions_outside_the_window_are_refused),
        TEST(the_version_window_can_be_set_and_is_checked),
        TEST(unknown_paths_and_methods_are_not_found),
        TEST(calls_are_named_without_the_version_and_grouped),
        TEST(a_fault_is_worded_as_the_engine_words_errors),
        TEST(create_refuses_as_dockerd_does),
        TEST(a_name_can_be_given_once),
        TEST(what_the_image_says_completes_the_body),
        TEST(defaults_are_those_of_the_engine),
        TEST(a_plugin_that_is_not_there_is_looked_for),
        TEST(lists_are_filtered),
        TEST(events_are_streamed_one_a_chunk_with_old_and_new_members),
        TEST(an_event_stream_ends_at_its_until),
        TEST(statistics_grow_with_the_clock),
        TEST(one_sample_of_a_stopped_container_is_empty),
        TEST(logs_are_framed_and_followed_to_the_end),
        TEST(logs_of_a_terminal_are_raw),
        TEST(health_follows_the_declared_steps),
        TEST(a_check_without_a_declaration_succeeds_after_its_interval),
        TEST(control_finds_a_container_by_what_people_call_it),
        TEST(control_says_what_is_wrong),
        TEST(a_report_lists_the_containers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
