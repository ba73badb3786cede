/*
 * match.h - one matcher against one record.
 *
 * A record is a JSON object with the members that a path can name: body (JSON
 * value, or a string), method, target, path, query{}, headers{}, what, conn,
 * size; for an answer or a probe status; for a process code, signal, stdout,
 * stderr; for a closed session code, reason; answer{} for a request.
 *
 * How values compare:
 *   ==  !=       equal JSON values; numbers by value. A bare 5, true or null is
 *                typed, "5" is a string. Parameters and headers are text, there
 *                5 and "5" are the same.
 *   < <= > >=    numbers, also those inside of a string
 *   ~  !~        POSIX extended regular expression in a string (numbers as text)
 *   contains     a part of a string, an element of an array, or an object that
 *                has all these members (each compared the same way)
 *   exists absent  whether the path leads anywhere (null is there)
 * With [*] the matcher holds when some element fits; != and !~ hold when no
 * element is equal or fits, so they also hold where the path leads nowhere.
 */
#ifndef HARNESS_MATCH_H
#define HARNESS_MATCH_H

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "harness/scn.h"
#include "harness/subst.h"

const char *match_op_name(enum match_op op);
/* -1: no operator. */
int match_op_from(const char *s);
/* exists and absent take no value. */
bool match_op_unary(enum match_op op);

/*
 * 1: holds; 0: does not, and why (if not NULL) gets one line: ".status: expected RUNNING, found
 * "STOPPED""; -1: cannot be evaluated (unknown name, bad expression after expansion), e is set.
 */
int match_record(const struct scn_match *m, const json_t *record, const struct subst *x,
                 struct buf *why, struct err *e);

/* `check LEFT OP VALUE`: the left side is a value and not a path. */
int match_value(const struct scn_value *left, const struct scn_match *m, const struct subst *x,
                struct buf *why, struct err *e);

/* All matchers of a step: 1 when all hold. *ret_failed (may be NULL) is the number of those that
 * do not, for nearest-miss reports; why gets one line for each, separated by newlines. */
int match_all(const struct scn_match *m, size_t n, const json_t *record, const struct subst *x,
              size_t *ret_failed, struct buf *why, struct err *e);

/* A regular expression that compiles, or an error in words. */
int match_regex_check(const char *re, struct err *e);

/* Does this agent version satisfy ">=1.44,<1.80" or "1.20..1.62"? Versions compare at the
 * precision of the bound: 1.62.3 is within 1.20..1.62, and is not >1.62. -1: e is set.
 * A condition may be the name of a feature (agent_feature.h), or `!` and one, too.
 * version may be NULL (unknown): nothing is satisfied. */
int match_version(const char *guard, const char *version, struct err *e);
/* Checks a guard's form; *ret_at is the offset of what is wrong. */
int match_version_check(const char *guard, size_t *ret_at, struct err *e);

#endif
