#include "harness/wire_trace.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "harness/history.h"

#define DEPTH_MAX 32

struct tracer_of_call {
    const char *dir;
    json_t *fields;
};

/* Says nothing of the agent: its version and the hash of its build, signatures, ids of its SDK. */
static bool is_idle(const char *name)
{
    static const char *const idle[] = {
        "agentVersion",         "agentHash",         "Authorization",         "X-Amz-Date",
        "Content-Length",       "Sec-WebSocket-Key", "Amz-Sdk-Invocation-Id", "Date",
        "X-Amz-Security-Token",
    };

    for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
        if (!strcasecmp(name, idle[i]))
            return true;
    return false;
}

static void put(struct tracer_of_call *t, const char *path, const char *text)
{
    char *plain;

    if (json_object_size(t->fields) >= WIRE_TRACE_FIELDS_MAX)
        return;
    plain = history_plain(text, t->dir);
    json_put_str(t->fields, path, plain);
    free(plain);
}

static char *scalar_text(const json_t *v)
{
    if (json_is_string(v))
        return xstrdup(json_string_value(v));
    if (json_is_integer(v))
        return xasprintf("%lld", (long long)json_integer_value(v));
    if (json_is_real(v))
        return xasprintf("%.6g", json_real_value(v));
    return xstrdup(json_is_true(v) ? "true" : json_is_false(v) ? "false" : "null");
}

static void flatten(struct tracer_of_call *t, const char *path, const json_t *v, int depth);

static const char *name_of(const json_t *item)
{
    static const char *const members[] = {"name", "Name", "containerName", "key", "Key"};

    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        if (json_str(item, members[i]))
            return json_str(item, members[i]);
    return "";
}

/* "NAME=value", as in an environment, is a member; any other scalar is there or is not. */
static void flatten_item(struct tracer_of_call *t, const char *path, const json_t *item, int depth)
{
    char *text = json_is_object(item) || json_is_array(item) ? NULL : scalar_text(item);
    char *plain = history_plain(text ? text : name_of(item), t->dir), *below;
    char *equals = text ? strchr(plain, '=') : NULL;

    if (equals)
        *equals = '\0';
    below = xasprintf("%s[%.200s]", path, plain);
    if (text)
        put(t, below, equals ? equals + 1 : "");
    else
        flatten(t, below, item, depth + 1);
    free(below);
    free(plain);
    free(text);
}

static void flatten(struct tracer_of_call *t, const char *path, const json_t *v, int depth)
{
    const char *key;
    json_t *item;
    size_t i;
    char *text;

    if (depth > DEPTH_MAX)
        return;
    if (json_is_object(v)) {
        json_object_foreach ((json_t *)(uintptr_t)v, key, item) {
            char *plain = history_plain(key, t->dir);
            char *below = xasprintf("%s.%.200s", path, plain);

            if (!is_idle(key))
                flatten(t, below, item, depth + 1);
            free(below);
            free(plain);
        }
    } else if (json_is_array(v)) {
        json_array_foreach (v, i, item)
            flatten_item(t, path, item, depth);
    } else if (v) {
        text = scalar_text(v);
        put(t, path, text);
        free(text);
    }
}

/* Digits and dots of programs' versions become N: which they are is no difference. */
static void put_header(struct tracer_of_call *t, const char *name, const char *value)
{
    char *path = xasprintf("header.%.100s", name), *text = xstrdup(value), *to = text;

    for (const char *s = text; *s; s++) {
        const char *hash = str_after(s, "(*"); /* of the build of an official agent */
        bool number = isdigit((unsigned char)*s) || (*s == '.' && isdigit((unsigned char)s[1]));

        if (hash && strchr(hash, ')'))
            s = strchr(hash, ')');
        else if (!number)
            *to++ = *s;
        else if (to == text || to[-1] != 'N')
            *to++ = 'N';
    }
    *to = '\0';
    put(t, path, text);
    free(text);
    free(path);
}

static void put_headers(struct tracer_of_call *t, const json_t *headers)
{
    const char *name;
    json_t *value;

    json_object_foreach ((json_t *)(uintptr_t)headers, name, value)
        if (!is_idle(name))
            put_header(t, name, json_is_string(value) ? json_string_value(value) : "");
}

/* "/v1.41/containers/json": the version of the API that was spoken. */
static void put_api(struct tracer_of_call *t, const char *path)
{
    size_t n;

    if (!path || !str_starts(path, "/v1.") || !(n = strspn(path + 2, "0123456789.")))
        return;
    path = xstrndup(path + 2, n);
    put(t, "api", path);
    free((char *)(uintptr_t)path);
}

static char *call_name(const struct record *rec, const char *dir)
{
    const char *status = json_str(json_object_get(rec->data, "body"), "status");
    char *plain = history_plain(rec->what, dir), *name;
    bool submits = str_starts(rec->what, "Submit");

    name = xasprintf("%s %s%s%s", rec->peer, plain, submits && status ? " " : "",
                     submits && status ? status : "");
    free(plain);
    return name;
}

static bool is_call(const struct record *rec)
{
    switch (rec->kind) {
    case RECORD_REQUEST:
    case RECORD_FRAME_IN:
        return true;
    case RECORD_CONNECT:
    case RECORD_DISCONNECT:
        return !str_eq(rec->what, "connection");
    case RECORD_PROCESS:
        return str_eq(rec->what, "exit");
    default:
        return false;
    }
}

static const json_t *answer_of(const struct journal *j, size_t upto, const struct record *rec)
{
    for (size_t i = 0; rec->exchange && i < upto; i++)
        if (j->records[i]->kind == RECORD_ANSWER && j->records[i]->exchange == rec->exchange &&
            str_eq(j->records[i]->peer, rec->peer))
            return j->records[i]->data;
    return NULL;
}

static json_t *call_json(const struct journal *j, size_t upto, const struct record *rec,
                         const char *dir)
{
    static const char *const members[] = {"query", "by", "code", "signal"};
    struct tracer_of_call t = {dir, json_object()};
    json_t *o = json_object();
    const json_t *body = json_object_get(rec->data, "body");
    char *name = call_name(rec, dir);

    for (size_t i = 0; i < ARRAY_SIZE(members); i++)
        flatten(&t, members[i], json_object_get(rec->data, members[i]), 0);
    flatten(&t, json_is_object(body) ? "" : "body", body, 0);
    put_headers(&t, json_object_get(rec->data, "headers"));
    put_api(&t, json_str(rec->data, "path"));
    if (rec->kind == RECORD_REQUEST)
        flatten(&t, "answer.status", json_object_get(answer_of(j, upto, rec), "status"), 0);
    json_put_int(o, "t", rec->mono);
    json_put_str(o, "call", name);
    json_put(o, "fields", t.fields);
    free(name);
    return o;
}

char *wire_trace_text(const struct journal *j, size_t upto, const char *dir)
{
    _cleanup_json_ json_t *o = json_object();
    json_t *calls = json_array();

    for (size_t i = 0; i < upto && json_array_size(calls) < WIRE_TRACE_CALLS_MAX; i++)
        if (is_call(j->records[i]))
            json_array_append_new(calls, call_json(j, upto, j->records[i], dir));
    json_put(o, "calls", calls);
    return json_text(o);
}
