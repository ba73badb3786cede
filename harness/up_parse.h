/*
 * up_parse.h - the few options that `ecsim down`, `status` and `logs` have.
 */
#ifndef HARNESS_UP_PARSE_H
#define HARNESS_UP_PARSE_H

#include <getopt.h>

#include "base/err.h"

#define UP_FLAG_F 1 /* what 'f' is in *ret_flags */

/*
 * Reads options: 'n' is --name, 'h' prints the usage, 'f' and values below 32 are bits of
 * *ret_flags.
 * 0, 1 when the usage was printed, -1 with ERR_USAGE.
 */
int up_parse_name(int argc, char **argv, const char *usage, const struct option *options,
                  const char *shorts, const char **ret_name, unsigned *ret_flags, struct err *e);

#endif
