#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <microhttpd.h>
#include <netdb.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/backoff.h"
#include "agent/http_server.h"
#include "base/cleanup.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"

#define BIND_RETRY_MIN (1 * NS_PER_S)
#define BIND_RETRY_MAX (60 * NS_PER_S)
#define BACKLOG        1024
#define SPARE          32 /* connections that are being cut */
#define ADDED_HEADERS  8
#define REMOTE_MAX     (INET6_ADDRSTRLEN + 16)

struct connection {
    struct list link; /* in quiet; in no list while an answer is owed */
    int fd;
    int64_t since; /* mono: its time counts from here */
};

struct http_server {
    struct loop *loop;
    struct http_server_options o;
    struct log *log;
    struct MHD_Daemon *daemon; /* NULL: not listening */
    uv_poll_t *poll;
    struct clock_timer again, sweep, run_soon;
    struct backoff backoff;
    struct list quiet;      /* connections that we wait for, the longest first */
    struct list unanswered; /* visits */
    unsigned int n_connections, max_connections;
    int port;
    bool running; /* inside MHD_run() */
    bool room;    /* a connection went while it ran */
    bool ending;
};

struct http_visit {
    struct list link; /* in unanswered */
    struct http_server *server;
    struct connection *connection;
    struct MHD_Connection *mhd;
    const char *method, *path;
    char remote[REMOTE_MAX];
    struct buf body;
    struct {
        const char *name;
        char *value;
    } headers[ADDED_HEADERS];
    size_t n_headers;
    struct MHD_Response *response;
    unsigned int status;
    bool asked, suspended;
};

/* ---- time ---- */

static void on_sweep(struct clock_timer *t);

static void arm_sweep(struct http_server *s)
{
    struct connection *c;
    int64_t left;

    if (list_empty(&s->quiet)) {
        loop_timer_stop(s->loop, &s->sweep);
        return;
    }
    if (clock_timer_armed(&s->sweep))
        return;
    c = container_of(s->quiet.next, struct connection, link);
    left = c->since + HTTP_SERVER_TIMEOUT - loop_now(s->loop);
    loop_timer_start(s->loop, &s->sweep, left > 0 ? left : 0, on_sweep);
}

/* libmicrohttpd sees the end of the stream, and closes. */
static void cut(struct connection *c)
{
    list_del(&c->link);
    shutdown(c->fd, SHUT_RDWR);
}

static void on_sweep(struct clock_timer *t)
{
    struct http_server *s = container_of(t, struct http_server, sweep);
    int64_t now = loop_now(s->loop);

    while (!list_empty(&s->quiet)) {
        struct connection *c = container_of(s->quiet.next, struct connection, link);

        if (c->since + HTTP_SERVER_TIMEOUT > now)
            break;
        cut(c);
    }
    arm_sweep(s);
}

/* From now on it has HTTP_SERVER_TIMEOUT to do the next thing. */
static void wait_for(struct http_server *s, struct connection *c)
{
    list_del(&c->link);
    c->since = loop_now(s->loop);
    list_add_tail(&s->quiet, &c->link);
    arm_sweep(s);
}

/* ---- connections ---- */

static void on_connection(void *cls, struct MHD_Connection *mhd, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *s = cls;
    struct connection *c = *context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        c = new0(struct connection);
        c->fd = MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        list_init(&c->link);
        *context = c;
        if (++s->n_connections >= s->max_connections && !list_empty(&s->quiet))
            cut(container_of(s->quiet.next, struct connection, link));
        wait_for(s, c);
    } else {
        list_del(&c->link);
        s->n_connections--;
        s->room = true;
        free(c);
    }
}

/* ---- visits ---- */

static void put_remote(char out[REMOTE_MAX], const struct sockaddr *a)
{
    char ip[INET6_ADDRSTRLEN] = "";

    if (a->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)a;

        inet_ntop(AF_INET, &in->sin_addr, ip, sizeof(ip));
        snprintf(out, REMOTE_MAX, "%s:%u", ip, ntohs(in->sin_port));
    } else if (a->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)a;

        inet_ntop(AF_INET6, &in->sin6_addr, ip, sizeof(ip));
        snprintf(out, REMOTE_MAX, "[%s]:%u", ip, ntohs(in->sin6_port));
    } else {
        snprintf(out, REMOTE_MAX, "@");
    }
}

static struct http_visit *visit_new(struct http_server *s, struct MHD_Connection *mhd,
                                    const char *path, const char *method)
{
    struct http_visit *v = new0(struct http_visit);

    v->server = s;
    v->mhd = mhd;
    v->connection = *(struct connection *const *)MHD_get_connection_info(
        mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    v->method = method;
    v->path = path;
    buf_init(&v->body, s->o.max_body);
    list_init(&v->link);
    put_remote(v->remote,
               MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr);
    return v;
}

static void visit_free(struct http_visit *v)
{
    list_del(&v->link);
    for (size_t i = 0; i < v->n_headers; i++)
        free(v->headers[i].value);
    if (v->response)
        MHD_destroy_response(v->response);
    buf_release(&v->body);
    free(v);
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct http_visit *v = *context;

    (void)mhd;
    (void)code;
    if (v) {
        wait_for(cls, v->connection);
        visit_free(v);
    }
    *context = NULL;
}

static enum MHD_Result send_answer(struct http_visit *v)
{
    wait_for(v->server, v->connection);
    return MHD_queue_response(v->mhd, v->status, v->response);
}

static void ask(struct http_visit *v)
{
    v->asked = true;
    list_del(&v->connection->link); /* it is our turn: its time stands still */
    list_add_tail(&v->server->unanswered, &v->link);
    if (v->body.full)
        http_visit_answer(v, 413, NULL, NULL, 0);
    else
        v->server->o.fn(v, v->server->o.user);
}

/* Called when the headers are there, with each piece of the body, at the end, and after a rest. */
static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *size, void **context)
{
    struct http_visit *v = *context;

    (void)version;
    if (!v) {
        *context = visit_new(cls, mhd, path, method);
        return MHD_YES;
    }
    if (*size) {
        buf_add(&v->body, data, *size); /* full: seen when all of it is there */
        *size = 0;
        return MHD_YES;
    }
    if (!v->asked)
        ask(v);
    if (v->response)
        return send_answer(v);
    v->suspended = true;
    MHD_suspend_connection(mhd);
    return MHD_YES;
}

const char *http_visit_method(const struct http_visit *v)
{
    return v->method;
}

const char *http_visit_path(const struct http_visit *v)
{
    return v->path;
}

const char *http_visit_remote(const struct http_visit *v)
{
    return v->remote;
}

const char *http_visit_header(const struct http_visit *v, const char *name)
{
    return MHD_lookup_connection_value(v->mhd, MHD_HEADER_KIND, name);
}

bool http_visit_query(const struct http_visit *v, const char *name, const char **ret)
{
    size_t n;

    *ret = "";
    if (MHD_lookup_connection_value_n(v->mhd, MHD_GET_ARGUMENT_KIND, name, strlen(name), ret, &n) !=
        MHD_YES)
        return false;
    if (!*ret)
        *ret = "";
    return true;
}

const char *http_visit_body(const struct http_visit *v, size_t *ret_len)
{
    *ret_len = buf_len(&v->body);
    return buf_str(&v->body);
}

void http_visit_add_header(struct http_visit *v, const char *name, const char *value)
{
    if (v->n_headers == ADDED_HEADERS)
        return;
    v->headers[v->n_headers].name = name;
    v->headers[v->n_headers++].value = xstrdup(value);
}

static void run_soon(struct http_server *s);

void http_visit_answer(struct http_visit *v, int status, const char *type, char *body, size_t n)
{
    v->status = (unsigned int)status;
    v->response = MHD_create_response_from_buffer(n, body, MHD_RESPMEM_MUST_FREE);
    if (!v->response)
        abort(); /* decision 5: only memory can be missing */
    if (type)
        MHD_add_response_header(v->response, "Content-Type", type);
    for (size_t i = 0; i < v->n_headers; i++)
        MHD_add_response_header(v->response, v->headers[i].name, v->headers[i].value);
    list_del(&v->link);
    if (v->suspended) {
        v->suspended = false;
        MHD_resume_connection(v->mhd);
        run_soon(v->server);
    }
}

/* ---- the daemon on the loop ---- */

static void run(struct http_server *s)
{
    unsigned MHD_LONG_LONG wait;

    s->running = true;
    s->room = false;
    MHD_run(s->daemon);
    s->running = false;
    /* one that was full does not listen, and listens again in the run after that in which one went
     */
    if (s->room || (MHD_get_timeout(s->daemon, &wait) == MHD_YES && wait == 0))
        run_soon(s);
}

static void on_run_soon(struct clock_timer *t)
{
    run(container_of(t, struct http_server, run_soon));
}

static void run_soon(struct http_server *s)
{
    if (!s->running && !s->ending && !clock_timer_armed(&s->run_soon))
        loop_timer_start(s->loop, &s->run_soon, 0, on_run_soon);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    (void)status;
    (void)events;
    run(poll->data);
}

static void on_poll_closed(uv_handle_t *h)
{
    free(h);
}

/* ---- listening ---- */

static int listen_unix(const char *path)
{
    _cleanup_close_ int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    if (fd < 0 || strlen(path) >= sizeof(a.sun_path))
        return -1;
    memcpy(a.sun_path, path, strlen(path) + 1);
    unlink(path); /* left behind by an agent that was killed */
    if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, BACKLOG) < 0)
        return -1;
    return steal_fd(&fd);
}

static int bound_port(int fd)
{
    struct sockaddr_storage a;
    socklen_t n = sizeof(a);

    if (getsockname(fd, (struct sockaddr *)&a, &n) < 0)
        return 0;
    return ntohs(a.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&a)->sin6_port
                                         : ((struct sockaddr_in *)&a)->sin_port);
}

/* host is an address, or "localhost": names are not asked for. */
static int listen_tcp(const char *host, int port)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_PASSIVE};
    struct addrinfo *list = NULL;
    char service[8];
    int one = 1, fd;

    snprintf(service, sizeof(service), "%d", port);
    if (getaddrinfo(str_eq(host, "localhost") ? "127.0.0.1" : host, service, &hints, &list) != 0) {
        errno = EADDRNOTAVAIL;
        return -1;
    }
    fd = socket(list->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (bind(fd, list->ai_addr, list->ai_addrlen) < 0 || listen(fd, BACKLOG) < 0)
            cleanup_closep(&fd);
    }
    freeaddrinfo(list);
    return fd;
}

static int start(struct http_server *s)
{
    const struct config_listen *l = s->o.listen;
    int fd = l->path ? listen_unix(l->path) : listen_tcp(l->host, l->port);

    if (fd < 0)
        return -1;
    s->port = l->path ? 0 : bound_port(fd);
    s->daemon =
        MHD_start_daemon(MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, s,
                         MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
                         s->max_connections + SPARE, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                         (size_t)HTTP_SERVER_HEADERS, MHD_OPTION_NOTIFY_COMPLETED, on_completed, s,
                         MHD_OPTION_NOTIFY_CONNECTION, on_connection, s, MHD_OPTION_END);
    if (!s->daemon) {
        close(fd);
        errno = EMFILE;
        return -1;
    }
    s->poll = new0(uv_poll_t);
    s->poll->data = s;
    uv_poll_init(&s->loop->uv, s->poll,
                 MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
    uv_poll_start(s->poll, UV_READABLE, on_poll);
    return 0;
}

static void on_again(struct clock_timer *t);

static void try_to_listen(struct http_server *s)
{
    const struct config_listen *l = s->o.listen;
    bool listens = start(s) == 0;
    _cleanup_free_ char *address = l->path
                                       ? xasprintf("unix:%s", l->path)
                                       : xasprintf("%s:%d", l->host, listens ? s->port : l->port);
    _cleanup_free_ char *text =
        xasprintf("%s %s", s->o.name, listens ? "listens" : "cannot listen, trying again");

    log_event(s->log, listens ? LOG_INFO : LOG_WARN, text, "address", address, "error",
              listens ? NULL : strerror(errno), NULL);
    if (!listens)
        loop_timer_start(s->loop, &s->again, backoff_next(&s->backoff), on_again);
}

static void on_again(struct clock_timer *t)
{
    try_to_listen(container_of(t, struct http_server, again));
}

/* Visitors take at most half of the descriptors: the rest is for the agent's own work. */
static unsigned int most_connections(unsigned int wanted)
{
    struct rlimit r;

    if (getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur / 4 < wanted)
        return r.rlim_cur / 4 > 8 ? (unsigned int)(r.rlim_cur / 4) : 8;
    return wanted;
}

struct http_server *http_server_new(struct loop *l, const struct http_server_options *o,
                                    struct log *log)
{
    struct http_server *s = new0(struct http_server);

    s->loop = l;
    s->o = *o;
    s->log = log;
    s->max_connections = most_connections(o->max_connections);
    list_init(&s->quiet);
    list_init(&s->unanswered);
    backoff_init(&s->backoff, BIND_RETRY_MIN, BIND_RETRY_MAX, 2.0, 0.2);
    try_to_listen(s);
    return s;
}

int http_server_port(const struct http_server *s)
{
    return s->port;
}

static void stop(struct http_server *s)
{
    uv_poll_stop(s->poll);
    uv_close((uv_handle_t *)s->poll, on_poll_closed);
    /* nothing that rests may be there when it is stopped */
    while (!list_empty(&s->unanswered))
        http_visit_answer(container_of(s->unanswered.next, struct http_visit, link), 503, NULL,
                          NULL, 0);
    MHD_run(s->daemon);
    MHD_stop_daemon(s->daemon);
    if (s->o.listen->path)
        unlink(s->o.listen->path);
}

void http_server_free(struct http_server *s)
{
    if (!s)
        return;
    s->ending = true;
    loop_timer_stop(s->loop, &s->again);
    loop_timer_stop(s->loop, &s->run_soon);
    if (s->daemon)
        stop(s);
    loop_timer_stop(s->loop, &s->sweep);
    free(s);
}
