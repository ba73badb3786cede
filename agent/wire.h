/*
 * wire.h - JSON as the agent puts it on the wire.
 */
#ifndef AGENT_WIRE_H
#define AGENT_WIRE_H

#include <stdint.h>

#include "base/json.h"

/* Time as a JSON number: seconds since 1970 with at most three decimals. (utils.go:FormatTime) */
json_t *wire_time(int64_t wall_ns);

/* A number as Go writes one: without a fraction when it has none. */
json_t *wire_real(double v);

/* Sets member to the time as Go writes one: RFC 3339 in UTC, no zeros behind; 0: not set. */
void wire_put_time(json_t *o, const char *member, int64_t wall_ns);

/* Compact text to be freed; reals have 15 digits, so that a time reads as it was meant. */
char *wire_text(const json_t *v);

/* {"type":"<type>","message":<message>}; message is stolen. To be freed. */
char *wire_frame(const char *type, json_t *message);

/* A random UUID, version 4. */
char *wire_uuid(char out[37]);

#endif
