/*
 * tmds_internal.h - what the parts of the task server share (tmds*.c only).
 */
#ifndef AGENT_TMDS_INTERNAL_H
#define AGENT_TMDS_INTERNAL_H

#include "agent/audit_log.h"
#include "agent/rate_limit.h"
#include "agent/tmds.h"
#include "base/list.h"

struct tmds {
    struct loop *loop;
    struct log *log;
    struct tmds_options o;
    struct http_server *server;
    struct rate_limit limit, fault_limit;
    struct audit_log *audit;
    struct list waiting; /* struct tmds_wait */
};

/* An answer that somebody else has to be asked for. */
struct tmds_wait {
    struct list link;
    struct tmds *t;
    struct http_visit *v;
    struct clock_timer timer;
    void (*abandon)(struct tmds_wait *w); /* frees it without an answer */
};

void tmds_wait_begin(struct tmds_wait *w, struct tmds *t, struct http_visit *v, int64_t limit,
                     clock_timer_fn on_limit, void (*abandon)(struct tmds_wait *w));
void tmds_wait_end(struct tmds_wait *w);

/* A path in its parts: "/v4/ID/task" is "v4", "ID", "task". */
#define TMDS_PARTS 8
struct tmds_path {
    const char *part[TMDS_PARTS];
    size_t n;
    char text[2048];
};

/* Answers: JSON (taken), a JSON string, nothing there. */
void tmds_json(struct http_visit *v, int status, json_t *body);
void tmds_text(struct http_visit *v, int status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void tmds_not_found(struct http_visit *v);

/* Each answers its paths, or returns false: there is no such path. */
bool tmds_credentials(struct tmds *t, struct http_visit *v, const char *path);
bool tmds_v2(struct tmds *t, struct http_visit *v, const char *path);
bool tmds_v34(struct tmds *t, struct http_visit *v, const struct tmds_path *p,
              enum metadata_version version);
bool tmds_protection(struct tmds *t, struct http_visit *v, const struct tmds_path *p);
bool tmds_fault(struct tmds *t, struct http_visit *v, const struct tmds_path *p);

/* A token for the visitor and his path; false: there is none left. */
bool tmds_take(struct rate_limit *r, const struct tmds *t, const struct http_visit *v);

/* tmds_stats.c: of a container (NULL: nobody watches it), of all containers of a task. */
json_t *tmds_container_stats(const struct container *c, enum metadata_version version);
json_t *tmds_task_stats(const struct task *task, enum metadata_version version);

/* tmds_tags.c: adds tags of instance and task, then answers. metadata is taken. */
void tmds_answer_with_tags(struct tmds *t, struct http_visit *v, json_t *metadata,
                           enum metadata_version version);

#endif
