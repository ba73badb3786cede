#include "fakes/ecs/test/client.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/test/sign.h"
#include "fakes/ecs/acs.h"
#include "fakes/ecs/ecs.h"
#include "fakes/ecs/tcs.h"

struct plane *client_plane(const struct client *c)
{
    return ((struct plane_fake *)c->ecs)->plane;
}

const char *client_text(const json_t *v, const char *path)
{
    const char *s = json_string_value(json_at(v, path));

    return s ? s : "";
}

void client_start(struct client *c)
{
    struct err e = ERR_INIT;

    memset(c, 0, sizeof(*c));
    c->w = new0(struct world);
    if (world_init(c->w, 11, &e) < 0)
        abort();
    c->w->journal.keep = true;
    c->ecs = world_add(c->w, &ecs_ops, &e);
    c->acs = world_add(c->w, &acs_ops, &e);
    c->tcs = world_add(c->w, &tcs_ops, &e);
    c->secret = c->w->id.secret_key;
    if (fake_listen_tcp(c->ecs, "127.0.0.1", 0, false, &e) < 0 ||
        fake_listen_tcp(c->acs, "127.0.0.1", 0, false, &e) < 0 ||
        fake_listen_tcp(c->tcs, "127.0.0.1", 0, false, &e) < 0)
        abort();
}

void client_stop(struct client *c)
{
    world_release(c->w);
    free(c->w);
}

static const char *host_of(const struct fake *f)
{
    return str_after(f->url, "http://");
}

/* The Authorization header for a request whose canonical form is known. */
static char *authorize(struct client *c, const char *date, const char *names, const char *canonical)
{
    char sig[65];

    sign_canonical(c->secret, date, c->w->id.region, "ecs", canonical, sig);
    return xasprintf("AWS4-HMAC-SHA256 Credential=%s/%.8s/%s/ecs/aws4_request, SignedHeaders=%s, "
                     "Signature=%s",
                     c->w->id.access_key, date, c->w->id.region, names, sig);
}

/* "Host: ...\r\nX-Amz-Date: ...\r\nAuthorization: ...\r\n" of a GET. */
static char *signed_get(struct client *c, struct fake *f, const char *path, const char *query,
                        const char *payload)
{
    char date[17], hash[65], *canonical, *auth, *head;

    str_format_amz_date(loop_wall(&c->w->loop) + c->skew, date);
    sign_sha(payload, strlen(payload), hash);
    canonical = xasprintf("GET\n%s\n%s\nhost:%s\nx-amz-date:%s\n\nhost;x-amz-date\n%s", path, query,
                          host_of(f), date, hash);
    auth = authorize(c, date, "host;x-amz-date", canonical);
    head = xasprintf("Authorization: %s\r\nHost: %s\r\nX-Amz-Date: %s\r\n", auth, host_of(f), date);
    free(canonical);
    free(auth);
    return head;
}

json_t *client_call(struct client *c, const char *operation, const char *body)
{
    char date[17], hash[65], *target, *canonical, *auth, *text;
    struct peer p;
    json_t *v = NULL;
    const char *at;

    target = xasprintf("AmazonEC2ContainerServiceV20141113.%s", operation);
    str_format_amz_date(loop_wall(&c->w->loop) + c->skew, date);
    sign_sha(body, strlen(body), hash);
    canonical = xasprintf("POST\n/\n\ncontent-type:application/x-amz-json-1.1\nhost:%s\n"
                          "x-amz-date:%s\nx-amz-target:%s\n\n"
                          "content-type;host;x-amz-date;x-amz-target\n%s",
                          host_of(c->ecs), date, target, hash);
    auth = authorize(c, date, "content-type;host;x-amz-date;x-amz-target", canonical);
    text = xasprintf("POST / HTTP/1.1\r\nHost: %s\r\nContent-Type: application/x-amz-json-1.1\r\n"
                     "X-Amz-Target: %s\r\nX-Amz-Date: %s\r\nAuthorization: %s\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                     host_of(c->ecs), target, date, auth, strlen(body), body);
    peer_connect(&p, c->ecs);
    peer_send(&p, text);
    peer_wait_end(&p);
    c->status = (int)strtol(buf_str(&p.got) + strlen("HTTP/1.1 "), NULL, 10);
    at = strstr(buf_str(&p.got), "\r\n\r\n");
    if (at)
        v = json_read(at + 4, strlen(at + 4), JSON_READ_STRICT, NULL);
    peer_close(&p);
    free(target);
    free(canonical);
    free(auth);
    free(text);
    return v;
}

json_t *client_callf(struct client *c, const char *operation, const char *fmt, ...)
{
    va_list ap;
    char *body;
    json_t *v;

    va_start(ap, fmt);
    body = xvasprintf(fmt, ap);
    va_end(ap);
    v = client_call(c, operation, body);
    free(body);
    return v;
}

char *client_register(struct client *c)
{
    json_t *v = client_call(c, "RegisterContainerInstance", "{\"cluster\":\"demo\"}");
    char *arn = xstrdup(json_string_value(json_at(v, "containerInstance.containerInstanceArn")));

    json_decref(v);
    return arn;
}

/* --- websockets ------------------------------------------------------------------------ */

void client_connect(struct client *c, struct peer *p, struct fake *f, const char *query)
{
    char *head = signed_get(c, f, "/ws", query, "");
    char *text = xasprintf("GET /ws?%s HTTP/1.1\r\n%sUpgrade: websocket\r\nConnection: Upgrade\r\n"
                           "Sec-WebSocket-Version: 13\r\n"
                           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
                           query, head);
    const char *end;
    int on = 1;

    peer_connect(p, f);
    /* a frame would wait for the acknowledgement of the one before (Nagle) */
    setsockopt(p->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    peer_send(p, text);
    peer_wait(p, "\r\n\r\n");
    c->status = (int)strtol(buf_str(&p->got) + strlen("HTTP/1.1 "), NULL, 10);
    end = strstr(buf_str(&p->got), "\r\n\r\n");
    if (c->status == 101)
        buf_consume(&p->got, (size_t)(end + 4 - buf_str(&p->got)));
    free(head);
    free(text);
}

static char *encoded(const char *s)
{
    struct buf b = BUF_INIT(1024);

    str_percent(&b, s, strlen(s), false);
    return buf_steal(&b, NULL);
}

void client_connect_acs(struct client *c, struct peer *p, const char *arn)
{
    char *e = encoded(arn);
    char *q = xasprintf("agentHash=0123abcd&agentVersion=1.105.1&clusterArn=demo&"
                        "containerInstanceArn=%s&dockerVersion=DockerVersion%%3A%%2020.10.24&"
                        "protocolVersion=2&sendCredentials=true&seqNum=1",
                        e);

    client_connect(c, p, c->acs, q);
    free(q);
    free(e);
}

static char *tcs_query(const char *arn)
{
    char *e = encoded(arn), *q;

    q = xasprintf("agentHash=0123abcd&agentVersion=1.105.1&cluster=demo&containerInstance=%s", e);
    free(e);
    return q;
}

void client_connect_tcs(struct client *c, struct peer *p, const char *arn)
{
    char *q = tcs_query(arn);

    client_connect(c, p, c->tcs, q);
    free(q);
}

/* Masked with zeros, so that the payload stays as it is. */
void client_say(struct peer *p, const char *text)
{
    size_t n = strlen(text);
    struct buf frame = BUF_INIT(1 << 16);
    unsigned char head[14] = {0x81};
    size_t len = 2;

    if (n < 126) {
        head[1] = (unsigned char)(0x80 | n);
    } else {
        head[1] = 0x80 | 126;
        head[2] = (unsigned char)(n >> 8);
        head[3] = (unsigned char)n;
        len = 4;
    }
    buf_add(&frame, head, len + 4);
    buf_adds(&frame, text);
    peer_send_bytes(p, buf_str(&frame), buf_len(&frame));
    buf_release(&frame);
    peer_settle(p->w);
}

void client_publish(struct client *c, struct peer *p, const char *arn, const char *json)
{
    char *q = tcs_query(arn);
    char *head = signed_get(c, c->tcs, "/ws", q, json);
    char *frame = xasprintf("%s\r\n%s", head, json);

    client_say(p, frame);
    free(q);
    free(head);
    free(frame);
}

/* The length of the first whole frame in p->got, 0 when there is none; *ret_at is its payload. */
static size_t whole_frame(const struct peer *p, size_t *ret_at, size_t *ret_n)
{
    const unsigned char *b = (const unsigned char *)buf_str(&p->got);
    size_t have = buf_len(&p->got), n, at = 2;

    if (have < 2)
        return 0;
    n = b[1] & 0x7f;
    if (n == 126 && have >= 4) {
        n = (size_t)b[2] << 8 | b[3];
        at = 4;
    }
    if (n >= 126 && at == 2)
        return 0;
    *ret_at = at;
    *ret_n = n;
    return have >= at + n ? at + n : 0;
}

json_t *client_hear(struct peer *p)
{
    size_t at, n, len;
    json_t *v;

    /* the payload is ASCII: the only such byte begins a frame */
    if (!whole_frame(p, &at, &n))
        peer_wait_for(p, "\x81", NS_PER_S);
    peer_settle(p->w);
    len = whole_frame(p, &at, &n);
    if (!len || (buf_str(&p->got)[0] & 0x0f) != 1)
        return NULL;
    v = json_read(buf_str(&p->got) + at, n, JSON_READ_STRICT, NULL);
    buf_consume(&p->got, len);
    return v;
}

int client_heard_close(struct peer *p)
{
    size_t at, n;

    peer_settle(p->w);
    peer_wait_for(p, "\x88", NS_PER_S);
    if (!whole_frame(p, &at, &n) || (unsigned char)buf_str(&p->got)[0] != 0x88 || n < 2)
        return -1;
    return (unsigned char)buf_str(&p->got)[at] << 8 | (unsigned char)buf_str(&p->got)[at + 1];
}

/* --- journal --------------------------------------------------------------------------- */

struct record *client_record(struct client *c, enum record_kind kind, const char *what)
{
    struct journal *j = &c->w->journal;

    for (size_t i = j->n; i-- > 0;)
        if (j->records[i]->kind == kind && (!what || str_eq(j->records[i]->what, what)))
            return j->records[i];
    return NULL;
}

bool client_noted(struct client *c, const char *text)
{
    struct journal *j = &c->w->journal;

    for (size_t i = 0; i < j->n; i++)
        if (j->records[i]->kind == RECORD_NOTE &&
            strstr(json_str(j->records[i]->data, "text"), text))
            return true;
    return false;
}
