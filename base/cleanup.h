/*
 * cleanup.h - resources that end with their scope.
 *
 *     _cleanup_free_ char *name = xstrdup(x);
 *     _cleanup_close_ int fd = open(...);
 *     ...
 *     return steal_ptr(&name);            (the scope no longer owns it)
 *
 * Beware in tests: a failing cmocka assertion leaves by longjmp, and then
 * cleanup attributes do not run.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <dirent.h>

static inline void cleanup_freep(void *p)
{
    void **pp = p;
    free(*pp);
    *pp = NULL;
}

/* Closes *fd unless it is negative; keeps errno; leaves -1 behind. */
void cleanup_closep(int *fd);

static inline void cleanup_fclosep(FILE **f)
{
    if (*f)
        fclose(*f);
    *f = NULL;
}

static inline void cleanup_closedirp(DIR **d)
{
    if (*d)
        closedir(*d);
    *d = NULL;
}

#define _cleanup_(fn)      __attribute__((cleanup(fn)))
#define _cleanup_free_     _cleanup_(cleanup_freep)
#define _cleanup_close_    _cleanup_(cleanup_closep)
#define _cleanup_fclose_   _cleanup_(cleanup_fclosep)
#define _cleanup_closedir_ _cleanup_(cleanup_closedirp)

/* Takes the pointer out of a variable that would free it. */
#define steal_ptr(pp)                                                                              \
    ({                                                                                             \
        __typeof__(*(pp)) steal_tmp_ = *(pp);                                                      \
        *(pp) = NULL;                                                                              \
        steal_tmp_;                                                                                \
    })

/* The same for a file descriptor. */
static inline int steal_fd(int *fd)
{
    int tmp = *fd;
    *fd = -1;
    return tmp;
}

#endif
