/*
 * shared_credentials.h - a file of credentials as the AWS CLI and the SSM agent write it.
 *
 *     [default]
 *     aws_access_key_id = AKIA...
 *     aws_secret_access_key = ...
 *     aws_session_token = ...
 *
 * Lines that begin with '#' or ';' and everything that is not understood are passed over; names
 * count without regard to case, the last value wins.
 */
#ifndef AGENT_SHARED_CREDENTIALS_H
#define AGENT_SHARED_CREDENTIALS_H

#include <stddef.h>

#include "base/err.h"

#define SHARED_CREDENTIALS_MAX (64u << 10)

struct shared_credentials {
    char *access_key, *secret_key;
    char *session_token; /* NULL: none */
};

/* text ends in NUL. -1 when the profile, or one of its two keys, is not there; no value is in the
 * error. */
int shared_credentials_parse(const char *text, const char *profile, struct shared_credentials *ret,
                             struct err *e);
/* The same of a file; ERR_NOT_FOUND: there is none. */
int shared_credentials_read(const char *path, const char *profile, struct shared_credentials *ret,
                            struct err *e);
void shared_credentials_release(struct shared_credentials *s);

#endif
