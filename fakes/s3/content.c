#include "fakes/s3/content.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/io.h"
#include "base/mem.h"

#define HUGE_PAGE  (2u << 20)
#define EXPECT_MAX (1u << 30) /* what is announced and taken at once; more comes in steps */

static void open_file(struct s3_blob *b)
{
    if (b->path && b->fd < 0)
        b->fd = open(b->path, O_RDONLY | O_CLOEXEC);
}

static void close_file(struct s3_blob *b)
{
    if (b->fd >= 0)
        close(b->fd);
    b->fd = -1;
}

void s3_blob_unref(struct s3_blob *b)
{
    if (!b)
        return;
    b->refs--;
    if (b->path && b->refs <= 1) /* only its object is left: nobody reads */
        close_file(b);
    if (b->refs)
        return;
    close_file(b);
    free(b->mem);
    free(b->path);
    free(b);
}

struct s3_blob *s3_blob_of_file(const char *path, uint64_t size)
{
    struct s3_blob *b = new0(struct s3_blob);

    *b = (struct s3_blob){.refs = 1, .size = size, .fd = -1, .path = xstrdup(path)};
    return b;
}

void s3_blob_moved(struct s3_blob *b, const char *path)
{
    free(b->path);
    b->path = xstrdup(path);
}

void s3_content_release(struct s3_content *c)
{
    for (size_t i = 0; i < c->n; i++)
        s3_blob_unref(c->pieces[i].blob);
    free(c->pieces);
    *c = (struct s3_content){0};
}

void s3_content_add(struct s3_content *c, struct s3_blob *b, uint64_t off, uint64_t len)
{
    if (!len)
        return;
    grow_array(c->pieces, c->n, c->cap);
    c->pieces[c->n++] = (struct s3_piece){b, off, len};
    c->size += len;
    b->refs++;
}

void s3_content_add_slice(struct s3_content *c, const struct s3_content *from, uint64_t off,
                          uint64_t len)
{
    for (size_t i = 0; i < from->n && len; i++) {
        const struct s3_piece *p = &from->pieces[i];

        if (off >= p->len) {
            off -= p->len;
            continue;
        }
        uint64_t part = p->len - off < len ? p->len - off : len;

        s3_content_add(c, p->blob, p->off + off, part);
        open_file(p->blob);
        len -= part;
        off = 0;
    }
}

size_t s3_content_at(const struct s3_content *c, uint64_t off, char *scratch, size_t room,
                     const char **ret_p)
{
    for (size_t i = 0; i < c->n; i++) {
        const struct s3_piece *p = &c->pieces[i];
        size_t n;
        ssize_t r;

        if (off >= p->len) {
            off -= p->len;
            continue;
        }
        n = p->len - off < room ? (size_t)(p->len - off) : room;
        if (p->blob->mem) {
            *ret_p = p->blob->mem + p->off + off;
            return n;
        }
        do
            r = pread(p->blob->fd, scratch, n, (off_t)(p->off + off));
        while (r < 0 && errno == EINTR);
        *ret_p = scratch;
        return r > 0 ? (size_t)r : 0;
    }
    return 0;
}

/* Hands all of it on in its order; -1 when a file cannot be read. */
static int each_piece(const struct s3_content *c, void (*add)(void *to, const void *p, size_t n),
                      void *to)
{
    size_t room = 64 << 10, n;
    char *scratch = xmalloc(room);
    struct s3_content whole = {0};
    uint64_t at = 0;
    const char *p;

    s3_content_add_slice(&whole, c, 0, c->size);
    for (; (n = s3_content_at(&whole, at, scratch, room, &p)) > 0; at += n)
        add(to, p, n);
    free(scratch);
    s3_content_release(&whole);
    return at == c->size ? 0 : -1;
}

static void add_digest(void *to, const void *p, size_t n)
{
    EVP_DigestUpdate(to, p, n);
}

int s3_content_md5(const struct s3_content *c, unsigned char out[16])
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    int r;

    EVP_DigestInit_ex(md, EVP_md5(), NULL);
    r = each_piece(c, add_digest, md);
    EVP_DigestFinal_ex(md, out, NULL);
    EVP_MD_CTX_free(md);
    return r;
}

static void add_checksum(void *to, const void *p, size_t n)
{
    s3_checksum_add(to, p, n);
}

int s3_content_checksum(const struct s3_content *c, enum s3_checksum_kind kind,
                        char out[S3_CHECKSUM_TEXT])
{
    struct s3_checksum sum;
    int r;

    s3_checksum_init(&sum, kind);
    r = each_piece(c, add_checksum, &sum);
    s3_checksum_text(&sum, out);
    s3_checksum_release(&sum);
    return r;
}

void s3_sink_init(struct s3_sink *s, uint64_t max, const char *folder, uint64_t spill_over)
{
    *s = (struct s3_sink){.fd = -1, .max = max, .folder = folder, .spill_over = spill_over};
    buf_init(&s->mem, (size_t)max);
}

void s3_sink_release(struct s3_sink *s)
{
    buf_release(&s->mem);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
    EVP_MD_CTX_free(s->md5);
    EVP_MD_CTX_free(s->sha256);
    s->md5 = s->sha256 = NULL;
    s3_checksum_release(&s->checksum);
}

static void *md_new(const EVP_MD *md)
{
    EVP_MD_CTX *c = EVP_MD_CTX_new();

    EVP_DigestInit_ex(c, md, NULL);
    return c;
}

void s3_sink_hash(struct s3_sink *s, bool md5, bool sha256)
{
    if (md5)
        s->md5 = md_new(EVP_md5());
    if (sha256)
        s->sha256 = md_new(EVP_sha256());
}

/* Moves what is in memory to a file without a name. */
static int spill(struct s3_sink *s)
{
    s->fd = open(s->folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (s->fd < 0 || io_write_all(s->fd, buf_str(&s->mem), buf_len(&s->mem), NULL) < 0)
        return -1;
    buf_release(&s->mem);
    return 0;
}

/* A large body is written once from its beginning to its end: with small pages most of the time
 * would go into making them. */
static void ask_huge_pages(struct buf *b)
{
    uintptr_t from = ((uintptr_t)b->mem + HUGE_PAGE - 1) & ~(uintptr_t)(HUGE_PAGE - 1);
    uintptr_t end = ((uintptr_t)b->mem + b->room) & ~(uintptr_t)(HUGE_PAGE - 1);

    if (end > from)
        madvise((void *)from, end - from, MADV_HUGEPAGE); /* a kernel without them does without */
}

void s3_sink_expect(struct s3_sink *s, uint64_t n)
{
    if (n < 2 * HUGE_PAGE || n > s->max || (s->folder && n > s->spill_over))
        return;
    buf_reserve(&s->mem, n < EXPECT_MAX ? (size_t)n : EXPECT_MAX);
    ask_huge_pages(&s->mem);
}

static int keep(struct s3_sink *s, const char *p, size_t n)
{
    size_t room = s->mem.room;

    if (s->fd < 0 && s->folder && s->size + n > s->spill_over && spill(s) < 0)
        return -1;
    if (s->fd >= 0)
        return io_write_all(s->fd, p, n, NULL);
    if (!buf_reserve(&s->mem, n))
        return -1;
    if (s->mem.room != room && s->mem.room >= 2 * HUGE_PAGE)
        ask_huge_pages(&s->mem);
    return buf_add(&s->mem, p, n);
}

int s3_sink_add(struct s3_sink *s, const char *p, size_t n)
{
    if (s->full || s->failed)
        return -1;
    if (n > s->max - s->size) {
        s->full = true;
        buf_release(&s->mem);
        return -1;
    }
    if (keep(s, p, n) < 0) {
        s->failed = true;
        buf_release(&s->mem);
        return -1;
    }
    s->size += n;
    if (s->md5)
        EVP_DigestUpdate(s->md5, p, n);
    if (s->sha256)
        EVP_DigestUpdate(s->sha256, p, n);
    s3_checksum_add(&s->checksum, p, n);
    return 0;
}

void s3_sink_md5(struct s3_sink *s, unsigned char out[16])
{
    EVP_DigestFinal_ex(s->md5, out, NULL);
}

void s3_sink_sha256(struct s3_sink *s, unsigned char out[32])
{
    EVP_DigestFinal_ex(s->sha256, out, NULL);
}

struct s3_blob *s3_sink_take(struct s3_sink *s)
{
    struct s3_blob *b = new0(struct s3_blob);

    b->refs = 1;
    b->size = s->size;
    b->fd = s->fd;
    s->fd = -1;
    if (b->fd < 0) {
        b->mem = buf_steal(&s->mem, NULL);
        b->mem = xrealloc(b->mem, b->size + 1);
    }
    return b;
}
