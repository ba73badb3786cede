#include "agent/grpc.h"
#include "agent/version.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"

struct grpc_call {
    struct http_request *http;
    grpc_fn fn;
    void *user;
};

/* As grpc-go prints them. */
static const char *const names[GRPC_STATUS_MAX] = {
    [GRPC_OK] = "OK",
    [GRPC_CANCELLED] = "Canceled",
    [GRPC_UNKNOWN] = "Unknown",
    [GRPC_INVALID_ARGUMENT] = "InvalidArgument",
    [GRPC_DEADLINE_EXCEEDED] = "DeadlineExceeded",
    [GRPC_NOT_FOUND] = "NotFound",
    [GRPC_ALREADY_EXISTS] = "AlreadyExists",
    [GRPC_PERMISSION_DENIED] = "PermissionDenied",
    [GRPC_RESOURCE_EXHAUSTED] = "ResourceExhausted",
    [GRPC_FAILED_PRECONDITION] = "FailedPrecondition",
    [GRPC_ABORTED] = "Aborted",
    [GRPC_OUT_OF_RANGE] = "OutOfRange",
    [GRPC_UNIMPLEMENTED] = "Unimplemented",
    [GRPC_INTERNAL] = "Internal",
    [GRPC_UNAVAILABLE] = "Unavailable",
    [GRPC_DATA_LOSS] = "DataLoss",
    [GRPC_UNAUTHENTICATED] = "Unauthenticated",
};

bool grpc_is_transient(enum grpc_status code)
{
    return code == GRPC_UNAVAILABLE || code == GRPC_DEADLINE_EXCEEDED ||
           code == GRPC_RESOURCE_EXHAUSTED || code == GRPC_ABORTED || code == GRPC_INTERNAL;
}

int grpc_unframe(const char *p, size_t n, const char **ret, size_t *ret_n)
{
    const unsigned char *u = (const unsigned char *)p;
    size_t len;

    if (n < GRPC_PREFIX || u[0])
        return -1;
    len = (size_t)u[1] << 24 | (size_t)u[2] << 16 | (size_t)u[3] << 8 | u[4];
    if (len != n - GRPC_PREFIX)
        return -1;
    *ret = p + GRPC_PREFIX;
    *ret_n = len;
    return 0;
}

char *grpc_message(const char *text)
{
    struct buf b = BUF_INIT(HTTP_HEADERS_MAX);

    str_unpercent(&b, text, strlen(text), false);
    return buf_steal(&b, NULL);
}

/* ---- how it ended ---- */

static void end_with(struct grpc_answer *a, enum grpc_status code, const char *desc)
{
    a->code = code;
    err_set(&a->e, code == GRPC_DEADLINE_EXCEEDED ? ERR_TIMEOUT : ERR_PEER,
            "rpc error: code = %s desc = %s", names[code], desc);
}

/* What gRPC makes of an answer that is none of its own.
 * (grpc.github.io, http-grpc-status-mapping) */
static enum grpc_status code_of_http(int status)
{
    switch (status) {
    case 400:
        return GRPC_INTERNAL;
    case 401:
        return GRPC_UNAUTHENTICATED;
    case 403:
        return GRPC_PERMISSION_DENIED;
    case 404:
        return GRPC_UNIMPLEMENTED;
    case 429:
    case 502:
    case 503:
    case 504:
        return GRPC_UNAVAILABLE;
    default:
        return GRPC_UNKNOWN;
    }
}

static void take_no_answer(struct grpc_answer *a, const struct http_result *r)
{
    _cleanup_free_ char *desc = NULL;

    if (r->error.code == ERR_TIMEOUT) {
        end_with(a, GRPC_DEADLINE_EXCEEDED, "context deadline exceeded");
        return;
    }
    desc = xasprintf(r->refused ? "connection error: desc = \"transport: Error while dialing: %s\""
                                : "error reading from server: %s",
                     r->error.text);
    end_with(a, r->error.code == ERR_LIMIT ? GRPC_RESOURCE_EXHAUSTED : GRPC_UNAVAILABLE, desc);
}

static void take_status(struct grpc_answer *a, const struct http_result *r, const char *status)
{
    const char *message = http_result_trailer(r, "grpc-message");
    _cleanup_free_ char *desc = grpc_message(message ? message : "");
    uint64_t code;

    if (str_u64(status, GRPC_STATUS_MAX - 1, &code) < 0)
        code = GRPC_UNKNOWN;
    if (code == GRPC_OK && grpc_unframe(r->body, r->body_len, &a->body, &a->n) < 0)
        end_with(a, GRPC_INTERNAL, "the answer is no message");
    else if (code != GRPC_OK)
        end_with(a, (enum grpc_status)code, desc);
}

static void on_done(const struct http_result *r, void *user)
{
    struct grpc_call *c = user;
    const char *status = http_result_trailer(r, "grpc-status");
    struct grpc_answer a = {.code = GRPC_OK, .e = ERR_INIT};

    c->http = NULL;
    if (r->error.code != ERR_NONE) {
        take_no_answer(&a, r);
    } else if (r->status != 200) {
        _cleanup_free_ char *desc =
            xasprintf("unexpected HTTP status code received from server: %d", r->status);

        end_with(&a, code_of_http(r->status), desc);
    } else if (!status) {
        end_with(&a, GRPC_INTERNAL, "server closed the stream without sending trailers");
    } else {
        take_status(&a, r, status);
    }
    c->fn(&a, c->user);
    free(c);
}

/* ---- starting ---- */

struct grpc_call *grpc_start(struct http *h, const char *socket, const char *path,
                             const struct buf *message, int64_t timeout, grpc_fn fn, void *user,
                             struct err *e)
{
    size_t n = buf_len(message);
    const char prefix[GRPC_PREFIX] = {0, (char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
    _cleanup_free_ char *limit = xasprintf("grpc-timeout: %lldm", (long long)(timeout / NS_PER_MS));
    _cleanup_free_ char *url = xasprintf("http://localhost%s", path);
    const char *const headers[] = {"Content-Type: application/grpc", "TE: trailers", limit, NULL};
    struct grpc_call *c = new0(struct grpc_call);
    _cleanup_buf_ struct buf body = BUF_INIT(n + GRPC_PREFIX);
    struct http_call call = {
        .method = "POST",
        .url = url,
        .unix_socket = socket,
        .http2 = true,
        .headers = headers,
        .user_agent = AGENT_USER_AGENT,
        .timeout = timeout,
        .connect_timeout = timeout,
        .max_body = GRPC_ANSWER_MAX,
        .done = on_done,
        .user = c,
    };

    buf_add(&body, prefix, GRPC_PREFIX);
    buf_add(&body, buf_str(message), n);
    call.body = buf_str(&body);
    call.body_len = buf_len(&body);
    c->fn = fn;
    c->user = user;
    c->http = http_start(h, &call, e);
    if (c->http)
        return c;
    free(c);
    return NULL;
}

void grpc_cancel(struct grpc_call *c)
{
    if (!c)
        return;
    http_cancel(c->http);
    free(c);
}
