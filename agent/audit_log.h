/*
 * audit_log.h - who asked for credentials: one line a request.
 *
 *   <time> <status> <address> "<path>" "<user agent>" <task> <event> 2 <cluster> <instance>
 *
 * What is not known is "-"; of a path of version 2 the id is left away. A
 * request beyond the rate limit has status 429, and nothing behind the task.
 * (logger/audit: entry_types.go; seen)
 *
 * The file is appended to; at AUDIT_LOG_MAX it becomes FILE.1. Its folder is not
 * made: on a machine without /log nothing is written, which is logged once.
 */
#ifndef AGENT_AUDIT_LOG_H
#define AGENT_AUDIT_LOG_H

#include <stdint.h>

#include "base/log.h"
#include "proto/acs_message.h"

#define AUDIT_LOG_MAX (5u << 20)

struct audit_log;

struct audit_entry {
    int64_t wall;
    int status;
    const char *remote, *path;
    const char *user_agent; /* NULL: none was sent */
    const char *task_arn;   /* NULL: not known */
    int role;               /* enum acs_role_type; -1: it is not about credentials */
};

/* file "": nothing is written. cluster and instance_arn are borrowed. */
struct audit_log *audit_log_new(const char *file, const char *cluster, const char *instance_arn,
                                struct log *log);
void audit_log_free(struct audit_log *a); /* NULL is fine */

void audit_log_add(struct audit_log *a, const struct audit_entry *e);

#endif
