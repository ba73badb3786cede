#include <errno.h>
#include <sys/stat.h>

#include "agent/backoff.h"
#include "agent/credfetch_client.h"
#include "agent/protobuf.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/limits.h"

#define SERVICE     "/credentialsfetcher.CredentialsFetcherService/"
#define MESSAGE_MAX (4u << 20)

struct credfetch_client {
    struct loop *loop;
    struct http *http;
    const char *socket;
};

struct credfetch_call {
    struct credfetch_client *client;
    enum credfetch_method method;
    struct buf message; /* may hold a password */
    unsigned int tries;
    struct grpc_call *grpc;
    struct clock_timer timer;
    struct backoff backoff;
    credfetch_fn fn;
    void *user;
};

static const char *const paths_of[] = {
    [CREDFETCH_ADD] = SERVICE "AddKerberosLease",
    [CREDFETCH_ADD_DOMAINLESS] = SERVICE "AddNonDomainJoinedKerberosLease",
    [CREDFETCH_RENEW] = SERVICE "RenewNonDomainJoinedKerberosLease",
    [CREDFETCH_DELETE] = SERVICE "DeleteKerberosLease",
};

struct credfetch_client *credfetch_client_new(struct loop *l, struct http *h, const char *socket)
{
    struct credfetch_client *c = new0(struct credfetch_client);

    *c = (struct credfetch_client){l, h, socket};
    return c;
}

void credfetch_client_free(struct credfetch_client *c)
{
    free(c);
}

/* ---- messages ---- */

static int write_message(struct buf *b, const struct credfetch_request *q, struct err *e)
{
    bool user = q->method == CREDFETCH_ADD_DOMAINLESS || q->method == CREDFETCH_RENEW;
    uint32_t n = q->method == CREDFETCH_RENEW ? 1 : 2;

    if (user && (!*q->user.name || !*q->user.password || !*q->user.domain))
        return err_set(e, ERR_USAGE,
                       "rpc error: code = InvalidArgument desc = username, password "
                       "or domain should not be empty");
    for (size_t i = 0; i < q->n_specs; i++)
        protobuf_put_element(b, 1, q->specs[i]);
    if (user) {
        protobuf_put(b, n, q->user.name);
        protobuf_put(b, n + 1, q->user.password);
        protobuf_put(b, n + 2, q->user.domain);
    }
    if (q->method == CREDFETCH_DELETE)
        protobuf_put(b, 1, q->lease_id);
    return b->full ? err_set(e, ERR_LIMIT, "the credentialspecs of the task are too large") : 0;
}

void credfetch_free_paths(char **paths, size_t n)
{
    for (size_t i = 0; i < n; i++)
        free(paths[i]);
    free(paths);
}

int credfetch_read(const char *p, size_t n, enum credfetch_method method, char **ret_lease_id,
                   char ***ret_paths, size_t *ret_n, struct err *e)
{
    const unsigned char *u = (const unsigned char *)p;
    struct protobuf_reader r = {u, u + n};
    /* an answer to RENEW has no lease */
    uint32_t lease = method == CREDFETCH_RENEW ? 0 : 1, path = method == CREDFETCH_RENEW ? 1 : 2;
    struct protobuf_member m;
    struct err why = ERR_INIT;
    char **paths = new0_array(char *, CREDFETCH_PATHS_MAX), *id = NULL;
    size_t n_paths = 0;

    while (protobuf_next(&r, &m, &why)) {
        if (m.number == lease) {
            free(id);
            id = xstrndup(m.text, m.n);
        } else if (m.number == path && n_paths < CREDFETCH_PATHS_MAX) {
            paths[n_paths++] = xstrndup(m.text, m.n);
        }
    }
    if (why.code != ERR_NONE) {
        credfetch_free_paths(paths, n_paths);
        free(id);
        return err_set(e, why.code, "rpc error: code = Internal desc = %s", why.text);
    }
    *ret_lease_id = id ? id : xstrdup("");
    *ret_paths = paths;
    *ret_n = n_paths;
    return 0;
}

/* ---- tries ---- */

static void call_free(struct credfetch_call *c)
{
    grpc_cancel(c->grpc);
    loop_timer_stop(c->client->loop, &c->timer);
    if (c->message.mem)
        explicit_bzero(c->message.mem, c->message.room);
    buf_release(&c->message);
    free(c);
}

static void finish(struct credfetch_call *c, const struct credfetch_answer *a)
{
    credfetch_fn fn = c->fn;
    void *user = c->user;

    fn(a, user);
    call_free(c);
}

static void finish_failed(struct credfetch_call *c, const struct err *e)
{
    finish(c, &(struct credfetch_answer){.e = *e, .lease_id = ""});
}

static int try(struct credfetch_call *c, struct err *e);

static void on_retry(struct clock_timer *t)
{
    struct credfetch_call *c = container_of(t, struct credfetch_call, timer);
    struct err e = ERR_INIT;

    if (try(c, &e) < 0)
        finish_failed(c, &e);
}

static void on_answer(const struct grpc_answer *g, void *user)
{
    struct credfetch_call *c = user;
    struct credfetch_answer a = {.e = g->e};
    char *lease_id = NULL, **paths = NULL;
    size_t n = 0;

    c->grpc = NULL;
    if (grpc_is_transient(g->code) && c->tries < CREDFETCH_TRIES) {
        loop_timer_start(c->client->loop, &c->timer, backoff_next(&c->backoff), on_retry);
        return;
    }
    if (g->code != GRPC_OK ||
        credfetch_read(g->body, g->n, c->method, &lease_id, &paths, &n, &a.e) < 0) {
        finish_failed(c, &a.e);
        return;
    }
    a.lease_id = lease_id;
    a.paths = paths;
    a.n_paths = n;
    finish(c, &a);
    free(lease_id);
    credfetch_free_paths(paths, n);
}

static int try(struct credfetch_call *c, struct err *e)
{
    c->tries++;
    c->grpc = grpc_start(c->client->http, c->client->socket, paths_of[c->method], &c->message,
                         CREDFETCH_TIMEOUT / CREDFETCH_TRIES, on_answer, c, e);
    return c->grpc ? 0 : -1;
}

struct credfetch_call *credfetch_start(struct credfetch_client *client,
                                       const struct credfetch_request *q, credfetch_fn fn,
                                       void *user, struct err *e)
{
    struct credfetch_call *c;
    struct stat st;

    if (stat(client->socket, &st) < 0) {
        err_sys(e, errno, "credentials-fetcher: stat %s", client->socket);
        return NULL;
    }
    c = new0(struct credfetch_call);
    c->client = client;
    c->method = q->method;
    c->fn = fn;
    c->user = user;
    buf_init(&c->message, MESSAGE_MAX);
    backoff_init(&c->backoff, CREDFETCH_BACKOFF_MIN, CREDFETCH_BACKOFF_MAX, 2, 0.2);
    if (write_message(&c->message, q, e) == 0 && try(c, e) == 0)
        return c;
    call_free(c);
    return NULL;
}

void credfetch_cancel(struct credfetch_call *c)
{
    if (c)
        call_free(c);
}
