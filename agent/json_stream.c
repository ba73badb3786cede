#include "agent/json_stream.h"

void json_stream_init(struct json_stream *s, size_t max, void (*fn)(const json_t *v, void *user),
                      void *user)
{
    *s = (struct json_stream){.fn = fn, .user = user};
    buf_init(&s->text, max);
}

void json_stream_release(struct json_stream *s)
{
    buf_release(&s->text);
}

/* text[0..n-1] is an object, but for what was too long. */
static void object_ends(struct json_stream *s, const char *text, size_t n)
{
    _cleanup_json_ json_t *v = NULL;

    if (s->too_long) {
        s->dropped++;
    } else if (s->text_fn) {
        s->text_fn(text, n, s->user);
    } else {
        v = json_read(text, n, JSON_READ_PEER, NULL);
        s->dropped += !v;
    }
    buf_release(&s->text); /* the next one may come whole, or never */
    s->too_long = false;
    if (v)
        s->fn(v, s->user);
}

/* True when p is the last byte of an object. */
static bool step(struct json_stream *s, char p)
{
    if (s->in_string) {
        if (s->escaped)
            s->escaped = false;
        else if (p == '\\')
            s->escaped = true;
        else if (p == '"')
            s->in_string = false;
        return false;
    }
    if (p == '"')
        s->in_string = true;
    else if (p == '{')
        s->depth++;
    else if (p == '}')
        return --s->depth == 0;
    return false;
}

void json_stream_feed(struct json_stream *s, const char *p, size_t n)
{
    size_t from = 0;

    for (size_t i = 0; i < n && !s->stop; i++) {
        bool ends;

        if (s->depth == 0) {
            if (p[i] != '{')
                continue;
            from = i;
        }
        ends = step(s, p[i]);
        if (!ends)
            continue;
        /* one that came in a piece is read where it lies */
        if (!buf_len(&s->text) && !s->too_long && i + 1 - from <= s->text.max) {
            object_ends(s, p + from, i + 1 - from);
            continue;
        }
        if (!s->too_long && buf_add(&s->text, p + from, i + 1 - from) < 0)
            s->too_long = true;
        object_ends(s, buf_str(&s->text), buf_len(&s->text));
    }
    if (s->depth > 0 && !s->stop && !s->too_long && buf_add(&s->text, p + from, n - from) < 0)
        s->too_long = true;
}
