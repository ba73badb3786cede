/*
 * fuzz_credfetch.c - whatever a peer sends to the daemon's socket.
 *
 * The first byte: 0 to 6, the rest is the message of a call of that method, framed as gRPC's (so
 * that messages are reached without HTTP/2 in the way); 'p' the JSON of a spec; anything else, the
 * rest is what comes on the socket behind the preface.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "fakes/credfetch/credfetch.h"
#include "fakes/credfetch/spec.h"
#include "fakes/credfetch/test/grpc_client.h"

#define INPUT_MAX (64 << 10)
#define PREFACE   "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

static void send_message(struct fake *f, const uint8_t *p, size_t n)
{
    char *path =
        xasprintf("/credentialsfetcher.CredentialsFetcherService/%s", credfetch_method_name(p[0]));
    unsigned char *body = xcalloc(1, n + 5);
    struct grpc_reply r;

    for (int i = 0; i < 4; i++)
        body[1 + i] = (unsigned char)((n - 1) >> (24 - 8 * i));
    memcpy(body + 5, p + 1, n - 1);
    grpc_client_send(f, path, "application/grpc", body, n + 4, &r);
    if (r.http != 200 || r.status < 0)
        abort(); /* whatever it was, it is answered */
    grpc_reply_release(&r);
    free(body);
    free(path);
}

static void send_bytes(struct fake *f, const uint8_t *p, size_t n)
{
    struct peer peer;

    peer_connect(&peer, f);
    peer_send(&peer, PREFACE);
    for (size_t at = 0; at < n && !peer.eof; at += 16)
        peer_send_bytes(&peer, p + at, n - at < 16 ? n - at : 16);
    peer_settle(f->world);
    peer_close(&peer);
}

static void read_spec(const uint8_t *p, size_t n)
{
    struct spec s;

    if (spec_read((const char *)p, n, &s) < 0)
        return;
    if (!spec_domain_ok(s.domain) || !spec_account_ok(s.account) || !s.credential_arn)
        abort();
    spec_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct world *w;
    struct err e = ERR_INIT;
    char *path;
    struct fake *f;

    if (n < 1 || n > INPUT_MAX)
        return 0;
    if (*p == 'p') {
        read_spec(p + 1, n - 1);
        return 0;
    }
    w = new0(struct world);
    path = xasprintf("/tmp/fuzz-credfetch-%d.sock", (int)getpid());
    if (world_init(w, 1, &e) < 0 || !(f = world_add(w, &credfetch_ops, &e)) ||
        fake_listen_unix(f, path, &e) < 0)
        abort();
    if (*p < 7)
        send_message(f, p, n);
    else
        send_bytes(f, p + 1, n - 1);
    world_release(w);
    free(path);
    free(w);
    return 0;
}
