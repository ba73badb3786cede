/*
 * The start of the agent, one step after the other; each ends in the next, or
 * in app_fail(). The order is the official agent's (app/agent.go:start).
 */
#include <stdio.h>
#include <sys/utsname.h>

#include "agent/cloud_init.h"
#include "agent/app_parts.h"
#include "agent/capability.h"
#include "agent/metadata_file.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

static void find_credentials(struct app *a);
static void find_docker(struct app *a);
static void find_cgroups(struct app *a);
static void open_state(struct app *a);
static void find_network(struct app *a);
static void register_instance(struct app *a);

/* ---- instance metadata ---- */

static void take_region(struct app *a)
{
    _cleanup_json_ json_t *j = NULL;
    const char *region;

    if (!a->identity_document)
        return;
    j = json_read(a->identity_document, strlen(a->identity_document), JSON_READ_PEER, NULL);
    region = j ? json_str(j, "region") : NULL;
    if (region)
        config_set_region(&a->config, region);
}

/* One line about ECS_ENGINE_AUTH_DATA, before anybody could write a secret of it. */
static void read_registries(struct app *a)
{
    registry_auth_read(&a->registries, a->config.auth_type, a->config.auth_data, &a->log);
    log_secret(&a->log, a->config.auth_data);
    if (a->registries.found)
        log_event(&a->log, a->registries.hint ? LOG_WARN : LOG_INFO, "Credentials of registries",
                  "found", a->registries.found, "hint", a->registries.hint, NULL);
}

/* Nobody who could say something about the configuration is left. */
static void configured(struct app *a)
{
    struct err e = ERR_INIT;

    if (config_finish(&a->config, &e) < 0) {
        app_fail(a, AGENT_EXIT_RESTART, "Configuration", &e);
    } else if (a->args->print_config) {
        config_print(&a->config, stdout);
        app_end(a, AGENT_EXIT_OK);
    } else {
        app_tell_notes(a);
        read_registries(a);
        find_credentials(a);
    }
}

static void on_signature(const char *body, const struct err *e, void *user)
{
    struct app *a = user;

    (void)e;
    a->identity_signature = xstrdup(body);
    take_region(a);
    configured(a);
}

static void on_document(const char *body, const struct err *e, void *user)
{
    struct app *a = user;

    (void)e;
    a->identity_document = xstrdup(body);
    imds_get(a->imds, "dynamic/instance-identity/signature", on_signature, a);
}

static void on_instance_id(const char *body, const struct err *e, void *user)
{
    struct app *a = user;

    if (!body)
        log_event(&a->log, LOG_WARN, "No EC2 instance id", "error", e->text, NULL);
    a->ec2_instance_id = xstrdup(body);
    imds_get(a->imds, "dynamic/instance-identity/document", on_document, a);
}

static void on_user_data(const char *body, const struct err *e, void *user)
{
    struct app *a = user;

    (void)e; /* an instance without user data is none the worse */
    if (body && *body && cloud_init_found_nothing(CLOUD_INIT_RESULT)) {
        struct err nothing = ERR_INIT;

        err_set(
            &nothing, ERR_CONFLICT,
            "there is user data, and cloud-init found no data source: nothing of it was applied");
        app_fail(a, AGENT_EXIT_TERMINAL, "This instance is not configured", &nothing);
        return;
    }
    if (body)
        config_user_data(&a->config, body);
    imds_get(a->imds, "meta-data/instance-id", on_instance_id, a);
}

void app_start(struct app *a)
{
    a->imds = imds_new(&a->loop, a->http, a->config.imds_endpoint,
                       a->args->no_imds || a->config.external.on);
    a->credentials = credentials_new(&a->loop, a->imds, &a->config, &a->log);
    a->ecs = ecs_client_new(&a->loop, a->http, &a->config, a->credentials);
    if (imds_gone(a->imds) && *a->config.region)
        configured(a);
    else
        imds_get(a->imds, "user-data", on_user_data, a);
}

/* ---- credentials ---- */

static void on_credentials(const struct err *e, void *user)
{
    struct app *a = user;

    if (e->code != ERR_NONE)
        app_fail(a, AGENT_EXIT_RESTART, "No credentials", e);
    else
        find_docker(a);
}

static void find_credentials(struct app *a)
{
    credentials_fetch(a->credentials, on_credentials, a);
}

/* ---- Docker ---- */

static void print_attributes(struct app *a)
{
    _cleanup_json_ json_t *list =
        capability_list(&a->config, docker_api_lowest(a->docker), docker_api_highest(a->docker),
                        a->pause_loaded, a->plugin_versions);
    json_t *attribute;
    size_t i;

    json_array_foreach (list, i, attribute) {
        const char *value = json_str(attribute, "value");

        printf("%s\t%s\n", json_str(attribute, "name"), value ? value : "");
    }
}

static void on_negotiated(const struct err *e, void *user)
{
    struct app *a = user;

    if (e->code != ERR_NONE)
        app_fail(a, AGENT_EXIT_RESTART, "Docker", e);
    else
        find_cgroups(a);
}

static void on_ping(const struct docker_result *r, void *user)
{
    struct app *a = user;
    struct err e = ERR_INIT;

    if (r->ok) {
        docker_negotiate(a->docker, on_negotiated, a);
        return;
    }
    err_set(&e, ERR_PEER, "%s: %s", a->config.docker_host, r->message);
    app_fail(a, AGENT_EXIT_RESTART, "Docker does not answer", &e);
}

static void find_docker(struct app *a)
{
    struct err e = ERR_INIT;

    a->docker = docker_new(&a->loop, a->http, a->config.docker_host, &e);
    if (!a->docker)
        app_fail(a, AGENT_EXIT_RESTART, "DOCKER_HOST", &e);
    else
        docker_ping(a->docker, DOCKER_PING_TIMEOUT, on_ping, a);
}

/* ---- control groups ---- */

static int open_cgroups(struct app *a, struct err *e)
{
    if (docker_api_highest(a->docker) < DOCKER_API_CGROUP_PARENT)
        return err_set(e, ERR_PEER, "limits of tasks need Docker API 1.%d",
                       DOCKER_API_CGROUP_PARENT);
    a->cgroup.cpu_period = a->config.cgroup_cpu_period;
    a->cgroup.pids = a->config.task_pids_limit;
    return cgroup_init(&a->cgroup, a->config.cgroup_path, e);
}

/* Limits that nobody asked for by name are done without; the capability goes too. */
static void find_cgroups(struct app *a)
{
    struct config_bool *limits = &a->config.task_cpu_mem_limit;
    struct err e = ERR_INIT;

    if (limits->on && open_cgroups(a, &e) < 0) {
        if (limits->set) {
            app_fail(a, AGENT_EXIT_TERMINAL, "ECS_ENABLE_TASK_CPU_MEM_LIMIT", &e);
            return;
        }
        limits->on = false;
        log_event(&a->log, LOG_WARN, "Tasks get no limits of CPU and memory", "error", e.text,
                  NULL);
    }
    if (a->args->attributes) {
        print_attributes(a);
        app_end(a, AGENT_EXIT_OK);
    } else {
        open_state(a);
    }
}

/*
 * Saved tasks that have no control group cannot get one any more: then new
 * ones get none either. (agent_compatibility_linux.go)
 */
static int check_limits(struct app *a, struct err *e)
{
    struct config_bool *limits = &a->config.task_cpu_mem_limit;
    const struct cgroup *groups = limits->on ? &a->cgroup : NULL;
    struct task *t = NULL;

    while (limits->on && (t = engine_next_task(a->engine, t))) {
        if (t->limits)
            continue;
        if (limits->set)
            return err_set(e, ERR_CONFLICT,
                           "ECS_ENABLE_TASK_CPU_MEM_LIMIT is true, but the saved task %s runs "
                           "without limits",
                           t->arn);
        limits->on = false;
        log_event(&a->log, LOG_WARN, "Tasks get no limits of CPU and memory: a saved task has none",
                  "task", t->arn, NULL);
    }
    engine_set_cgroup(a->engine, groups, limits->on);
    return 0;
}

/* ---- saved state ---- */

/* -1 when the saved state is another cluster's. */
static int check_saved(struct app *a, struct err *e)
{
    _cleanup_free_ char *cluster = state_store_get(a->store, STATE_CLUSTER);
    _cleanup_free_ char *id = state_store_get(a->store, STATE_EC2_INSTANCE_ID);

    if (id && a->ec2_instance_id && !str_eq(id, a->ec2_instance_id)) {
        log_event(&a->log, LOG_WARN, "The saved state is another instance's: starting afresh",
                  "saved", id, "now", a->ec2_instance_id, NULL);
        return state_store_reset(a->store, e);
    }
    if (cluster && !str_eq(cluster, a->cluster))
        return err_set(e, ERR_CONFLICT,
                       "Data mismatch; saved cluster \"%s\" does not match configured cluster "
                       "\"%s\"; remove the state in %s, or configure the saved one",
                       cluster, a->cluster, a->config.datadir);
    a->instance_arn = state_store_get(a->store, STATE_INSTANCE_ARN);
    return 0;
}

static void open_state(struct app *a)
{
    char note[512] = "";
    struct err e = ERR_INIT;

    a->cluster = xstrdup(*a->config.cluster ? a->config.cluster : "default");
    if (a->config.checkpoint.on) {
        a->store = state_store_open(a->config.datadir, loop_wall(&a->loop), note, &e);
        if (!a->store) {
            /* a newer schema does not become older by trying again */
            app_fail(a, e.code == ERR_USAGE ? AGENT_EXIT_TERMINAL : AGENT_EXIT_RESTART,
                     "Saved state", &e);
            return;
        }
    }
    if (*note)
        log_event(&a->log, LOG_WARN, note, NULL);
    if (check_saved(a, &e) < 0 || app_engine_new(a, &e) < 0 || check_limits(a, &e) < 0)
        app_fail(a, AGENT_EXIT_TERMINAL, "Saved state", &e);
    else
        app_wait_in_service(a, find_network);
}

/* An instance that does not say is none the worse. (The official agent does not start without.) */
static void on_zone_id(const char *body, const struct err *e, void *user)
{
    struct app *a = user;

    (void)e;
    a->zone_id = xstrdup(body);
    register_instance(a);
}

static void on_network(struct app *a)
{
    if (a->config.external.on || imds_gone(a->imds))
        register_instance(a);
    else
        imds_get(a->imds, "meta-data/placement/availability-zone-id", on_zone_id, a);
}

static void find_network(struct app *a)
{
    app_network(a, on_network);
}

/* ---- registration ---- */

static void add_attribute(json_t *list, const char *name, const char *value)
{
    json_t *o;

    if (!value || !*value)
        return;
    o = json_object();
    json_put_str(o, "name", name);
    json_put_str(o, "value", value);
    json_array_append_new(list, o);
}

/* (agent_capability_unix.go:appendNvidiaDriverVersionAttribute) */
static void add_gpu(json_t *list, const char *driver)
{
    _cleanup_free_ char *name =
        xasprintf(ECS_CAPABILITY_SHORT "nvidia-driver-version.%s", driver ? driver : "");

    if (!driver)
        return;
    json_array_append_new(list, json_pack("{s:s}", "name", name));
    add_attribute(list, ECS_CAPABILITY_SHORT "gpu-driver-version", driver);
}

/* Go's name of the processor, as the service knows it. */
static const char *architecture(struct utsname *u)
{
    if (uname(u) < 0)
        return NULL;
    if (str_eq(u->machine, "aarch64"))
        return "arm64";
    return u->machine;
}

static json_t *attributes(struct app *a)
{
    json_t *list = json_array();
    _cleanup_json_ json_t *capabilities =
        capability_list(&a->config, docker_api_lowest(a->docker), docker_api_highest(a->docker),
                        a->pause_loaded, a->plugin_versions);
    struct utsname u;
    const char *key;
    json_t *value;

    if (!a->instance_arn) {
        json_object_foreach (a->config.instance_attributes, key, value) {
            add_attribute(list, key, json_string_value(value));
        }
    }
    json_array_extend(list, capabilities);
    add_gpu(list, a->gpus.driver);
    if (a->config.task_eni.on) {
        add_attribute(list, "ecs.vpc-id", a->vpc_id);
        add_attribute(list, "ecs.subnet-id", a->subnet_id);
    }
    add_attribute(list, ECS_ATTR_OS_TYPE, a->config.platform);
    add_attribute(list, ECS_ATTR_OS_FAMILY, a->config.windows ? a->config.windows_family : "LINUX");
    add_attribute(list, ECS_ATTR_OS_TYPE_DETAILED,
                  a->config.windows ? a->config.windows_family : a->config.detailed_os_family);
    if (a->config.external.on)
        add_attribute(list, ECS_ATTR_CPU_ARCHITECTURE, architecture(&u));
    return list;
}

static int save_metadata(struct app *a, const char *zone, struct err *e)
{
    const char *const pairs[][2] = {
        {STATE_AGENT_VERSION, ECSIM_VERSION},  {STATE_CLUSTER, a->cluster},
        {STATE_INSTANCE_ARN, a->instance_arn}, {STATE_EC2_INSTANCE_ID, a->ec2_instance_id},
        {STATE_AVAILABILITY_ZONE, zone},
    };

    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
        if (pairs[i][1] && state_store_set(a->store, pairs[i][0], pairs[i][1], e) < 0)
            return -1;
    return 0;
}

/* From here on containers may be told where they are. */
static void connect_from(struct app *a, const char *public_ipv4)
{
    const struct metadata_place place = {.cluster = a->cluster,
                                         .instance_arn = a->instance_arn,
                                         .zone = a->zone,
                                         .private_ipv4 = a->private_ipv4,
                                         .public_ipv4 = public_ipv4};
    struct err e = ERR_INIT;

    engine_set_place(a->engine, &place);
    if (app_connect(a, &e) < 0)
        app_fail(a, AGENT_EXIT_RESTART, "Connecting", &e);
}

/* An instance without one is none the worse. */
static void on_public_ipv4(const char *body, const struct err *e, void *user)
{
    (void)e;
    connect_from(user, body);
}

static void on_private_ipv4(const char *body, const struct err *e, void *user)
{
    struct app *a = user;

    (void)e;
    a->private_ipv4 = xstrdup(body);
    imds_get(a->imds, "meta-data/public-ipv4", on_public_ipv4, a);
}

static void on_registered(const struct registered *r, void *user)
{
    struct app *a = user;
    struct err e = ERR_INIT;

    a->registering = NULL;
    if (r->status != AGENT_EXIT_OK) {
        app_fail(a, r->status, "Registration failed", &r->e);
        return;
    }
    free(a->instance_arn);
    a->instance_arn = xstrdup(r->instance_arn);
    a->zone = xstrdup(r->availability_zone);
    log_event(&a->log, LOG_INFO, "Registered", "containerInstanceArn", a->instance_arn, "cluster",
              a->cluster, "availabilityZone", r->availability_zone, NULL);
    if (save_metadata(a, r->availability_zone, &e) < 0) {
        log_event(&a->log, LOG_ERROR, "The registration is not saved", "error", e.text, NULL);
        err_clear(&e);
    }
    if (a->config.container_metadata.on && !imds_gone(a->imds))
        imds_get(a->imds, "meta-data/local-ipv4", on_private_ipv4, a);
    else
        connect_from(a, NULL);
}

static void register_with(struct app *a, const json_t *tags)
{
    struct err e = ERR_INIT;
    _cleanup_json_ json_t *resources = ecs_register_resources(&a->config, &e);
    _cleanup_json_ json_t *list = attributes(a);
    _cleanup_json_ json_t *devices = gpus_devices(&a->gpus);
    bool external = a->config.external.on;
    struct registration what = {
        .cluster = a->config.cluster,
        .instance_arn = a->instance_arn,
        .identity_document = !external && a->identity_document ? a->identity_document : "",
        .identity_signature = !external && a->identity_signature ? a->identity_signature : "",
        .attributes = list,
        .resources = resources,
        .tags = tags,
        .devices = devices,
    };

    if (resources)
        a->registering = ecs_register_start(a->ecs, &what, &a->log, on_registered, a, &e);
    if (!a->registering)
        app_fail(a, AGENT_EXIT_RESTART, "Registration", &e);
}

/* Those of the configuration win. (app/agent.go:mergeTags) */
static void on_tags(const json_t *tags, const struct err *e, void *user)
{
    struct app *a = user;
    _cleanup_json_ json_t *all = NULL;

    a->asking_tags = NULL;
    if (!tags) {
        app_fail(a, AGENT_EXIT_RESTART, "The tags of the EC2 instance", e);
        return;
    }
    all = json_deep_copy(tags);
    json_object_update(all, a->config.instance_tags);
    register_with(a, all);
}

static void register_instance(struct app *a)
{
    struct err e = ERR_INIT;

    if (!str_eq(a->config.tags_from, "ec2_instance")) {
        register_with(a, a->config.instance_tags);
        return;
    }
    if (a->ec2_instance_id)
        a->asking_tags = ec2_tags_start(&a->loop, a->http, &a->config, a->credentials,
                                        a->ec2_instance_id, on_tags, a, &e);
    else
        err_set(&e, ERR_NOT_FOUND, "the instance metadata does not tell whose");
    if (!a->asking_tags)
        app_fail(a, AGENT_EXIT_RESTART, "The tags of the EC2 instance", &e);
}
