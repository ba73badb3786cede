/*
 * profile.h - agents by name: how each is started, asked for its version, and known.
 *
 * Profiles are written in a file of lines, as scenarios are (docs/PROFILES.md);
 * `reference` and `official` are built in, in the same form. A profile of the
 * same name in a file that is read later takes the place of the one before.
 *
 * Life cycle: profiles_init() has the built-in ones; profiles_read() adds a file's;
 * profiles_release(). Profiles do not move and do not change meanwhile.
 */
#ifndef HARNESS_PROFILE_H
#define HARNESS_PROFILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "harness/diag.h"

/* Limits: past one of them a file is an error. */
#define PROFILE_FILE_MAX (1u << 20)
#define PROFILES_MAX     256
/* Lines of one kind in one profile. */
#define PROFILE_LINES_MAX 256

struct profile_env {
    char *name;
    char *value; /* ${...} not expanded yet; NULL: the variable is taken away */
};

/* What goes wrong with this agent because of a public issue. */
struct profile_known {
    char *what; /* see the lists */
    char *issue;
    char *guard;  /* versions; NULL: all */
    char *reason; /* NULL: none */
};

struct profile_knowns {
    struct profile_known *v;
    size_t n, cap;
};

/* What a person should know. */
struct profile_note {
    char *guard; /* NULL: all versions */
    char *text;
};

struct profile {
    char *name, *title; /* title: NULL when there is none */
    char *from;         /* "built in", or FILE:LINE */
    char *folder;       /* of the file; relative programs are looked for there */
    char **commands;    /* command lines, the first of which that is there is meant */
    size_t n_commands, cap_commands;
    char **ask; /* arguments that make it print its version */
    size_t n_ask, cap_ask;
    char *version;       /* the version, when it need not be asked; else NULL */
    char *says;          /* text that it prints when it is asked: how one knows it; NULL: any */
    char *introspection; /* variable that takes HOST:PORT; NULL: its ports are fixed */
    bool needs_sandbox;
    char **features; /* what `needs` and guards of scenarios may ask for */
    size_t n_features, cap_features;
    struct profile_env *env;
    size_t n_env, cap_env;
    /* scenarios that fail; what: glob over the end of a path, without .scn: "acs/silent" */
    struct profile_knowns known;
    /* ways in which the agent itself breaks, in whichever scenario; what: text that it prints then
     */
    struct profile_knowns crashes;
    struct profile_note *notes;
    size_t n_notes, cap_notes;
};

struct profiles {
    struct profile **all;
    size_t n, cap;
};

void profiles_init(struct profiles *ps);
void profiles_release(struct profiles *ps);

/* Reads text as the file at `path`. -1 when it has errors, which go to d; nothing was added then.
 */
int profiles_read_text(struct profiles *ps, const char *path, const char *text, size_t len,
                       struct diag *d);
/* The same for a file. A file that is not there is an error too. */
int profiles_read(struct profiles *ps, const char *path, struct diag *d);
/* ~/.config/ecsim/agents (or below $XDG_CONFIG_HOME) and ./ecsim.agents, those that are there. */
int profiles_read_usual(struct profiles *ps, struct diag *d);

/* NULL: there is none of this name. */
const struct profile *profiles_find(const struct profiles *ps, const char *name);
/* For an agent that is given as a command: the profile whose `says` its output holds, or a plain
 * one (fixed ports, no features). Never NULL. */
const struct profile *profiles_guess(const struct profiles *ps, const char *output);
/* Appends `; did you mean the agent "x"?` when a name is near enough to the word. */
void profiles_suggest(const struct profiles *ps, const char *word, struct buf *out);

/*
 * The command line, split; freed with str_argv_free(). The first of the profile's commands whose
 * program is there. A program without a slash is looked for beside ecsim, in ../libexec/ecsim from
 * there, and in PATH; `$NAME` at the beginning stands for the environment's NAME.
 * NULL: ERR_NOT_FOUND, and the text says what was looked for.
 */
char **profile_command(const struct profile *p, struct err *e);

bool profile_has(const struct profile *p, const char *feature);
/* The entry that says that this scenario fails with this version; NULL: none. */
const struct profile_known *profile_known_for(const struct profile *p, const char *path,
                                              const char *version);

#endif
