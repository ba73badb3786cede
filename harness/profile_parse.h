/*
 * profile_parse.h - a file of profiles (profile.h) from its text.
 */
#ifndef HARNESS_PROFILE_PARSE_H
#define HARNESS_PROFILE_PARSE_H

#include "harness/profile.h"

/* Adds what the text holds, which may be profiles half read when it has errors (-1). path NULL:
 * built in. */
int profile_parse(struct profiles *ps, const char *path, const char *text, size_t len,
                  struct diag *d);
void profile_free(struct profile *p);

#endif
