/*
 * json_path.h - sets one member deep in a message: "tasks[0].containers[1].image".
 */
#ifndef FAKES_ECS_JSON_PATH_H
#define FAKES_ECS_JSON_PATH_H

#include "base/err.h"
#include "base/json.h"

/*
 * Sets the member at path to a copy of v. Objects on the way are made; an
 * index has to be there, or be the next one. A text v that spells a number, true,
 * false or null becomes that, unless a text stands there already or the
 * member is one that the protocol writes as text (version, messageId ...).
 * null removes nothing: it is set.
 */
int json_path_set(json_t *root, const char *path, const json_t *v, struct err *e);

#endif
