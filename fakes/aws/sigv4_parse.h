/*
 * sigv4_parse.h - where a signature stands in a request, taken apart. Private to fakes/aws.
 */
#ifndef FAKES_AWS_SIGV4_PARSE_H
#define FAKES_AWS_SIGV4_PARSE_H

#include "fakes/aws/sigv4.h"

/* Parts that sigv4_verify() needs and nobody after it. Owned; release with
 * sigv4_parsed_release() whatever the result was. */
struct sigv4_parsed {
    char *credential; /* as sent; the four below point into its copy */
    char *parts;
    const char *date, *region, *service, *terminator;
    char *signed_headers;
    char *token; /* session token, or NULL */
};

/* Finds the signature in header or query. Fills p and the fields of s that come from the
 * request. Returns s->result: SIGV4_OK or what is wrong with the form. */
enum sigv4_result sigv4_parse(struct sigv4 *s, struct sigv4_parsed *p,
                              const struct sigv4_request *r);
void sigv4_parsed_release(struct sigv4_parsed *p);

/* Sets result and text; returns the result. */
enum sigv4_result sigv4_fail(struct sigv4 *s, enum sigv4_result r, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
