/*
 * fuzz_cni.c - what is asked of network plugins: the bytes are requests as they come over the wire.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/test/fuzz.h"
#include "fakes/cni/cni.h"
#include "fakes/core/test/peer.h"

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct world *w = new0(struct world);
    struct err e = ERR_INIT;
    struct fake *f = NULL;
    char *path = xasprintf("/tmp/fuzz-cni-%d.sock", (int)getpid());
    struct peer peer;

    if (n < (64 << 10) && world_init(w, 1, &e) == 0 && (f = world_add(w, &cni_ops, &e)) &&
        fake_listen_unix(f, path, &e) == 0) {
        peer_connect(&peer, f);
        peer_send_bytes(&peer, p, n);
        for (int i = 0; i < 6; i++)
            loop_turn(&w->loop, loop_now(&w->loop) + 100 * NS_PER_US);
        peer_close(&peer);
    }
    if (f)
        world_release(w);
    free(w);
    free(path);
    return 0;
}
