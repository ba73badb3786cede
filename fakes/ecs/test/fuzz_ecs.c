/*
 * fuzz_ecs.c - bodies of the ECS API, through the handlers. The first line is
 * the operation, the rest the body; several are separated by a line "--". No
 * signature is asked for.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "fakes/core/test/peer.h"
#include "fakes/ecs/ecs.h"

#define CALLS_MAX 16

static void call(struct fake *f, const char *operation, const char *body, size_t n)
{
    char *head = xasprintf("POST / HTTP/1.1\r\nHost: h\r\nX-Amz-Target: "
                           "AmazonEC2ContainerServiceV20141113.%.64s\r\nContent-Type: "
                           "application/x-amz-json-1.1\r\nContent-Length: %zu\r\n"
                           "Connection: close\r\n\r\n",
                           operation, n);
    struct peer p;

    peer_connect(&p, f);
    peer_send(&p, head);
    peer_send_bytes(&p, body, n);
    peer_wait_for(&p, "\r\n\r\n", NS_PER_S);
    peer_close(&p);
    free(head);
}

static bool is_name(const char *s)
{
    return *s && strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == strlen(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct world *w = new0(struct world);
    char *text = xstrndup((const char *)p, n), *rest = text, *one;
    struct err e = ERR_INIT;
    struct fake *f;

    if (world_init(w, 1, &e) < 0 || !(f = world_add(w, &ecs_ops, &e)) ||
        fake_listen_tcp(f, "127.0.0.1", 0, false, &e) < 0)
        abort();
    w->verify_signatures = false;
    for (int i = 0; i < CALLS_MAX && rest; i++) {
        char *next = strstr(rest, "\n--\n"), *body;

        if (next)
            *next = '\0';
        one = rest;
        rest = next ? next + 4 : NULL;
        body = strchr(one, '\n');
        if (!body)
            continue;
        *body++ = '\0';
        if (is_name(one))
            call(f, one, body, strlen(body));
    }
    world_release(w);
    free(w);
    free(text);
    return 0;
}
