#include "agent/web.h"

#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

/* A handshake is written in one piece: the URL, a signature, a session token. */
#define HANDSHAKE_MAX 16384

/* Rounds of the loop that libwebsockets is given to close its handles. */
#define CLOSE_ROUNDS 1000

struct web {
    struct loop *loop;
    struct lws_context *context;
    struct lws_vhost *clients[2][2]; /* plain, TLS; and those through a proxy */
    struct http_trust trust;
};

/* The agent sends no pings: silence is judged by the session. (seen) */
static const lws_retry_bo_t no_pings = {0};

struct web *web_new(struct loop *l, const struct http_trust *trust, struct err *e)
{
    struct web *w = new0(struct web);
    void *loops[1] = {&l->uv};
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .foreign_loops = loops,
        .options = LWS_SERVER_OPTION_LIBUV | LWS_SERVER_OPTION_EXPLICIT_VHOSTS |
                   LWS_SERVER_OPTION_UV_NO_SIGSEGV_SIGFPE_SPIN |
                   LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT,
        .pcontext = &w->context,
        .pt_serv_buf_size = HANDSHAKE_MAX,
        .retry_and_idle_policy = &no_pings,
        .gid = (gid_t)-1,
        .uid = (uid_t)-1,
        .fd_limit_per_thread = 64,
    };

    lws_set_log_level(0, NULL); /* every failure reaches a callback */
    w->loop = l;
    w->trust = *trust;
    w->context = lws_create_context(&info);
    if (!w->context) {
        free(w);
        err_set(e, ERR_INTERNAL, "libwebsockets does not start (is its libuv plugin installed?)");
        return NULL;
    }
    return w;
}

static void count_closing(uv_handle_t *handle, void *count)
{
    *(unsigned int *)count += uv_is_closing(handle) != 0;
}

/* Runs the loop until every handle that is being closed is closed. */
static void let_close(struct loop *l)
{
    unsigned int closing = 1;

    for (int i = 0; closing && i < CLOSE_ROUNDS; i++) {
        uv_run(&l->uv, UV_RUN_NOWAIT);
        closing = 0;
        uv_walk(&l->uv, count_closing, &closing);
    }
}

/*
 * On a loop that is not its own, libwebsockets (4.1) destroys a context in two
 * steps: the first closes its handles, the second, when libuv has let go of
 * them, frees the memory in which they lay.
 */
void web_free(struct web *w)
{
    if (!w)
        return;
    lws_context_destroy(w->context);
    let_close(w->loop);
    if (w->context)
        lws_context_destroy(w->context);
    free(w);
}

struct loop *web_loop(const struct web *w)
{
    return w->loop;
}

struct lws_context *web_context(const struct web *w)
{
    return w->context;
}

bool web_insecure(const struct web *w)
{
    return w->trust.insecure;
}

/* "http://proxy:3128/" as libwebsockets takes it: "proxy:3128". */
static char *bare_proxy(const char *proxy)
{
    const char *rest = strstr(proxy, "://");

    rest = rest ? rest + 3 : proxy;
    return xasprintf("%.*s%s", (int)strcspn(rest, "/"), rest, strchr(rest, ':') ? "" : ":80");
}

struct lws_vhost *web_client_vhost(struct web *w, const char *url,
                                   const struct lws_protocols *protocols, struct err *e)
{
    bool tls = str_starts(url, "https://") || str_starts(url, "wss://");
    const char *proxy = proxy_for(w->trust.proxy, url);
    _cleanup_free_ char *address = proxy ? bare_proxy(proxy) : NULL;
    struct lws_vhost **vhost = &w->clients[tls][proxy != NULL];
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .vhost_name = proxy ? (tls ? "tls-proxied" : "proxied")
                      : tls ? "tls-clients"
                            : "clients",
        .options = tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
        .retry_and_idle_policy = &no_pings,
    };

    if (tls && w->trust.ca_file && *w->trust.ca_file)
        info.client_ssl_ca_filepath = w->trust.ca_file;
    /* it would take this one for everybody, whatever no_proxy says */
    unsetenv("http_proxy");
    info.http_proxy_address = address;
    if (!*vhost)
        *vhost = lws_create_vhost(w->context, &info);
    if (!*vhost)
        err_set(e, ERR_INTERNAL, "libwebsockets refuses the virtual host of clients");
    return *vhost;
}
