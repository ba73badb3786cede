/*
 * fuzz_frames.c - what an agent may say on its websockets: the input as an ACS
 * frame, and as a TCS frame with or without its header block.
 */
#include <string.h>

#include "base/mem.h"
#include "base/test/fuzz.h"
#include "fakes/ecs/acs.h"
#include "fakes/ecs/tcs.h"
#include "proto/acs_message.h"
#include "proto/tcs_message.h"

static void as_acs(struct acs *a, const char *p, size_t n)
{
    json_t *v = json_read(p, n, JSON_READ_PEER, NULL), *message = json_object_get(v, "message");
    struct session s = {.type = json_str(v, "type") ? acs_message_from(json_str(v, "type")) : -1};

    if (s.type >= 0 && json_is_object(message)) {
        s.frame = json_incref(message);
        if (acs_judge(a, &s))
            acs_take(a, &s);
        session_drop_frame(&s);
    }
    json_decref(v);
}

static void as_tcs(const char *p, size_t n)
{
    struct tcs_frame f;
    char wrong[400];
    json_t *v, *message;
    int type;

    if (tcs_frame_split(&f, p, n, NULL) == 0) {
        v = json_read(f.json, f.json_len, JSON_READ_PEER, NULL);
        message = json_object_get(v, "message");
        type = json_str(v, "type") ? tcs_message_from(json_str(v, "type")) : -1;
        if (type >= 0 && json_is_object(message))
            tcs_judge(type, message, "i", 1700000000000000000, wrong);
        json_decref(v);
    }
    tcs_frame_release(&f);
}

int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    struct world *w = new0(struct world);
    json_t *message = json_pack("{s:{s:s}}", "roleCredentials", "credentialsId", "c");
    struct err e = ERR_INIT;
    struct acs *a;

    if (world_init(w, 1, &e) < 0 || !(a = (struct acs *)world_add(w, &acs_ops, &e)))
        abort();
    ledger_sent(&a->ledger, "h", ACS_HEARTBEAT, "i", 0, true, NULL);
    ledger_sent(&a->ledger, "p", ACS_PAYLOAD, "i", 0, true, message);
    ledger_sent(&a->ledger, "m", ACS_TASK_MANIFEST, "i", 0, true, NULL);
    as_acs(a, (const char *)p, n);
    as_tcs((const char *)p, n);
    json_decref(message);
    world_release(w);
    free(w);
    return 0;
}
