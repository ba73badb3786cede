#include <sys/sysinfo.h>

#include "agent/backoff.h"
#include "agent/ecs_register.h"
#include "agent/wire.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define DEFAULT_CLUSTER "default"

struct ecs_register {
    struct ecs_client *client;
    struct log *log;
    struct ecs_call *call;
    json_t *request;
    json_t *attributes;
    bool guess_cluster; /* none is configured */
    bool second;        /* the second try of a guessed cluster */
    struct backoff backoff;
    int64_t give_up; /* loop_now() */
    struct clock_timer timer;
    ecs_register_fn fn;
    void *user;
};

static void register_free(struct ecs_register *r)
{
    ecs_call_cancel(r->call);
    loop_timer_stop(ecs_client_loop(r->client), &r->timer);
    json_decref(r->request);
    json_decref(r->attributes);
    free(r);
}

static void finish(struct ecs_register *r, const struct registered *out)
{
    ecs_register_fn fn = r->fn;
    void *user = r->user;

    r->call = NULL;
    fn(out, user);
    register_free(r);
}

static void fail(struct ecs_register *r, enum agent_exit status, const struct err *e)
{
    struct registered out = {.status = status, .e = *e};

    finish(r, &out);
}

enum register_verdict ecs_register_judge(const struct ecs_answer *a)
{
    switch (a->error) {
    case ECS_ERROR_THROTTLING:
    case ECS_ERROR_SERVER:
    case ECS_ERROR_LIMIT_EXCEEDED:
        return REGISTER_AGAIN;
    case ECS_ERROR_INVALID_PARAMETER:
    case ECS_ERROR_CLIENT:
        return REGISTER_TERMINAL;
    default:
        break;
    }
    if (strstr(a->e.text, "Container instance type changes are not supported."))
        return REGISTER_TERMINAL;
    return REGISTER_FAILED;
}

static const char *attribute_value(const json_t *list, const char *name, bool *ret_found)
{
    json_t *a;
    size_t i;

    *ret_found = false;
    json_array_foreach ((json_t *)(uintptr_t)list, i, a) {
        if (str_eq(json_str(a, "name"), name)) {
            *ret_found = true;
            return json_str(a, "value");
        }
    }
    return NULL;
}

int ecs_register_validate(const json_t *sent, const json_t *received, struct err *e)
{
    json_t *a;
    size_t i;

    json_array_foreach ((json_t *)(uintptr_t)sent, i, a) {
        const char *name = json_str(a, "name"), *value = json_str(a, "value");
        const char *got;
        bool found;

        got = attribute_value(received, name, &found);
        if (!found)
            return err_set(e, ERR_PEER, "Attribute validation failed: %s did not come back", name);
        if (!str_eq(value ? value : "", got ? got : ""))
            return err_set(e, ERR_PEER, "Attribute validation failed: %s=%s came back as %s", name,
                           value ? value : "", got ? got : "");
    }
    return 0;
}

static int try(struct ecs_register *r, struct err *e);

static void on_timer(struct clock_timer *t)
{
    struct ecs_register *r = container_of(t, struct ecs_register, timer);
    struct err e = ERR_INIT;

    if (try(r, &e) < 0)
        fail(r, AGENT_EXIT_RESTART, &e);
}

static void accept_answer(struct ecs_register *r, const struct ecs_answer *a)
{
    const json_t *instance = json_object_get(a->body, "containerInstance");
    const json_t *attributes = json_object_get(instance, "attributes");
    const char *arn = json_str(instance, "containerInstanceArn");
    struct registered out = {.status = AGENT_EXIT_OK, .instance_arn = arn};
    bool found;

    if (!arn || !*arn) {
        err_set(&out.e, ERR_PEER, "RegisterContainerInstance: no containerInstanceArn came back");
        fail(r, AGENT_EXIT_RESTART, &out.e);
        return;
    }
    if (ecs_register_validate(r->attributes, attributes, &out.e) < 0) {
        fail(r, AGENT_EXIT_TERMINAL, &out.e);
        return;
    }
    out.availability_zone = attribute_value(attributes, ECS_ATTR_AVAILABILITY_ZONE, &found);
    finish(r, &out);
}

static void on_created(const struct ecs_answer *a, void *user)
{
    struct ecs_register *r = user;
    struct err e = a->e;

    r->call = NULL;
    if (e.code != ERR_NONE) {
        fail(r, AGENT_EXIT_RESTART, &e);
        return;
    }
    log_event(r->log, LOG_INFO, "Created the cluster", "cluster", DEFAULT_CLUSTER, NULL);
    if (try(r, &e) < 0)
        fail(r, AGENT_EXIT_RESTART, &e);
}

static int create_cluster(struct ecs_register *r, struct err *e)
{
    _cleanup_json_ json_t *request = json_object();

    json_put_str(request, "clusterName", DEFAULT_CLUSTER);
    r->call =
        ecs_call(r->client, ECS_CREATE_CLUSTER, request, ECS_RETRY_STANDARD, on_created, r, e);
    return r->call ? 0 : -1;
}

/* With a guessed cluster the first failure is not the last word. True: something was started. */
static bool second_chance(struct ecs_register *r, const struct ecs_answer *a)
{
    struct err e = ERR_INIT;
    bool missing =
        a->error == ECS_ERROR_CLUSTER_NOT_FOUND || strstr(a->e.text, "Cluster not found.") != NULL;

    if (!r->guess_cluster || r->second || a->refused)
        return false;
    r->second = true;
    return (missing ? create_cluster(r, &e) : try(r, &e)) == 0;
}

static void on_answer(const struct ecs_answer *a, void *user)
{
    struct ecs_register *r = user;
    struct loop *l = ecs_client_loop(r->client);
    enum register_verdict verdict;
    int64_t wait;

    r->call = NULL;
    if (a->e.code == ERR_NONE) {
        accept_answer(r, a);
        return;
    }
    verdict = ecs_register_judge(a);
    wait = backoff_next(&r->backoff);
    if (verdict == REGISTER_AGAIN && loop_now(l) + wait < r->give_up) {
        log_event(r->log, LOG_WARN, "Registration failed, trying again", "error", a->e.text, NULL);
        loop_timer_start(l, &r->timer, wait, on_timer);
        return;
    }
    if (second_chance(r, a))
        return;
    fail(r, verdict == REGISTER_TERMINAL ? AGENT_EXIT_TERMINAL : AGENT_EXIT_RESTART, &a->e);
}

static int try(struct ecs_register *r, struct err *e)
{
    r->call = ecs_call(r->client, ECS_REGISTER_CONTAINER_INSTANCE, r->request, ECS_RETRY_STANDARD,
                       on_answer, r, e);
    return r->call ? 0 : -1;
}

static json_t *tag_list(const json_t *tags)
{
    json_t *list = json_array();
    const char *key;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)tags, key, value) {
        json_t *tag = json_object();

        json_put_str(tag, "key", key);
        json_object_set(tag, "value", value);
        json_array_append_new(list, tag);
    }
    return list;
}

static json_t *build(const struct registration *w)
{
    json_t *o = json_object();
    char token[37];

    json_put_str(o, "cluster", *w->cluster ? w->cluster : DEFAULT_CLUSTER);
    json_put_str(o, "containerInstanceArn", w->instance_arn);
    json_put(o, "attributes", json_deep_copy(w->attributes));
    json_put(o, "totalResources", json_deep_copy(w->resources));
    json_put_str(o, "instanceIdentityDocument", w->identity_document);
    json_put_str(o, "instanceIdentityDocumentSignature", w->identity_signature);
    /* the same for every try of this start */
    json_put_str(o, "clientToken", wire_uuid(token));
    if (w->devices)
        json_put(o, "platformDevices", json_deep_copy(w->devices));
    if (json_object_size(w->tags))
        json_put(o, "tags", tag_list(w->tags));
    return o;
}

struct ecs_register *ecs_register_start(struct ecs_client *c, const struct registration *what,
                                        struct log *log, ecs_register_fn fn, void *user,
                                        struct err *e)
{
    struct ecs_register *r = new0(struct ecs_register);

    r->client = c;
    r->log = log;
    r->fn = fn;
    r->user = user;
    r->request = build(what);
    r->attributes = json_incref(json_object_get(r->request, "attributes"));
    r->guess_cluster = !*what->cluster;
    r->give_up = loop_now(ecs_client_loop(c)) + ECS_REGISTER_WINDOW;
    backoff_init(&r->backoff, ECS_REGISTER_BACKOFF_MIN, ECS_REGISTER_BACKOFF_MAX, 2.0, 0.2);
    if (try(r, e) < 0) {
        register_free(r);
        return NULL;
    }
    return r;
}

void ecs_register_cancel(struct ecs_register *r)
{
    if (r)
        register_free(r);
}

static json_t *integer_resource(const char *name, int64_t value)
{
    json_t *o = json_object();

    json_put_str(o, "name", name);
    json_put_str(o, "type", "INTEGER");
    json_put_int(o, "integerValue", value);
    return o;
}

static json_t *port_resource(const char *name, const json_t *ports)
{
    json_t *o = json_object(), *list = json_array(), *port;
    size_t i;

    json_array_foreach ((json_t *)(uintptr_t)ports, i, port) {
        char text[24];

        snprintf(text, sizeof(text), "%lld", (long long)json_integer_value(port));
        json_array_append_new(list, json_string(text));
    }
    json_put_str(o, "name", name);
    json_put_str(o, "type", "STRINGSET");
    json_put(o, "stringSetValue", list);
    return o;
}

int ecs_register_room(const struct config *c, int64_t *ret_cpu, int64_t *ret_memory)
{
    struct sysinfo info;

    *ret_cpu = 1024LL * get_nprocs();
    *ret_memory = INT64_MAX / 2;
    if (sysinfo(&info) < 0)
        return -1;
    *ret_memory = (int64_t)(((uint64_t)info.totalram * info.mem_unit) >> 20) - c->reserved_memory;
    return 0;
}

json_t *ecs_register_resources(const struct config *c, struct err *e)
{
    json_t *list;
    int64_t cpu, memory;

    if (ecs_register_room(c, &cpu, &memory) < 0) {
        err_set(e, ERR_SYS, "the machine does not tell its memory");
        return NULL;
    }
    memory += c->reserved_memory;
    if (c->reserved_memory > memory) {
        err_set(e, ERR_USAGE, "ECS_RESERVED_MEMORY=%lld is more than the %lld MiB of this machine",
                (long long)c->reserved_memory, (long long)memory);
        return NULL;
    }
    list = json_array();
    json_array_append_new(list, integer_resource("CPU", cpu));
    json_array_append_new(list, integer_resource("MEMORY", memory - c->reserved_memory));
    json_array_append_new(list, port_resource("PORTS", c->reserved_ports));
    json_array_append_new(list, port_resource("PORTS_UDP", c->reserved_ports_udp));
    return list;
}
