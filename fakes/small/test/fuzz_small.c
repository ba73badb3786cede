/*
 * fuzz_small.c - requests of the small services, through the handlers. The first
 * line is an X-Amz-Target, "form" (the rest is a form), or "get" (the rest is a
 * path and query); several are separated by a line "--". No signature is asked for.
 */
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "fakes/core/test/peer.h"
#include "fakes/small/small.h"

#define CALLS_MAX 16

static void call(struct fake *f, const char *kind, const char *body, size_t n)
{
    bool form = str_eq(kind, "form"), get = str_eq(kind, "get");
    struct peer p;
    char *head;

    if (get && strpbrk(body, "\r\n "))
        return;
    head = get ? xasprintf("GET %s HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", body)
               : xasprintf("POST / HTTP/1.1\r\nHost: h\r\n%s%.80s\r\nContent-Type: x\r\n"
                           "Content-Length: %zu\r\nConnection: close\r\n\r\n",
                           form ? "X-Form: " : "X-Amz-Target: ", kind, n);
    peer_connect(&p, f);
    peer_send(&p, head);
    if (!get)
        peer_send_bytes(&p, body, n);
    peer_wait_for(&p, "\r\n\r\n", NS_PER_S);
    peer_close(&p);
    free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct world *w = new0(struct world);
    char *text = xstrndup((const char *)p, n), *rest = text;
    struct err e = ERR_INIT;
    struct fake *f;

    if (world_init(w, 1, &e) < 0 || !(f = world_add(w, &small_ops, &e)) ||
        fake_listen_tcp(f, "127.0.0.1", 0, false, &e) < 0)
        abort();
    w->verify_signatures = false;
    for (int i = 0; i < CALLS_MAX && rest; i++) {
        char *next = strstr(rest, "\n--\n"), *kind = rest, *body;

        if (next)
            *next = '\0';
        rest = next ? next + 4 : NULL;
        body = strchr(kind, '\n');
        if (!body)
            continue;
        *body++ = '\0';
        if (*kind && !strpbrk(kind, "\r\n:"))
            call(f, kind, body, strlen(body));
    }
    world_release(w);
    free(w);
    free(text);
    return 0;
}
