/* The rows of proto/config_vars.def, each with its place in struct config; see config_var.h. */
#include "agent/config_var.h"
#include "proto/limits.h"

static const char *const pull_behaviors[] = {"default", "always", "once", "prefer-cached", NULL};
static const char *const tag_sources[] = {"none", "ec2_instance", NULL};

/* clang-format off */
#define AT(member)                .offset = offsetof(struct config, member)
#define NOWHERE                   .offset = CONFIG_NOWHERE
#define TEXT(n, m, at, d, s, h)   {.name = n, .member = m, .kind = KIND_TEXT, at, .dflt = d, .since = s, .help = h}
#define SECRET(n, m, at, s, h)    {.name = n, .member = m, .kind = KIND_SECRET, at, .since = s, .help = h}
#define SWITCH(n, m, at, d, s, h) {.name = n, .member = m, .kind = KIND_SWITCH, at, .dflt = d, .since = s, .help = h}
#define FLAG(n, m, at, s, h)      {.name = n, .member = m, .kind = KIND_FLAG, at, .dflt = "false", .since = s, .help = h}
#define TIME(n, m, at, d, lo, hi, ev, la, s, h) \
    {.name = n, .member = m, .kind = KIND_DURATION, at, .dflt = d, .min = lo, .max = hi, \
     .env = OUTSIDE_##ev, .later = OUTSIDE_##la, .since = s, .help = h}
#define INT(n, m, at, d, lo, hi, ev, la, s, h) \
    {.name = n, .member = m, .kind = KIND_INTEGER, at, .dflt = d, .min = lo, .max = hi, \
     .env = OUTSIDE_##ev, .later = OUTSIDE_##la, .since = s, .help = h}
#define JSON(k, n, m, at, d, f, s, h) \
    {.name = n, .member = m, .kind = KIND_##k, at, .dflt = d, .fatal = f, .since = s, .help = h}
#define CHOICE(n, m, at, c, d, s, h) \
    {.name = n, .member = m, .kind = KIND_CHOICE, at, .dflt = d, .choices = c, .since = s, .help = h}
/* clang-format on */

const struct config_var config_vars[] = {
#include "proto/config_vars.def"
};

const size_t config_vars_n = sizeof(config_vars) / sizeof(config_vars[0]);

_Static_assert(sizeof(config_vars) / sizeof(config_vars[0]) <= CONFIG_VARS_MAX,
               "struct config has no room for the rows");

#define OTHER_MEMBER(name) name,
const char *const config_other_members[] = {
#include "proto/config_vars.def"
    NULL,
};
