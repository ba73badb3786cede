/*
 * fuzz_http.c - whatever a peer sends, in whatever pieces.
 *
 * The first byte says where the bytes are split and whether a fault is active;
 * the rest goes through a real socket into a fake that answers, streams, hands
 * the socket over or accepts a websocket, by path.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "fakes/core/fake.h"
#include "fakes/core/ws.h"

#define TURNS_MAX 64

static void classify(struct fake *f, struct exchange *x)
{
    (void)f;
    x->what = xasprintf("%s %s", x->method, x->path);
}

static void raw(struct exchange *x, const char *p, size_t n)
{
    if (n)
        exchange_write(x, p, n);
    else
        exchange_end(x);
}

static void on_message(struct ws *w, const char *p, size_t n, bool binary)
{
    (void)binary;
    ws_send(w, "Echo", p, n);
}

static void on_close(struct ws *w, int code, bool by_us)
{
    (void)w;
    (void)code;
    (void)by_us;
}

static const struct ws_handlers ws_handlers = {.on_message = on_message, .on_close = on_close};

static void handle(struct fake *f, struct exchange *x)
{
    char *p = exchange_param(x, "a");

    (void)f;
    free(p);
    if (str_starts(x->path, "/raw"))
        exchange_hijack(x, 200, NULL, raw);
    else if (str_starts(x->path, "/stream"))
        exchange_begin(x, 200, "application/json", -1);
    else if (exchange_wants_ws(x))
        exchange_accept_ws(x, &ws_handlers, NULL);
    else
        exchange_answer(x, 200, "text/plain", buf_str(&x->body), buf_len(&x->body));
}

static void refuse(struct fake *f, struct exchange *x, int status, const char *type,
                   const char *message)
{
    (void)f;
    (void)type;
    exchange_answer_text(x, status ? status : 500, NULL, message ? message : "");
}

static const struct fake_ops ops = {.name = "fuzz",
                                    .size = sizeof(struct fake),
                                    .classify = classify,
                                    .handle = handle,
                                    .refuse = refuse};

static int connect_to(const struct fake *f)
{
    struct sockaddr_un sa = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(sa.sun_path, f->url + 7, strlen(f->url + 7) + 1);
    if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || io_set_nonblock(fd, NULL) < 0)
        abort();
    return fd;
}

static void turn(struct world *w, int fd)
{
    char chunk[65536];

    loop_turn(&w->loop, loop_now(&w->loop) + 100 * NS_PER_US);
    while (read(fd, chunk, sizeof(chunk)) > 0)
        ;
}

static void send_in_pieces(struct world *w, int fd, const uint8_t *p, size_t n, size_t piece)
{
    for (int turns = 0; n && turns < TURNS_MAX; turns++) {
        size_t part = n < piece ? n : piece;
        ssize_t k = send(fd, p, part, MSG_NOSIGNAL);

        if (k > 0) {
            p += k;
            n -= (size_t)k;
        } else if (k < 0 && errno != EAGAIN) {
            return;
        }
        turn(w, fd);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct world *w = new0(struct world);
    struct err e = ERR_INIT;
    char *path = xasprintf("/tmp/fuzz-http-%d.sock", (int)getpid());
    struct fake *f;
    int fd;

    if (n < 2 || world_init(w, 1, &e) < 0 || !(f = world_add(w, &ops, &e)) ||
        fake_listen_unix(f, path, &e) < 0) {
        free(path);
        free(w);
        return 0;
    }
    if (p[0] & 0x80)
        fault_table_add(&w->faults, NULL, "fuzz", "**", (enum fault_kind)(p[0] % FAULT_KIND_MAX));
    fd = connect_to(f);
    send_in_pieces(w, fd, p + 1, n - 1, n / TURNS_MAX + 1 + (p[0] & 0x7f));
    for (int i = 0; i < 4; i++)
        turn(w, fd);
    close(fd);
    world_release(w);
    free(path);
    free(w);
    return 0;
}
