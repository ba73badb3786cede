/*
 * schema.h - the JSON Schema (2020-12) of the JSON form, from the table of verbs.
 *
 * It is as strict as the table: each verb has a definition of its own with its
 * arguments, its options, and what else it takes. See harness/scn_json.h.
 */
#ifndef HARNESS_SCHEMA_H
#define HARNESS_SCHEMA_H

#include "base/buf.h"

void scn_schema_write(struct buf *out);

#endif
