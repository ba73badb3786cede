#include "fakes/credfetch/test/grpc_client.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define SERVICE "/credentialsfetcher.CredentialsFetcherService/"

struct call {
    struct grpc_reply *reply;
    const char *body;
    size_t n;
    bool done, body_came;
};

static int on_header(nghttp2_session *s, const nghttp2_frame *frame, const uint8_t *name, size_t nl,
                     const uint8_t *value, size_t vl, uint8_t flags, void *user)
{
    struct call *c = user;
    const char *n = (const char *)name, *v = (const char *)value;

    (void)s;
    (void)frame;
    (void)nl;
    (void)flags;
    if (str_eq(n, ":status"))
        c->reply->http = (int)strtol(v, NULL, 10);
    if (str_eq(n, "grpc-status")) {
        c->reply->status = (int)strtol(v, NULL, 10);
        c->reply->trailers = c->body_came;
    }
    if (str_eq(n, "grpc-message"))
        snprintf(c->reply->message, sizeof(c->reply->message), "%.*s", (int)vl, v);
    return 0;
}

static int on_chunk(nghttp2_session *s, uint8_t flags, int32_t id, const uint8_t *p, size_t n,
                    void *user)
{
    struct call *c = user;

    (void)s;
    (void)flags;
    (void)id;
    c->body_came = true;
    buf_add(&c->reply->body, p, n);
    return 0;
}

static int on_close(nghttp2_session *s, int32_t id, uint32_t code, void *user)
{
    struct call *c = user;

    (void)s;
    (void)id;
    (void)code;
    c->done = true;
    return 0;
}

static ssize_t read_body(nghttp2_session *s, int32_t id, uint8_t *p, size_t max, uint32_t *flags,
                         nghttp2_data_source *source, void *user)
{
    struct call *c = source->ptr;
    size_t n = c->n < max ? c->n : max;

    (void)s;
    (void)id;
    (void)user;
    memcpy(p, c->body, n);
    c->body += n;
    c->n -= n;
    if (!c->n)
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)n;
}

static nghttp2_nv pair(const char *name, const char *value)
{
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
                        strlen(value), NGHTTP2_NV_FLAG_NONE};
}

static void pump(nghttp2_session *s, struct peer *p)
{
    const uint8_t *out;
    ssize_t n;

    while ((n = nghttp2_session_mem_send(s, &out)) > 0)
        peer_send_bytes(p, out, (size_t)n);
    peer_settle(p->w);
    peer_wait_for(p, "\xff never \xff", 1); /* takes what is there */
    if (buf_len(&p->got) &&
        nghttp2_session_mem_recv(s, (const uint8_t *)buf_str(&p->got), buf_len(&p->got)) < 0)
        p->eof = true;
    buf_clear(&p->got);
}

void grpc_client_send(struct fake *f, const char *path, const char *type, const void *body,
                      size_t n, struct grpc_reply *ret)
{
    nghttp2_session_callbacks *cb;
    nghttp2_session *s;
    struct call c = {.reply = ret, .body = body, .n = n};
    nghttp2_data_provider out = {.source.ptr = &c, .read_callback = read_body};
    const nghttp2_nv nv[] = {pair(":method", "POST"),    pair(":scheme", "http"),
                             pair(":path", path),        pair(":authority", "localhost"),
                             pair("content-type", type), pair("te", "trailers")};
    struct peer p;

    *ret = (struct grpc_reply){.status = -1, .body = BUF_INIT(1 << 20)};
    nghttp2_session_callbacks_new(&cb);
    nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_chunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
    nghttp2_session_client_new(&s, cb, &c);
    nghttp2_session_callbacks_del(cb);
    nghttp2_submit_settings(s, NGHTTP2_FLAG_NONE, NULL, 0);
    nghttp2_submit_request(s, NULL, nv, ARRAY_SIZE(nv), n ? &out : NULL, NULL);
    peer_connect(&p, f);
    for (int i = 0; i < 200 && !c.done && !p.eof; i++)
        pump(s, &p);
    nghttp2_session_del(s);
    peer_close(&p);
    peer_settle(f->world);
}

void grpc_client_call(struct fake *f, const char *method, const ProtobufCMessage *m,
                      struct grpc_reply *ret)
{
    char *path = xasprintf(SERVICE "%s", method);
    size_t n = protobuf_c_message_get_packed_size(m);
    unsigned char *body = xcalloc(1, n + 5);

    for (int i = 0; i < 4; i++)
        body[1 + i] = (unsigned char)(n >> (24 - 8 * i));
    protobuf_c_message_pack(m, body + 5);
    grpc_client_send(f, path, "application/grpc", body, n + 5, ret);
    free(body);
    free(path);
}

void grpc_reply_release(struct grpc_reply *r)
{
    buf_release(&r->body);
}
