#include "agent/env_file.h"
#include "agent/firelens.h"
#include "agent/gpu.h"
#include "agent/payload.h"
#include "agent/secret.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

/* ---- members with a type ---- */

static int wrong(struct err *e, const char *member, const char *wanted, const json_t *v)
{
    return err_set(e, ERR_PARSE, "\"%s\" is not %s but %s", member, wanted, json_type_name(v));
}

/* Absent and null leave *ret alone; any other type than a string is an error. */
static int opt_str(const json_t *o, const char *member, const char **ret, struct err *e)
{
    const json_t *v = json_object_get(o, member);

    if (!v || json_is_null(v))
        return 0;
    if (!json_is_string(v))
        return wrong(e, member, "a string", v);
    *ret = json_string_value(v);
    return 0;
}

static int opt_int(const json_t *o, const char *member, int64_t min, int64_t max, int64_t *ret,
                   struct err *e)
{
    const json_t *v = json_object_get(o, member);
    int64_t n;

    if (!v || json_is_null(v))
        return 0;
    if (json_need_int(o, member, &n, NULL) < 0)
        return wrong(e, member, "a whole number", v);
    if (n < min || n > max)
        return err_set(e, ERR_PARSE, "\"%s\" is %lld, outside %lld to %lld", member, (long long)n,
                       (long long)min, (long long)max);
    *ret = n;
    return 0;
}

static int opt_bool(const json_t *o, const char *member, bool *ret, struct err *e)
{
    const json_t *v = json_object_get(o, member);

    if (!v || json_is_null(v))
        return 0;
    if (!json_is_boolean(v))
        return wrong(e, member, "true or false", v);
    *ret = json_is_true(v);
    return 0;
}

/* *ret is NULL when the member is absent or null. */
static int opt_list(const json_t *o, const char *member, size_t max, const json_t **ret,
                    struct err *e)
{
    const json_t *v = json_object_get(o, member);

    *ret = NULL;
    if (!v || json_is_null(v))
        return 0;
    if (!json_is_array(v))
        return wrong(e, member, "a list", v);
    if (json_array_size(v) > max)
        return err_set(e, ERR_LIMIT, "\"%s\" has %zu entries, more than %zu", member,
                       json_array_size(v), max);
    *ret = v;
    return 0;
}

static int check_strings(const json_t *o, const char *member, struct err *e)
{
    const json_t *list, *v;
    size_t i;

    if (opt_list(o, member, 100000, &list, e) < 0)
        return -1;
    json_array_foreach (list, i, v)
        if (!json_is_string(v))
            return wrong(e, member, "a list of strings", v);
    return 0;
}

static int check_objects(const json_t *o, const char *member, struct err *e)
{
    const json_t *list, *v;
    size_t i;

    if (opt_list(o, member, 100000, &list, e) < 0)
        return -1;
    json_array_foreach (list, i, v)
        if (!json_is_object(v))
            return wrong(e, member, "a list of objects", v);
    return 0;
}

static int check_string_map(json_t *o, const char *member, struct err *e)
{
    json_t *map = json_object_get(o, member), *v;
    const char *key;

    if (!map || json_is_null(map))
        return 0;
    if (!json_is_object(map))
        return wrong(e, member, "an object", map);
    json_object_foreach (map, key, v)
        if (!json_is_string(v) && !json_is_null(v))
            return wrong(e, member, "an object of strings", v);
    return 0;
}

/* ---- one container ---- */

static void add_depend(struct container *c, const char *name, size_t len,
                       enum depend_condition condition)
{
    c->depends = xrealloc(c->depends, (c->n_depends + 1) * sizeof(*c->depends));
    c->depends[c->n_depends++] =
        (struct container_depend){.name = xstrndup(name, len), .condition = condition};
}

static int read_depends(struct container *c, struct err *e)
{
    const json_t *list, *v;
    size_t i;

    if (opt_list(c->spec, "dependsOn", PAYLOAD_DEPENDS_MAX, &list, e) < 0)
        return -1;
    json_array_foreach (list, i, v) {
        const char *name, *word;
        int condition;

        if (json_need_str(v, "containerName", &name, e) < 0 ||
            json_need_str(v, "condition", &word, e) < 0)
            return err_wrap(e, "dependsOn");
        condition = depend_condition_from(word);
        if (condition < 0)
            return err_set(e, ERR_PARSE, "dependsOn: no condition \"%.60s\"", word);
        add_depend(c, name, strlen(name), (enum depend_condition)condition);
    }
    return 0;
}

/* links ("name:alias") wait for START, volumesFrom for CREATE. */
static int read_implied_depends(struct container *c, struct err *e)
{
    const json_t *links, *volumes, *v;
    size_t i;

    if (check_strings(c->spec, "links", e) < 0 ||
        opt_list(c->spec, "links", PAYLOAD_DEPENDS_MAX, &links, e) < 0 ||
        opt_list(c->spec, "volumesFrom", PAYLOAD_DEPENDS_MAX, &volumes, e) < 0)
        return -1;
    json_array_foreach (links, i, v) {
        const char *link = json_string_value(v);

        add_depend(c, link, strcspn(link, ":"), DEPEND_START);
    }
    json_array_foreach (volumes, i, v) {
        const char *name;

        if (json_need_str(v, "sourceContainer", &name, e) < 0)
            return err_wrap(e, "volumesFrom");
        add_depend(c, name, strlen(name), DEPEND_CREATE);
    }
    return 0;
}

/* "a-b", both from 1 to 65535. */
static int parse_range(const char *text, struct container_port *p, struct err *e)
{
    const char *dash = strchr(text, '-');
    _cleanup_free_ char *low = xstrndup(text, dash ? (size_t)(dash - text) : 0);
    uint64_t first, last;

    if (!dash || str_u64(low, 65535, &first) < 0 || str_u64(dash + 1, 65535, &last) < 0 ||
        first == 0 || last < first)
        return err_set(e, ERR_PARSE, "\"containerPortRange\" is %.60s, not FIRST-LAST", text);
    p->container_port = (int)first;
    p->count = (int)(last - first + 1);
    p->range = true;
    return 0;
}

static int read_ports(struct container *c, struct err *e)
{
    const json_t *list, *v;
    size_t i;

    if (opt_list(c->spec, "portMappings", PAYLOAD_PORTS_MAX, &list, e) < 0)
        return -1;
    if (!json_array_size(list))
        return 0;
    c->ports = new0_array(struct container_port, json_array_size(list));
    json_array_foreach (list, i, v) {
        int64_t inside = 0, outside = 0;
        const char *protocol = "tcp", *range = NULL;
        struct container_port *p = &c->ports[c->n_ports];

        if (opt_int(v, "containerPort", 0, 65535, &inside, e) < 0 ||
            opt_int(v, "hostPort", 0, 65535, &outside, e) < 0 ||
            opt_str(v, "containerPortRange", &range, e) < 0 ||
            opt_str(v, "protocol", &protocol, e) < 0)
            return err_wrap(e, "portMappings");
        if (!str_eq(protocol, "tcp") && !str_eq(protocol, "udp"))
            return err_set(e, ERR_PARSE, "portMappings: no protocol \"%.60s\"", protocol);
        if (inside == 0 && (!range || !*range))
            continue; /* maps nothing */
        *p = (struct container_port){
            .container_port = (int)inside,
            .host_port = inside ? (int)outside : 0,
            .count = 1,
            .udp = str_eq(protocol, "udp"),
        };
        if (inside == 0 && parse_range(range, p, e) < 0)
            return err_wrap(e, "portMappings");
        c->n_ports++;
    }
    return 0;
}

static int check_docker_config(const struct container *c, struct err *e)
{
    const json_t *config = json_object_get(c->spec, "dockerConfig");
    const char *text = NULL;

    if (!config || json_is_null(config))
        return 0;
    if (!json_is_object(config))
        return wrong(e, "dockerConfig", "an object", config);
    if (opt_str(config, "version", &text, e) < 0 || opt_str(config, "config", &text, e) < 0 ||
        opt_str(config, "hostConfig", &text, e) < 0)
        return err_wrap(e, "dockerConfig");
    return 0;
}

/* Members that the create body is made of: types only, the values are used later. */
static int check_rest(const struct container *c, struct err *e)
{
    const char *text = NULL;
    const json_t *list;
    int64_t n = 0;

    if (check_strings(c->spec, "command", e) < 0 || check_strings(c->spec, "entryPoint", e) < 0 ||
        check_string_map(c->spec, "environment", e) < 0 ||
        check_objects(c->spec, "mountPoints", e) < 0 ||
        opt_list(c->spec, "environmentFiles", ENV_FILES_MAX, &list, e) < 0 ||
        check_objects(c->spec, "secrets", e) < 0 ||
        check_objects(c->spec, "managedAgents", e) < 0 ||
        opt_list(c->spec, "secrets", SECRETS_MAX, &list, e) < 0 ||
        opt_int(c->spec, "cpu", 0, INT32_MAX, &n, e) < 0 ||
        opt_int(c->spec, "memory", 0, INT32_MAX, &n, e) < 0 ||
        opt_str(c->spec, "overrides", &text, e) < 0 ||
        opt_str(c->spec, "logsAuthStrategy", &text, e) < 0)
        return -1;
    return check_docker_config(c, e);
}

static char *random_hex(char out[21])
{
    unsigned char bytes[10];

    io_random(bytes, sizeof(bytes));
    str_hex(bytes, sizeof(bytes), out);
    return out;
}

/* Version 4, in the usual form. */
static char *random_uuid(void)
{
    unsigned char b[16];
    char h[33];

    io_random(b, sizeof(b));
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    str_hex(b, sizeof(b), h);
    return xasprintf("%.8s-%.4s-%.4s-%.4s-%.12s", h, h + 8, h + 12, h + 16, h + 20);
}

static int read_container(struct container *c, json_t *spec, struct err *e)
{
    const char *health = NULL;
    int64_t start = 0, stop = 0;
    char hex[21];

    c->name = "";
    if (!json_is_object(spec))
        return err_set(e, ERR_PARSE, "not an object");
    c->spec = json_incref(spec);
    if (json_need_str(spec, "name", &c->name, e) < 0 ||
        json_need_str(spec, "image", &c->image, e) < 0 ||
        opt_bool(spec, "essential", &c->essential, e) < 0 ||
        opt_str(spec, "healthCheckType", &health, e) < 0 ||
        opt_int(spec, "startTimeout", 0, INT32_MAX, &start, e) < 0 ||
        opt_int(spec, "stopTimeout", 0, INT32_MAX, &stop, e) < 0)
        return -1;
    if (!*c->name || !*c->image)
        return err_set(e, ERR_PARSE, "\"%s\" is empty", *c->name ? "image" : "name");
    c->health_checked = health && strcasecmp(health, "docker") == 0;
    c->start_timeout = start * LIMIT_S;
    c->stop_timeout = stop * LIMIT_S;
    if (read_depends(c, e) < 0 || read_implied_depends(c, e) < 0 || read_ports(c, e) < 0 ||
        restart_policy_read(&c->restart, spec, e) < 0 || check_rest(c, e) < 0)
        return -1;
    c->exec = exec_agent_read(spec);
    c->docker_name =
        container_docker_name(c->task->family, c->task->version, c->name, random_hex(hex));
    c->endpoint_id = random_uuid();
    return 0;
}

/* ---- the task ---- */

int payload_head(const json_t *spec, const char **ret_arn, enum task_status *ret_desired,
                 struct err *e)
{
    const char *word;
    int desired;

    if (!json_is_object(spec))
        return err_set(e, ERR_PARSE, "a task is not an object but %s", json_type_name(spec));
    if (json_need_str(spec, "arn", ret_arn, e) < 0)
        return -1;
    if (!**ret_arn || strlen(*ret_arn) > ARN_MAX) {
        *ret_arn = NULL;
        return err_set(e, ERR_PARSE, "\"arn\" is empty or too long");
    }
    if (json_need_str(spec, "desiredStatus", &word, e) < 0)
        return -1;
    desired = task_status_from(word);
    if (desired != TASK_RUNNING && desired != TASK_STOPPED)
        return err_set(e, ERR_PARSE, "\"desiredStatus\" is %.60s", word);
    *ret_desired = (enum task_status)desired;
    return 0;
}

/* The id stays, the rest of the credentials goes: the spec is saved and shown. */
static int take_credentials(json_t *spec, const char *member, char **ret_id, struct err *e)
{
    const json_t *role = json_object_get(spec, member);
    const char *id = NULL;

    if (!role || json_is_null(role))
        return 0;
    if (!json_is_object(role))
        return wrong(e, member, "an object", role);
    if (opt_str(role, "credentialsId", &id, e) < 0)
        return err_wrap(e, "%s", member);
    if (id && *id)
        *ret_id = xstrdup(id);
    json_object_del(spec, member);
    return 0;
}

static int read_limits(struct task *t, struct err *e)
{
    const json_t *cpu = json_object_get(t->spec, "cpu");

    if (cpu && !json_is_null(cpu) && (!json_is_number(cpu) || json_number_value(cpu) < 0))
        return err_set(e, ERR_PARSE, "\"cpu\" is not a number of vCPUs");
    t->cpu = cpu ? json_number_value(cpu) : 0;
    return opt_int(t->spec, "memory", 0, INT32_MAX, &t->memory, e);
}

/* ---- containers of the agent's own ---- */

struct internal {
    enum container_type type;
    const char *name;
    enum container_status steady;
};

static bool shares(const json_t *spec, const char *member)
{
    return str_eq(json_str(spec, member), "task");
}

/* Which a task needs; returns how many. (task.go: addNetworkResourceProvisioningDependency,
 * addNamespaceSharingProvisioningDependency) */
static size_t internals_of(const json_t *spec, struct internal out[2])
{
    size_t n = 0;

    if (!json_array_size(json_object_get(spec, "containers")))
        return 0;
    if (str_eq(json_str(spec, "networkMode"), "awsvpc"))
        out[n++] = (struct internal){CONTAINER_CNI_PAUSE, CONTAINER_NAME_CNI_PAUSE,
                                     CONTAINER_RESOURCES_PROVISIONED};
    if (shares(spec, "pidMode") || shares(spec, "ipcMode"))
        out[n++] = (struct internal){CONTAINER_NAMESPACE_PAUSE, CONTAINER_NAME_NAMESPACE_PAUSE,
                                     CONTAINER_RUNNING};
    return n;
}

static int add_internal(struct container *c, const struct internal *what, struct err *e)
{
    _cleanup_json_ json_t *spec = json_object();

    json_put_str(spec, "name", what->name);
    json_put_str(spec, "image", PAUSE_IMAGE);
    json_put_bool(spec, "essential", true);
    c->type = what->type;
    c->steady = what->steady;
    return read_container(c, spec, e);
}

/* Who logs starts after who takes the logs. (task.go:addFirelensContainerDependency) */
static void wait_for_router(struct task *t)
{
    const struct container *router = firelens_router(t);

    for (size_t i = 0; router && i < t->n_containers; i++) {
        struct container *c = &t->containers[i];

        if (c != router && firelens_logs(c))
            add_depend(c, router->name, strlen(router->name), DEPEND_START);
    }
}

static int read_containers(struct task *t, struct err *e)
{
    const json_t *list = json_object_get(t->spec, "containers");
    struct internal internals[2];
    size_t given = json_array_size(list), n = internals_of(t->spec, internals);

    for (size_t i = 0; i < given; i++) {
        struct container *c = &t->containers[i];

        if (read_container(c, json_array_get(list, i), e) < 0)
            return err_wrap(e, "container %zu \"%.60s\"", i, c->name);
        if (task_container(t, c->name) != c)
            return err_set(e, ERR_PARSE, "two containers are named \"%.60s\"", c->name);
    }
    wait_for_router(t);
    for (size_t i = 0; i < n; i++)
        if (add_internal(&t->containers[given + i], &internals[i], e) < 0 ||
            task_container(t, internals[i].name) != &t->containers[given + i])
            return err_set(e, ERR_PARSE, "a container is named \"%s\"", internals[i].name);
    return 0;
}

static int read_task(struct task *t, struct err *e)
{
    const char *mode = NULL;

    t->network_mode = "bridge";
    if (payload_head(t->spec, &t->arn, &t->desired, e) < 0 ||
        opt_str(t->spec, "taskClusterArn", &t->cluster_arn, e) < 0 ||
        opt_str(t->spec, "family", &t->family, e) < 0 ||
        opt_str(t->spec, "version", &t->version, e) < 0 ||
        opt_str(t->spec, "networkMode", &t->network_mode, e) < 0 ||
        check_objects(t->spec, "volumes", e) < 0 || read_limits(t, e) < 0 ||
        take_credentials(t->spec, "roleCredentials", &t->credentials_id, e) < 0 ||
        take_credentials(t->spec, "executionRoleCredentials", &t->execution_credentials_id, e) <
            0 ||
        opt_str(t->spec, "pidMode", &mode, e) < 0 || opt_str(t->spec, "ipcMode", &mode, e) < 0 ||
        check_objects(t->spec, "elasticNetworkInterfaces", e) < 0)
        return -1;
    return read_containers(t, e);
}

struct task *payload_task(const json_t *spec, struct err *e)
{
    struct internal internals[2];
    const json_t *containers;
    struct task *t;

    if (!json_is_object(spec)) {
        err_set(e, ERR_PARSE, "a task is not an object but %s", json_type_name(spec));
        return NULL;
    }
    if (opt_list(spec, "containers", PAYLOAD_CONTAINERS_MAX, &containers, e) < 0)
        return NULL;
    t = task_new(json_array_size(containers) + internals_of(spec, internals));
    t->spec = json_deep_copy(spec);
    if (read_task(t, e) < 0) {
        task_free(t);
        return NULL;
    }
    if (t->n_containers == 0 && t->desired == TASK_RUNNING) {
        err_set(e, ERR_PARSE, "a task to run without containers");
        task_free(t);
        return NULL;
    }
    return t;
}

/* ---- what is not possible here ---- */

/* What is no network interface needs a container of the agent's own image beside the task's, or a
 * driver of the host's: neither is registered as a capability here. */
static int check_attachments(const struct task *t, struct err *e)
{
    static const char *const names[][2] = {{"serviceconnectdetail", "Service Connect"},
                                           {"amazonebs", "an EBS volume of its own"}};
    const json_t *v;
    size_t i;

    json_array_foreach (json_object_get(t->spec, "attachments"), i, v)
        for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
            const char *type = json_str(v, "attachmentType");

            if (type && strcasecmp(type, names[k][0]) == 0)
                return err_set(e, ERR_USAGE, "%s is not offered by this agent", names[k][1]);
        }
    return 0;
}

int payload_unsupported(const struct task *t, const struct config *c, struct err *e)
{
    const json_t *v;
    size_t i;

    if (task_is_awsvpc(t) && !c->task_eni.on)
        return err_set(e, ERR_USAGE,
                       "network mode awsvpc is not offered by this agent: "
                       "ECS_ENABLE_TASK_ENI is not set");
    json_array_foreach (json_object_get(t->spec, "associations"), i, v)
        if (str_eq(json_str(v, "type"), "gpu") && !c->gpu_support.on)
            return err_set(e, ERR_USAGE,
                           "GPUs are not offered by this agent: "
                           "ECS_ENABLE_GPU_SUPPORT is not set");
    if (gpu_check(t, e) < 0 || firelens_check(t, e) < 0 || check_attachments(t, e) < 0)
        return -1;
    json_array_foreach (json_object_get(t->spec, "volumes"), i, v) {
        const char *type = json_str(v, "type");

        if (type && *type && !str_eq(type, "host") && !str_eq(type, "docker"))
            return err_set(e, ERR_USAGE, "volume type %.60s is not offered by this agent", type);
    }
    return 0;
}
