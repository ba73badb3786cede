/*
 * fuzz_imds.c - what is asked of the instance metadata service, and the commands that furnish it.
 *
 * The bytes are requests as they come over the wire; the first byte says whether a token is
 * needed and whether the rest is the argument of a command instead.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "fakes/core/test/peer.h"
#include "fakes/imds/imds.h"

/* Short turns: most inputs are answered in one, and many are tried. */
static void turn(struct world *w)
{
    for (int i = 0; i < 6; i++)
        loop_turn(&w->loop, loop_now(&w->loop) + 100 * NS_PER_US);
}

/* "COMMAND JSON": what a step of a scenario says. */
static void command(struct fake *f, const char *p, size_t n)
{
    struct err e = ERR_INIT;
    const char *blank = memchr(p, ' ', n);
    json_t *args =
        blank ? json_read(blank + 1, n - (size_t)(blank + 1 - p), JSON_READ_PEER, NULL) : NULL;
    json_t *ret = NULL;

    if (json_is_object(args)) {
        char *name = xstrndup(p, (size_t)(blank - p));

        if (f->ops->control(f, name, args, &ret, &e) < 0 && !*e.text)
            abort();
        free(name);
    }
    json_decref(ret);
    json_decref(args);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const char *const tree[] = {
        "GET /latest/meta-data/ HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /latest/dynamic/instance-identity/document HTTP/1.1\r\nHost: a\r\n\r\n"};
    struct world *w = new0(struct world);
    struct err e = ERR_INIT;
    struct fake *f = NULL;
    char *path = xasprintf("/tmp/fuzz-imds-%d.sock", (int)getpid());
    struct peer peer;

    if (n > 1 && n < (64 << 10) && world_init(w, 1, &e) == 0 && (f = world_add(w, &imds_ops, &e)) &&
        fake_listen_unix(f, path, &e) == 0) {
        if (*p == 'c')
            command(f, (const char *)p + 1, n - 1);
        peer_connect(&peer, f);
        if (*p == 'c')
            peer_send(&peer, tree[n % ARRAY_SIZE(tree)]);
        else
            peer_send_bytes(&peer, p + 1, n - 1);
        turn(w);
        peer_close(&peer);
    }
    if (f)
        world_release(w);
    free(w);
    free(path);
    return 0;
}
