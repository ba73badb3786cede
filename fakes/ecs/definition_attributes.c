/* definition.h: what an instance has to be able to do for a task definition. */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/definition.h"

#define LONG(s)  "com.amazonaws.ecs.capability." s
#define SHORT(s) "ecs.capability." s

static void need(json_t *list, const char *name)
{
    json_t *a, *o;
    size_t i;

    json_array_foreach (list, i, a)
        if (str_eq(json_str(a, "name"), name))
            return;
    o = json_object();
    json_put_str(o, "name", name);
    json_array_append_new(list, o);
}

static void needf(json_t *list, const char *prefix, const char *rest)
{
    char *name = xasprintf("%s%s", prefix, rest);

    need(list, name);
    free(name);
}

static bool has(const json_t *o, const char *member)
{
    const json_t *v = json_object_get(o, member);

    return json_is_array(v)    ? json_array_size(v) > 0
           : json_is_object(v) ? json_object_size(v) > 0
           : json_is_string(v) ? *json_string_value(v) != '\0'
                               : v && !json_is_null(v) && !json_is_false(v);
}

/* Members of a container, and what each asks for. (docs: "Container agent capabilities".) */
static const struct {
    const char *member, *name;
} of_container[] = {
    {"privileged", LONG("privileged-container")},
    {"dependsOn", SHORT("container-ordering")},
    {"startTimeout", SHORT("container-ordering")},
    {"stopTimeout", SHORT("container-ordering")},
    {"healthCheck", SHORT("container-health-check")},
    {"healthCheck", LONG("docker-remote-api.1.24")},
    {"memoryReservation", LONG("docker-remote-api.1.21")},
    {"environmentFiles", SHORT("env-files.s3")},
    {"repositoryCredentials", SHORT("private-registry-authentication.secretsmanager")},
    {"restartPolicy", SHORT("container-restart-policy")},
};

static const struct {
    const char *member, *name;
} of_linux[] = {
    {"sharedMemorySize", LONG("docker-remote-api.1.22")},
    {"tmpfs", LONG("docker-remote-api.1.22")},
    {"initProcessEnabled", LONG("docker-remote-api.1.25")},
};

static const char *provider(const json_t *secret)
{
    const char *from = json_str(secret, "valueFrom");

    return from && strstr(from, ":secretsmanager:") ? "asm" : "ssm";
}

static void of_secrets(json_t *list, const json_t *secrets, const char *where)
{
    json_t *s;
    size_t i;

    json_array_foreach (secrets, i, s) {
        char *name = xasprintf(SHORT("secrets.%s.%s"), provider(s), where);

        need(list, name);
        free(name);
    }
}

static bool is_ecr(const char *image)
{
    return image && strstr(image, ".dkr.ecr.") && strstr(image, ".amazonaws.com");
}

/* credentialspec: or credentialspecdomainless:, in either of two places. */
static void of_credential_specs(json_t *list, const json_t *c)
{
    static const char *const places[] = {"credentialSpecs", "dockerSecurityOptions"};
    json_t *v;
    size_t k;

    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        json_array_foreach (json_object_get(c, places[i]), k, v) {
            const char *spec = json_is_string(v) ? json_string_value(v) : "";

            if (str_starts(spec, "credentialspecdomainless:"))
                need(list, SHORT("gmsa-domainless"));
            else if (str_starts(spec, "credentialspec:"))
                need(list, SHORT("gmsa"));
        }
}

static void container(json_t *list, const json_t *doc, const json_t *c)
{
    const json_t *l = json_object_get(c, "linuxParameters");
    const json_t *log = json_object_get(c, "logConfiguration");
    const char *driver = json_str(log, "logDriver");
    bool execution = has(doc, "executionRoleArn");

    for (size_t i = 0; i < ARRAY_SIZE(of_container); i++)
        if (has(c, of_container[i].member))
            need(list, of_container[i].name);
    for (size_t i = 0; i < ARRAY_SIZE(of_linux); i++)
        if (has(l, of_linux[i].member))
            need(list, of_linux[i].name);
    if (driver)
        needf(list, LONG("logging-driver."), driver);
    if (str_eq(driver, "awslogs")) {
        need(list, LONG("docker-remote-api.1.19"));
        if (execution)
            need(list, SHORT("execution-role-awslogs"));
    }
    if (is_ecr(json_str(c, "image"))) {
        need(list, LONG("ecr-auth"));
        need(list, LONG("docker-remote-api.1.19"));
        if (execution)
            need(list, SHORT("execution-role-ecr-pull"));
    }
    if (has(c, "firelensConfiguration"))
        needf(list, SHORT("firelens."),
              json_str(json_object_get(c, "firelensConfiguration"), "type"));
    of_credential_specs(list, c);
    of_secrets(list, json_object_get(c, "secrets"), "environment-variables");
    of_secrets(list, json_object_get(log, "secretOptions"), "bootstrap.log-driver");
}

static void volumes(json_t *list, const json_t *doc)
{
    json_t *v;
    size_t i;

    json_array_foreach (json_object_get(doc, "volumes"), i, v) {
        const json_t *docker = json_object_get(v, "dockerVolumeConfiguration");

        if (json_str(docker, "driver"))
            needf(list, SHORT("docker-plugin."), json_str(docker, "driver"));
        if (has(v, "efsVolumeConfiguration"))
            need(list, SHORT("efs"));
    }
}

json_t *definition_attributes(const json_t *doc)
{
    const char *mode = json_str(doc, "networkMode");
    json_t *list = json_array(), *c;
    size_t i;

    need(list, LONG("docker-remote-api.1.18"));
    if (has(doc, "taskRoleArn"))
        need(list,
             str_eq(mode, "host") ? LONG("task-iam-role-network-host") : LONG("task-iam-role"));
    if (has(doc, "cpu") || has(doc, "memory"))
        need(list, SHORT("task-cpu-mem-limit"));
    if (str_eq(mode, "awsvpc"))
        need(list, SHORT("task-eni"));
    if (has(doc, "pidMode") || has(doc, "ipcMode"))
        need(list, SHORT("pid-ipc-namespace-sharing"));
    if (has(doc, "proxyConfiguration"))
        need(list, SHORT("aws-appmesh"));
    json_array_foreach (json_object_get(doc, "containerDefinitions"), i, c)
        container(list, doc, c);
    volumes(list, doc);
    return list;
}
