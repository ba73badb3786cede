/*
 * web.h - libwebsockets on the agent's loop: one context for the websocket
 * client (ws_client.h).
 *
 * Life cycle: web_new(), users, web_free() after the last user has let go and
 * before loop_release(); it runs the loop until libwebsockets is gone.
 *
 * Plain and TLS clients have a virtual host each, made when first needed: the
 * set of trusted certificates costs a megabyte and a fake needs none.
 */
#ifndef AGENT_WEB_H
#define AGENT_WEB_H

#include <libwebsockets.h>
#include <stdbool.h>

#include "agent/http.h"
#include "agent/loop.h"
#include "base/err.h"

struct web;

/* trust is copied, its text borrowed. */
struct web *web_new(struct loop *l, const struct http_trust *trust, struct err *e);
void web_free(struct web *w); /* NULL is fine */

struct loop *web_loop(const struct web *w);
struct lws_context *web_context(const struct web *w);
bool web_insecure(const struct web *w);

/* The virtual host of clients of such URLs: with TLS or not, through a proxy (trust.proxy) or not.
 */
struct lws_vhost *web_client_vhost(struct web *w, const char *url,
                                   const struct lws_protocols *protocols, struct err *e);

#endif
