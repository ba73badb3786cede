/*
 * verb.h - the words of the language: verbs.def as tables.
 *
 * One table (harness/verbs.def) says what each verb takes. The parser, the
 * checker, fmt, the JSON form, the JSON Schema and the reference in
 * docs/SCENARIOS.md all read it; the runner includes the same file to bind
 * each verb to its function:
 *
 *     #define VERB(ID, id, ...) int step_##id(struct run *r, const struct scn_step *s, ...);
 *     #include "harness/verbs.def"
 */
#ifndef HARNESS_VERB_H
#define HARNESS_VERB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum verb_id {
#define VERB(ID, id, words, flags, peers, args, opts, doc, example) VERB_##ID,
#include "harness/verbs.def"
    VERB_MAX,
};

enum peer {
    PEER_NONE = -1,
    PEER_DOCKER,
    PEER_ECS,
    PEER_ACS,
    PEER_TCS,
    PEER_S3,
    PEER_IMDS,
    PEER_AWS,
    PEER_CREDFETCH,
    PEER_CNI,
    PEER_AGENT,
    PEER_MACHINE,
    PEER_MAX,
};

const char *peer_name(enum peer p); /* "" for PEER_NONE */
int peer_from(const char *word);    /* -1: no such peer */

#define PEER_BIT(p) (1u << (p))
#define PEERS_FAKE                                                                                 \
    (PEER_BIT(PEER_DOCKER) | PEER_BIT(PEER_ECS) | PEER_BIT(PEER_ACS) | PEER_BIT(PEER_TCS) |        \
     PEER_BIT(PEER_S3) | PEER_BIT(PEER_IMDS) | PEER_BIT(PEER_AWS) | PEER_BIT(PEER_CREDFETCH) |     \
     PEER_BIT(PEER_CNI))
#define PEERS_WS (PEER_BIT(PEER_ACS) | PEER_BIT(PEER_TCS))
/* Those that can be asked over TLS. */
#define PEERS_TLS                                                                                  \
    (PEER_BIT(PEER_ECS) | PEER_BIT(PEER_ACS) | PEER_BIT(PEER_TCS) | PEER_BIT(PEER_S3) |            \
     PEER_BIT(PEER_AWS))
#define PEERS_ALL (PEERS_FAKE | PEER_BIT(PEER_AGENT) | PEER_BIT(PEER_MACHINE))

/* Kinds of arguments and option values. */
enum arg_kind {
    ARG_NONE,
    ARG_WORD,     /* a word or string */
    ARG_TEXT,     /* the rest of the line as it is; no quotes needed */
    ARG_NAME,     /* a new name: letters, digits, _ and - */
    ARG_VALUE,    /* anything: @file, "text", {json}, a word */
    ARG_BODY,     /* @file, "text" or {json}, no bare word */
    ARG_DURATION, /* 500ms, 1m30s */
    ARG_INT,      /* a whole number */
    ARG_POSITIVE, /* a whole number from 1 */
    ARG_NUMBER,   /* a number */
    ARG_PERCENT,  /* 50 or 50% */
    ARG_CHANCE,   /* 0..1 */
    ARG_SIZE,     /* bytes: 512, 64KiB, 80MiB, 1GB */
    ARG_BOOL,     /* true false; may be left out */
    ARG_FLAG,     /* no value */
    ARG_SIGNAL,   /* SIGTERM, TERM or a number */
    ARG_CHOICE,   /* one of `choices` */
    ARG_VERSION,  /* 1.44, 20.10.7 */
    ARG_URL,
    ARG_METHOD,   /* GET, POST ... */
    ARG_UNTIL,    /* a duration, or the name of a capture */
    ARG_FILE,     /* @file only */
    ARG_GUARD,    /* agent <1.20, or a feature */
    ARG_HEALER,   /* the name of a fault, a peer, or all */
    ARG_PEER,     /* docker ecs acs tcs s3 imds aws credfetch cni agent */
    ARG_VERSIONS, /* a bare >=1.44,<1.80 or 1.20..1.62 */
    ARG_QUOTED,   /* a "quoted text" only */
    ARG_LITERAL,  /* the word itself, as `in` of each */
    ARG_PACE,     /* virtual, real, scaled:N */
    ARG_OFFSET,   /* a duration with a sign: +10m, -1h */
};

/* How many of them. */
enum arg_many {
    ARG_ONE,
    ARG_OPTIONAL,
    ARG_SOME /* 1 or more, the rest */,
    ARG_ANY /* 0 or more */
};

struct verb_arg {
    const char *name; /* in messages, in the reference (upper case) and in JSON (lower case) */
    enum arg_kind kind;
    enum arg_many many;
    const char *choices; /* ARG_CHOICE: words separated by blanks; ARG_LITERAL: the word */
};

struct verb_opt {
    const char *name; /* "header.*": any key that begins so; "*": any key */
    enum arg_kind kind;
    const char *doc;
    const char *choices;
};

enum verb_takes {
    TAKES_PEER = 1 << 0,      /* the first word names a peer */
    TAKES_WHAT = 1 << 1,      /* then what is asked of it: METHOD PATH, an operation, a message */
    TAKES_WHAT_OPT = 1 << 2,  /* which may be left out */
    TAKES_MATCH = 1 << 3,     /* matchers */
    TAKES_MATCH_ONE = 1 << 4, /* exactly OP VALUE (check) */
    TAKES_WITHIN = 1 << 5,
    TAKES_FOR = 1 << 6,
    TAKES_AFTER = 1 << 7,
    TAKES_AS = 1 << 8,        /* as NAME: what was seen can be used as ${NAME...} */
    TAKES_AS_LABEL = 1 << 9,  /* as NAME: a name for heal and for reports */
    TAKES_AS_LOOP = 1 << 10,  /* as NAME: the counter inside of the block */
    TAKES_AS_USE = 1 << 11,   /* as NAME: captures of the file are NAME.CAPTURE */
    TAKES_COUNT = 1 << 12,    /* is N, min N, max N */
    TAKES_BLOCK = 1 << 13,    /* steps up to `end` */
    TAKES_NEW_NAME = 1 << 14, /* the first argument is a new name */
    FITS_ANY = 1 << 15,       /* allowed in an `any` block */
    TAKES_KIND = 1 << 16,     /* fault: exactly one option of the kinds */
};

struct verb {
    enum verb_id id;
    const char *key;   /* "docker_exit" */
    const char *words; /* "docker exit" */
    unsigned flags;
    unsigned peers;              /* mask of PEER_BIT */
    const struct verb_arg *args; /* ends with a NULL name */
    const struct verb_opt *opts; /* ends with a NULL name */
    const char *doc;             /* Markdown, for the reference */
    const char *example;         /* lines of .scn; parsed by a test */
};

/* Words of the header. */
enum header_id {
#define HEADER(ID, words, many, args, doc, example) HEADER_##ID,
#include "harness/verbs.def"
    HEADER_MAX,
};

struct header_word {
    enum header_id id;
    const char *word;
    bool many; /* may stand more than once */
    const struct verb_arg *args;
    const char *doc;
    const char *example;
};

/* Names that are there without a capture: ${cluster}, ${ecs.url}. */
struct builtin {
    const char *name;
    const char *doc;
};

const struct verb *verb_get(enum verb_id id);
/* The verb that these words begin with, and how many of them it took (1 or 2); NULL: none.
 * second may be NULL. */
const struct verb *verb_find(const char *first, const char *second, size_t *ret_words);
/* By key or by words; for the JSON form. */
const struct verb *verb_named(const char *words);

const struct header_word *header_get(enum header_id id);
const struct header_word *header_find(const char *word);

/* The option a key belongs to ("header.X" belongs to "header.*"), or NULL. */
const struct verb_opt *verb_option(const struct verb *v, const char *key);

const struct builtin *builtins(size_t *ret_n);
/* True for a built-in name; *ret_used is its length in ref ("ecs.url" of "ecs.url"). */
bool builtin_find(const char *ref, size_t *ret_used);

/* A word that ends what came before it: within for after as is min max. */
bool verb_is_keyword(const char *word);

/* What an argument of this kind looks like: "a duration such as 10s or 1m30s". */
const char *arg_kind_expects(enum arg_kind kind);

/* Processes, which answer nothing: the agent, and the machine of `boot`. */
static inline bool peer_is_process(enum peer p)
{
    return p == PEER_AGENT || p == PEER_MACHINE;
}

/* Docker, S3, IMDS and CNI calls are METHOD PATH; the others are one word. */
static inline bool peer_speaks_http(enum peer p)
{
    return p == PEER_DOCKER || p == PEER_S3 || p == PEER_IMDS || p == PEER_CNI;
}

#endif
