/*
 * log.h - what a program tells a person and a log reader: one event a line.
 *
 * Form (logfmt, as the official agent writes it):
 *     level=info time=2026-11-24T07:00:00.123Z msg="Registered" containerInstanceArn=arn:...
 *
 * A struct log is passed to those who log; there is no global one. Library
 * code (base, proto, encoders) does not log: it returns an error.
 * Values are quoted when they hold blanks, quotes or control characters, so a
 * line is a line whatever a peer sent. Secrets are registered with
 * log_secret() when they become known and are written as *** from then on.
 */
#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_CRIT, LOG_NOTHING };

/* The longest line; what is longer is cut and ends in "...". */
#define LOG_LINE_MAX 8192

struct log {
    enum log_level level; /* below it nothing is written */
    int fds[2];           /* where lines go; -1 = nowhere */
    char *path;           /* of the second, when it is rolled; NULL: it grows */
    int64_t size, max_size;
    unsigned int rolls;
    char **secrets;
    size_t n_secrets, cap_secrets;
};

/* Writes to fd (not owned). */
void log_init(struct log *l, enum log_level level, int fd);
void log_release(struct log *l);

/* Opens path for appending as a second target; the log owns it. -1 with errno. */
int log_add_file(struct log *l, const char *path);

/*
 * The file that was added is rolled from now on: before a line that would make it longer than
 * max_size bytes it becomes path.1, what was path.1 becomes path.2, and so on; the one behind
 * path.<rolls> goes. A file that cannot be renamed grows on.
 */
void log_roll(struct log *l, const char *path, int64_t max_size, unsigned int rolls);

/* Registers a value that is never to be seen; NULL and values under 4 bytes are ignored. */
void log_secret(struct log *l, const char *value);

/* Replaces every registered secret in b by ***. */
void log_mask(const struct log *l, struct buf *b);

/*
 * log_event(l, LOG_INFO, "Registered", "arn", arn, "cluster", cluster, NULL):
 * message, then pairs of key and value, then NULL. A NULL value is left out.
 */
void log_event(struct log *l, enum log_level level, const char *msg, ...) __attribute__((sentinel));

/* The same with a formatted message and no pairs. */
void log_msg(struct log *l, enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* debug, info, warn, error, crit, none; -1 for other words. */
int log_level_from(const char *word);
const char *log_level_name(enum log_level level);

#endif
