#include "fakes/docker/published.h"

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/forward.h"
#include "fakes/docker/container_process.h"
#include "fakes/docker/engine.h"

int port_publish(const struct container *c, struct port *p, struct problem *why)
{
    const char *address = *p->host_ip ? p->host_ip : "0.0.0.0";
    char to[IP_TEXT_MAX] = "127.0.0.1";
    struct err e = ERR_INIT;

    if (!container_is_process(c) || (!c->wire && p->host == p->container) ||
        !str_eq(p->proto, "tcp") || strchr(address, ':'))
        return 0;
    if (c->wire)
        ip_text(container_address(c), false, to);
    p->forward = forward_new(fake_loop(&c->d->fake), address, p->host, to, p->container, &e);
    if (p->forward)
        return 0;
    return problem(why, 500,
                   "driver failed programming external connectivity on endpoint %s (%s): Error "
                   "starting userland proxy: listen tcp4 %s:%u: bind: address already in use",
                   c->name, c->endpoints[0].id, address, p->host);
}

void port_unpublish(struct port *p)
{
    forward_finish(p->forward);
    p->forward = NULL;
}
