#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

static const char *const code_names[] = {
    [ERR_NONE] = "none",           [ERR_SYS] = "system",        [ERR_PARSE] = "parse",
    [ERR_LIMIT] = "limit",         [ERR_TIMEOUT] = "timeout",   [ERR_PEER] = "peer",
    [ERR_NOT_FOUND] = "not-found", [ERR_CONFLICT] = "conflict", [ERR_AUTH] = "auth",
    [ERR_USAGE] = "usage",         [ERR_INTERNAL] = "internal",
};

const char *err_code_name(enum err_code code)
{
    return (size_t)code < ARRAY_SIZE(code_names) ? code_names[code] : "unknown";
}

void err_clear(struct err *e)
{
    if (e)
        *e = (struct err)ERR_INIT;
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    if (!e)
        return -1;
    e->code = code;
    e->sys = 0;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    return -1;
}

int err_sys(struct err *e, int sys, const char *fmt, ...)
{
    va_list ap;
    size_t n;

    if (!e)
        return -1;
    e->code = ERR_SYS;
    e->sys = sys;
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    n = strlen(e->text);
    snprintf(e->text + n, sizeof(e->text) - n, ": %s", strerror(sys));
    return -1;
}

int err_wrap(struct err *e, const char *fmt, ...)
{
    char old[sizeof(e->text)];
    va_list ap;
    size_t n;

    if (!e)
        return -1;
    memcpy(old, e->text, sizeof(old));
    va_start(ap, fmt);
    vsnprintf(e->text, sizeof(e->text), fmt, ap);
    va_end(ap);
    n = strlen(e->text);
    snprintf(e->text + n, sizeof(e->text) - n, ": %s", old);
    return -1;
}
