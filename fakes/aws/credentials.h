/*
 * credentials.h - temporary credentials in the alphabets and lengths of real ones.
 *
 * They are made from the world's seed. Whoever hands them out puts them into the
 * keyring, under its own name.
 */
#ifndef FAKES_AWS_CREDENTIALS_H
#define FAKES_AWS_CREDENTIALS_H

#include "fakes/core/fake.h"

struct aws_credentials {
    char *access_key, *secret_key, *token;
};

/* ASIA..., 40 letters, and a session token. */
void aws_credentials_make(struct world *w, struct aws_credentials *ret);
/* Frees what is in it, and wipes it. */
void aws_credentials_release(struct aws_credentials *c);

/* So many letters of the alphabet behind the prefix; to be freed. */
char *aws_random_text(struct world *w, const char *prefix, const char *alphabet, size_t n);

#endif
