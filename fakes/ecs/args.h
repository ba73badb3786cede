/*
 * args.h - arguments of fake_ops.control, as a person or a scenario wrote them.
 *
 * A number may come as a number or as its text; a duration as "30s", or as a
 * number of seconds. An absent argument gives the default.
 */
#ifndef FAKES_ECS_ARGS_H
#define FAKES_ECS_ARGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

/* All: 0, or -1 with ERR_USAGE naming the argument. */
int args_int(const json_t *args, const char *name, int64_t dflt, int64_t *ret, struct err *e);
int args_duration(const json_t *args, const char *name, int64_t dflt, int64_t *ret_ns,
                  struct err *e);
int args_bool(const json_t *args, const char *name, bool dflt, bool *ret, struct err *e);
/* A text, NULL when it is absent. */
int args_text(const json_t *args, const char *name, const char **ret, struct err *e);

#endif
