/*
 * spool.h - bodies that are too large for memory: a request's that is kept in a
 * file without a name, and an answer's that comes from one.
 */
#ifndef FAKES_DOCKER_SPOOL_H
#define FAKES_DOCKER_SPOOL_H

#include "fakes/core/exchange.h"

/* What one request may bring. */
#define SPOOL_MAX (4LL << 30)

/* In fake_ops.begin: from now on the body goes to a file; x->data is the
 * spool's for as long as the exchange lives. */
void spool_begin(struct exchange *x);
/* The file with the body, at its beginning; owned by the exchange, -1: there is none. */
int spool_body(struct exchange *x);

/* Answers with the content of the file (taken over): counted when it is small, else in chunks, as
 * net/http does. Headers were set. */
void spool_send(struct exchange *x, int file, int status);

#endif
