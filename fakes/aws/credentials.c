#include "fakes/aws/credentials.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

#define TEXT_MAX 4096

char *aws_random_text(struct world *w, const char *prefix, const char *alphabet, size_t n)
{
    struct buf b = BUF_INIT(TEXT_MAX);
    size_t letters = strlen(alphabet);

    buf_adds(&b, prefix);
    for (size_t i = 0; i < n; i++)
        buf_addc(&b, alphabet[fault_table_random(&w->faults, letters)]);
    return buf_steal(&b, NULL);
}

void aws_credentials_make(struct world *w, struct aws_credentials *ret)
{
    static const char upper[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    ret->access_key = aws_random_text(w, "ASIA", upper, 16);
    ret->secret_key = aws_random_text(w, "", base64, 40);
    ret->token = aws_random_text(w, "IQoJb3JpZ2luX2Vj", base64, 344);
}

static void wipe(char **s)
{
    if (*s)
        explicit_bzero(*s, strlen(*s));
    free(*s);
    *s = NULL;
}

void aws_credentials_release(struct aws_credentials *c)
{
    free(c->access_key);
    c->access_key = NULL;
    wipe(&c->secret_key);
    wipe(&c->token);
}
