/* A HostConfig that comes with the start call, as API versions below 1.24 allow it. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/docker/create.h"
#include "fakes/docker/links.h"

int late_config_read(struct create *r, struct problem *p)
{
    if (create_read_body(r, p) < 0)
        return -1;
    if (r->host_given)
        return 0;
    json_decref(r->host); /* an object that says nothing of it */
    r->host = NULL;
    return 0;
}

/* What the container is, where the checks look for it: its Config with its ports. */
static json_t *config_of(const struct container *c)
{
    _cleanup_free_ char *text = xasprintf("{%s}", c->config_ports);
    _cleanup_json_ json_t *ports = json_read(text, strlen(text), JSON_READ_PEER, NULL);
    json_t *config = json_read(c->config, strlen(c->config), JSON_READ_PEER, NULL);

    json_object_update(config, ports);
    json_object_del(config, "Volumes"); /* they are there */
    return config;
}

static bool among(const struct mount *v, size_t n, const char *destination)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(v[i].destination, destination))
            return true;
    return false;
}

/* Mounts that were there stay, but where a new one stands at the same place. */
static int merge_mounts(struct create *r, struct container *c, struct problem *p)
{
    struct mount *old = c->mounts;
    size_t n_old = c->n_mounts, n_new;

    c->mounts = NULL;
    c->n_mounts = 0;
    if (create_mounts(r, c, p) < 0) {
        container_mounts_release(c);
        c->mounts = old;
        c->n_mounts = n_old;
        return -1;
    }
    n_new = c->n_mounts;
    c->mounts = xrealloc(c->mounts, (n_new + n_old + 1) * sizeof(*old));
    for (size_t i = 0; i < n_old; i++)
        if (among(c->mounts, n_new, old[i].destination)) {
            if (old[i].volume)
                old[i].volume->uses--;
            mount_release(&old[i]);
        } else {
            c->mounts[c->n_mounts++] = old[i];
        }
    free(old);
    create_sort_mounts(c);
    return 0;
}

static void renew_ports(struct create *r, struct container *c)
{
    for (size_t i = 0; i < c->n_ports; i++)
        free(c->ports[i].host_ip);
    free(c->ports);
    c->ports = NULL;
    c->n_ports = 0;
    create_ports(r, c);
}

/* Another network than that of the create call: what was asked for there is forgotten. */
static int renew_network(struct create *r, struct container *c, struct problem *p)
{
    const char *mode = json_str(r->host, "NetworkMode");

    if (str_eq(mode, c->network_mode))
        return 0;
    free(c->network_mode);
    c->network_mode = xstrdup(mode);
    endpoints_release(c);
    c->endpoints = NULL;
    c->n_endpoints = 0;
    return create_endpoints(c, NULL, call_version(r->x), p);
}

/* What a create call of the same version would leave to its client, or set otherwise. */
static void complete(struct create *r)
{
    static const char *const lists[] = {"Dns", "DnsOptions", "DnsSearch"};
    const char *ipc = json_str(r->host, "IpcMode");

    for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
        if (!json_is_array(json_object_get(r->host, lists[i])))
            json_object_set_new(r->host, lists[i], json_array());
    if (!ipc || !*ipc)
        json_put_str(r->host, "IpcMode", "private");
    create_complete_host(r);
}

static int renew(struct create *r, struct container *c, const json_t *links, struct problem *p)
{
    if (create_log_driver_wrong(r, p) < 0 || merge_mounts(r, c, p) < 0 ||
        links_create(c, links, p) < 0)
        return -1;
    free(c->log_driver);
    c->log_driver = xstrdup(json_str(json_object_get(r->host, "LogConfig"), "Type"));
    c->auto_remove = json_bool(r->host, "AutoRemove", false);
    container_limits(c, r->host);
    renew_ports(r, c);
    return renew_network(r, c, p);
}

int late_config_apply(struct create *r, struct container *c, struct problem *p)
{
    _cleanup_json_ json_t *links = json_incref(json_object_get(r->host, "Links"));

    json_decref(r->config);
    r->config = config_of(c);
    r->host_given = true;
    if (create_settings_wrong(r, p) < 0) {
        p->status = 400;
        return -1;
    }
    complete(r);
    if (renew(r, c, links, p) < 0) {
        p->status = 400; /* whatever it is: dockerd takes it for a wrong parameter */
        return -1;
    }
    json_object_del(r->host, "Links");
    container_set_host_config(c, r->host);
    return 0;
}
