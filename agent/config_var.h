/*
 * config_var.h - the table of the configuration's variables; private to config*.c.
 *
 * One row a variable: its name in the environment, its member in the JSON file
 * and in user data, its type, default and limits, and what becomes of a value
 * outside of them. Source: the official agent's config package (config.go,
 * environment_config, parse.go, types.go, config_unix.go) at 1.105.1.
 */
#ifndef AGENT_CONFIG_VAR_H
#define AGENT_CONFIG_VAR_H

#include <stddef.h>

#include "agent/config.h"

enum config_kind {
    KIND_TEXT,
    KIND_SECRET,   /* text that is never shown */
    KIND_SWITCH,   /* true or false, and whether it was said: struct config_bool */
    KIND_FLAG,     /* true, or nobody said so: false counts as not set; struct config_bool */
    KIND_INTEGER,  /* int64_t; 0 counts as not set */
    KIND_DURATION, /* int64_t, ns; 0 counts as not set. In JSON an integer of ns */
    KIND_CHOICE,   /* text, one of `choices`. In JSON its place in the list */
    KIND_INTS,     /* these four are json_t; an empty one counts as not set */
    KIND_STRINGS,
    KIND_WORDS, /* array of strings; in the environment with commas between them */
    KIND_MAP,   /* object of strings */
};

enum config_outside {
    OUTSIDE_KEEP,    /* taken as it is */
    OUTSIDE_DEFAULT, /* the default instead, with a note */
    OUTSIDE_LIMIT,   /* the nearest limit instead, with a note */
    OUTSIDE_FATAL,   /* the agent does not start */
};

#define CONFIG_NOWHERE SIZE_MAX

struct config_var {
    const char *name;
    const char *member; /* NULL: the environment alone decides */
    enum config_kind kind;
    size_t offset;                  /* in struct config; CONFIG_NOWHERE: nothing uses it here */
    const char *dflt;               /* as in the environment; NULL: none */
    int64_t min, max;               /* max 0: none */
    enum config_outside env, later; /* of the environment's value, and of the file's */
    bool fatal;                     /* text that is no value of this kind: no start */
    const char *const *choices;     /* NULL-terminated */
    const char *since;              /* first version that had it; NULL: always */
    const char *help;
};

extern const struct config_var config_vars[];
extern const size_t config_vars_n;

/* Members of the file that are no row of their own, so that they are not called unknown. */
extern const char *const config_other_members[];

/* config_value.c: values of each kind. `v` is where the value lies, as config_at() gives it. */
void *config_at(struct config *c, size_t i);
int config_parse_text(const struct config_var *var, const char *s, union config_value *ret,
                      struct err *e);
int config_parse_json(const struct config_var *var, const json_t *j, union config_value *ret,
                      struct err *e);
/* A member that Go would take for one that nobody set. */
bool config_is_zero(const struct config_var *var, const union config_value *v);
void config_value_release(const struct config_var *var, union config_value *v);
/* Sets the row's value from v, which it takes, and where it came from. */
void config_take(struct config *c, size_t i, union config_value *v, enum config_source source);
/* A note for the log. */
void config_note(struct config *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The row's value, borrowed. */
union config_value config_get(const struct config *c, size_t i);

/* config_file.c: members of a JSON object for what is not set yet, all or none. what: for notes. */
int config_merge_json(struct config *c, const json_t *o, enum config_source source,
                      const char *what, struct err *e);
/* Reads the file that the environment names; one that is not there is fine. */
int config_read_file(struct config *c, struct err *e);

#endif
