/*
 * s3_peer.h - a world with the S3 fake, and one who asks it, for tests.
 */
#ifndef FAKES_S3_TEST_S3_PEER_H
#define FAKES_S3_TEST_S3_PEER_H

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/test/peer.c"
#include "fakes/s3/s3.h"

static struct world world;
static struct s3 *s3;

/* The answer to the last request. */
static struct {
    int status;
    char *head, *body;
    size_t n; /* of body */
} got;

static void forget(void)
{
    free(got.head);
    free(got.body);
    memset(&got, 0, sizeof(got));
}

/* Sends a request on a connection of its own and keeps the answer; returns its status.
 * headers: lines with CRLF, or NULL. host: NULL is the fake's address. */
static int ask_host(const char *host, const char *method, const char *target, const char *headers,
                    const void *body, size_t n)
{
    struct peer p;
    const char *end;
    char *text = xasprintf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n%s", method, target,
                           host ? host : s3->fake.url + strlen("http://"), headers ? headers : "");
    char *length = xasprintf("Content-Length: %zu\r\n", n);

    forget();
    peer_connect(&p, &s3->fake);
    peer_send(&p, text);
    if (body)
        peer_send(&p, length);
    peer_send(&p, "\r\n");
    peer_send_bytes(&p, body, n);
    peer_wait_end(&p);
    end = memmem(buf_str(&p.got), buf_len(&p.got), "\r\n\r\n", 4);
    if (end) {
        got.status = (int)strtol(buf_str(&p.got) + strlen("HTTP/1.1 "), NULL, 10);
        got.head = xstrndup(buf_str(&p.got), (size_t)(end - buf_str(&p.got)) + 2);
        got.n = buf_len(&p.got) - strlen(got.head) - 2;
        got.body = xmalloc(got.n + 1);
        memcpy(got.body, end + 4, got.n);
        got.body[got.n] = '\0';
    }
    peer_close(&p);
    free(text);
    free(length);
    return got.status;
}

static inline int ask(const char *method, const char *target, const char *headers, const char *body)
{
    return ask_host(NULL, method, target, headers, body, body ? strlen(body) : 0);
}

/* True when the head of the last answer has this line. */
static inline bool has_header(const char *line)
{
    char *wanted = xasprintf("\r\n%s\r\n", line);
    bool found = got.head && strcasestr(got.head, wanted);

    free(wanted);
    return found;
}

/* True when the body of the last answer holds the text. */
static inline bool has(const char *text)
{
    return got.body && strstr(got.body, text);
}

/* What stands between <name> and </name> in the last answer, to be freed; NULL: nowhere. */
static inline char *member(const char *name)
{
    char *open = xasprintf("<%s>", name), *close = xasprintf("</%s>", name), *v = NULL;
    const char *s = got.body ? strstr(got.body, open) : NULL, *e = s ? strstr(s, close) : NULL;

    if (e)
        v = xstrndup(s + strlen(open), (size_t)(e - s) - strlen(open));
    free(open);
    free(close);
    return v;
}

static inline bool member_is(const char *name, const char *value)
{
    char *v = member(name);
    bool same = str_eq(v, value);

    free(v);
    return same;
}

static inline int control(const char *command, const char *args)
{
    struct err e = ERR_INIT;
    json_t *o = json_read(args, strlen(args), JSON_READ_STRICT, &e), *ret = NULL;
    int r = o ? s3_ops.control(&s3->fake, command, o, &ret, &e) : -2;

    json_decref(o);
    json_decref(ret);
    return r;
}

static inline int begin_world(bool verify)
{
    struct err e = ERR_INIT;

    signal(SIGPIPE, SIG_IGN); /* a peer that leaves is no reason to die */
    if (world_init(&world, 3, &e) < 0)
        return -1;
    world.verify_signatures = verify;
    s3 = (struct s3 *)world_add(&world, &s3_ops, &e);
    return s3 ? fake_listen_tcp(&s3->fake, "127.0.0.1", 0, false, &e) : -1;
}

static inline int end_world(void **state)
{
    (void)state;
    forget();
    world_release(&world);
    return 0;
}

#endif
