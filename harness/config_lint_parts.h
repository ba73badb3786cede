/*
 * config_lint_parts.h - what the parts of config-lint share (config_lint*.c only).
 */
#ifndef HARNESS_CONFIG_LINT_PARTS_H
#define HARNESS_CONFIG_LINT_PARTS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/json.h"

enum lint_kind { L_TEXT, L_SECRET, L_SWITCH, L_INTEGER, L_DURATION, L_CHOICE, L_JSON, L_WORDS };
enum lint_json { LJ_MAP, LJ_INTS, LJ_STRINGS };
enum lint_outside { LINT_KEEP, LINT_DEFAULT, LINT_LIMIT, LINT_FATAL };

struct lint_var {
    const char *name, *member;
    enum lint_kind kind;
    enum lint_json json;
    const char *dflt;
    int64_t min, max; /* max 0: none */
    enum lint_outside env, later;
    bool fatal; /* a text that is none: no start */
    const char *const *choices;
    const char *since;
};

extern const struct lint_var lint_vars[];
extern const size_t lint_vars_n;

struct lint {
    const char *path;
    FILE *out;
    size_t found;
};

/* One finding, and its hint (NULL: none). */
void lint_say(struct lint *l, size_t line, size_t column, const char *hint, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));

const struct lint_var *lint_var_named(const char *name);
/* Of a value in the environment, or of the file when text is its JSON. */
void lint_number(struct lint *l, size_t line, size_t column, const struct lint_var *var, int64_t n,
                 const char *shown, bool file);
void lint_json_value(struct lint *l, size_t line, size_t column, const struct lint_var *var,
                     const json_t *j);

/* config_lint_auth.c: ECS_ENGINE_AUTH_DATA; type NULL: none is set. */
void lint_auth(struct lint *l, size_t line, size_t column, const char *type, const char *data);

/* config_lint_file.c: the JSON form. */
void lint_json_file(struct lint *l, const char *text, size_t len);

#endif
