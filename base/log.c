#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
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
    free(l->path);
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

void log_roll(struct log *l, const char *path, int64_t max_size, unsigned int rolls)
{
    struct stat st;

    free(l->path);
    l->path = xstrdup(path);
    l->max_size = max_size;
    l->rolls = rolls;
    l->size = l->fds[1] >= 0 && fstat(l->fds[1], &st) == 0 ? (int64_t)st.st_size : 0;
}

/* Each makes room for the one before it. */
static void roll(struct log *l)
{
    for (unsigned int i = l->rolls; i > 0; i--) {
        _cleanup_free_ char *from = i > 1 ? xasprintf("%s.%u", l->path, i - 1) : xstrdup(l->path);
        _cleanup_free_ char *to = xasprintf("%s.%u", l->path, i);

        if (rename(from, to) < 0 && i == 1)
            return;
    }
    if (!l->rolls && unlink(l->path) < 0)
        return;
    if (log_add_file(l, l->path) == 0)
        l->size = 0;
}

static void write_line(struct log *l, const struct buf *b)
{
    if (l->path && l->fds[1] >= 0 && l->size > 0 && l->size + (int64_t)b->len > l->max_size)
        roll(l);
    l->size += (int64_t)b->len;
    for (size_t i = 0; i < ARRAY_SIZE(l->fds); i++)
        if (l->fds[i] >= 0)
            io_write_all(l->fds[i], buf_str(b), b->len, NULL);
}

void log_secret(struct log *l, const char *value)
{
    size_t at;

    if (!value || strlen(value) < 4)
        return;
    for (size_t i = 0; i < l->n_secrets; i++)
        if (!strcmp(l->secrets[i], value))
            return;
    grow_array(l->secrets, l->n_secrets, l->cap_secrets);
    /* Long ones first: one that begins with another must not leave its tail. */
    for (at = l->n_secrets++; at && strlen(l->secrets[at - 1]) < strlen(value); at--)
        l->secrets[at] = l->secrets[at - 1];
    l->secrets[at] = xstrdup(value);
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

/* What a line may grow to before it is cut: a secret must be seen whole to be masked. */
#define LINE_ROOM (1u << 20)

/* Masked before it is quoted: a secret with a quote in it would look different afterwards. */
static void add_value(const struct log *l, struct buf *b, const char *v)
{
    _cleanup_buf_ struct buf masked = BUF_INIT(LINE_ROOM);
    bool plain = *v != '\0';

    if (l->n_secrets) {
        if (buf_adds(&masked, v) < 0)
            buf_adds(&masked, "...");
        log_mask(l, &masked);
        v = buf_str(&masked);
    }
    for (const char *s = v; *s && plain; s++)
        plain = *s > ' ' && *s != '"' && *s != '=' && *s != 0x7f && (unsigned char)*s < 0x80;
    if (plain)
        buf_adds(b, v);
    else
        buf_add_json_string(b, v, strlen(v));
}

static void begin(const struct log *l, struct buf *b, enum log_level level, const char *msg)
{
    struct timespec ts;
    char when[40];

    clock_gettime(CLOCK_REALTIME, &ts);
    buf_addf(b, "level=%s time=%s msg=", level_names[level],
             str_format_time(ts.tv_sec * NS_PER_S + ts.tv_nsec, 3, when));
    add_value(l, b, msg);
}

/* A log that cannot be written is no reason to stop: there is nobody to tell. */
static void finish(struct log *l, struct buf *b)
{
    if (b->full || b->len > LOG_LINE_MAX) {
        size_t len = b->len < LOG_LINE_MAX - 3 ? b->len : LOG_LINE_MAX - 3;

        while (len && len < b->len && (buf_str(b)[len] & 0xc0) == 0x80)
            len--; /* not in the middle of a character */
        b->len = len;
        buf_adds(b, "...");
    }
    buf_addc(b, '\n');
    write_line(l, b);
    buf_release(b);
}

void log_event(struct log *l, enum log_level level, const char *msg, ...)
{
    struct buf b = BUF_INIT(LINE_ROOM);
    const char *key;
    va_list ap;

    if (level < l->level)
        return;
    begin(l, &b, level, msg);
    va_start(ap, msg);
    while ((key = va_arg(ap, const char *))) {
        const char *value = va_arg(ap, const char *);

        if (!value)
            continue;
        buf_addf(&b, " %s=", key);
        add_value(l, &b, value);
    }
    va_end(ap);
    finish(l, &b);
}

void log_msg(struct log *l, enum log_level level, const char *fmt, ...)
{
    struct buf b = BUF_INIT(LINE_ROOM);
    char *msg;
    va_list ap;

    if (level < l->level)
        return;
    va_start(ap, fmt);
    msg = xvasprintf(fmt, ap);
    va_end(ap);
    begin(l, &b, level, msg);
    free(msg);
    finish(l, &b);
}
