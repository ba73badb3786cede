/*
 * fuzz_agent.c - what the agent's peers say, by the first byte.
 *
 * 'f' a frame of ACS, whose tasks become containers and create bodies as they
 * would in the engine; 'i' what Docker answers to an inspect; 'e' an
 * environment file; 'c' user data that configures; 't' EC2's answer about tags; 'h' an answer of
 * HTTP, whole and in pieces; anything else is a stream of Docker's objects, in pieces as long as
 * that byte says.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/acs_dispatch.h"
#include "agent/config.h"
#include "agent/container_config.h"
#include "agent/container_inspect.h"
#include "agent/ec2_tags.h"
#include "agent/env_file.h"
#include "agent/http_answer.h"
#include "agent/json_stream.h"
#include "agent/payload.h"
#include "agent/updater.h"
#include "base/mem.h"
#include "base/test/fuzz.h"

#define INPUT_MAX  (256 << 10)
#define OBJECT_MAX 4096

/* What is saved of a task, loaded again, is the same. */
static void save_and_load(struct task *t)
{
    json_t *state = task_state_json(t), *again;
    struct err e = ERR_INIT;
    struct task *other = payload_task(t->spec, &e);

    if (!other)
        abort();
    task_state_load(other, state);
    again = task_state_json(other);
    if (!json_equal(state, again))
        abort();
    json_decref(again);
    json_decref(state);
    task_free(other);
}

static void take_task(const json_t *spec)
{
    const struct config config = {.task_eni.on = true,
                                  .gpu_support.on = true,
                                  .nvidia_runtime = (char *)(uintptr_t) "nvidia"};
    const struct container_config_env env = {
        .config = &config, .cluster = "demo", .region = "us-west-2"};
    struct err e = ERR_INIT;
    struct task *t = payload_task(spec, &e);
    const char *name;

    if (!t) {
        if (!*e.text)
            abort();
        return;
    }
    if (payload_unsupported(t, &config, &e) == 0)
        for (size_t i = 0; i < t->n_containers; i++)
            json_decref(container_config_body(&t->containers[i], &env, &name, &e));
    save_and_load(t);
    task_free(t);
}

static bool on_payload(void *user, const json_t *message, struct err *e)
{
    const json_t *spec;
    size_t i;

    (void)user;
    json_array_foreach (json_object_get(message, "tasks"), i, spec) {
        const char *arn;
        enum task_status desired;

        if (payload_head(spec, &arn, &desired, e) < 0)
            return false;
        take_task(spec);
    }
    return true;
}

static int on_credentials(void *user, const char *arn, bool execution, const char *id)
{
    (void)user;
    (void)execution;
    return arn && id ? 0 : -1;
}

static bool on_manifest(void *user, const json_t *message, json_t **ret)
{
    (void)user;
    (void)message;
    *ret = json_array();
    return true;
}

static int on_stop(void *user, const char *arn)
{
    (void)user;
    return strlen(arn) ? 0 : -1;
}

static void on_heartbeat(void *user)
{
    (void)user;
}

static int on_attach(void *user, const struct attachment_new *n, struct err *e)
{
    (void)user;
    (void)e;
    if (n->wait <= 0)
        abort();
    return 0;
}

/* An order that is not complete is told what it lacks; one that is has both texts. */
static void on_update(void *user, const json_t *message)
{
    struct update_order o;

    (void)user;
    if (!update_order_read(&o, message) && !(o.location && o.signature))
        abort();
}

static int on_send(void *sender, const char *text, size_t n, struct err *e)
{
    json_t *v = json_read(text, n, JSON_READ_STRICT, e);

    (void)sender;
    if (!v)
        abort(); /* we say what is no JSON */
    json_decref(v);
    return 0;
}

static void frame(const char *p, size_t n)
{
    static const struct acs_ops ops = {on_payload,   on_credentials, on_manifest, on_stop,
                                       on_heartbeat, on_attach,      on_update,   on_update};
    struct task_credentials store;
    struct acs_dispatch d;
    struct log log;
    struct err e = ERR_INIT;

    log_init(&log, LOG_NOTHING, -1);
    task_credentials_init(&store, &log);
    acs_dispatch_init(&d, &ops, NULL, on_send, NULL, &log, &store);
    if (acs_dispatch_frame(&d, p, n, &e) < 0 && !*e.text)
        abort();
    acs_dispatch_release(&d);
    task_credentials_release(&store);
    log_release(&log);
}

static void inspect(const char *p, size_t n)
{
    json_t *v = json_read(p, n, JSON_READ_PEER, NULL);
    struct task *t = task_new(1);

    container_inspect(&t->containers[0], v);
    json_decref(container_state_json(&t->containers[0]));
    task_free(t);
    json_decref(v);
}

static void on_object(const json_t *v, void *user)
{
    char *text = json_text(v);

    /* The text of one may be longer than what was sent (escapes), but by no more than that. */
    if (!json_is_object(v) || strlen(text) > 6 * OBJECT_MAX)
        abort();
    free(text);
    (*(size_t *)user)++;
}

static void stream(const char *p, size_t n, size_t piece)
{
    struct json_stream s;
    size_t seen = 0, whole = 0;

    json_stream_init(&s, OBJECT_MAX, on_object, &whole);
    json_stream_feed(&s, p, n);
    json_stream_release(&s);
    json_stream_init(&s, OBJECT_MAX, on_object, &seen);
    for (size_t at = 0; at < n; at += piece)
        json_stream_feed(&s, p + at, n - at < piece ? n - at : piece);
    json_stream_release(&s);
    if (seen != whole)
        abort(); /* where the pieces end must not count */
}

static void environment_file(const char *text, size_t n)
{
    json_t *vars = json_object();

    env_file_read(text, n, vars, NULL);
    json_decref(vars);
}

/* Whatever it says, the configuration can be printed, or a person is told why not. */
static void user_data(const char *text, size_t n)
{
    static const char *const env[] = {"AWS_DEFAULT_REGION=us-west-2",
                                      "ECS_AGENT_CONFIG_FILE_PATH=/nonexistent", NULL};
    char *copy = xstrndup(text, n);
    struct config c = {0};
    struct err e = ERR_INIT;
    char *shown = NULL;
    size_t size;
    FILE *out = open_memstream(&shown, &size);

    if (!out || config_load(&c, env, &e) < 0)
        abort();
    config_user_data(&c, copy);
    if (config_finish(&c, &e) < 0 && !*e.text)
        abort();
    config_print(&c, out);
    fclose(out);
    free(shown);
    config_release(&c);
    free(copy);
}

/* An answer is read, or a person is told why not; what is read can be sent on. */
static void tags(const char *text, size_t n)
{
    struct err e = ERR_INIT;
    json_t *read = ec2_tags_read(text, n, &e);

    if (!read && !*e.text)
        abort();
    free(read ? json_text(read) : NULL);
    json_decref(read);
}

static void on_body(const char *p, size_t n, void *user)
{
    struct buf *b = user;

    if (buf_add(b, p, n) < 0)
        abort(); /* more came out than went in */
}

/* Where the pieces end must not count. */
static void answer(const char *text, size_t n)
{
    struct http_answer whole = {0}, cut = {0};
    struct buf one = BUF_INIT(INPUT_MAX), other = BUF_INIT(INPUT_MAX);
    bool more = http_answer_feed(&whole, text, n, on_body, &one), going = true;

    for (size_t i = 0; i < n && going; i++)
        going = http_answer_feed(&cut, text + i, 1, on_body, &other);
    if (going != more || whole.part != cut.part || whole.status != cut.status ||
        buf_len(&one) != buf_len(&other) ||
        memcmp(buf_str(&one), buf_str(&other), buf_len(&one)) != 0)
        abort();
    buf_release(&one);
    buf_release(&other);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    const char *text = (const char *)p + 1;

    if (n < 2 || n > INPUT_MAX)
        return 0;
    if (*p == 'f')
        frame(text, n - 1);
    else if (*p == 'i')
        inspect(text, n - 1);
    else if (*p == 'e')
        environment_file(text, n - 1);
    else if (*p == 'c')
        user_data(text, n - 1);
    else if (*p == 't')
        tags(text, n - 1);
    else if (*p == 'h')
        answer(text, n - 1);
    else
        stream(text, n - 1, *p ? *p : 1);
    return 0;
}
