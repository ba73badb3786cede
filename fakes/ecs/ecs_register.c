/* RegisterContainerInstance, DiscoverPollEndpoint, CreateCluster. */
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"
#include "proto/ecs_operation.h"

#define CLUSTER_NAME_MAX 255
#define TOKEN_MAX        256
#define ATTRIBUTE_MAX    128 /* length of a name and of a value */

/* Facts from the identity document, which is JSON in a string; NULL when it says nothing. */
struct identity_document {
    json_t *v;
    const char *instance_id, *instance_type, *image_id, *architecture;
};

static void read_document(struct identity_document *d, const json_t *body)
{
    const char *text = json_str(body, "instanceIdentityDocument");

    memset(d, 0, sizeof(*d));
    if (!text || !*text)
        return;
    d->v = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    d->instance_id = json_str(d->v, "instanceId");
    d->instance_type = json_str(d->v, "instanceType");
    d->image_id = json_str(d->v, "imageId");
    d->architecture = json_str(d->v, "architecture");
}

/* --- attributes ------------------------------------------------------------------------ */

static json_t *attribute_of(const json_t *list, const char *name)
{
    json_t *a;
    size_t i;

    json_array_foreach (list, i, a)
        if (str_eq(json_str(a, "name"), name))
            return a;
    return NULL;
}

static void add_attribute(json_t *list, const char *name, const char *value)
{
    json_t *a = attribute_of(list, name);

    if (!a) {
        a = json_object();
        json_put_str(a, "name", name);
        json_array_append_new(list, a);
    }
    json_put_str(a, "value", value);
}

/* The agent sends these each time; what else is there was given by its owner, once. */
static bool is_of_the_agent(const char *name)
{
    return str_starts(name, "ecs.") || str_starts(name, "com.amazonaws.ecs.");
}

static void take_attributes(struct plane_instance *i, const json_t *sent)
{
    json_t *old = i->attributes, *a;
    size_t n;

    i->attributes = json_is_array(sent) ? json_deep_copy(sent) : json_array();
    json_array_foreach (old, n, a) {
        const char *name = json_str(a, "name");

        if (!is_of_the_agent(name) && !attribute_of(i->attributes, name))
            json_array_append(i->attributes, a);
    }
    json_decref(old);
}

static int check_attributes(struct exchange *x, const json_t *list)
{
    json_t *a;
    size_t i;

    json_array_foreach (list, i, a) {
        const char *name = json_str(a, "name"), *value = json_str(a, "value");

        if (!name || !*name || strlen(name) > ATTRIBUTE_MAX ||
            (value && strlen(value) > ATTRIBUTE_MAX)) {
            aws_json_error(x, 0, "InvalidParameterException",
                           "Attribute name and value have to be 1 to 128 characters long.");
            return -1;
        }
    }
    return 0;
}

static int check_resources(struct exchange *x, const json_t *list)
{
    json_t *r;
    size_t i;

    json_array_foreach (list, i, r) {
        const char *name = json_str(r, "name"), *type = json_str(r, "type");

        if (!name || !type ||
            (!str_eq(type, "INTEGER") && !str_eq(type, "LONG") && !str_eq(type, "DOUBLE") &&
             !str_eq(type, "STRINGSET"))) {
            aws_json_error(x, 0, "InvalidParameterException",
                           "Resource name and type have to be valid.");
            return -1;
        }
    }
    return 0;
}

/* --- RegisterContainerInstance --------------------------------------------------------- */

/* The instance of a registration that names one; NULL after an error was answered. */
static struct plane_instance *known_instance(struct plane *p, struct exchange *x,
                                             struct plane_cluster *c, const char *arn,
                                             const struct identity_document *d)
{
    struct plane_instance *i = plane_instance(p, c, arn);

    if (!i) {
        aws_json_error(x, 0, "ClientException", "The referenced container instance was not found.");
        return NULL;
    }
    if (i->status == INSTANCE_INACTIVE) {
        aws_json_error(x, 0, "ClientException", "The referenced container instance is inactive.");
        return NULL;
    }
    if (i->instance_type && d->instance_type && !str_eq(i->instance_type, d->instance_type)) {
        aws_json_error(x, 0, "ClientException",
                       "Container instance type changes are not supported.");
        return NULL;
    }
    return i;
}

static void replace(char **to, const char *from)
{
    free(*to);
    *to = xstrdup(from);
}

static void remember_token(struct plane *p, struct plane_instance *i, const char *token)
{
    if (!token)
        return;
    if (i->client_token && map_get(&p->tokens, i->client_token) == i)
        map_remove(&p->tokens, i->client_token);
    replace(&i->client_token, token);
    map_set(&p->tokens, token, i);
}

static void take_version(struct plane_instance *i, const json_t *body)
{
    const json_t *v = json_object_get(body, "versionInfo");

    if (!v)
        return;
    replace(&i->agent_version, json_str(v, "agentVersion"));
    replace(&i->agent_hash, json_str(v, "agentHash"));
    replace(&i->docker_version, json_str(v, "dockerVersion"));
}

static void take_registration(struct plane *p, struct plane_instance *i, const json_t *body,
                              const struct identity_document *d)
{
    json_t *tags = json_object_get(body, "tags");
    json_t *resources = json_object_get(body, "totalResources");

    take_attributes(i, json_object_get(body, "attributes"));
    add_attribute(i->attributes, ECS_ATTR_AVAILABILITY_ZONE, p->world->id.availability_zone);
    if (d->instance_type) {
        replace(&i->instance_type, d->instance_type);
        add_attribute(i->attributes, "ecs.instance-type", d->instance_type);
    }
    if (d->image_id)
        add_attribute(i->attributes, "ecs.ami-id", d->image_id);
    if (d->architecture)
        add_attribute(i->attributes, ECS_ATTR_CPU_ARCHITECTURE, d->architecture);
    if (d->instance_id)
        replace(&i->ec2_id, d->instance_id);
    if (resources) {
        json_decref(i->resources);
        i->resources = json_deep_copy(resources);
    }
    if (tags) {
        json_decref(i->tags);
        i->tags = json_deep_copy(tags);
    }
    take_version(i, body);
    i->version++;
}

static void answer_instance(struct plane *p, struct exchange *x, const struct plane_instance *i)
{
    json_t *o = json_object();

    json_put(o, "containerInstance", plane_instance_json(p, i, true, false));
    aws_json_answer(x, o);
}

static void do_register(struct plane *p, struct exchange *x, const json_t *body,
                        struct plane_cluster *c, const struct identity_document *d)
{
    const char *arn = json_str(body, "containerInstanceArn");
    const char *token = json_str(body, "clientToken");
    struct plane_instance *i = token ? map_get(&p->tokens, token) : NULL;

    /* the same token is the same call again: its answer was lost on the way */
    if (i && i->cluster == c && i->status != INSTANCE_INACTIVE && (!arn || str_eq(arn, i->arn))) {
        answer_instance(p, x, i);
        return;
    }
    if (arn && *arn)
        i = known_instance(p, x, c, arn, d);
    else if (!(i = plane_instance_add(p, c)))
        aws_json_error(x, 0, "LimitExceededException", "There are too many container instances.");
    if (!i)
        return;
    take_registration(p, i, body, d);
    remember_token(p, i, token);
    answer_instance(p, x, i);
}

void ecs_register_container_instance(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *token = json_str(body, "clientToken");
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClientException");
    struct identity_document d;

    if (!c || check_attributes(x, json_object_get(body, "attributes")) < 0 ||
        check_resources(x, json_object_get(body, "totalResources")) < 0)
        return;
    if (token && strlen(token) > TOKEN_MAX) {
        aws_json_error(x, 0, "InvalidParameterException", "clientToken is too long.");
        return;
    }
    read_document(&d, body);
    do_register(p, x, body, c, &d);
    json_decref(d.v);
}

/* --- DiscoverPollEndpoint -------------------------------------------------------------- */

static void put_url(json_t *o, const char *member, const struct fake *f)
{
    char *url = xasprintf("%s/", f->url);

    json_put_str(o, member, url);
    free(url);
}

void ecs_discover_poll_endpoint(struct plane *p, struct exchange *x, const json_t *body)
{
    const struct fake *acs = world_find(p->world, "acs"), *tcs = world_find(p->world, "tcs");
    const struct fake *ecs = world_find(p->world, "ecs");
    const char *instance = json_str(body, "containerInstance");
    struct plane_cluster *c = ecs_need_cluster(p, x, body, "ClientException");
    json_t *o;

    if (!c)
        return;
    if (instance && !plane_instance(p, c, instance)) {
        aws_json_error(x, 0, "ClientException", "The referenced container instance was not found.");
        return;
    }
    if (!acs || !acs->url || !tcs || !tcs->url) {
        aws_json_error(x, 0, "ServerException", "There is no endpoint at the moment.");
        return;
    }
    o = json_object();
    put_url(o, "endpoint", acs);
    put_url(o, "telemetryEndpoint", tcs);
    put_url(o, "serviceConnectEndpoint", tcs);
    /* nobody takes an instance's own logs here: what comes is an unknown call, and seen */
    put_url(o, "systemLogsEndpoint", ecs);
    aws_json_answer(x, o);
}

/* --- CreateCluster --------------------------------------------------------------------- */

static bool is_cluster_name(const char *s)
{
    size_t n = strlen(s);

    return n && n <= CLUSTER_NAME_MAX &&
           strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") == n;
}

void ecs_create_cluster(struct plane *p, struct exchange *x, const json_t *body)
{
    const char *name = json_str(body, "clusterName");
    json_t *tags = json_object_get(body, "tags"), *settings = json_object_get(body, "settings");
    json_t *configuration = json_object_get(body, "configuration"), *o;
    struct plane_cluster *c;

    if (!name)
        name = "default";
    if (!is_cluster_name(name)) {
        aws_json_error(x, 0, "InvalidParameterException", "Invalid cluster name.");
        return;
    }
    /* a cluster that is there is answered as it is */
    c = plane_cluster(p, name);
    if (!c) {
        c = plane_cluster_add(p, name);
        if (!c) {
            aws_json_error(x, 0, "LimitExceededException", "There are too many clusters.");
            return;
        }
        json_decref(c->tags);
        c->tags = json_is_array(tags) ? json_deep_copy(tags) : json_array();
        json_decref(c->settings);
        c->settings = json_is_array(settings) ? json_deep_copy(settings) : json_array();
        json_decref(c->configuration);
        c->configuration = json_is_object(configuration) ? json_deep_copy(configuration) : NULL;
    }
    o = json_object();
    json_put(o, "cluster", plane_cluster_json(p, c));
    aws_json_answer(x, o);
}
