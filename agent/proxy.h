/*
 * proxy.h - who is spoken to through a proxy, by Go's rules, which are the official agent's.
 *
 * HTTP_PROXY is for http:// and ws://, HTTPS_PROXY for https:// and wss://; in lower case they
 * count too, after those. Without a proxy: the loopback, whatever NO_PROXY lists ("*"; a host; a
 * domain with what is below it, ".domain" without itself; an address; a network 10.0.0.0/8; each
 * with a port perhaps), and, unlike there, what is link-local: instance metadata and task
 * credentials (169.254.0.0/16, fd00:ec2::254). No proxy can reach them for us, and people forget to
 * say so (aws/amazon-ecs-agent#605, #805).
 *
 * libcurl and libwebsockets have rules of their own, which differ (no HTTP_PROXY in capitals; no
 * NO_PROXY at all): they are always told.
 */
#ifndef AGENT_PROXY_H
#define AGENT_PROXY_H

#include <stdbool.h>

struct proxy {
    const char *http, *https, *none; /* borrowed from the environment; NULL: not set */
};

void proxy_read(struct proxy *p, const char *const *env);

/* The proxy for this URL, as it was given ("http://proxy:3128"), or NULL: none. p may be NULL. */
const char *proxy_for(const struct proxy *p, const char *url);

#endif
