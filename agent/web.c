#include "agent/web.h"
#include "base/mem.h"

/* A handshake is written in one piece: the URL, a signature, a session token. */
#define HANDSHAKE_MAX 16384

/* Rounds of the loop that libwebsockets is given to close its handles. */
#define CLOSE_ROUNDS 1000

struct web {
    struct loop *loop;
    struct lws_context *context;
    struct lws_vhost *clients[2]; /* plain, TLS */
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

struct lws_vhost *web_client_vhost(struct web *w, bool tls, const struct lws_protocols *protocols,
                                   struct err *e)
{
    struct lws_context_creation_info info = {
        .port = CONTEXT_PORT_NO_LISTEN,
        .protocols = protocols,
        .vhost_name = tls ? "tls-clients" : "clients",
        .options = tls ? LWS_SERVER_OPTION_DO_SSL_GLOBAL_INIT : 0,
        .retry_and_idle_policy = &no_pings,
    };

    if (tls && w->trust.ca_file && *w->trust.ca_file)
        info.client_ssl_ca_filepath = w->trust.ca_file;
    if (!w->clients[tls])
        w->clients[tls] = lws_create_vhost(w->context, &info);
    if (!w->clients[tls])
        err_set(e, ERR_INTERNAL, "libwebsockets refuses the virtual host of clients");
    return w->clients[tls];
}
