/*
 * json_stream.h - JSON objects out of an endless run of bytes.
 *
 * Docker's streams (events, stats, pull progress) are objects one behind the
 * other with any separator, cut into pieces anywhere. Feed the pieces; fn gets
 * each object. What is longer than the limit, or is not JSON, is dropped and
 * counted, and reading goes on behind it.
 *
 * Life cycle: json_stream_init(), json_stream_feed(), json_stream_release().
 * fn may not release the stream; it may set `stop`, and then nothing follows.
 */
#ifndef AGENT_JSON_STREAM_H
#define AGENT_JSON_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/json.h"

struct json_stream {
    struct buf text; /* of the object under way */
    unsigned int depth;
    bool in_string, escaped, too_long, stop;
    uint64_t dropped;
    void (*fn)(const json_t *v, void *user);
    /* Set in place of fn: each object as it came, not parsed. */
    void (*text_fn)(const char *p, size_t n, void *user);
    void *user;
};

void json_stream_init(struct json_stream *s, size_t max, void (*fn)(const json_t *v, void *user),
                      void *user);
void json_stream_release(struct json_stream *s);
void json_stream_feed(struct json_stream *s, const char *p, size_t n);

#endif
