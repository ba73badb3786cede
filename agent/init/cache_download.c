/* The image of the package from S3, for cache.h. */
#include "agent/init/cache.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/imds.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"
#include "proto/limits.h"

#define BUCKET         "amazon-ecs-agent"
#define DEFAULT_REGION "us-east-1"
#define MD5_MAX        256
#define MD5_TIMEOUT    (5 * NS_PER_S)
#define TAR_TIMEOUT    (600 * NS_PER_S)

#ifdef __aarch64__
#define NAME "ecs-agent-arm64-v" ECSIM_VERSION ".tar"
#else
#define NAME "ecs-agent-v" ECSIM_VERSION ".tar"
#endif

struct download {
    struct init *in;
    agent_image_fn done;
    void *user;
    struct imds *imds;
    char *region;
    bool regional; /* the second bucket */
    char *md5;
    char *temp; /* path of what comes; NULL: nothing does */
    int fd;
    int64_t size;
    EVP_MD_CTX *hash;
    struct err failed;
};

static void ask_md5(struct download *d);

static void drop_temp(struct download *d)
{
    if (!d->temp)
        return;
    close(d->fd);
    unlink(d->temp);
    free(d->temp);
    d->temp = NULL;
}

static void finish(struct download *d, const char *error)
{
    drop_temp(d);
    EVP_MD_CTX_free(d->hash);
    imds_free(d->imds);
    d->done(d->in, error, d->user);
    free(d->region);
    free(d->md5);
    free(d);
}

/* This bucket does not do. */
static void next_bucket(struct download *d, const char *why)
{
    _cleanup_free_ char *error = xstrdup(why);

    drop_temp(d);
    log_event(&d->in->log, LOG_WARN, "The image of the agent cannot be downloaded", "bucket",
              d->regional ? BUCKET "-<region>" : BUCKET, "error", error, NULL);
    if (d->regional) {
        finish(d, error);
        return;
    }
    d->regional = true;
    ask_md5(d);
}

static const char *partition_region(const char *region)
{
    static const char *const all[][2] = {{"cn-", "cn-north-1"},
                                         {"us-gov-", "us-gov-west-1"},
                                         {"us-isob-", "us-isob-east-1"},
                                         {"us-iso-", "us-iso-east-1"}};

    for (size_t i = 0; i < ARRAY_SIZE(all); i++)
        if (str_starts(region, all[i][0]))
            return all[i][1];
    return DEFAULT_REGION;
}

static int get(struct download *d, const char *suffix, const struct http_call *like, struct err *e)
{
    const char *base = init_env(d->in, "ECSIM_INIT_S3");
    const char *region = d->regional ? d->region : partition_region(d->region);
    _cleanup_buf_ struct buf url = BUF_INIT(8192);
    struct http_call call = *like;

    if (*base)
        buf_addf(&url, "%s/", base);
    else
        buf_addf(&url, "https://s3.%s.%s/", region, arn_dns_suffix_of_region(region));
    buf_addf(&url, BUCKET "%s%s/" NAME "%s", d->regional ? "-" : "", d->regional ? d->region : "",
             suffix);
    call.method = "GET";
    call.url = buf_str(&url);
    call.user = d;
    return http_start(d->in->http, &call, e) ? 0 : -1;
}

/* --- the image -------------------------------------------------------------------------------- */

static int on_data(struct http_request *r, const char *p, size_t n, void *user)
{
    struct download *d = user;

    (void)r;
    d->size += (int64_t)n;
    if (d->size > AGENT_IMAGE_MAX)
        return err_set(&d->failed, ERR_LIMIT, "the image is larger than 1 GiB");
    EVP_DigestUpdate(d->hash, p, n);
    return io_write_all(d->fd, p, n, &d->failed);
}

static bool fits(struct download *d)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char text[2 * EVP_MAX_MD_SIZE + 1] = "";
    unsigned int n = 0;

    EVP_DigestFinal_ex(d->hash, digest, &n);
    str_hex(digest, n, text);
    return str_eq(text, d->md5);
}

static void on_tar(const struct http_result *r, void *user)
{
    struct download *d = user;
    struct err e = d->failed.code != ERR_NONE ? d->failed : r->error;

    if (e.code == ERR_NONE && r->status != 200)
        err_set(&e, ERR_PEER, "status %d instead of the image", r->status);
    if (e.code == ERR_NONE && !fits(d))
        err_set(&e, ERR_PEER, "the MD5 of the image is another than was published");
    if (e.code == ERR_NONE && (fsync(d->fd) < 0 || rename(d->temp, CACHE_TARBALL) < 0))
        err_sys(&e, errno, "%s", CACHE_TARBALL);
    if (e.code != ERR_NONE) {
        next_bucket(d, e.text);
        return;
    }
    log_event(&d->in->log, LOG_INFO, "The image of the agent is downloaded", "file", CACHE_TARBALL,
              NULL);
    finish(d, NULL);
}

static int open_temp(struct download *d, struct err *e)
{
    d->temp = xstrdup(CACHE_TARBALL ".XXXXXX");
    d->fd = mkostemp(d->temp, O_CLOEXEC);
    d->size = 0;
    d->failed = (struct err)ERR_INIT;
    if (d->fd < 0) {
        err_sys(e, errno, "%s", d->temp);
        free(d->temp);
        d->temp = NULL;
        return -1;
    }
    EVP_DigestInit_ex(d->hash, EVP_md5(), NULL);
    return 0;
}

static void on_md5(const struct http_result *r, void *user)
{
    static const struct http_call call = {.timeout = TAR_TIMEOUT, .data = on_data, .done = on_tar};
    struct download *d = user;
    struct err e = r->error;

    free(d->md5);
    d->md5 = e.code == ERR_NONE && r->status == 200 ? cache_md5_of(r->body) : NULL;
    if (e.code == ERR_NONE && !d->md5)
        err_set(&e, ERR_PEER, "status %d instead of the checksum", r->status);
    if (!d->md5 || open_temp(d, &e) < 0 || get(d, "", &call, &e) < 0)
        next_bucket(d, e.text);
}

static void ask_md5(struct download *d)
{
    static const struct http_call call = {
        .timeout = MD5_TIMEOUT, .max_body = MD5_MAX, .done = on_md5};
    struct err e = ERR_INIT;

    if (get(d, ".md5", &call, &e) < 0)
        next_bucket(d, e.text);
}

/* --- where we are ----------------------------------------------------------------------------- */

static void on_region(const char *body, const struct err *e, void *user)
{
    struct download *d = user;

    (void)e;
    d->region = xstrdup(body && *body ? body : DEFAULT_REGION);
    ask_md5(d);
}

void cache_download(struct init *in, agent_image_fn done, void *user)
{
    struct download *d = new0(struct download);
    const char *region = init_env(in, "AWS_DEFAULT_REGION");
    bool external = init_env_true(in, "ECS_EXTERNAL");

    *d = (struct download){.in = in, .done = done, .user = user, .fd = -1};
    d->hash = EVP_MD_CTX_new();
    log_event(&in->log, LOG_INFO, "There is no cached image of the agent: it is downloaded", NULL);
    if (external && !*region)
        log_event(&in->log, LOG_WARN,
                  "AWS_DEFAULT_REGION is not set, and there is no instance metadata to ask",
                  "region", DEFAULT_REGION, NULL);
    if (*region || external) {
        d->region = xstrdup(*region ? region : DEFAULT_REGION);
        ask_md5(d);
        return;
    }
    d->imds = imds_new(&in->loop, in->http, IMDS_ENDPOINT, false);
    imds_get(d->imds, "meta-data/placement/region", on_region, d);
}
