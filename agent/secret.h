/*
 * secret.h - what a payload's `secrets` mean; pure rules.
 *
 * Secrets Manager: an ARN of seven fields, or of ten, whose last three are the
 * member of a JSON value, the stage and the id of a version, each may be empty.
 * SSM: a name, or an ARN. (taskresource/asmsecret, ssmsecret)
 */
#ifndef AGENT_SECRET_H
#define AGENT_SECRET_H

#include "base/err.h"
#include "base/json.h"

/* Secrets of one container; SSM takes so many names at once. */
#define SECRETS_MAX     100
#define SECRETS_AT_ONCE 10

/* The body of GetSecretValue; new reference. *ret_member: to be freed, NULL when the whole value is
 * meant. NULL with the reason in e. */
json_t *secret_request(const char *value_from, char **ret_member, struct err *e);

/* A member of a secret's JSON text as text: strings as they are, numbers as Go prints them. To be
 * freed; NULL with the reason in e. */
char *secret_member(const char *text, const char *member, struct err *e);

/* The value of one name in the answer of GetParameters, borrowed; NULL: it is not there. */
const char *secret_parameter(const json_t *answer, const char *value_from);

#endif
