#include "agent/update_file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#define NAME_BYTES 10
#define BLANKS     " \t\r\n\v\f"

static char *path_of(const struct update_file *f, const char *name)
{
    return *f->dir ? xasprintf("%s/%s", f->dir, name) : xstrdup(name);
}

static void forget(struct update_file *f)
{
    EVP_MD_CTX_free(f->hash);
    free(f->dir);
    free(f->name);
    *f = (struct update_file){0};
}

int update_file_open(struct update_file *f, const char *dir, struct err *e)
{
    unsigned char random[NAME_BYTES];
    char name[2 * NAME_BYTES + 1];
    _cleanup_free_ char *path = NULL;

    io_random(random, sizeof(random));
    str_hex(random, sizeof(random), name);
    *f = (struct update_file){.dir = xstrdup(dir), .name = xasprintf("%s.ecs-update.tar", name)};
    path = path_of(f, f->name);
    f->fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    f->hash = f->fd < 0 ? NULL : EVP_MD_CTX_new();
    if (f->fd < 0) {
        err_sys(e, errno, "%s", path);
    } else if (!f->hash || !EVP_DigestInit_ex(f->hash, EVP_sha256(), NULL)) {
        err_set(e, ERR_INTERNAL, "no SHA-256");
        close(f->fd);
        unlink(path);
    } else {
        return 0;
    }
    forget(f);
    return -1;
}

int update_file_write(struct update_file *f, const void *p, size_t n, struct err *e)
{
    if ((int64_t)n > UPDATE_FILE_MAX - f->size)
        return err_set(e, ERR_LIMIT, "the image is larger than %lld bytes", UPDATE_FILE_MAX);
    if (io_write_all(f->fd, p, n, e) < 0)
        return err_wrap(e, "%s", f->name);
    if (!EVP_DigestUpdate(f->hash, p, n))
        return err_set(e, ERR_INTERNAL, "SHA-256");
    f->size += (int64_t)n;
    return 0;
}

/* Whether the text between the blanks of signature is the hash of what came. */
static bool fits(struct update_file *f, const char *signature)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned int n = 0;
    size_t len;

    if (!EVP_DigestFinal_ex(f->hash, digest, &n))
        return false;
    str_hex(digest, n, text);
    signature += strspn(signature, BLANKS);
    len = strlen(signature);
    while (len && strchr(BLANKS, signature[len - 1]))
        len--;
    return len == strlen(text) && memcmp(signature, text, len) == 0;
}

/* The name that desired-image holds now: that file is nobody's any more once it names another.
 * NULL: none of ours. */
static char *former(const char *desired)
{
    _cleanup_buf_ struct buf text = BUF_INIT(4096);
    _cleanup_free_ char *name = NULL;

    if (io_read_file(desired, &text, NULL) < 0)
        return NULL;
    name = xstrndup(buf_str(&text), strcspn(buf_str(&text), "\n"));
    return strchr(name, '/') || !str_ends(name, ".ecs-update.tar") ? NULL : steal_ptr(&name);
}

int update_file_finish(struct update_file *f, const char *signature, struct err *e)
{
    _cleanup_free_ char *desired = path_of(f, "desired-image"), *line = NULL, *old = NULL;

    if (!fits(f, signature)) {
        update_file_abort(f);
        return err_set(e, ERR_PEER, "Hashsum validation failed");
    }
    old = former(desired);
    line = xasprintf("%s\n", f->name);
    if (fsync(f->fd) < 0) {
        err_sys(e, errno, "%s", f->name);
        update_file_abort(f);
        return -1;
    }
    if (io_write_file(desired, line, strlen(line), 0644, e) < 0) {
        update_file_abort(f);
        return -1;
    }
    if (old && !str_eq(old, f->name)) {
        _cleanup_free_ char *path = path_of(f, old);

        unlink(path);
    }
    close(f->fd);
    forget(f);
    return 0;
}

void update_file_abort(struct update_file *f)
{
    _cleanup_free_ char *path = f->name ? path_of(f, f->name) : NULL;

    if (!path)
        return;
    close(f->fd);
    unlink(path);
    forget(f);
}
