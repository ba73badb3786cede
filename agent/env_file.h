/*
 * env_file.h - environment files: where they are, and what a line of one means.
 *
 * A line has NAME=value, split at its first '='. Nothing is trimmed, unquoted
 * or unescaped; a line that begins with '#', has no '=' or no name is passed
 * over; an empty value is one. (taskresource/envFiles/envfile.go)
 */
#ifndef AGENT_ENV_FILE_H
#define AGENT_ENV_FILE_H

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

/* Files that one container may have, and the size of one. */
#define ENV_FILES_MAX     10
#define ENV_FILE_SIZE_MAX (1u << 20)

/* arn:<partition>:s3:::<bucket>/<key>. *ret_bucket is to be freed, *ret_key points into arn. */
int env_file_arn(const char *arn, char **ret_bucket, const char **ret_key, struct err *e);

/* Sets a member of vars for each variable that is not there yet: the first file wins. Within one
 * file the last line of a name does. */
int env_file_read(const char *text, size_t n, json_t *vars, struct err *e);

#endif
