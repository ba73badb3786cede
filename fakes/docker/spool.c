#include "fakes/docker/spool.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "fakes/docker/tarball.h"

#define PIECE (32u << 10)
/* net/http counts what fits into its buffer. */
#define COUNTED_MAX 2048

struct spool {
    int file;
    int64_t n;
};

static void spool_free(void *data)
{
    struct spool *s = data;

    if (!s)
        return;
    cleanup_closep(&s->file);
    free(s);
}

/* --- requests ----------------------------------------------------------------------------- */

static int on_body(struct exchange *x, const char *p, size_t n)
{
    struct spool *s = x->data;

    s->n += (int64_t)n;
    if (s->file < 0 || s->n > SPOOL_MAX)
        return -1;
    return io_write_all(s->file, p, n, NULL);
}

void spool_begin(struct exchange *x)
{
    struct spool *s = new0(struct spool);

    s->file = tar_temporary(NULL);
    x->data = s;
    x->free_data = spool_free;
    x->on_body = on_body;
}

int spool_body(struct exchange *x)
{
    const struct spool *s = x->on_body == on_body ? x->data : NULL;

    return s && s->file >= 0 && lseek(s->file, 0, SEEK_SET) == 0 ? s->file : -1;
}

/* --- answers ------------------------------------------------------------------------------ */

static void send_more(struct exchange *x)
{
    struct spool *s = x->data;
    char *piece = xmalloc(PIECE);
    ssize_t n = 1;

    while (n > 0 && exchange_queued(x) < EXCHANGE_HIGH) {
        n = read(s->file, piece, PIECE);
        if (n < 0 && errno == EINTR)
            n = 1;
        else if (n > 0)
            exchange_write(x, piece, (size_t)n);
    }
    free(piece);
    if (n > 0)
        return;
    x->on_drain = NULL;
    exchange_end(x);
}

void spool_send(struct exchange *x, int file, int status)
{
    struct spool *s = new0(struct spool);
    struct stat st;

    s->file = file;
    lseek(file, 0, SEEK_SET);
    if (x->free_data)
        x->free_data(x->data);
    x->data = s;
    x->free_data = spool_free;
    x->on_drain = send_more;
    exchange_begin(x, status, NULL,
                   fstat(file, &st) == 0 && st.st_size <= COUNTED_MAX ? st.st_size : -1);
    send_more(x);
}
