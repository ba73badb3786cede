#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/core/fake.h"
#include "fakes/core/test/peer.h"
#include "fakes/core/ws.h"

/* A fake with one session; what it is told is kept. */
struct talker {
    struct fake fake;
    struct ws *ws;
    int messages, closes, code;
    bool binary, by_us;
    size_t last;
};

static void classify(struct fake *f, struct exchange *x)
{
    (void)f;
    x->what = xasprintf("%s %s", x->method, x->path);
    x->group = "session";
}

static void on_message(struct ws *w, const char *p, size_t n, bool binary)
{
    struct talker *t = (struct talker *)ws_fake(w);

    (void)p;
    t->messages++;
    t->binary = binary;
    t->last = n;
}

static void on_close(struct ws *w, int code, bool by_us)
{
    struct talker *t = (struct talker *)ws_fake(w);

    t->closes++;
    t->code = code;
    t->by_us = by_us;
    t->ws = NULL;
}

/* The first word names a message. */
static void name(struct ws *w, const char *p, size_t n, char **ret_what, const char **ret_group,
                 json_t **ret_body)
{
    (void)w;
    *ret_what = xstrndup(p, n < 5 ? n : 5);
    *ret_group = "words";
    *ret_body = json_string("seen");
}

static const struct ws_handlers handlers = {
    .on_message = on_message, .on_close = on_close, .name = name};

static void handle(struct fake *f, struct exchange *x)
{
    ((struct talker *)f)->ws = exchange_accept_ws(x, &handlers, NULL);
}

static void refuse(struct fake *f, struct exchange *x, int status, const char *type,
                   const char *message)
{
    (void)f;
    (void)type;
    exchange_answer_text(x, status ? status : 500, "text/plain", message ? message : "");
}

static const struct fake_ops ops = {.name = "talker",
                                    .size = sizeof(struct talker),
                                    .classify = classify,
                                    .handle = handle,
                                    .refuse = refuse};

static struct world world;
static struct talker *talker;
static struct peer peer;

#define HANDSHAKE                                                                                  \
    "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                 \
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"

static int begin(void **state)
{
    struct err e = ERR_INIT;

    (void)state;
    assert_int_equal(world_init(&world, 1, &e), 0);
    talker = (struct talker *)world_add(&world, &ops, &e);
    assert_non_null(talker);
    assert_int_equal(fake_listen_tcp(&talker->fake, "127.0.0.1", 0, false, &e), 0);
    peer_connect(&peer, &talker->fake);
    peer_send(&peer, HANDSHAKE);
    assert_true(peer_wait(&peer, "\r\n\r\n"));
    assert_true(str_starts(buf_str(&peer.got), "HTTP/1.1 101 "));
    buf_clear(&peer.got);
    return 0;
}

static int end(void **state)
{
    (void)state;
    peer_close(&peer);
    world_release(&world);
    return 0;
}

/* The other side has ended; so does this one. */
static void part(void)
{
    assert_true(peer_wait_end(&peer));
    peer_close(&peer);
    peer_settle(&world);
    assert_null(talker->ws);
}

/* A frame as a client sends it: masked, here with zeros, so the text can be read. */
static void frame(int first, const void *p, size_t n)
{
    struct buf b = BUF_INIT(WS_MESSAGE_MAX + 1024);

    buf_addc(&b, (char)first);
    if (n < 126) {
        buf_addc(&b, (char)(0x80 | n));
    } else {
        buf_addc(&b, (char)(0x80 | 127));
        for (int shift = 56; shift >= 0; shift -= 8)
            buf_addc(&b, (char)((uint64_t)n >> shift));
    }
    buf_add(&b, "\0\0\0\0", 4);
    buf_add(&b, p, n);
    peer_send_bytes(&peer, buf_str(&b), buf_len(&b));
    buf_release(&b);
    peer_settle(&world);
}

/* Until so many messages have come. */
static void await(int messages)
{
    for (int i = 0; i < 1000 && talker->ws && talker->messages < messages; i++)
        peer_settle(&world);
    assert_int_equal(talker->messages, messages);
}

static bool got(const void *p, size_t n)
{
    return buf_len(&peer.got) == n && !memcmp(buf_data(&peer.got), p, n);
}
#define GOT(text) got(text, sizeof(text) - 1)

static const struct record *last(enum record_kind kind)
{
    for (size_t i = world.journal.n; i-- > 0;)
        if (world.journal.records[i]->kind == kind)
            return world.journal.records[i];
    return NULL;
}

static struct fault *fault(enum fault_kind kind)
{
    return fault_table_add(&world.faults, NULL, "talker", "Word", kind);
}

static uint64_t say(const char *text)
{
    return ws_send(talker->ws, "Word", text, strlen(text));
}

static void fragments_are_joined_and_named_for_the_journal(void **state)
{
    (void)state;
    frame(0x01, "hello", 5); /* text, more to come */
    frame(0x89, "?", 1);     /* a ping may come between */
    frame(0x80, " world", 6);
    await(1);
    assert_int_equal(talker->last, 11);
    assert_false(talker->binary);
    assert_string_equal(last(RECORD_FRAME_IN)->what, "hello");
    assert_string_equal(last(RECORD_FRAME_IN)->group, "words");
    assert_string_equal(json_str(last(RECORD_FRAME_IN)->data, "body"), "seen");
    peer_wait(&peer, "?");
    assert_true(GOT("\x8a\x01?"));
    frame(0x82, "\0\xff", 2);
    await(2);
    assert_true(talker->binary);
}

static void a_close_of_the_peer_is_answered_and_told_with_its_reason(void **state)
{
    (void)state;
    frame(0x88, "\x03\xe9going away", 12);
    assert_true(peer_wait(&peer, "\x88"));
    part();
    assert_int_equal(talker->closes, 1);
    assert_int_equal(talker->code, 1001);
    assert_false(talker->by_us);
    assert_string_equal(json_str(last(RECORD_DISCONNECT)->data, "by"), "peer");
    assert_string_equal(json_str(last(RECORD_DISCONNECT)->data, "reason"), "going away");
    assert_int_equal(json_int(last(RECORD_DISCONNECT)->data, "code", 0), 1001);
}

static void a_close_of_ours_waits_for_the_peers(void **state)
{
    (void)state;
    ws_close(talker->ws, 1000, "done");
    assert_true(ws_closing(talker->ws));
    ws_close(talker->ws, 1001, "a second one is not sent");
    assert_int_equal(say("nothing more"), 0);
    assert_true(peer_wait(&peer, "done"));
    assert_true(GOT("\x88\x06\x03\xe8"
                    "done"));
    assert_int_equal(talker->closes, 0);
    frame(0x88, "\x03\xe8", 2);
    part();
    assert_false(peer.reset);
    assert_int_equal(talker->closes, 1);
    assert_true(talker->by_us);
}

static void codes_that_stand_for_no_frame_are_no_frame(void **state)
{
    (void)state;
    ws_close(talker->ws, 1005, NULL);
    assert_true(peer_wait_end(&peer));
    assert_int_equal(buf_len(&peer.got), 0);
    assert_false(peer.reset);
}

static void a_message_that_is_too_long_closes_with_1009(void **state)
{
    char *much = xmalloc(WS_MESSAGE_MAX + 1);

    (void)state;
    memset(much, 'x', WS_MESSAGE_MAX + 1);
    frame(0x81, much, WS_MESSAGE_MAX);
    await(1);
    frame(0x81, much, WS_MESSAGE_MAX + 1);
    assert_int_equal(talker->messages, 1);
    peer_wait(&peer, "\x03\xf1");
    assert_true(str_starts(buf_str(&peer.got), "\x88"));
    assert_memory_equal((const char *)buf_data(&peer.got) + 2, "\x03\xf1", 2);
    free(much);
}

static void a_peer_that_does_not_read_is_dropped_at_the_limit(void **state)
{
    char *much = xmalloc(1 << 20);

    (void)state;
    memset(much, 'x', (1 << 20) - 1);
    much[(1 << 20) - 1] = '\0';
    for (int i = 0; i < 64 && talker->ws; i++) {
        ws_send(talker->ws, "Word", much, (1 << 20) - 1);
        loop_turn(&world.loop, loop_now(&world.loop));
    }
    assert_null(talker->ws);
    assert_true(talker->by_us);
    free(much);
}

static void a_ping_goes_out_and_a_pong_is_no_message(void **state)
{
    (void)state;
    ws_ping(talker->ws, "are you there", 13);
    assert_true(peer_wait(&peer, "are you there"));
    assert_true(GOT("\x89\x0d"
                    "are you there"));
    frame(0x8a, "are you there", 13);
    assert_int_equal(talker->messages, 0);
}

static void faults_of_a_message_show_on_the_wire(void **state)
{
    struct fault *f;

    (void)state;
    fault(FAULT_HANG)->first = 1;
    assert_int_equal(say("swallowed"), 0);
    f = fault(FAULT_DELAY);
    f->first = 1;
    f->delay = 20 * NS_PER_MS;
    assert_int_equal(say("late"), 0);
    assert_true(say("in time") > 0);
    assert_true(peer_wait(&peer, "late"));
    assert_true(GOT("\x81\x07"
                    "in time\x81\x04late"));
    buf_clear(&peer.got);
    fault(FAULT_GARBAGE)->first = 1;
    say("x");
    assert_true(peer_wait(&peer, "garbage\r\n"));
    assert_true(GOT("garbage\r\n"));
    buf_clear(&peer.got);
    fault(FAULT_BADFRAME)->first = 1;
    say("x");
    peer_settle(&world);
    peer_wait(&peer, "\x05");
    assert_true(got("\xbb\x05\0", 3));
    buf_clear(&peer.got);
    f = fault(FAULT_WSCLOSE);
    f->code = 4001;
    f->text = xstrdup("scripted");
    say("x");
    assert_true(peer_wait(&peer, "scripted"));
    assert_memory_equal((const char *)buf_data(&peer.got) + 2, "\x0f\xa1", 2);
    assert_int_equal(last(RECORD_FAULT)->kind, RECORD_FAULT);
    assert_string_equal(json_str(last(RECORD_FAULT)->data, "fault"), "wsclose");
}

static void a_delayed_message_dies_with_its_session(void **state)
{
    (void)state;
    fault(FAULT_DELAY)->delay = NS_PER_S;
    say("never seen");
    ws_drop(talker->ws, false);
    assert_true(peer_wait_end(&peer));
    assert_int_equal(buf_len(&peer.got), 0);
    part();
    assert_int_equal(talker->closes, 1);
}

static void close_and_reset_faults_end_the_connection(void **state)
{
    (void)state;
    fault(FAULT_CLOSE)->first = 1;
    say("x");
    assert_true(peer_wait_end(&peer));
    assert_false(peer.reset);
    peer_close(&peer);
    peer_connect(&peer, &talker->fake);
    peer_send(&peer, HANDSHAKE);
    assert_true(peer_wait(&peer, "\r\n\r\n"));
    fault(FAULT_RESET_BEFORE)->first = 1;
    say("x");
    assert_true(peer_wait_end(&peer));
    assert_true(peer.reset);
    assert_int_equal(talker->closes, 2);
}

static void what_is_no_frame_ends_the_session(void **state)
{
    (void)state;
    peer_send(&peer, "GET / HTTP/1.1\r\n\r\n");
    assert_true(peer_wait_end(&peer));
    assert_memory_equal(buf_data(&peer.got), "\x88\x02\x03\xea", 4); /* 1002 */
    part();
    assert_int_equal(talker->closes, 1);
    assert_int_equal(talker->messages, 0);
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, begin, end)
    const struct CMUnitTest tests[] = {
        T(fragments_are_joined_and_named_for_the_journal),
        T(a_close_of_the_peer_is_answered_and_told_with_its_reason),
        T(a_close_of_ours_waits_for_the_peers),
        T(codes_that_stand_for_no_frame_are_no_frame),
        T(a_message_that_is_too_long_closes_with_1009),
        T(a_peer_that_does_not_read_is_dropped_at_the_limit),
        T(a_ping_goes_out_and_a_pong_is_no_message),
        T(faults_of_a_message_show_on_the_wire),
        T(a_delayed_message_dies_with_its_session),
        T(close_and_reset_faults_end_the_connection),
        T(what_is_no_frame_ends_the_session),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
