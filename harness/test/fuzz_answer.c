/*
 * fuzz_answer.c - what a peer may answer to a probe, in whatever pieces.
 *
 * The first byte says how long the pieces are and whether HEAD was asked; the rest is what
 * comes back. The same bytes are then what an agent prints for its version.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/test/fuzz.h"
#include "harness/agent_info.h"
#include "harness/http_client.h"

#define INPUT_MAX (64 << 10)

static void on_done(struct http_client *c, void *data)
{
    (void)c;
    (*(int *)data)++;
}

static void turn(struct loop *l)
{
    loop_turn(l, loop_now(l) + 100 * NS_PER_US);
}

static int listen_at(const char *path)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
    if (fd < 0 || bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 1) < 0)
        abort();
    return fd;
}

/* Answers the one connection, and hangs up. */
static void answer(struct loop *l, int listener, const uint8_t *p, size_t n, size_t piece)
{
    _cleanup_close_ int fd = -1;

    for (int i = 0; i < 20 && fd < 0; i++) {
        turn(l);
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    while (n && fd >= 0) {
        size_t part = n < piece ? n : piece;
        ssize_t k = send(fd, p, part, MSG_NOSIGNAL);

        if (k <= 0)
            return;
        p += k;
        n -= (size_t)k;
        turn(l);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char *path, *text;
    struct loop l;
    struct err e = ERR_INIT;
    struct http_client *c;
    int done = 0, listener;

    if (n < 2 || n > INPUT_MAX || loop_init(&l, &e) < 0)
        return 0;
    path = xasprintf("/tmp/fuzz-answer-%d.sock", (int)getpid());
    listener = listen_at(path);
    c = http_client_start(&l,
                          &(struct http_client_request){.method = *p & 0x80 ? "HEAD" : "GET",
                                                        .url = "http://peer/",
                                                        .unix_path = path},
                          on_done, &done, &e);
    answer(&l, listener, p + 1, n - 1, n / 64 + 1 + (*p & 0x7f));
    for (int i = 0; i < 100 && !done; i++)
        turn(&l);
    if (done != 1 ||
        (http_client_result(c)->err.code == ERR_NONE) != !!http_client_result(c)->status)
        abort();
    http_client_free(c);
    if (loop_release(&l, &e) < 0)
        abort(); /* something was left in it */
    close(listener);
    unlink(path);
    free(path);
    text = xstrndup((const char *)p + 1, n - 1);
    free(agent_info_version(text));
    free(text);
    return 0;
}
