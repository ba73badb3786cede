#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/audit_log.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define LINE_MAX_BYTES 16384

struct audit_log {
    char *file;
    const char *cluster, *instance_arn;
    struct log *log;
    int fd;
    bool told;
};

struct audit_log *audit_log_new(const char *file, const char *cluster, const char *instance_arn,
                                struct log *log)
{
    struct audit_log *a = new0(struct audit_log);

    a->file = xstrdup(file);
    a->cluster = cluster;
    a->instance_arn = instance_arn;
    a->log = log;
    a->fd = -1;
    return a;
}

void audit_log_free(struct audit_log *a)
{
    if (!a)
        return;
    cleanup_closep(&a->fd);
    free(a->file);
    free(a);
}

static void complain(struct audit_log *a, const char *what)
{
    if (!a->told)
        log_event(a->log, LOG_WARN, what, "path", a->file, "error", strerror(errno), NULL);
    a->told = true;
}

static void roll(struct audit_log *a)
{
    _cleanup_free_ char *old = xasprintf("%s.1", a->file);
    struct stat st;

    if (fstat(a->fd, &st) < 0 || st.st_size < (off_t)AUDIT_LOG_MAX)
        return;
    rename(a->file, old);
    cleanup_closep(&a->fd);
}

static int open_file(struct audit_log *a)
{
    if (a->fd >= 0)
        roll(a);
    if (a->fd < 0)
        a->fd = open(a->file, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    return a->fd;
}

static const char *known(const char *text)
{
    return text && *text ? text : "-";
}

/* A visitor chooses these: a line stays a line. */
static void add_quoted(struct buf *b, const char *text)
{
    buf_addc(b, '"');
    for (; *text; text++)
        buf_addc(b, (unsigned char)*text < ' ' || *text == '"' || *text == 0x7f ? '?' : *text);
    buf_adds(b, "\" ");
}

void audit_log_add(struct audit_log *a, const struct audit_entry *e)
{
    _cleanup_buf_ struct buf b = BUF_INIT(LINE_MAX_BYTES);
    struct err err = ERR_INIT;
    char when[40];

    if (!*a->file)
        return;
    if (open_file(a) < 0) {
        complain(a, "There is no audit log");
        return;
    }
    buf_addf(&b, "%s %d %s ", str_format_time(e->wall, 0, when), e->status, known(e->remote));
    add_quoted(&b, str_starts(e->path, "/v2/credentials/") ? "/v2/credentials" : e->path);
    add_quoted(&b, e->user_agent ? e->user_agent : "");
    buf_addf(&b, "%s ", known(e->task_arn));
    if (e->role >= 0)
        buf_addf(&b, "%s 2 %s %s",
                 e->role == ACS_ROLE_TASK_EXECUTION ? "GetCredentialsExecutionRole"
                                                    : "GetCredentials",
                 known(a->cluster), known(a->instance_arn));
    buf_addc(&b, '\n');
    if (io_write_all(a->fd, buf_str(&b), buf_len(&b), &err) < 0)
        complain(a, "The audit log cannot be written");
}
