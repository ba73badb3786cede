#include <curl/curl.h>
#include <sys/un.h>

#include "agent/http.h"
#include "base/list.h"
#include "base/mem.h"
#include "base/str.h"

/* A socket that libcurl wants watched. uv keeps the handle until its close callback. */
struct http_socket {
    uv_poll_t poll;
    struct http *http;
    curl_socket_t fd;
};

struct http {
    struct loop *loop;
    CURLM *multi;
    struct http_trust trust;
    unsigned int in_curl; /* depth: libcurl may not be told to drop a request now */
    struct clock_timer timer;
    struct list requests; /* under way */
    struct list doomed;   /* cancelled while libcurl was running */
    struct list fresh;    /* started while libcurl was running: it takes none then */
};

struct http_request {
    struct list link;
    struct http *http;
    CURL *easy;
    struct curl_slist *headers;
    size_t header_bytes;
    struct buf body;
    struct buf sent;
    struct clock_timer idle;
    int64_t idle_timeout;
    http_done_fn done;
    http_headers_fn on_headers;
    http_data_fn data;
    void *user;
    char *unix_socket;
    bool cancelled, too_large, idled, refused_data, announced;
    char why[CURL_ERROR_SIZE];
};

static void reap(struct http *h);

static void request_free(struct http_request *r)
{
    list_del(&r->link);
    loop_timer_stop(r->http->loop, &r->idle);
    if (r->easy) {
        curl_multi_remove_handle(r->http->multi, r->easy);
        curl_easy_cleanup(r->easy);
    }
    curl_slist_free_all(r->headers);
    buf_release(&r->body);
    buf_release(&r->sent);
    free(r->unix_socket);
    free(r);
}

static void enter_curl(struct http *h)
{
    h->in_curl++;
}

static void leave_curl(struct http *h)
{
    if (--h->in_curl == 0)
        reap(h);
}

/* ---- what libcurl tells about a request ---- */

static void announce(struct http_request *r)
{
    long status = 0;

    if (r->announced)
        return;
    r->announced = true;
    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    if (r->on_headers && !r->cancelled)
        r->on_headers(r, (int)status, r->user);
}

static void on_idle(struct clock_timer *t);

static void touch(struct http_request *r)
{
    if (r->idle_timeout > 0)
        loop_timer_start(r->http->loop, &r->idle, r->idle_timeout, on_idle);
}

static size_t on_header(char *p, size_t size, size_t n, void *user)
{
    struct http_request *r = user;
    size_t len = size * n;

    touch(r);
    if (r->cancelled)
        return 0;
    if (len <= 2) {
        long status = 0;

        curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
        if (status >= 200 || status == 101)
            announce(r);
        return r->cancelled ? 0 : len;
    }
    (void)p;
    r->header_bytes += len;
    if (r->header_bytes > HTTP_HEADERS_MAX) {
        r->too_large = true;
        return 0;
    }
    return len;
}

static size_t on_body(char *p, size_t size, size_t n, void *user)
{
    struct http_request *r = user;
    size_t len = size * n;

    touch(r);
    if (r->cancelled)
        return 0;
    if (r->data) {
        if (r->data(r, p, len, r->user) < 0) {
            r->refused_data = true;
            return 0;
        }
        return r->cancelled ? 0 : len;
    }
    if (buf_add(&r->body, p, len) < 0) {
        r->too_large = true;
        return 0;
    }
    return len;
}

/* ---- completion ---- */

static void fill_error(struct http_request *r, CURLcode code, struct http_result *res)
{
    const char *why = r->why[0] ? r->why : curl_easy_strerror(code);

    switch (code) {
    case CURLE_OK:
        return;
    case CURLE_OPERATION_TIMEDOUT:
        err_set(&res->error, ERR_TIMEOUT, "%s", why);
        return;
    case CURLE_COULDNT_CONNECT:
    case CURLE_COULDNT_RESOLVE_HOST:
        res->refused = true;
        err_set(&res->error, ERR_PEER, "%s", why);
        return;
    case CURLE_WRITE_ERROR:
        if (r->too_large)
            err_set(&res->error, ERR_LIMIT, "the answer is larger than allowed (%zu bytes)",
                    r->body.max);
        else
            err_set(&res->error, ERR_CONFLICT, "the answer was not wanted any more");
        return;
    default:
        err_set(&res->error, ERR_PEER, "%s", why);
    }
}

static void finish(struct http_request *r, CURLcode code)
{
    struct http_result res = {.request = r, .error = ERR_INIT};
    long status = 0;

    curl_easy_getinfo(r->easy, CURLINFO_RESPONSE_CODE, &status);
    if (r->idled)
        err_set(&res.error, ERR_TIMEOUT, "nothing came for %lld ms",
                (long long)(r->idle_timeout / NS_PER_MS));
    else
        fill_error(r, code, &res);
    res.status = (int)status;
    res.body = buf_str(&r->body);
    res.body_len = buf_len(&r->body);
    loop_timer_stop(r->http->loop, &r->idle);
    if (!r->cancelled)
        r->done(&res, r->user);
    request_free(r);
}

/* Frees what was cancelled, begins what was started, and hands over what is complete. */
static void reap(struct http *h)
{
    CURLMsg *msg;
    int left;

    while (!list_empty(&h->doomed))
        request_free(container_of(h->doomed.next, struct http_request, link));
    while (!list_empty(&h->fresh)) {
        struct http_request *r = container_of(h->fresh.next, struct http_request, link);

        list_del(&r->link);
        list_add_tail(&h->requests, &r->link);
        if (curl_multi_add_handle(h->multi, r->easy) != CURLM_OK)
            finish(r, CURLE_FAILED_INIT);
    }
    while ((msg = curl_multi_info_read(h->multi, &left))) {
        struct http_request *r = NULL;

        if (msg->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &r);
        if (r)
            finish(r, msg->data.result);
    }
}

static void on_idle(struct clock_timer *t)
{
    struct http_request *r = container_of(t, struct http_request, idle);

    r->idled = true;
    finish(r, CURLE_OPERATION_TIMEDOUT);
}

/* ---- libcurl on the loop ---- */

static void on_timer(struct clock_timer *t)
{
    struct http *h = container_of(t, struct http, timer);
    int running;

    enter_curl(h);
    curl_multi_socket_action(h->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    leave_curl(h);
}

static int set_timer(CURLM *multi, long timeout_ms, void *user)
{
    struct http *h = user;

    (void)multi;
    if (timeout_ms < 0)
        loop_timer_stop(h->loop, &h->timer);
    else
        loop_timer_start(h->loop, &h->timer, timeout_ms * NS_PER_MS, on_timer);
    return 0;
}

static void on_socket(uv_poll_t *poll, int status, int events)
{
    struct http_socket *s = poll->data;
    struct http *h = s->http;
    int mask = 0, running;

    if (status < 0)
        mask = CURL_CSELECT_ERR;
    if (events & UV_READABLE)
        mask |= CURL_CSELECT_IN;
    if (events & UV_WRITABLE)
        mask |= CURL_CSELECT_OUT;
    enter_curl(h);
    curl_multi_socket_action(h->multi, s->fd, mask, &running);
    leave_curl(h);
}

static void on_socket_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int set_socket(CURL *easy, curl_socket_t fd, int what, void *user, void *socketp)
{
    struct http *h = user;
    struct http_socket *s = socketp;
    int events = 0;

    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        if (s) {
            uv_poll_stop(&s->poll);
            curl_multi_assign(h->multi, fd, NULL);
            uv_close((uv_handle_t *)&s->poll, on_socket_closed);
        }
        return 0;
    }
    if (!s) {
        s = new0(struct http_socket);
        s->http = h;
        s->fd = fd;
        s->poll.data = s;
        if (uv_poll_init(&h->loop->uv, &s->poll, fd) < 0) {
            free(s);
            return -1;
        }
        curl_multi_assign(h->multi, fd, s);
    }
    if (what & CURL_POLL_IN)
        events |= UV_READABLE;
    if (what & CURL_POLL_OUT)
        events |= UV_WRITABLE;
    uv_poll_start(&s->poll, events, on_socket);
    return 0;
}

struct http *http_new(struct loop *l, const struct http_trust *trust, struct err *e)
{
    struct http *h = new0(struct http);

    h->loop = l;
    h->trust = *trust;
    list_init(&h->requests);
    list_init(&h->doomed);
    list_init(&h->fresh);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !(h->multi = curl_multi_init())) {
        free(h);
        err_set(e, ERR_INTERNAL, "libcurl does not start");
        return NULL;
    }
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETFUNCTION, set_socket);
    curl_multi_setopt(h->multi, CURLMOPT_SOCKETDATA, h);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERFUNCTION, set_timer);
    curl_multi_setopt(h->multi, CURLMOPT_TIMERDATA, h);
    return h;
}

void http_free(struct http *h)
{
    if (!h)
        return;
    while (!list_empty(&h->requests))
        request_free(container_of(h->requests.next, struct http_request, link));
    while (!list_empty(&h->doomed))
        request_free(container_of(h->doomed.next, struct http_request, link));
    while (!list_empty(&h->fresh))
        request_free(container_of(h->fresh.next, struct http_request, link));
    curl_multi_cleanup(h->multi);
    loop_timer_stop(h->loop, &h->timer);
    curl_global_cleanup();
    free(h);
}

/* ---- starting ---- */

static void add_header(struct http_request *r, const char *line)
{
    struct curl_slist *grown = curl_slist_append(r->headers, line);

    if (grown)
        r->headers = grown;
}

/* libcurl signs with the user and password of the handle. */
static void set_signature(struct http_request *r, const struct http_sign *s)
{
    _cleanup_buf_ struct buf provider = BUF_INIT(256);

    buf_addf(&provider, "aws:amz:%s:%s", s->region, s->service);
    curl_easy_setopt(r->easy, CURLOPT_AWS_SIGV4, buf_str(&provider));
    curl_easy_setopt(r->easy, CURLOPT_USERNAME, s->access_key);
    curl_easy_setopt(r->easy, CURLOPT_PASSWORD, s->secret_key);
    if (s->session_token) {
        _cleanup_buf_ struct buf line = BUF_INIT(16384);

        buf_addf(&line, "X-Amz-Security-Token: %s", s->session_token);
        add_header(r, buf_str(&line));
    }
}

static void set_method(struct http_request *r, const struct http_call *c)
{
    bool body = c->body || str_eq(c->method, "POST") || str_eq(c->method, "PUT");

    if (str_eq(c->method, "HEAD")) {
        curl_easy_setopt(r->easy, CURLOPT_NOBODY, 1L);
        return;
    }
    if (body) {
        buf_add(&r->sent, c->body ? c->body : "", c->body ? c->body_len : 0);
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDS, buf_str(&r->sent));
        curl_easy_setopt(r->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)buf_len(&r->sent));
        /*
         * With bodies over 1 MiB libcurl would ask for 100 Continue, which not every
         * daemon answers. A header that is taken away is signed nevertheless
         * (7.88), so signed requests keep it; theirs are small.
         */
        if (!c->sign)
            add_header(r, "Expect:");
        if (!c->body)
            add_header(r, "Content-Type:");
    }
    if (!str_eq(c->method, body ? "POST" : "GET"))
        curl_easy_setopt(r->easy, CURLOPT_CUSTOMREQUEST, c->method);
}

static void set_options(struct http_request *r, const struct http_call *c)
{
    CURL *easy = r->easy;
    int64_t connect = c->connect_timeout > 0 ? c->connect_timeout : 30 * NS_PER_S;
    const char *proxy = NULL;

    curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->why);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_URL, c->url);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(
        easy, CURLOPT_HTTP_VERSION,
        (long)(c->http2 ? CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE : CURL_HTTP_VERSION_1_1));
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, (long)c->http2);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, (long)c->http2);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)(connect / NS_PER_MS));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)(c->timeout / NS_PER_MS));
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
    if (c->redirects) {
        curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
        curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)c->redirects);
    }
    if (c->buffer)
        curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)c->buffer);
    if (c->user_agent)
        curl_easy_setopt(easy, CURLOPT_USERAGENT, c->user_agent);
    if (c->unix_socket)
        curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, r->unix_socket);
    else
        proxy = proxy_for(r->http->trust.proxy, c->url);
    /* "": and none that libcurl finds by itself */
    curl_easy_setopt(easy, CURLOPT_PROXY, proxy ? proxy : "");
    if (r->http->trust.insecure) {
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    if (r->http->trust.ca_file && *r->http->trust.ca_file)
        curl_easy_setopt(easy, CURLOPT_CAINFO, r->http->trust.ca_file);
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
}

struct http_request *http_start(struct http *h, const struct http_call *c, struct err *e)
{
    struct http_request *r;
    CURLMcode code;

    if (!c->url || !c->method || !c->done) {
        err_set(e, ERR_INTERNAL, "a request without method, URL or receiver");
        return NULL;
    }
    if (c->unix_socket && strlen(c->unix_socket) >= sizeof(((struct sockaddr_un *)0)->sun_path)) {
        err_set(e, ERR_LIMIT, "the socket's path is too long: %.120s", c->unix_socket);
        return NULL;
    }
    r = new0(struct http_request);
    r->http = h;
    r->done = c->done;
    r->on_headers = c->on_headers;
    r->data = c->data;
    r->user = c->user;
    r->idle_timeout = c->idle_timeout;
    r->unix_socket = xstrdup(c->unix_socket);
    buf_init(&r->body, c->max_body ? c->max_body : HTTP_BODY_MAX);
    buf_init(&r->sent, c->body_len + 1);
    list_init(&r->link);
    list_add_tail(h->in_curl ? &h->fresh : &h->requests, &r->link);
    r->easy = curl_easy_init();
    if (r->easy) {
        set_options(r, c);
        set_method(r, c);
        for (size_t i = 0; c->headers && c->headers[i]; i++)
            add_header(r, c->headers[i]);
        if (c->sign)
            set_signature(r, c->sign);
        curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
    }
    if (!r->easy)
        code = CURLM_OUT_OF_MEMORY;
    else
        code = h->in_curl ? CURLM_OK : curl_multi_add_handle(h->multi, r->easy);
    if (code != CURLM_OK) {
        request_free(r);
        err_set(e, ERR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
        return NULL;
    }
    touch(r);
    return r;
}

void http_cancel(struct http_request *r)
{
    if (!r || r->cancelled)
        return;
    r->cancelled = true;
    loop_timer_stop(r->http->loop, &r->idle);
    if (r->http->in_curl) {
        list_del(&r->link);
        list_add_tail(&r->http->doomed, &r->link);
        return;
    }
    request_free(r);
}

static const char *find_header(const struct http_result *res, const char *name, unsigned int where)
{
    struct curl_header *found;

    if (curl_easy_header(res->request->easy, name, 0, where, -1, &found) != CURLHE_OK)
        return NULL;
    return found->value;
}

const char *http_result_header(const struct http_result *res, const char *name)
{
    return find_header(res, name, CURLH_HEADER);
}

const char *http_result_trailer(const struct http_result *res, const char *name)
{
    const char *value = find_header(res, name, CURLH_TRAILER);

    return value ? value : find_header(res, name, CURLH_HEADER);
}
