/* The fake: calls from their first header to their answer. */
#include "fakes/s3/s3.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/keyring.h"
#include "fakes/s3/call.h"
#include "fakes/s3/control.h"
#include "fakes/s3/folder.h"

static int s3_init(struct fake *f, struct err *e)
{
    struct s3 *s = (struct s3 *)f;

    map_init(&s->buckets);
    s->spill_over = S3_SPILL_OVER;
    return keyring_of(f->world, e) ? 0 : -1;
}

/* A folder for large bodies stays: it belongs to the process, not to the state. */
static void forget(struct s3 *s)
{
    const char *name;
    void *b;

    for (size_t i = 0; map_next(&s->buckets, &i, &name, &b);)
        s3_bucket_remove(s, b);
}

/* What is in a folder is there again. */
static void s3_reset(struct fake *f)
{
    struct s3 *s = (struct s3 *)f;
    struct err e = ERR_INIT;

    forget(s);
    if (s->folder && s3_folder_load(s, &e) < 0)
        journal_note(fake_journal(f), f->ops->name, "%s", e.text);
}

static void s3_release(struct fake *f)
{
    struct s3 *s = (struct s3 *)f;

    forget(s);
    map_release(&s->buckets);
    s3_folder_close(s->folder);
    s->folder = NULL;
    free(s->spill_folder);
    s->spill_folder = NULL;
}

static void free_call(void *data)
{
    struct s3_call *c = data;

    free(c->bucket_name);
    free(c->key);
    free(c->scratch);
    s3_error_release(&c->error);
    sigv4_release(&c->sig);
    s3_sink_release(&c->sink);
    if (c->is_chunked)
        aws_chunked_release(&c->chunked);
    s3_content_release(&c->sending);
    free(c);
}

/* What needs no body to be wrong. */
static int check_early(struct s3_call *c)
{
    const struct s3_bucket *b = c->bucket_name ? s3_bucket_find(c->s3, c->bucket_name) : NULL;
    char size[24];

    if (c->error.code || !c->op)
        return -1;
    if (c->key && strlen(c->key) > S3_KEY_MAX) {
        snprintf(size, sizeof(size), "%zu", strlen(c->key));
        return s3_fail(c, "KeyTooLongError", "Size", size, "MaxSizeAllowed", "1024", NULL);
    }
    if (!b && !(c->op->flags & S3_NO_BUCKET))
        return s3_fail(c, "NoSuchBucket", "BucketName", c->bucket_name, NULL);
    return s3_check_asked(c);
}

static void s3_begin(struct fake *f, struct exchange *x)
{
    struct s3_call *c = new0(struct s3_call);

    c->s3 = (struct s3 *)f;
    c->x = x;
    c->sink.fd = -1;
    buf_init(&c->error.members, S3_ERROR_MEMBERS_MAX);
    x->data = c;
    x->free_data = free_call;
    x->on_body = s3_call_body_add;
    if (s3_call_address(c) == 0) {
        s3_call_find_op(c);
        s3_call_authorize(c);
        check_early(c);
    }
    s3_call_body_begin(c);
    x->decided = c->error.code != NULL;
}

/* What the journal shows of a body that was taken as it came. */
static void show_body(struct exchange *x, const struct s3_call *c)
{
    if (!c->sink.size || c->sink.fd >= 0)
        return;
    if (c->sink.size <= JOURNAL_BODY_MAX)
        buf_add(&x->body, buf_str(&c->sink.mem), buf_len(&c->sink.mem));
    else
        json_put_int(x->extra, "bytes", (int64_t)c->sink.size);
}

static void s3_classify(struct fake *f, struct exchange *x)
{
    struct s3_call *c = x->data;

    (void)f;
    x->extra = json_object();
    json_put_str(x->extra, "bucket", c->bucket_name);
    json_put_str(x->extra, "key", c->key);
    if (c->key)
        x->what = xasprintf("%s /%s/%s", x->method, c->bucket_name, c->key);
    else
        x->what = xasprintf("%s /%s", x->method, c->bucket_name ? c->bucket_name : "");
    if (c->op) {
        x->group = c->op->group;
        json_put_str(x->extra, "operation", c->op->name);
    }
    show_body(x, c);
}

static int run(struct s3_call *c)
{
    if (s3_call_body_end(c) < 0)
        return -1;
    if (c->bucket_name)
        c->bucket = s3_bucket_find(c->s3, c->bucket_name);
    if (!c->bucket && !(c->op->flags & S3_NO_BUCKET))
        return s3_fail(c, "NoSuchBucket", "BucketName", c->bucket_name, NULL);
    return c->op->run(c);
}

/* An answer about a bucket tells its region even to who may not see it: that is how clients
 * find out where it is. */
static void tell_region(const struct s3_call *c)
{
    const struct s3_bucket *b = c->bucket_name ? s3_bucket_find(c->s3, c->bucket_name) : NULL;

    if (b && (c->level == S3_BUCKET || c->sig.wrong == SIGV4_SCOPE_REGION))
        exchange_set_header(c->x, "x-amz-bucket-region", b->region);
}

static void s3_handle(struct fake *f, struct exchange *x)
{
    struct s3_call *c = x->data;

    (void)f;
    if (run(c) == 0)
        return;
    tell_region(c);
    s3_error_answer(x, &c->error);
}

static void s3_refuse(struct fake *f, struct exchange *x, int status, const char *type,
                      const char *message)
{
    struct s3_call *c = x->data;

    (void)f;
    s3_error_release(&c->error);
    buf_init(&c->error.members, S3_ERROR_MEMBERS_MAX);
    c->error.code = NULL;
    c->error.message = NULL;
    if (!type)
        type = status == 404 && !c->key ? "NoSuchBucket" : s3_error_code(status);
    s3_fail(c, type, "Key", str_eq(type, "NoSuchKey") ? c->key : NULL, "BucketName",
            str_eq(type, "NoSuchBucket") ? c->bucket_name : NULL, NULL);
    c->error.message = xstrdup(message);
    c->error.status = status;
    tell_region(c);
    s3_error_answer(x, &c->error);
}

static void s3_pending(struct fake *f, struct buf *out)
{
    struct s3 *s = (struct s3 *)f;

    if (s->n_uploads)
        buf_addf(out, "s3: %zu multipart uploads are not completed\n", s->n_uploads);
}

static const char *const groups[] = {"read", "write", NULL};

const struct fake_ops s3_ops = {
    .name = "s3",
    .doc = "S3: buckets and objects, path and virtual-host style",
    .size = sizeof(struct s3),
    .init = s3_init,
    .reset = s3_reset,
    .release = s3_release,
    .begin = s3_begin,
    .classify = s3_classify,
    .handle = s3_handle,
    .refuse = s3_refuse,
    .control = s3_control,
    .pending = s3_pending,
    .operations = s3_operations,
    .groups = groups,
};
