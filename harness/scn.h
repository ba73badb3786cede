/*
 * scn.h - a scenario as a tree.
 *
 * The tree is what the parser makes of a .scn file, what `ecsim json` writes
 * and reads, what `ecsim fmt` prints, and what the runner executes. It keeps
 * everything that a person wrote: order, comments, blank lines, how a value was
 * quoted. What it does not keep is layout: that is fmt's.
 *
 * A step of the tree is complete: its verb is known (harness/verb.h), its words
 * are sorted into arguments, options, matchers and suffixes. A tree returned by
 * scn_load() has passed every check: a runner need not look for misspelt
 * options or missing arguments. What contains ${...} is known only when it
 * runs; harness/subst.h expands it and says what is wrong with the result.
 *
 * Ownership: a struct scn owns everything below it, the imported files
 * included; scn_free() ends all of it. Nothing in it changes after scn_load().
 */
#ifndef HARNESS_SCN_H
#define HARNESS_SCN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"
#include "harness/diag.h"
#include "harness/jpath.h"
#include "harness/verb.h"

/* Limits: past one of them a file is an error, not a crash. */
#define SCN_FILE_MAX       (8u << 20) /* bytes of one file */
#define SCN_WORDS_MAX      1024       /* words of one step */
#define SCN_STEPS_MAX      20000      /* steps of one file */
#define SCN_BLOCK_MAX      16         /* blocks within blocks */
#define SCN_USE_MAX        16         /* files within files */
#define SCN_FILES_MAX      256        /* files in all */
#define SCN_ATTACHMENT_MAX 256        /* attachments of one file */

enum scn_value_kind {
    SCN_WORD,   /* bare: text; 5, true, null are JSON values, 10s a duration, all by use */
    SCN_STRING, /* "quoted": text is decoded */
    SCN_REGEX,  /* /extended/: text is between the slashes, \/ undone */
    SCN_JSON,   /* {object} or [array]: text is the JSON, blanks normalised, ${} not expanded */
    SCN_FILE,   /* @name: text is the name; an attachment if there is one, else a file beside */
};

struct scn_value {
    enum scn_value_kind kind;
    char *text;
    size_t len;             /* of text, which holds no NUL */
    bool subst;             /* text holds ${...}; for SCN_FILE also: look into what it names */
    struct pos pos;         /* of the text as written */
    const struct scn *file; /* the file it stands in */
    const struct scn_attachment *content; /* SCN_FILE without ${} in its name, after checks */
};

/* key=value, a bare flag (no value), or a keyword with a value (count ... is 1). */
struct scn_option {
    char *name;
    bool has_value;
    struct scn_value value;
    const struct verb_opt *opt; /* NULL: a free key (overrides, variables, parameters) */
    struct pos pos;
};

enum match_op {
    MATCH_EQ,       /* == */
    MATCH_NE,       /* != */
    MATCH_LT,       /* <  */
    MATCH_LE,       /* <= */
    MATCH_GT,       /* >  */
    MATCH_GE,       /* >= */
    MATCH_RE,       /* ~  */
    MATCH_NOT_RE,   /* !~ */
    MATCH_EXISTS,   /* no value */
    MATCH_ABSENT,   /* no value */
    MATCH_CONTAINS, /* contains */
    MATCH_OP_MAX,
};

/* PATH OP [VALUE]; see harness/match.h for what it means. */
struct scn_match {
    struct jpath *path; /* NULL in `check`, whose left side is args[0] */
    enum match_op op;
    bool has_value;
    struct scn_value value;
    struct pos pos; /* from the path to the value */
};

/* Comments and blank lines: "" is a blank line, otherwise the comment with its '#', as written. */
struct scn_lines {
    char **lines;
    size_t n, cap;
};

/* One line of the header. */
struct scn_header {
    const struct header_word *word;
    char *text; /* title: the text; else NULL */
    struct scn_value *args;
    size_t n_args, cap_args;
    struct scn_lines before;
    char *comment; /* behind the line, without '#', or NULL */
    struct pos pos;
};

struct scn_step {
    const struct verb *verb;
    enum verb_id id; /* verb->id */
    size_t number;   /* from 1, in order of the file, blocks included */
    const struct scn *file;
    const char *phase; /* text of the phase it stands in, "" before the first; borrowed */
    struct pos pos;    /* the verb */
    struct pos line;   /* from the verb to the last word on its line */

    /* In the order of the verb's table; a list argument takes the rest. With peer and what
     * pulled out. Verbs with ARG_TEXT have one argument, a SCN_STRING. */
    struct scn_value *args;
    size_t n_args, cap_args;
    enum peer peer; /* PEER_NONE when the verb names none */
    char *what;     /* "POST /containers/create", "PayloadMessage", or NULL: any */
    struct pos what_pos;
    bool what_subst; /* holds ${...} */

    struct scn_option *options;
    size_t n_options, cap_options;
    struct scn_match *matches;
    size_t n_matches, cap_matches;

    /* Suffixes: NULL when not written. Durations, perhaps with ${}. */
    struct scn_value *within, *for_, *after;
    char *as; /* name of the capture, fault, import or counter */
    struct pos as_pos;

    struct scn_step **steps; /* of a block; of `use`: none, see import */
    size_t n_steps, cap_steps;
    struct scn *import; /* `use`: the file, with its own header and steps */

    struct scn_lines before;
    char *comment;
    struct scn_lines tail; /* of a block: lines before its `end` */
    char *end_comment;     /* of a block: behind `end` */
    struct pos end_pos;
};

/* Bytes pasted under `-- name --`, or a file that a step names. */
struct scn_attachment {
    char *name;
    char *data; /* NUL-terminated; len does not count it */
    size_t len;
    bool subst; /* holds ${...} */
    bool used;
    char *path;     /* of the file; NULL: pasted into the scenario */
    struct pos pos; /* of the line `-- name --` */
    uint32_t line;  /* of the scenario, at which the data begins */
};

/* Header lines, digested (see scn_header for the lines as written). */
struct scn_known {
    const char *issue;  /* aws/amazon-ecs-agent#2618 */
    const char *guard;  /* versions, NULL: all */
    const char *reason; /* NULL: none */
};
struct scn_answer {
    enum peer peer;
    const char *group;
    const struct scn_header *header;
};
struct scn_param {
    const char *name;
    const struct scn_value *dflt; /* NULL: required */
    const struct scn_header *header;
    bool used;
};
enum scn_strict {
    SCN_STRICT_ALL,   /* what no step claims and no answer covers fails (the default) */
    SCN_STRICT_KNOWN, /* calls that the fake does not know fail */
    SCN_STRICT_OFF,   /* nothing fails; the journal still shows it */
};

struct scn {
    struct source source;
    int version; /* 1 */
    struct scn_header **headers;
    size_t n_headers, cap_headers;
    struct scn_step **steps;
    size_t n_steps, cap_steps;
    struct scn_lines tail; /* behind the last step */
    struct scn_attachment **attachments;
    size_t n_attachments, cap_attachments;
    struct scn_attachment **files; /* read from beside the scenario */
    size_t n_files, cap_files;
    struct scn *parent; /* the file that uses this one, or NULL */

    /* Digested; strings are borrowed from the headers. needs, answers and
     * tls hold those of the imported files too, each once. */
    const char *title; /* "" when there is none (an imported file) */
    const char **tags, **agent, **second, **needs;
    size_t n_tags, cap_tags, n_agent, cap_agent, n_second, cap_second, n_needs, cap_needs;
    struct scn_known *known;
    size_t n_known, cap_known;
    struct scn_answer *answers;
    size_t n_answers, cap_answers;
    struct scn_param *params;
    size_t n_params, cap_params;
    int64_t limit;      /* ns; 0: the runner's default */
    const char *time;   /* the pace, see pace.h; NULL: not said */
    const char *docker; /* versions of Docker that it is for; NULL: all */
    enum scn_strict strict[PEER_MAX];
    bool tls[PEER_MAX];
};

/* Copies path and text. */
struct scn *scn_new(const char *path, const char *text, size_t len);
void scn_free(struct scn *s); /* NULL is fine */
void scn_freep(struct scn **s);
#define _cleanup_scn_ __attribute__((cleanup(scn_freep)))

/* Parts of a tree, for those who build one (parser, JSON reader). NULL is fine. */
struct scn_step *scn_step_new(struct scn *s, const struct verb *v);
void scn_step_free(struct scn_step *st);
void scn_header_free(struct scn_header *h);
void scn_attachment_free(struct scn_attachment *a);
void scn_lines_release(struct scn_lines *l);
/* Takes the line; a blank line behind a blank one, or at the start when `first`, is dropped. */
void scn_lines_add(struct scn_lines *l, char *line, bool first);
/* Drops blank lines at the end. */
void scn_lines_trim(struct scn_lines *l);
/* Adds an element and returns it. Values, options and matchers hold no memory of the caller's. */
struct scn_value *scn_add_arg(struct scn_step *st);
struct scn_option *scn_add_option(struct scn_step *st);
struct scn_match *scn_add_match(struct scn_step *st);
/* The suffix of that keyword (within, for, after), where a value goes; NULL for other words. */
struct scn_value **scn_suffix(struct scn_step *st, const char *keyword);
void scn_value_release(struct scn_value *v);
/* Sets kind, text (copied) and what follows from them. */
void scn_value_set(struct scn_value *v, const struct scn *s, enum scn_value_kind kind,
                   const char *text, size_t len);

/* Fills the digested part of the struct from the headers; errors go to d. */
int scn_digest(struct scn *s, struct diag *d);

/*
 * Reads, parses and checks a whole scenario with everything it imports. path
 * ends in .scn, or in .json for the JSON form (which is turned into lines
 * first, so that positions mean something). dirs: NULL-terminated list of
 * folders in which `use` looks after the file's own; may be NULL.
 *
 * NULL when there is an error; d then says which. Warnings leave it usable.
 */
struct scn *scn_load(const char *path, const char *const *dirs, struct diag *d);

/* The same for text that is already there. path is for messages and for relative names. */
struct scn *scn_load_text(const char *path, const char *text, size_t len, const char *const *dirs,
                          struct diag *d);

/* Only reads words into a tree: no imports, no checks of meaning. What fmt and json work on. */
struct scn *scn_parse(const char *path, const char *text, size_t len, struct diag *d);

/* The option of that name, or NULL. */
const struct scn_option *scn_option(const struct scn_step *s, const char *name);

/* The attachment of that name in this file or, failing that, in a file beside it that a step
 * names; NULL when there is none. */
const struct scn_attachment *scn_attachment(const struct scn *s, const char *name);

/* "boot.scn:12" into out; returns out. */
const char *scn_where(const struct scn_step *s, char *out, size_t n);

/* The lines of the step as written, for reports: borrowed start and length. */
const char *scn_step_text(const struct scn_step *s, size_t *ret_len);

/* What the `ecsim` command calls. argv[0] is the word ("fmt"). Each prints on standard output,
 * complains on standard error, and returns one of harness/exitcode.h. */
int cmd_json(int argc, char **argv);
int cmd_fmt(int argc, char **argv);
int cmd_doc(int argc, char **argv);
int cmd_schema(int argc, char **argv);

#endif
