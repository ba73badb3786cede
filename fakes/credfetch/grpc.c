#include "fakes/credfetch/grpc.h"

#include <string.h>

#include "base/mem.h"
#include "base/str.h"

#define GRPC_TYPE "application/grpc"

ProtobufCMessage *grpc_read(const ProtobufCMessageDescriptor *d, const void *body, size_t n,
                            enum grpc_status *ret_status, struct err *e)
{
    const unsigned char *p = body;
    ProtobufCMessage *m;
    size_t len;

    *ret_status = GRPC_INTERNAL;
    if (n < GRPC_PREFIX) {
        err_set(e, ERR_PARSE, "the request has no message");
        return NULL;
    }
    if (p[0]) {
        *ret_status = GRPC_UNIMPLEMENTED;
        err_set(e, ERR_PARSE, "the message is compressed, and no encoding was agreed on");
        return NULL;
    }
    len = (size_t)p[1] << 24 | (size_t)p[2] << 16 | (size_t)p[3] << 8 | p[4];
    if (len != n - GRPC_PREFIX) {
        err_set(e, ERR_PARSE, "the message is to be %zu bytes long, and %zu came", len,
                n - GRPC_PREFIX);
        return NULL;
    }
    m = protobuf_c_message_unpack(d, NULL, len, p + GRPC_PREFIX);
    if (!m)
        err_set(e, ERR_PARSE, "the bytes are no %s", d->short_name);
    return m;
}

/* ---- as JSON ---- */

static bool is_hidden(const char *name, const char *const *hidden)
{
    for (; hidden && *hidden; hidden++)
        if (str_eq(*hidden, name))
            return true;
    return false;
}

static json_t *text(const char *s)
{
    json_t *v = json_string(s ? s : "");

    return v ? v : json_string("(bytes that are no UTF-8)");
}

static json_t *element(const ProtobufCFieldDescriptor *f, void *at, const char *const *hidden)
{
    if (f->type == PROTOBUF_C_TYPE_MESSAGE)
        return grpc_json(*(ProtobufCMessage *const *)at, hidden);
    if (f->type != PROTOBUF_C_TYPE_STRING)
        return json_null(); /* there are no others in these protocols */
    return is_hidden(f->name, hidden) ? json_string("***") : text(*(char *const *)at);
}

json_t *grpc_json(const ProtobufCMessage *m, const char *const *hidden)
{
    json_t *o = json_object();

    for (unsigned int i = 0; i < m->descriptor->n_fields; i++) {
        const ProtobufCFieldDescriptor *f = &m->descriptor->fields[i];
        char *at = (char *)(uintptr_t)m + f->offset;
        json_t *list;
        size_t n;

        if (f->label != PROTOBUF_C_LABEL_REPEATED) {
            json_put(o, f->name, element(f, at, hidden));
            continue;
        }
        n = *(const size_t *)((const char *)m + f->quantifier_offset);
        list = json_array();
        for (size_t k = 0; k < n; k++)
            json_array_append_new(list, element(f, *(void ***)at + k, hidden));
        json_put(o, f->name, list);
    }
    return o;
}

/* ---- answers ---- */

static void set_shown(struct exchange *x, json_t *v)
{
    json_decref(x->shown);
    x->shown = v;
}

void grpc_answer(struct exchange *x, const ProtobufCMessage *m)
{
    size_t len = protobuf_c_message_get_packed_size(m);
    unsigned char *p = xmalloc(GRPC_PREFIX + len);

    p[0] = 0;
    for (int i = 0; i < 4; i++)
        p[1 + i] = (unsigned char)(len >> (24 - 8 * i));
    protobuf_c_message_pack(m, p + GRPC_PREFIX);
    set_shown(x, grpc_json(m, NULL));
    exchange_set_trailer(x, "grpc-status", "0");
    exchange_answer(x, 200, GRPC_TYPE, p, GRPC_PREFIX + len);
    free(p);
}

/* The message of a status: %XX for what is not printable, and for the sign itself. */
static void put_message(struct exchange *x, const char *message)
{
    struct buf b = BUF_INIT(64 << 10);

    for (const char *s = message; *s; s++)
        if (*s >= ' ' && *s <= '~' && *s != '%')
            buf_addc(&b, *s);
        else
            buf_addf(&b, "%%%02X", (unsigned char)*s);
    exchange_set_header(x, "grpc-message", buf_str(&b));
    buf_release(&b);
}

void grpc_refuse(struct exchange *x, enum grpc_status status, const char *message)
{
    char code[12];
    json_t *shown = json_object();

    snprintf(code, sizeof(code), "%d", (int)status);
    exchange_set_header(x, "grpc-status", code);
    if (message && *message)
        put_message(x, message);
    json_put_str(shown, "code", grpc_status_name(status));
    json_put_str(shown, "message", message ? message : "");
    set_shown(x, shown);
    exchange_answer(x, 200, GRPC_TYPE, NULL, 0);
}
