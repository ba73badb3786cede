/*
 * banned.h - calls that do not compile in this project.
 *
 * The compiler is given this header before every source (ci/mk/compile.mk).
 * Each has a replacement in base/: str.h, buf.h, mem.h.
 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#ifdef __clang__ /* macros there, and a macro cannot be poisoned */
#undef sprintf
#undef vsprintf
#endif
#pragma GCC poison strcpy strcat strncat sprintf vsprintf gets strtok
#pragma GCC poison atoi atol atoll atof
#pragma GCC poison sleep usleep
#pragma GCC poison gmtime localtime ctime asctime

#endif
