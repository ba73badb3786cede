#include "fakes/credfetch/lease.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

void leases_init(struct leases *l, const char *dir, bool files)
{
    list_init(&l->all);
    l->n = 0;
    l->dir = xstrdup(dir);
    l->files = files;
}

static void ticket_release(struct ticket *t)
{
    free(t->folder);
    free(t->account);
    free(t->domain);
    free(t->user);
    free(t->spec_arn);
}

void lease_remove(struct leases *l, struct lease *one)
{
    _cleanup_free_ char *folder = xasprintf("%s/%s", l->dir, one->id);

    if (l->files)
        io_remove_tree(folder, NULL); /* what stays behind lies in the scenario's own folder */
    for (size_t i = 0; i < one->n; i++)
        ticket_release(&one->tickets[i]);
    list_del(&one->link);
    l->n--;
    free(one->id);
    free(one);
}

void leases_clear(struct leases *l)
{
    while (!list_empty(&l->all))
        lease_remove(l, container_of(l->all.next, struct lease, link));
}

void leases_release(struct leases *l)
{
    leases_clear(l);
    free(l->dir);
    l->dir = NULL;
}

struct lease *lease_find(const struct leases *l, const char *id)
{
    struct list *pos;

    list_for_each (pos, &l->all) {
        struct lease *one = container_of(pos, struct lease, link);

        if (str_eq(one->id, id))
            return one;
    }
    return NULL;
}

struct lease *lease_add(struct leases *l, const char *id)
{
    struct lease *one;

    if (l->n == LEASES_MAX)
        return NULL;
    one = new0(struct lease);
    one->id = xstrdup(id);
    list_add_tail(&l->all, &one->link);
    l->n++;
    return one;
}

struct ticket *lease_find_ticket(struct lease *one, const char *folder)
{
    for (size_t i = 0; i < one->n; i++)
        if (str_eq(one->tickets[i].folder, folder))
            return &one->tickets[i];
    return NULL;
}

/* ---- files ---- */

static void counted(struct buf *b, const char *s, size_t n)
{
    const char size[4] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};

    buf_add(b, size, sizeof(size));
    buf_add(b, s, n);
}

/* Version 4, no header fields, and the principal ACCOUNT$@DOMAIN as its owner. */
static int write_cache(const struct ticket *t, struct err *e)
{
    static const char start[] = {5, 4, 0, 0, /* type of the name */ 0, 0, 0, 1, /* parts */ 0,
                                 0, 0, 1};
    _cleanup_free_ char *path = xasprintf("%s/" LEASE_CACHE, t->folder);
    _cleanup_free_ char *name = xasprintf("%s$", t->account);
    _cleanup_free_ char *realm = xstrdup(t->domain);
    _cleanup_buf_ struct buf b = BUF_INIT(4096);

    for (char *p = realm; *p; p++)
        *p = (char)toupper((unsigned char)*p);
    buf_add(&b, start, sizeof(start));
    counted(&b, realm, strlen(realm));
    counted(&b, name, strlen(name));
    return io_mkdirs(t->folder, 0755, e) < 0
               ? -1
               : io_write_file(path, buf_str(&b), buf_len(&b), 0644, e);
}

struct ticket *lease_ticket(struct leases *l, struct lease *one, const char *path,
                            const struct ticket *like, struct err *e)
{
    struct ticket *t;

    if (one->n == LEASE_TICKETS_MAX) {
        err_set(e, ERR_LIMIT, "too many tickets");
        return NULL;
    }
    t = &one->tickets[one->n];
    *t = (struct ticket){
        .folder = xasprintf("%s/%s", l->dir, path),
        .account = xstrdup(like->account),
        .domain = xstrdup(like->domain),
        .user = xstrdup(like->user ? like->user : ""),
        .spec_arn = xstrdup(like->spec_arn),
    };
    if (l->files && write_cache(t, e) < 0) {
        ticket_release(t);
        return NULL;
    }
    one->n++;
    return t;
}
