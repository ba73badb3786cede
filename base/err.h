/*
 * err.h - one error object: a code, and a text for a person.
 *
 * A function that can fail takes `struct err *e` last and returns a negative
 * int (or NULL). Where it fails it calls err_set() once; each caller that
 * knows more wraps it ("reading the state file: open: Permission denied") and
 * passes it on. The object is not touched on success. A function either
 * returns an error or logs it, never both.
 *
 * The object owns no memory: put it on the stack, copy it, forget it.
 * A NULL `struct err *` is allowed everywhere and means "the caller does not
 * want the text".
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_code {
    ERR_NONE,
    ERR_SYS,       /* the system said no; sys holds errno */
    ERR_PARSE,     /* text that is not what it should be */
    ERR_LIMIT,     /* larger, deeper or longer than allowed */
    ERR_TIMEOUT,   /* it did not happen in time */
    ERR_PEER,      /* the other side refused or broke the protocol */
    ERR_NOT_FOUND, /* there is no such thing */
    ERR_CONFLICT,  /* there is such a thing already, or its state forbids it */
    ERR_AUTH,      /* missing or wrong credentials, signature, permission */
    ERR_USAGE,     /* what a person asked for makes no sense */
    ERR_INTERNAL,  /* a fault of ours */
};

struct err {
    enum err_code code;
    int sys;
    char text[496];
};

/* clang-format off */
#define ERR_INIT { ERR_NONE, 0, "" }
/* clang-format on */

/* Sets the error and returns -1, so that `return err_set(e, ...)` reads well. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for a failed system call: appends strerror(sys). Returns -1. */
int err_sys(struct err *e, int sys, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Puts "context: " in front of what is there. Returns -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Forgets what is there. */
void err_clear(struct err *e);

/* "not-found", "limit" ... for logs and journals. */
const char *err_code_name(enum err_code code);

#endif
