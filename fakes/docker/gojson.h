/*
 * gojson.h - JSON as a Go program words it.
 *
 * dockerd is written in Go: what it says about broken JSON are the texts of
 * encoding/json, members are matched without regard to case, and some of its
 * answers escape <, > and &. Clients show these texts to people, so they are
 * made here word by word.
 */
#ifndef FAKES_DOCKER_GOJSON_H
#define FAKES_DOCKER_GOJSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/json.h"

/* A text of Go's may quote what the peer sent; it is cut to this. */
#define GOJSON_TEXT_MAX 256

enum gojson_reader {
    GOJSON_UNMARSHAL, /* json.Unmarshal: the whole text is one value */
    GOJSON_DECODER,   /* json.Decoder: one value, what follows is left alone */
};

/* 0 when the n bytes hold a value; -1 and the words of Go's error in out (GOJSON_TEXT_MAX). */
int gojson_check(const char *s, size_t n, enum gojson_reader how, char *out);

/* Reads what gojson_check() accepts; NULL and the words in out. A new reference. */
json_t *gojson_read(const char *s, size_t n, enum gojson_reader how, char *out);

/* The member of that name in any case; the exact one is preferred. NULL when absent. */
json_t *gojson_get(const json_t *o, const char *member);

/* "string", "number", "bool", "array", "object" as Go names a value it cannot take. */
const char *gojson_kind(const json_t *v);

/* Strings: plain, and with <, >, & escaped (json.Marshal, json.Encoder). */
void gojson_add(struct buf *b, const char *s);
void gojson_add_html(struct buf *b, const char *s);
/* ,"name":"value" with the comma unless b ends in { */
void gojson_member(struct buf *b, const char *name, const char *value);

#endif
