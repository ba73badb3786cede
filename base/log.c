#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strtab.h"

static const char *const level_names[] = {"debug", "info", "warn", "error", "crit", "none"};

int log_level_from(const char *word)
{
    return strtab_value(level_names, ARRAY_SIZE(level_names), word);
}

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

void log_init(struct log *l, enum log_level level, int fd)
{
    *l = (struct log){.level = level, .fds = {fd, -1}};
}

void log_release(struct log *l)
{
    for (size_t i = 0; i < l->n_secrets; i++) {
        explicit_bzero(l->secrets[i], strlen(l->secrets[i]));
        free(l->secrets[i]);
    }
    free(l->secrets);
    if (l->fds[1] >= 0)
        close(l->fds[1]);
    log_init(l, LOG_NOTHING, -1);
}

int log_add_file(struct log *l, const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

    if (fd < 0)
        return -1;
    if (l->fds[1] >= 0)
        close(l->fds[1]);
    l->fds[1] = fd;
    return 0;
}

void log_secret(struct log *l, const char *value)
{
    if (!value || strlen(value) < 4)
        return;
    for (size_t i = 0; i < l->n_secrets; i++)
        if (!strcmp(l->secrets[i], value))
            return;
    grow_array(l->secrets, l->n_secrets, l->cap_secrets);
    l->secrets[l->n_secrets++] = xstrdup(value);
}

void log_mask(const struct log *l, struct buf *b)
{
    for (size_t i = 0; i < l->n_secrets; i++) {
        size_t n = strlen(l->secrets[i]);
        char *from = buf_data(b), *hit;

        while ((hit = memmem(from, (size_t)(buf_data(b) + b->len - from), l->secrets[i], n))) {
            memcpy(hit, "***", 3);
            memmove(hit + 3, hit + n, (size_t)(buf_data(b) + b->len - hit) - n + 1);
            b->len -= n - 3;
            from = hit + 3;
        }
    }
}

static void add_value(struct buf *b, const char *v)
{
    bool plain = *v != '\0';

    for (const char *s = v; *s && plain; s++)
        plain = *s > ' ' && *s != '"' && *s != '=' && *s != 0x7f && (unsigned char)*s < 0x80;
    if (plain)
        buf_adds(b, v);
    else
        buf_add_json_string(b, v, strlen(v));
}

static void begin(struct buf *b, enum log_level level, const char *msg)
{
    struct timespec ts;
    char when[40];

    clock_gettime(CLOCK_REALTIME, &ts);
    buf_addf(b, "level=%s time=%s msg=", level_names[level],
             str_format_time(ts.tv_sec * NS_PER_S + ts.tv_nsec, 3, when));
    add_value(b, msg);
}

/* A log that cannot be written is no reason to stop: there is nobody to tell. */
static void finish(struct log *l, struct buf *b)
{
    log_mask(l, b);
    if (b->full || b->len > LOG_LINE_MAX) {
        if (b->len > LOG_LINE_MAX)
            b->len = LOG_LINE_MAX;
        b->full = false;
        b->max += 8;
        buf_adds(b, "...");
    }
    buf_addc(b, '\n');
    for (size_t i = 0; i < ARRAY_SIZE(l->fds); i++)
        if (l->fds[i] >= 0)
            io_write_all(l->fds[i], buf_str(b), b->len, NULL);
    buf_release(b);
}

void log_event(struct log *l, enum log_level level, const char *msg, ...)
{
    struct buf b = BUF_INIT(LOG_LINE_MAX);
    const char *key;
    va_list ap;

    if (level < l->level)
        return;
    begin(&b, level, msg);
    va_start(ap, msg);
    while ((key = va_arg(ap, const char *))) {
        const char *value = va_arg(ap, const char *);

        if (!value)
            continue;
        buf_addf(&b, " %s=", key);
        add_value(&b, value);
    }
    va_end(ap);
    finish(l, &b);
}

void log_msg(struct log *l, enum log_level level, const char *fmt, ...)
{
    struct buf b = BUF_INIT(LOG_LINE_MAX);
    char *msg;
    va_list ap;

    if (level < l->level)
        return;
    va_start(ap, fmt);
    msg = xvasprintf(fmt, ap);
    va_end(ap);
    begin(&b, level, msg);
    free(msg);
    finish(l, &b);
}
