/*
 * fuzz_tmds.c - what a task sends to the agent: bytes of a connection, whole requests or not.
 *
 * They go through a socket, libmicrohttpd, the paths and the bodies, to an
 * engine with one task that has a role, associations and faults enabled (in
 * mode bridge, so that no program is run). The service is asked where nobody
 * listens.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/container_inspect.h"
#include "agent/engine_internal.h"
#include "agent/payload.h"
#include "agent/tmds.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/test/fuzz.h"

#define INPUT_MAX (256 << 10)
#define ROUNDS    64

static const char spec[] =
    "{\"arn\":\"arn:aws:ecs:us-west-2:123456789012:task/demo/"
    "1\",\"family\":\"f\",\"version\":\"1\","
    "\"desiredStatus\":\"RUNNING\",\"enableFaultInjection\":true,\"associations\":[{\"containers\":"
    "[\"main\"],\"content\":{\"value\":\"{}\"},\"name\":\"d\",\"type\":\"eia\"}],"
    "\"elasticNetworkInterfaces\":[{\"ipv4Addresses\":[{\"privateAddress\":\"@\"}]}],"
    "\"roleCredentials\":{\"credentialsId\":\"c\",\"roleArn\":\"r\",\"accessKeyId\":\"AKIA\","
    "\"secretAccessKey\":\"s\",\"sessionToken\":\"t\",\"expiration\":\"e\"},\"containers\":"
    "[{\"name\":\"main\",\"image\":\"i\",\"essential\":true}]}";
static const char inspected[] =
    "{\"Id\":\"d\",\"Created\":\"2026-11-24T07:00:00Z\",\"State\":{\"Running\":true,\"StartedAt\":"
    "\"2026-11-24T07:00:01Z\"},\"NetworkSettings\":{\"Networks\":{\"b\":{\"IPAddress\":\"1\"}}}}";

static struct world {
    char *folder, *path;
    struct loop loop;
    struct log log;
    struct config config;
    struct task_credentials credentials;
    struct http *http;
    struct imds *imds;
    struct credentials *own;
    struct engine *engine;
    struct ecs_client *ecs;
    struct aws_caller *aws;
    struct tmds *tmds;
} * the_world;

static void add_task(struct engine *en, struct task_credentials *store)
{
    struct err e = ERR_INIT;
    json_t *doc = json_read(spec, strlen(spec), JSON_READ_STRICT, &e);
    json_t *v = json_read(inspected, strlen(inspected), JSON_READ_STRICT, &e);
    struct task *t = doc ? payload_task(doc, &e) : NULL;

    if (!t || !v)
        abort();
    task_credentials_put(store, t->arn, ACS_ROLE_TASK_APPLICATION,
                         json_object_get(doc, "roleCredentials"), &e);
    container_set_text(&t->containers[0].endpoint_id, "id");
    container_set_text(&t->containers[0].docker_id, "d");
    container_inspect(&t->containers[0], v);
    t->containers[0].known = CONTAINER_RUNNING;
    engine_add_task(en, t);
    json_decref(v);
    json_decref(doc);
}

static void configure(struct world *w)
{
    struct err e = ERR_INIT;
    char *listen = xasprintf("ECSIM_TASK_METADATA=unix:%s", w->path);
    const char *const env[] = {"AWS_DEFAULT_REGION=us-west-2",
                               "AWS_ACCESS_KEY_ID=a",
                               "AWS_SECRET_ACCESS_KEY=b",
                               "ECS_BACKEND_HOST=http://127.0.0.1:1",
                               "ECS_AUDIT_LOGFILE_DISABLED=true",
                               "ECS_AGENT_CONFIG_FILE_PATH=/nonexistent",
                               "ECS_TASK_METADATA_RPS_LIMIT=1000000000,1000000000",
                               listen,
                               NULL};

    if (config_load(&w->config, env, &e) < 0 || config_finish(&w->config, &e) < 0)
        abort();
    free(listen);
}

static struct world *world(void)
{
    const struct engine_callbacks none = {NULL, NULL, NULL};
    struct world *w = new0(struct world);
    struct http_trust trust = {0};
    struct err e = ERR_INIT;
    struct tmds_options o = {.instance = {.cluster = "demo"}, .instance_arn = "arn"};

    w->folder = io_temp_folder("ecsim-fuzz", &e);
    if (!w->folder || loop_init(&w->loop, &e) < 0 || !(w->http = http_new(&w->loop, &trust, &e)))
        abort();
    w->path = xasprintf("%s/s", w->folder);
    log_init(&w->log, LOG_NOTHING, -1);
    configure(w);
    task_credentials_init(&w->credentials, &w->log);
    w->imds = imds_new(&w->loop, w->http, "http://127.0.0.1:1", true);
    w->own = credentials_new(&w->loop, w->imds, &w->config, &w->log);
    o.config = &w->config;
    o.credentials = &w->credentials;
    o.engine = w->engine = engine_new(&w->loop, &w->config, &w->log, NULL, NULL, &none);
    o.ecs = w->ecs = ecs_client_new(&w->loop, w->http, &w->config, w->own);
    o.aws = w->aws = aws_caller_new(&w->loop, w->http, &w->config);
    add_task(o.engine, &w->credentials);
    w->tmds = tmds_new(&w->loop, &o, &w->log);
    return w;
}

static void end_world(void)
{
    struct world *w = the_world;

    tmds_free(w->tmds);
    engine_free(w->engine);
    aws_caller_free(w->aws);
    ecs_client_free(w->ecs);
    imds_free(w->imds);
    credentials_free(w->own);
    http_free(w->http);
    loop_release(&w->loop);
    task_credentials_release(&w->credentials);
    log_release(&w->log);
    config_release(&w->config);
    io_remove_tree(w->folder, NULL);
    free(w->folder);
    free(w->path);
    free(w);
}

static void visit(struct world *w, const uint8_t *p, size_t n)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    char answer[65536];

    memcpy(a.sun_path, w->path, strlen(w->path) + 1);
    if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
        abort();
    for (int i = 0; i < ROUNDS; i++) {
        ssize_t sent = n ? send(fd, p, n, MSG_NOSIGNAL) : 0;

        if (sent > 0) {
            p += sent;
            n -= (size_t)sent;
        }
        if (!n)
            shutdown(fd, SHUT_WR);
        uv_run(&w->loop.uv, UV_RUN_NOWAIT);
        if (recv(fd, answer, sizeof(answer), 0) == 0)
            break;
    }
    close(fd);
    for (int i = 0; i < 4; i++)
        uv_run(&w->loop.uv, UV_RUN_NOWAIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    if (n > INPUT_MAX)
        return 0;
    if (!the_world) {
        the_world = world();
        atexit(end_world);
    }
    visit(the_world, p, n);
    return 0;
}
