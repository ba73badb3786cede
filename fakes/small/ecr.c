/* call.h: ECR: the token that a registry wants, repositories, images. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"
#include "fakes/aws/sigv4.h"
#include "fakes/aws/shape_table.h"
#include "fakes/small/call.h"

#define TOKEN_NS      (12 * 3600 * NS_PER_S)
#define MANIFEST_TYPE "application/vnd.docker.distribution.manifest.v2+json"
#define IMAGES_MAX    10000

struct small_repository {
    char *name, *arn, *uri;
    int64_t created; /* wall */
    json_t *images;  /* list of {imageTag?, imageDigest, imageManifest, imageManifestMediaType,
                        pushed} */
};

static const struct small_service ecr = {"ecr", "AmazonEC2ContainerRegistry_V20150921", NULL,
                                         SMALL_JSON};

static void repository_free(struct small_repository *r)
{
    if (!r)
        return;
    free(r->name);
    free(r->arn);
    free(r->uri);
    json_decref(r->images);
    free(r);
}

void small_repositories_clear(struct small *s)
{
    void *v;

    for (size_t i = 0; map_next(&s->repositories, &i, NULL, &v);)
        repository_free(v);
    map_release(&s->repositories);
}

static json_t *time_of(int64_t wall)
{
    return json_real((double)(wall / NS_PER_MS) / 1000.0);
}

static struct small_repository *add(struct small *s, const char *name)
{
    const struct identity *id = &s->fake.world->id;
    struct small_repository *r;

    if (map_count(&s->repositories) >= SMALL_THINGS_MAX)
        return NULL;
    r = new0(struct small_repository);
    r->name = xstrdup(name);
    r->arn = small_arn(s, "ecr", "repository/%s", name);
    r->uri = xasprintf("%s.dkr.ecr.%s.amazonaws.com/%s", id->account, id->region, name);
    r->created = loop_wall(&s->fake.world->loop);
    r->images = json_array();
    map_set(&s->repositories, name, r);
    return r;
}

/* A tag moves to the newest image that has it. */
static json_t *add_image(struct small *s, struct small_repository *r, const char *tag,
                         const char *manifest, const char *type)
{
    json_t *o = json_object(), *old;
    char sha[65], digest[80];
    size_t i;

    sigv4_sha256_hex(manifest, strlen(manifest), sha);
    snprintf(digest, sizeof(digest), "sha256:%s", sha);
    json_array_foreach (r->images, i, old)
        if (tag && str_eq(json_str(old, "imageTag"), tag))
            json_object_del(old, "imageTag");
    json_put_str(o, "imageTag", tag);
    json_put_str(o, "imageDigest", digest);
    json_put_str(o, "imageManifest", manifest);
    json_put_str(o, "imageManifestMediaType", type ? type : MANIFEST_TYPE);
    json_put(o, "pushed", time_of(loop_wall(&s->fake.world->loop)));
    json_array_append_new(r->images, o);
    return o;
}

int small_repository_set(struct small *s, const char *name, const char *tag, struct err *e)
{
    struct small_repository *r = map_get(&s->repositories, name);
    _cleanup_free_ char *manifest = NULL;
    char sha[65];

    if (!r && !(r = add(s, name)))
        return err_set(e, ERR_LIMIT, "aws: there are too many repositories");
    if (!tag)
        tag = "latest";
    sigv4_sha256_hex(name, strlen(name), sha);
    manifest = xasprintf("{\"schemaVersion\":2,\"mediaType\":\"%s\",\"config\":{\"mediaType\":"
                         "\"application/vnd.docker.container.image.v1+json\",\"size\":1,\"digest\":"
                         "\"sha256:%s\"},\"layers\":[],\"annotations\":{\"tag\":\"%s\"}}",
                         MANIFEST_TYPE, sha, tag);
    add_image(s, r, tag, manifest, NULL);
    return 0;
}

/* --- the token ------------------------------------------------------------------------- */

static void get_token(struct small_call *c)
{
    const struct identity *id = &c->s->fake.world->id;
    int64_t now = loop_wall(&c->s->fake.world->loop);
    int64_t lifetime = c->s->token_lifetime ? c->s->token_lifetime : TOKEN_NS;
    json_t *ids = json_object_get(c->in, "registryIds"), *list, *v;
    _cleanup_free_ char *proxy = NULL, *plain = NULL;
    struct buf token = BUF_INIT(4096);
    char hex[129];
    size_t i;

    if (!small_allowed(c, "*"))
        return;
    world_hex(c->s->fake.world, 64, hex);
    plain = xasprintf("AWS:%s", c->s->token ? c->s->token : hex);
    str_base64(&token, plain, strlen(plain));
    journal_secret(&c->s->fake.world->journal, buf_str(&token));
    journal_secret(&c->s->fake.world->journal, plain + strlen("AWS:"));
    list = json_array();
    v = json_array_size(ids) ? NULL : json_string(id->account);
    for (i = 0; i < (v ? 1 : json_array_size(ids)); i++) {
        const char *registry = json_string_value(v ? v : json_array_get(ids, i));

        free(proxy);
        proxy = xasprintf("https://%s.dkr.ecr.%s.%s", registry, c->region,
                          arn_dns_suffix_of_region(c->region));
        json_array_append_new(list, json_pack("{s:s,s:o,s:s}", "authorizationToken",
                                              buf_str(&token), "expiresAt", time_of(now + lifetime),
                                              "proxyEndpoint", proxy));
    }
    json_decref(v);
    buf_release(&token);
    small_answer(c, json_pack("{s:o}", "authorizationData", list));
}

/* --- repositories ---------------------------------------------------------------------- */

static json_t *repository_json(const struct small *s, const struct small_repository *r)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:o,s:s,s:{s:b},s:{s:s}}", "repositoryArn", r->arn,
                     "registryId", s->fake.world->id.account, "repositoryName", r->name,
                     "repositoryUri", r->uri, "createdAt", time_of(r->created),
                     "imageTagMutability", "MUTABLE", "imageScanningConfiguration", "scanOnPush", 0,
                     "encryptionConfiguration", "encryptionType", "AES256");
}

/* The repository that is named, or NULL after the error. */
static struct small_repository *need_named(struct small_call *c, const char *name)
{
    struct small_repository *r = name ? map_get(&c->s->repositories, name) : NULL;
    _cleanup_free_ char *arn = small_arn(c->s, "ecr", "repository/%s", name ? name : "*");

    if (!small_allowed(c, arn))
        return NULL;
    if (!r)
        small_fail(c, 0, "RepositoryNotFoundException",
                   "The repository with name '%s' does not exist in the registry with id '%s'",
                   name ? name : "", c->s->fake.world->id.account);
    return r;
}

static struct small_repository *need(struct small_call *c)
{
    return need_named(c, json_str(c->in, "repositoryName"));
}

static void create(struct small_call *c)
{
    const char *name = json_str(c->in, "repositoryName");
    struct small_repository *r;

    if (!name || strlen(name) < 2 || strlen(name) > 256) {
        small_fail(c, 0, "InvalidParameterException",
                   "Invalid parameter at 'repositoryName' failed to satisfy constraint: 'must be 2 "
                   "to 256 characters long'");
        return;
    }
    if (map_get(&c->s->repositories, name)) {
        small_fail(c, 0, "RepositoryAlreadyExistsException",
                   "The repository with name '%s' already exists in the registry with id '%s'",
                   name, c->s->fake.world->id.account);
        return;
    }
    r = add(c->s, name);
    if (r)
        small_answer(c, json_pack("{s:o}", "repository", repository_json(c->s, r)));
    else
        small_fail(c, 0, "LimitExceededException", "There are too many repositories.");
}

static void describe_repositories(struct small_call *c)
{
    json_t *names = json_object_get(c->in, "repositoryNames"), *list, *page, *o, *name;
    char *token;
    size_t i;
    void *v;

    json_array_foreach (names, i, name)
        if (!need_named(c, json_string_value(name)))
            return;
    list = json_array();
    json_array_foreach (names, i, name)
        json_array_append_new(
            list, repository_json(c->s, map_get(&c->s->repositories, json_string_value(name))));
    for (i = 0; !json_array_size(names) && map_next(&c->s->repositories, &i, NULL, &v);)
        json_array_append_new(list, repository_json(c->s, v));
    page = small_page(c, list, "maxResults", 100, 1000, "nextToken", &token);
    if (!page)
        return;
    o = json_pack("{s:o}", "repositories", page);
    json_put_str(o, "nextToken", token);
    free(token);
    small_answer(c, o);
}

static void delete_repository(struct small_call *c)
{
    struct small_repository *r = need(c);

    if (!r)
        return;
    if (json_array_size(r->images) && !json_bool(c->in, "force", false)) {
        small_fail(
            c, 0, "RepositoryNotEmptyException",
            "The repository with name '%s' in registry with id '%s' cannot be deleted because "
            "it still contains images",
            r->name, c->s->fake.world->id.account);
        return;
    }
    map_remove(&c->s->repositories, r->name);
    small_answer(c, json_pack("{s:o}", "repository", repository_json(c->s, r)));
    repository_free(r);
}

/* --- images ---------------------------------------------------------------------------- */

static json_t *image_id(const json_t *image)
{
    json_t *o = json_object();

    json_put_str(o, "imageDigest", json_str(image, "imageDigest"));
    json_put_str(o, "imageTag", json_str(image, "imageTag"));
    return o;
}

static const json_t *find_image(const struct small_repository *r, const json_t *id)
{
    const char *tag = json_str(id, "imageTag"), *digest = json_str(id, "imageDigest");
    json_t *image;
    size_t i;

    json_array_foreach (r->images, i, image)
        if ((tag || digest) && (!tag || str_eq(json_str(image, "imageTag"), tag)) &&
            (!digest || str_eq(json_str(image, "imageDigest"), digest)))
            return image;
    return NULL;
}

static json_t *image_json(const struct small *s, const struct small_repository *r,
                          const json_t *image)
{
    return json_pack("{s:s,s:s,s:o,s:s,s:s}", "registryId", s->fake.world->id.account,
                     "repositoryName", r->name, "imageId", image_id(image), "imageManifest",
                     json_str(image, "imageManifest"), "imageManifestMediaType",
                     json_str(image, "imageManifestMediaType"));
}

static void batch_get(struct small_call *c)
{
    struct small_repository *r = need(c);
    json_t *found, *failures, *id;
    size_t i;

    if (!r)
        return;
    found = json_array();
    failures = json_array();
    json_array_foreach (json_object_get(c->in, "imageIds"), i, id) {
        const json_t *image = find_image(r, id);

        if (image)
            json_array_append_new(found, image_json(c->s, r, image));
        else
            json_array_append_new(failures, json_pack("{s:O,s:s,s:s}", "imageId", id, "failureCode",
                                                      "ImageNotFound", "failureReason",
                                                      "Requested image not found"));
    }
    small_answer(c, json_pack("{s:o,s:o}", "images", found, "failures", failures));
}

static void put_image(struct small_call *c)
{
    const char *manifest = json_str(c->in, "imageManifest"), *tag = json_str(c->in, "imageTag");
    struct small_repository *r = need(c);

    if (!r)
        return;
    if (!manifest || !*manifest || json_array_size(r->images) >= IMAGES_MAX) {
        small_fail(c, 0, manifest ? "LimitExceededException" : "InvalidParameterException",
                   "The image manifest cannot be taken.");
        return;
    }
    small_answer(c, json_pack("{s:o}", "image",
                              image_json(c->s, r,
                                         add_image(c->s, r, tag, manifest,
                                                   json_str(c->in, "imageManifestMediaType")))));
}

static void list_images(struct small_call *c)
{
    struct small_repository *r = need(c);
    json_t *list, *page, *image, *o;
    char *token;
    size_t i;

    if (!r)
        return;
    list = json_array();
    json_array_foreach (r->images, i, image)
        json_array_append_new(list, image_id(image));
    page = small_page(c, list, "maxResults", 100, 1000, "nextToken", &token);
    if (!page)
        return;
    o = json_pack("{s:o}", "imageIds", page);
    json_put_str(o, "nextToken", token);
    free(token);
    small_answer(c, o);
}

static void describe_images(struct small_call *c)
{
    struct small_repository *r = need(c);
    json_t *list, *image;
    size_t i;

    if (!r)
        return;
    list = json_array();
    json_array_foreach (r->images, i, image) {
        json_t *o = json_object();

        json_put_str(o, "registryId", c->s->fake.world->id.account);
        json_put_str(o, "repositoryName", r->name);
        json_put_str(o, "imageDigest", json_str(image, "imageDigest"));
        if (json_str(image, "imageTag"))
            json_put(o, "imageTags", json_pack("[s]", json_str(image, "imageTag")));
        json_put_int(o, "imageSizeInBytes", (int64_t)strlen(json_str(image, "imageManifest")));
        json_object_set(o, "imagePushedAt", json_object_get(image, "pushed"));
        json_put_str(o, "imageManifestMediaType", json_str(image, "imageManifestMediaType"));
        json_array_append_new(list, o);
    }
    small_answer(c, json_pack("{s:o}", "imageDetails", list));
}

/* --- the table ------------------------------------------------------------------------- */

/* clang-format off */
STRUCTURE(one_image, S("imageTag"), S("imageDigest"));
LIST(images, one_image);
STRUCTURE(tag, S("Key"), S("Value"));
LIST(tags, tag);
STRUCTURE(exclusion, S("filterType"), S("filter"));
LIST(exclusions, exclusion);
STRUCTURE(scanning, B("scanOnPush"));
STRUCTURE(encryption, S("encryptionType"), S("kmsKey"));
STRUCTURE(filter, S("tagStatus"), S("imageStatus"));
STRUCTURE(any, L("registryIds"), S("registryId"), S("repositoryName"), L("repositoryNames"),
          M("imageIds", images), S("imageManifest"), S("imageManifestMediaType"), S("imageTag"),
          S("imageDigest"), L("acceptedMediaTypes"), M("tags", tags), S("imageTagMutability"),
          M("imageTagMutabilityExclusionFilters", exclusions), M("imageScanningConfiguration", scanning),
          M("encryptionConfiguration", encryption), M("filter", filter), B("force"), I("maxResults"),
          S("nextToken"));
/* clang-format on */

const struct small_op small_ecr[] = {
    {&ecr, "GetAuthorizationToken", &any, get_token},
    {&ecr, "BatchGetImage", &any, batch_get},
    {&ecr, "CreateRepository", &any, create},
    {&ecr, "DescribeRepositories", &any, describe_repositories},
    {&ecr, "DeleteRepository", &any, delete_repository},
    {&ecr, "PutImage", &any, put_image},
    {&ecr, "ListImages", &any, list_images},
    {&ecr, "DescribeImages", &any, describe_images},
    {0},
};
