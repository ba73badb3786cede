/*
 * fuzz_network.c - what network plugins and the kernel say, by the first byte.
 *
 * 'p' what a plugin printed when it ended well, 'q' when it did not; 'v' its version and
 * capabilities; 'u' a message of NETLINK_KOBJECT_UEVENT; 'l' one of RTM_NEWLINK; 't' a task, whose
 * interfaces become configurations of plugins and the pause container's members.
 *
 * With libFuzzer: clang -fsanitize=fuzzer,address -DFUZZ_LIBFUZZER ...
 * Without: the program reads the files named on its command line, once each.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/cni.h"
#include "agent/firelens.h"
#include "agent/link_watch.h"
#include "agent/payload.h"
#include "agent/task_network.h"
#include "base/mem.h"
#include "base/test/fuzz.h"

#define INPUT_MAX (64 << 10)

static void plugin(const char *text, int code)
{
    struct err e = ERR_INIT;
    json_t *answer = NULL;
    int r = cni_read_answer(code, text, text, &answer, &e);

    if ((r < 0) != (*e.text != '\0') || (r < 0 && answer))
        abort();
    free(task_network_address(answer));
    json_decref(answer);
}

static void device(const char *p, size_t n)
{
    /* as the socket's buffer is, which is aligned */
    void *copy = xmalloc(n);
    struct link_facts f;

    memcpy(copy, p, n);
    if (link_read_newlink(copy, n, &f) && (!*f.name || strlen(f.mac) >= LINK_MAC_SIZE))
        abort();
    free(copy);
}

static void task(const char *p, size_t n)
{
    static const struct config config;
    json_t *spec = json_read(p, n, JSON_READ_PEER, NULL), *body = json_object();
    json_t *host = json_object();
    struct err e = ERR_INIT;
    struct task *t = spec ? payload_task(spec, &e) : NULL;
    struct cni_networks w = {0};

    if (t && task_network_build(t, &config, true, &w, &e) < 0 && (w.n || !*e.text))
        abort();
    cni_networks_release(&w);
    if (t)
        task_network_pause(t, body, host);
    /* whatever a task says, its options end no line of the router's configuration */
    if (t && firelens_router(t) && firelens_check(t, &e) == 0)
        free(firelens_config(t, "demo", &e));
    task_free(t);
    json_decref(host);
    json_decref(body);
    json_decref(spec);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    char *text, name[LINK_NAME_SIZE];

    if (n < 2 || n > INPUT_MAX)
        return 0;
    text = xstrndup((const char *)p + 1, n - 1);
    if (*p == 'p' || *p == 'q') {
        plugin(text, *p == 'q');
    } else if (*p == 'v') {
        free(cni_version_text(text));
        cni_has_capability(text, "awsvpc-network-mode");
    } else if (*p == 'u') {
        link_read_uevent((const char *)p + 1, n - 1, name);
    } else if (*p == 'l') {
        device((const char *)p + 1, n - 1);
    } else {
        task((const char *)p + 1, n - 1);
    }
    free(text);
    return 0;
}
