/*
 * fuzz_names.c - questions as the processes of a container send them to 127.0.0.11 (resolver.h).
 *
 * Byte 0: of several addresses, which comes first; the rest is the message. An answer is one: it
 * fits, has the id of the question, and can be read.
 *
 * With libFuzzer: ci/fuzz names. Without: the program reads the files named on its
 * command line, once each.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/nameser.h>
#include <stdlib.h>
#include <string.h>

#include "base/test/fuzz.h"
#include "fakes/docker/resolver.h"
#include "fakes/docker/test/client.c"

#define ROOM 512

static const struct container *asker;

static void begin(void)
{
    void *state = NULL;
    struct problem p = {0};

    if (asker)
        return;
    client_begin(&state);
    call("POST", "/networks/create",
         "{\"Name\":\"net1\",\"EnableIPv6\":true,\"IPAM\":{\"Config\":"
         "[{\"Subnet\":\"2001:db8::/120\"}]}}");
    run("web", "busybox:1",
        ",\"HostConfig\":{\"NetworkMode\":\"net1\"},\"NetworkingConfig\":{\"EndpointsConfig\":"
        "{\"net1\":{\"Aliases\":[\"www\",\"both\"]}}}");
    run("own", "busybox:1",
        ",\"HostConfig\":{\"NetworkMode\":\"net1\"},\"NetworkingConfig\":{\"EndpointsConfig\":"
        "{\"net1\":{\"Aliases\":[\"both\"],\"Links\":[\"web:a\"]}}}");
    asker = container_find((struct docker *)engine, "own", &p);
    if (!asker)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    unsigned char out[ROOM];
    size_t len;
    ns_msg m;
    ns_rr rr;

    if (n < 1)
        return 0;
    begin();
    len = resolver_answer(asker, p[0], p + 1, n - 1, out, sizeof(out));
    if (!len)
        return 0;
    if (len > sizeof(out) || out[0] != p[1] || out[1] != p[2] ||
        ns_initparse(out, (int)len, &m) < 0)
        abort();
    for (int i = 0; i < ns_msg_count(m, ns_s_an); i++)
        if (ns_parserr(&m, ns_s_an, i, &rr) < 0)
            abort();
    return 0;
}
