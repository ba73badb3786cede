/*
 * scn_json.h - the tree as JSON, for generators, importers and other tools.
 *
 * Nothing is lost: scn_from_json(scn_to_json(x)) gives the same tree, comments,
 * blank lines and kinds of values included. harness/schema.h prints the schema.
 *
 *     {
 *       "scenario": 1,
 *       "header": [{ "word": "title", "text": "..." }, ...],
 *       "steps": [
 *         { "verb": "expect", "peer": "ecs", "what": "SubmitTaskStateChange",
 *           "match": [{ "path": ".status", "op": "==", "value": "RUNNING" }],
 *           "within": "5s", "as": "running" },
 *         { "verb": "any", "steps": [...] }
 *       ],
 *       "attachments": [{ "name": "task.json", "text": "..." }]
 *     }
 *
 * Arguments are members under the names of the verb's table; lists are arrays.
 * Values: 5, true, null and "text" are what they look like ("text" is a bare
 * word where it can be one); {"string": s}, {"word": s}, {"regex": s},
 * {"file": s} and {"json": v} say what they are; {"template": s} is JSON text
 * that JSON cannot hold, such as {"port": ${port}}. An option that is a mere
 * flag is true. "before" and "tail" hold comments ("# ...") and blank lines
 * (""), "comment" and "end_comment" what stands behind '#' on a line.
 */
#ifndef HARNESS_SCN_JSON_H
#define HARNESS_SCN_JSON_H

#include "base/err.h"
#include "base/json.h"
#include "harness/scn.h"

/* A new reference. */
json_t *scn_to_json(const struct scn *s);

/*
 * A tree without positions, not checked: what it means is found by parsing the
 * text that fmt_scn() makes of it. NULL with ERR_PARSE and the place in the JSON
 * ("steps[3].match[0].op: unknown operator").
 */
struct scn *scn_from_json(const char *path, const json_t *v, struct err *e);

/* The name of an argument as a member: "path", "name", "arg" ... */
const char *scn_json_arg(const struct verb_arg *a);

/* How a value of the JSON form that is a plain string is read: SCN_WORD or SCN_STRING. */
enum scn_value_kind scn_json_plain(const char *text);

/* Members of a step that are not arguments, for the reader and the schema; NULL-terminated. */
extern const char *const scn_json_members[];

#endif
