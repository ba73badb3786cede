/*
 * fuzz_networks.c - what a client may say of networks: a new one, a container's place in it, links,
 * and the names of all of them in paths.
 *
 * The first byte chooses what the rest is, and whether the engine is of today; the rest goes
 * through a real socket into an engine that has networks of both families and containers in them.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include "base/mem.h"
#include "base/str.h"
#include "base/test/fuzz.h"
#include "fakes/docker/test/client.c"

static void in_path(const char *method, const char *before, const char *s, size_t n,
                    const char *behind)
{
    struct buf path = BUF_INIT(1 << 20);

    buf_adds(&path, before);
    str_percent(&path, s, n, true);
    buf_adds(&path, behind);
    call(method, buf_str(&path), NULL);
    buf_release(&path);
}

/* A driver that there is none of is looked for a while. */
static void create_network(const char *text)
{
    struct peer p;

    ask(&p, "POST", "/networks/create", text);
    peer_settle(world);
    pass(20 * NS_PER_S);
    peer_settle(world);
    peer_close(&p);
}

/* All of it, and what it did to the others. */
static void look(void)
{
    call("GET", "/networks", NULL);
    call("GET", "/networks/both", NULL);
    call("GET", "/containers/json?all=1", NULL);
    call("GET", "/containers/aa/json", NULL);
    call("GET", "/v1.20/containers/aa/json", NULL);
}

static void try_input(unsigned kind, const char *s, size_t n)
{
    char *text = xstrndup(s, n), *body;

    switch (kind % 5) {
    case 0:
        create_network(text);
        create_network(text);
        break;
    case 1:
        call("POST", "/networks/both/connect", text);
        call("POST", "/networks/plain/connect", text);
        call("POST", "/networks/both/disconnect", text);
        break;
    case 2:
        body = xasprintf("{\"Image\":\"busybox:1\",\"NetworkingConfig\":%s}", text);
        call("POST", "/containers/create?name=cc", body);
        call("POST", "/containers/cc/start", NULL);
        free(body);
        break;
    case 3:
        body = xasprintf("{\"Image\":\"busybox:1\",\"HostConfig\":{\"Links\":%s}}", text);
        call("POST", "/containers/create?name=cc", body);
        call("POST", "/containers/cc/start", NULL);
        call("POST", "/containers/cc/rename?name=dd", NULL);
        call("DELETE", "/containers/aa?force=1", NULL);
        free(body);
        break;
    default:
        in_path("GET", "/networks/", s, n, "");
        in_path("GET", "/containers/", s, n, "/json");
        in_path("DELETE", "/containers/", s, n, "?link=1");
        in_path("DELETE", "/networks/", s, n, "");
    }
    look();
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    void *state = NULL;

    if (n < 2 || n > (16 << 10) || memchr(p + 1, '\0', n - 1) || client_begin(&state) < 0)
        return 0;
    if (p[0] >= 128)
        control("version", "version", "26.1.5", NULL);
    call("POST", "/networks/create", "{\"Name\":\"plain\"}");
    call("POST", "/networks/create",
         "{\"Name\":\"both\",\"EnableIPv6\":true,\"IPAM\":{\"Config\":[{\"Subnet\":\"10.1.0.0/24\","
         "\"IPRange\":\"10.1.0.128/26\"},{\"Subnet\":\"2001:db8::/120\"}]}}");
    run("aa", "busybox:1", ",\"ExposedPorts\":{\"80/tcp\":{}}");
    call("POST", "/networks/both/connect", "{\"Container\":\"aa\"}");
    run("bb", "busybox:1", ",\"HostConfig\":{\"Links\":[\"aa:x\"]}");
    try_input(p[0], (const char *)p + 1, n - 1);
    client_end(&state);
    return 0;
}
