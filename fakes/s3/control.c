#include "fakes/s3/control.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "fakes/s3/folder.h"
#include "fakes/s3/store.h"

static struct s3_bucket *need_bucket(struct s3 *s, const char *name, struct err *e)
{
    struct s3_bucket *b = s3_bucket_find(s, name);

    if (b)
        return b;
    if (!s3_bucket_name_ok(name)) {
        err_set(e, ERR_USAGE, "%s is no name for a bucket (3 to 63 of a-z 0-9 . -)", name);
        return NULL;
    }
    return s3_keep_bucket(s, name, s->fake.world->id.region, e);
}

static int set_bucket(struct s3 *s, const json_t *args, struct err *e)
{
    const char *name, *region = json_str(args, "region");
    const char *encryption = json_str(args, "encryption");
    const json_t *public = json_object_get(args, "public");
    struct s3_bucket *b;

    if (json_need_str(args, "name", &name, e) < 0 || !(b = need_bucket(s, name, e)))
        return -1;
    if (encryption && !s3_encryption_ok(encryption))
        return err_set(e, ERR_USAGE, "encryption is AES256 or aws:kms, not %s", encryption);
    if (public) /* a step of a scenario says it as a text */
        b->public = json_is_true(public) || str_eq(json_string_value(public), "true");
    if (encryption)
        b->kms = !str_eq(encryption, "AES256");
    if (region) {
        free(b->region);
        b->region = xstrdup(region);
    }
    return 0;
}

/* Splits "bucket/key"; *ret_key points into name, the bucket is to be freed. NULL: it is none. */
static char *split(const char *name, const char **ret_key, struct err *e)
{
    const char *slash = strchr(name, '/');

    if (!slash || slash == name || !slash[1] || strlen(slash + 1) > S3_KEY_MAX) {
        err_set(e, ERR_USAGE, "name is bucket/key, not %.100s", name);
        return NULL;
    }
    *ret_key = slash + 1;
    return xstrndup(name, (size_t)(slash - name));
}

/* The bytes that body or body_base64 stand for. */
static int read_body(const json_t *args, struct buf *out, struct err *e)
{
    const json_t *body = json_object_get(args, "body");
    const char *base64 = json_str(args, "body_base64");

    if (base64)
        return str_unbase64(out, base64, strlen(base64)) < 0
                   ? err_set(e, ERR_USAGE, "body_base64 is no base64, or too large")
                   : 0;
    if (!body)
        return err_set(e, ERR_USAGE, "body or body_base64 is missing: the content of the object");
    if (json_is_string(body) ? buf_add(out, json_string_value(body), json_string_length(body)) < 0
                             : json_write(out, body) < 0)
        return err_set(e, ERR_LIMIT, "the body is too large");
    return 0;
}

static void set_headers(struct s3_object *o, const json_t *args)
{
    const char *type = json_str(args, "content-type"), *key;
    json_t *metadata = json_object_get(args, "metadata"), *v;

    if (type)
        s3_headers_add(&o->headers, "Content-Type", type);
    json_object_foreach (metadata, key, v) {
        char *name = xasprintf("x-amz-meta-%s", key);

        if (json_is_string(v))
            s3_headers_add(&o->headers, name, json_string_value(v));
        free(name);
    }
}

static int set_object(struct s3 *s, const json_t *args, struct err *e)
{
    struct s3_sink sink;
    struct buf body = BUF_INIT(S3_OBJECT_MAX);
    struct s3_bucket *b;
    struct s3_object *o;
    struct s3_blob *blob;
    unsigned char md5[16];
    const char *name, *key;
    char *bucket;

    if (json_need_str(args, "name", &name, e) < 0 || !(bucket = split(name, &key, e)))
        return -1;
    b = need_bucket(s, bucket, e);
    free(bucket);
    if (!b || read_body(args, &body, e) < 0) {
        buf_release(&body);
        return -1;
    }
    s3_sink_init(&sink, S3_OBJECT_MAX, NULL, 0);
    s3_sink_hash(&sink, true, false);
    s3_sink_add(&sink, buf_str(&body), buf_len(&body));
    s3_sink_md5(&sink, md5);
    blob = s3_sink_take(&sink);
    o = s3_object_new(key, loop_wall(fake_loop(&s->fake)));
    s3_content_add(&o->content, blob, 0, blob->size);
    str_hex(md5, sizeof(md5), o->etag);
    set_headers(o, args);
    s3_blob_unref(blob);
    s3_sink_release(&sink);
    buf_release(&body);
    return s3_keep_object(s, b, o, e);
}

static int remove_object(struct s3 *s, const json_t *args, struct err *e)
{
    struct s3_bucket *b;
    const char *name, *key;
    char *bucket;

    if (json_need_str(args, "name", &name, e) < 0 || !(bucket = split(name, &key, e)))
        return -1;
    b = s3_bucket_find(s, bucket);
    free(bucket);
    return b ? s3_drop_object(s, b, key, e)
             : err_set(e, ERR_NOT_FOUND, "there is no object %s", name);
}

static int set_folder(struct s3 *s, const json_t *args, struct err *e)
{
    const char *name;

    return json_need_str(args, "name", &name, e) < 0 ? -1 : s3_folder_open(s, name, e);
}

static int set_spill(struct s3 *s, const json_t *args, struct err *e)
{
    int64_t over = json_int(args, "over", S3_SPILL_OVER);
    const char *folder;
    struct stat st;

    if (json_need_str(args, "folder", &folder, e) < 0)
        return -1;
    if (stat(folder, &st) < 0 || !S_ISDIR(st.st_mode))
        return err_set(e, ERR_USAGE, "%s is no folder", folder);
    if (over < 0)
        return err_set(e, ERR_USAGE, "over is a number of bytes");
    free(s->spill_folder);
    s->spill_folder = xstrdup(folder);
    s->spill_over = (uint64_t)over;
    return 0;
}

int s3_control(struct fake *f, const char *command, const json_t *args, json_t **ret, struct err *e)
{
    static const struct {
        const char *name;
        int (*run)(struct s3 *s, const json_t *args, struct err *e);
    } commands[] = {
        {"bucket", set_bucket}, {"object", set_object}, {"unobject", remove_object},
        {"folder", set_folder}, {"spill", set_spill},
    };
    const char *names[ARRAY_SIZE(commands)], *near;

    (void)ret;
    for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (str_eq(commands[i].name, command))
            return commands[i].run((struct s3 *)f, args, e);
        names[i] = commands[i].name;
    }
    near = str_nearest(command, names, ARRAY_SIZE(names));
    return err_set(e, ERR_USAGE, "s3 knows no command %s%s%s", command,
                   near ? "; did you mean " : "", near ? near : "");
}
