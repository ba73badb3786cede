/*
 * fuzz_docker.c - what a client may put into a query, a filter, a create body, a name, an exec,
 * the stream of an attached terminal, a rule for commands; or into a whole request.
 *
 * The first byte chooses what the rest is; it then goes through a real socket
 * into an engine that has an image and a container, and some time passes.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "fakes/docker/test/client.c"

/* A first byte that is not in the table. */
#define WEBSOCKET 255

static void get_escaped(const char *prefix, const char *s, size_t n)
{
    struct buf path = BUF_INIT(1 << 20);

    buf_adds(&path, prefix);
    str_percent(&path, s, n, true);
    call("GET", buf_str(&path), NULL);
    buf_release(&path);
}

/* Bytes as they are, on a connection of their own. */
static void raw(const char *s, size_t n)
{
    struct peer p;

    peer_connect(&p, engine);
    peer_send_bytes(&p, s, n);
    peer_settle(world);
    peer_close(&p);
}

static void exec_all(const char *id, const char *text)
{
    char *start = xasprintf("/exec/%s/start", id ? id : "none");
    char *look = xasprintf("/exec/%s/json", id ? id : "none");
    struct peer p;

    ask(&p, "POST", start, text);
    peer_close(&p);
    pass(NS_PER_S);
    call("GET", look, NULL);
    free(start);
    free(look);
}

/* What comes from a terminal: the detach keys are somewhere in it. */
static void attached(const char *s, size_t n)
{
    struct peer p;

    run("tt", "tool:1", ",\"Cmd\":[\"cat\"],\"OpenStdin\":true,\"Tty\":true");
    ask(&p, "POST", "/containers/tt/attach?stream=1&stdin=1&stdout=1&detachKeys=ctrl-a,a", NULL);
    for (size_t i = 0; i < n; i += 7) {
        peer_send_bytes(&p, s + i, n - i < 7 ? n - i : 7);
        peer_settle(world);
    }
    peer_close(&p);
}

/* The bytes of a client behind its handshake for a websocket. */
static void websocket(const char *s, size_t n)
{
    struct peer p;

    run("ws", "tool:1", ",\"Cmd\":[\"cat\"],\"OpenStdin\":true");
    peer_connect(&p, engine);
    peer_send(&p,
              "GET /containers/ws/attach/ws?stream=1&stdin=1&stdout=1 HTTP/1.1\r\nHost: docker\r\n"
              "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
              "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    for (size_t i = 0; i < n; i += 11) {
        peer_send_bytes(&p, s + i, n - i < 11 ? n - i : 11);
        peer_settle(world);
    }
    peer_close(&p);
}

static void try_input(uint8_t kind, const char *s, size_t n)
{
    static const char *const filtered[] = {
        "/containers/json?all=1&filters=", "/images/json?filters=", "/volumes?filters=",
        "/networks?filters=", "/events?since=1&until=2&filters="};
    char *text = xstrndup(s, n);
    struct buf target = BUF_INIT(1 << 20);

    switch (kind % 14) {
    case 0:
        call("POST", "/containers/create?name=fuzz", text);
        call("POST", "/containers/fuzz/start", NULL);
        call("GET", "/containers/fuzz/json", NULL);
        call("GET", "/v1.19/containers/fuzz/json", NULL);
        break;
    case 1:
        get_escaped(filtered[(kind / 8) % ARRAY_SIZE(filtered)], s, n);
        break;
    case 2:
        get_escaped("/images/", s, n);
        get_escaped("/distribution/", s, n);
        break;
    case 3:
        buf_adds(&target, "/images/create?fromImage=");
        str_percent(&target, s, n, false);
        call("POST", buf_str(&target), NULL);
        break;
    case 4:
        buf_adds(&target, "/events?until=1&since=");
        str_percent(&target, s, n, false);
        call("GET", buf_str(&target), NULL);
        break;
    case 5:
        call("POST", "/volumes/create", text);
        break;
    case 6:
        get_escaped("/containers/aa/top?ps_args=", s, n);
        get_escaped("/containers/aa/logs?stdout=1&tail=", s, n);
        break;
    case 7:
        raw(s, n);
        break;
    case 8:
        call("POST", "/containers/aa/exec", text);
        exec_all(json_str(answer.json, "Id"), text);
        break;
    case 9:
        call("POST", "/containers/aa/exec", "{\"Cmd\":[\"cat\"],\"AttachStdin\":true}");
        exec_all(json_str(answer.json, "Id"), text);
        break;
    case 10:
        get_escaped("/containers/aa/archive?path=", s, n);
        get_escaped("/containers/aa/archive?path=/", s, n);
        break;
    case 11:
        attached(s, n);
        break;
    case 12:
        if (control("image", "name", "rules:1", "cached", "", "commands", text, NULL) == 0)
            run("bb", "rules:1", "");
        break;
    default:
        control("image", "name", text, "health", text, "layers", text, NULL);
        control("exit", "container", text, NULL);
    }
    pass(NS_PER_S);
    buf_release(&target);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    void *state = NULL;

    if (n < 2 || n > (64 << 10) || (p[0] != WEBSOCKET && memchr(p + 1, '\0', n - 1)) ||
        client_begin(&state) < 0)
        return 0;
    control("image", "name", "tool:1", "cached", "", "commands",
            "cat => stdin;; * => exit=1 after=10ms stderr=no", NULL);
    run("aa", "tool:1", ",\"Cmd\":[\"cat\"],\"OpenStdin\":true");
    if (p[0] == WEBSOCKET)
        websocket((const char *)p + 1, n - 1);
    else
        try_input(p[0], (const char *)p + 1, n - 1);
    client_end(&state);
    return 0;
}
