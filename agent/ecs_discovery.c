/*
 * DiscoverPollEndpoint and its cache; see ecs_client.h.
 */
#include "agent/ecs_client.h"
#include "base/list.h"
#include "base/mem.h"
#include "proto/limits.h"

struct ecs_discovery {
    struct ecs_client *client;
    char *cluster, *instance_arn;
    char *acs, *tcs;
    int64_t told, expires; /* loop_now() */
    struct ecs_call *call;
    struct list waiting;
};

struct waiter {
    struct list link;
    ecs_endpoints_fn fn;
    void *user;
};

struct ecs_discovery *ecs_discovery_new(struct ecs_client *c, const char *cluster,
                                        const char *instance_arn)
{
    struct ecs_discovery *d = new0(struct ecs_discovery);

    d->client = c;
    d->cluster = xstrdup(cluster);
    d->instance_arn = xstrdup(instance_arn);
    list_init(&d->waiting);
    return d;
}

void ecs_discovery_free(struct ecs_discovery *d)
{
    if (!d)
        return;
    ecs_call_cancel(d->call);
    while (!list_empty(&d->waiting)) {
        struct waiter *w = container_of(d->waiting.next, struct waiter, link);

        list_del(&w->link);
        free(w);
    }
    free(d->cluster);
    free(d->instance_arn);
    free(d->acs);
    free(d->tcs);
    free(d);
}

/* Tells those who wait now; who asks again from his callback waits for the next answer. */
static void tell(struct ecs_discovery *d, const struct err *e)
{
    struct list now;

    list_init(&now);
    while (!list_empty(&d->waiting)) {
        struct list *first = d->waiting.next;

        list_del(first);
        list_add_tail(&now, first);
    }
    while (!list_empty(&now)) {
        struct waiter *w = container_of(now.next, struct waiter, link);
        struct waiter copy = *w;

        list_del(&w->link);
        free(w);
        copy.fn(d->acs, d->tcs, e, copy.user);
    }
}

static void on_endpoints(const struct ecs_answer *a, void *user)
{
    struct ecs_discovery *d = user;
    struct err e = a->e;
    const char *acs = a->body ? json_str(a->body, "endpoint") : NULL;

    d->call = NULL;
    if (e.code == ERR_NONE && !acs)
        err_set(&e, ERR_PEER, "DiscoverPollEndpoint: no endpoint in the answer");
    if (e.code == ERR_NONE) {
        free(d->acs);
        free(d->tcs);
        d->acs = xstrdup(acs);
        d->tcs = xstrdup(json_str(a->body, "telemetryEndpoint"));
        d->told = loop_now(ecs_client_loop(d->client));
        d->expires = d->told + ECS_ENDPOINT_TTL;
    } else if (d->acs) {
        err_clear(&e); /* the expired ones are better than none */
    }
    tell(d, &e);
}

void ecs_discovery_doubt(struct ecs_discovery *d)
{
    int64_t until = d->told + ECS_ENDPOINT_DOUBT;

    if (until < d->expires)
        d->expires = until;
}

void ecs_discover(struct ecs_discovery *d, ecs_endpoints_fn fn, void *user)
{
    struct err e = ERR_INIT;
    json_t *request;
    struct waiter *w;

    if (d->acs && loop_now(ecs_client_loop(d->client)) < d->expires) {
        fn(d->acs, d->tcs, &e, user);
        return;
    }
    if (!d->call) {
        request = json_object();
        json_put_str(request, "cluster", d->cluster);
        json_put_str(request, "containerInstance", d->instance_arn);
        json_put_str(request, "zoneId", "");
        d->call = ecs_call(d->client, ECS_DISCOVER_POLL_ENDPOINT, request, ECS_RETRY_STANDARD,
                           on_endpoints, d, &e);
        json_decref(request);
        if (!d->call) {
            fn(NULL, NULL, &e, user);
            return;
        }
    }
    w = new0(struct waiter);
    w->fn = fn;
    w->user = user;
    list_init(&w->link);
    list_add_tail(&d->waiting, &w->link);
}
