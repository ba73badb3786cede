/*
 * http_answer.h - one HTTP/1.1 answer out of bytes as they come: its status, and its body.
 *
 * For answers that never end and of which there are thousands (unix_stream.h): it keeps one line at
 * a time and no body. Understood are Transfer-Encoding: chunked, Content-Length, and a body that
 * ends with the connection. Trailers are passed over.
 *
 * Limits: of a line the first HTTP_ANSWER_LINE bytes count; all headers are at most
 * HTTP_ANSWER_HEADERS bytes.
 *
 * Zeroed memory is the beginning of an answer; nothing has to be released.
 */
#ifndef AGENT_HTTP_ANSWER_H
#define AGENT_HTTP_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HTTP_ANSWER_LINE    63
#define HTTP_ANSWER_HEADERS (64u << 10)

enum http_answer_part {
    HTTP_ANSWER_STATUS,
    HTTP_ANSWER_HEADER,
    HTTP_ANSWER_BODY,       /* `left` bytes of it, or up to the end */
    HTTP_ANSWER_CHUNK_SIZE, /* the line before a chunk */
    HTTP_ANSWER_CHUNK,
    HTTP_ANSWER_CHUNK_END, /* the empty line behind it */
    HTTP_ANSWER_TRAILER,
    HTTP_ANSWER_DONE
};

struct http_answer {
    enum http_answer_part part;
    int status; /* 0: not known yet */
    bool chunked, has_length;
    uint64_t left;
    size_t headers;
    unsigned char line_len;
    char line[HTTP_ANSWER_LINE + 1];
};

typedef void (*http_answer_fn)(const char *p, size_t n, void *user);

/* Gives the body in pieces. True: more may come; false: the answer is at its end, or is none (part
 * is HTTP_ANSWER_DONE only at the end). What follows the end is not looked at. */
bool http_answer_feed(struct http_answer *a, const char *p, size_t n, http_answer_fn body,
                      void *user);

#endif
