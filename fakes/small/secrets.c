/* call.h: Secrets Manager. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/credentials.h"
#include "fakes/aws/shape_table.h"
#include "fakes/small/call.h"

#define VALUE_MAX    65536
#define VERSIONS_MAX 100
#define SUFFIX       6 /* letters behind the name in an ARN */

struct version {
    char id[37];
    char *text;      /* SecretString, or NULL */
    char *binary;    /* SecretBinary in base64, or NULL */
    int64_t created; /* wall */
};

struct small_secret {
    char *name, *arn, *description;
    struct version *versions; /* the last is AWSCURRENT, the one before AWSPREVIOUS */
    size_t n, cap;
    int64_t created, deleted; /* wall; deleted 0: it is not */
};

static const struct small_service secrets = {"secretsmanager", "secretsmanager", NULL, SMALL_JSON};

static void wipe(char *s)
{
    if (s)
        explicit_bzero(s, strlen(s));
    free(s);
}

static void secret_free(struct small_secret *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++) {
        wipe(s->versions[i].text);
        wipe(s->versions[i].binary);
    }
    free(s->versions);
    free(s->name);
    free(s->arn);
    free(s->description);
    free(s);
}

void small_secrets_clear(struct small *s)
{
    void *v;

    for (size_t i = 0; map_next(&s->secrets, &i, NULL, &v);)
        secret_free(v);
    map_release(&s->secrets);
}

static struct small_secret *add(struct small *s, const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    _cleanup_free_ char *suffix = aws_random_text(s->fake.world, "", letters, SUFFIX);
    struct small_secret *one;

    if (map_count(&s->secrets) >= SMALL_THINGS_MAX)
        return NULL;
    one = new0(struct small_secret);
    one->name = xstrdup(name);
    one->arn = small_arn(s, "secretsmanager", "secret:%s-%s", name, suffix);
    one->created = loop_wall(&s->fake.world->loop);
    map_set(&s->secrets, name, one);
    return one;
}

static const struct version *add_version(struct small *s, struct small_secret *one,
                                         const char *text, const char *binary)
{
    struct version *v;

    if (one->n == VERSIONS_MAX) { /* the oldest goes */
        wipe(one->versions[0].text);
        wipe(one->versions[0].binary);
        memmove(one->versions, one->versions + 1, --one->n * sizeof(*one->versions));
    }
    grow_array(one->versions, one->n, one->cap);
    v = &one->versions[one->n++];
    *v = (struct version){.text = xstrdup(text),
                          .binary = xstrdup(binary),
                          .created = loop_wall(&s->fake.world->loop)};
    world_uuid(s->fake.world, v->id);
    journal_secret(&s->fake.world->journal, text);
    journal_secret(&s->fake.world->journal, binary);
    return v;
}

int small_secret_set(struct small *s, const char *name, const char *value, struct err *e)
{
    struct small_secret *one = map_get(&s->secrets, name);

    if (!value)
        return err_set(e, ERR_USAGE, "aws: a secret needs a value");
    if (!one && !(one = add(s, name)))
        return err_set(e, ERR_LIMIT, "aws: there are too many secrets");
    add_version(s, one, value, NULL);
    return 0;
}

/* --- reading --------------------------------------------------------------------------- */

/* By name, by ARN, or by ARN without the letters at its end. */
static struct small_secret *find(const struct small *s, const char *id)
{
    struct small_secret *one = id ? map_get(&s->secrets, id) : NULL;
    void *v;

    if (one || !id || !str_starts(id, "arn:"))
        return one;
    for (size_t i = 0; map_next(&s->secrets, &i, NULL, &v);) {
        one = v;
        const char *rest = str_after(one->arn, id);

        if (rest && (!*rest || (*rest == '-' && strlen(rest) == SUFFIX + 1)))
            return one;
    }
    return NULL;
}

const char *small_secret_text(const struct small *s, const char *id)
{
    const struct small_secret *one = find(s, id);

    return one && !one->deleted && one->n ? one->versions[one->n - 1].text : NULL;
}

/* The secret of "SecretId" that is not deleted, or NULL after the error. */
static struct small_secret *need(struct small_call *c)
{
    const char *id = json_str(c->in, "SecretId");
    struct small_secret *one = find(c->s, id);

    if (!small_allowed(c, one ? one->arn : id ? id : "*"))
        return NULL;
    if (!one)
        small_fail(c, 0, "ResourceNotFoundException",
                   "Secrets Manager can't find the specified secret.");
    else if (one->deleted) {
        small_fail(c, 0, "InvalidRequestException",
                   "You can't perform this operation on the secret because it was marked for "
                   "deletion.");
        return NULL;
    }
    return one;
}

static json_t *stages(const struct small_secret *one, const struct version *v)
{
    size_t i = (size_t)(v - one->versions);

    return i + 1 == one->n   ? json_pack("[s]", "AWSCURRENT")
           : i + 2 == one->n ? json_pack("[s]", "AWSPREVIOUS")
                             : json_array();
}

static const struct version *pick(const struct small_secret *one, const char *id, const char *stage)
{
    for (size_t i = one->n; i > 0; i--) {
        const struct version *v = &one->versions[i - 1];
        json_t *has _cleanup_json_ = stages(one, v);

        if ((!id || str_eq(v->id, id)) &&
            (!stage || str_eq(json_string_value(json_array_get(has, 0)), stage)))
            return v;
    }
    return NULL;
}

static json_t *time_of(int64_t wall)
{
    return json_real((double)(wall / NS_PER_MS) / 1000.0);
}

static void get_value(struct small_call *c)
{
    const char *id = json_str(c->in, "VersionId"), *stage = json_str(c->in, "VersionStage");
    struct small_secret *one = need(c);
    const struct version *v;
    json_t *o;

    if (!one)
        return;
    v = pick(one, id, id || stage ? stage : "AWSCURRENT");
    if (!v) {
        small_fail(c, 0, "ResourceNotFoundException",
                   "Secrets Manager can't find the specified secret value for %s: %s",
                   id ? "VersionId" : "staging label",
                   id      ? id
                   : stage ? stage
                           : "AWSCURRENT");
        return;
    }
    if (!small_may(c->s, "kms:Decrypt")) {
        small_fail(c, 0, "AccessDeniedException", "Access to KMS is not allowed");
        return;
    }
    o = json_object();
    json_put_str(o, "ARN", one->arn);
    json_put_str(o, "Name", one->name);
    json_put_str(o, "VersionId", v->id);
    json_put_str(o, "SecretString", v->text);
    json_put_str(o, "SecretBinary", v->binary);
    json_put(o, "VersionStages", stages(one, v));
    json_put(o, "CreatedDate", time_of(v->created));
    small_answer(c, o);
}

static json_t *secret_json(const struct small_secret *one, const char *versions_name)
{
    json_t *o = json_object(), *versions = json_object();

    json_put_str(o, "ARN", one->arn);
    json_put_str(o, "Name", one->name);
    json_put_str(o, "Description", one->description);
    json_put(o, "CreatedDate", time_of(one->created));
    json_put(o, "LastChangedDate",
             time_of(one->n ? one->versions[one->n - 1].created : one->created));
    if (one->deleted)
        json_put(o, "DeletedDate", time_of(one->deleted));
    for (size_t i = one->n > 2 ? one->n - 2 : 0; i < one->n; i++)
        json_put(versions, one->versions[i].id, stages(one, &one->versions[i]));
    json_put(o, versions_name, versions);
    return o;
}

static void describe(struct small_call *c)
{
    const char *id = json_str(c->in, "SecretId");
    struct small_secret *one = find(c->s, id);

    if (one)
        small_answer(c, secret_json(one, "VersionIdsToStages"));
    else
        small_fail(c, 0, "ResourceNotFoundException",
                   "Secrets Manager can't find the specified secret.");
}

static void list(struct small_call *c)
{
    json_t *all = json_array(), *page, *o;
    char *token;
    void *v;

    for (size_t i = 0; map_next(&c->s->secrets, &i, NULL, &v);)
        if (!((struct small_secret *)v)->deleted)
            json_array_append_new(all, secret_json(v, "SecretVersionsToStages"));
    page = small_page(c, all, "MaxResults", 100, 100, "NextToken", &token);
    if (!page)
        return;
    o = json_pack("{s:o}", "SecretList", page);
    json_put_str(o, "NextToken", token);
    free(token);
    small_answer(c, o);
}

/* --- writing --------------------------------------------------------------------------- */

/* One of SecretString and SecretBinary; false after the error. */
static bool check_value(struct small_call *c, bool needed)
{
    const char *text = json_str(c->in, "SecretString"), *binary = json_str(c->in, "SecretBinary");

    if ((text && binary) || (needed && !text && !binary)) {
        small_fail(c, 0, "InvalidRequestException",
                   "You must provide either SecretString or SecretBinary.");
        return false;
    }
    if ((text && strlen(text) > VALUE_MAX) || (binary && strlen(binary) > 2 * VALUE_MAX)) {
        small_fail(c, 0, "ValidationException", "A secret has at most %d bytes.", VALUE_MAX);
        return false;
    }
    return true;
}

static void answer_version(struct small_call *c, const struct small_secret *one,
                           const struct version *v, bool with_stages)
{
    json_t *o = json_object();

    json_put_str(o, "ARN", one->arn);
    json_put_str(o, "Name", one->name);
    if (v)
        json_put_str(o, "VersionId", v->id);
    if (v && with_stages)
        json_put(o, "VersionStages", stages(one, v));
    small_answer(c, o);
}

static void create(struct small_call *c)
{
    const char *name = json_str(c->in, "Name");
    struct small_secret *one = name ? map_get(&c->s->secrets, name) : NULL;
    const struct version *v = NULL;

    if (!name || !*name || strlen(name) > 512) {
        small_fail(c, 0, "ValidationException", "A secret has a name of 1 to 512 characters.");
        return;
    }
    if (!small_allowed(c, name) || !check_value(c, false))
        return;
    if (one) {
        small_fail(c, 0, "ResourceExistsException",
                   "The operation failed because the secret %s already exists.", name);
        return;
    }
    one = add(c->s, name);
    if (!one) {
        small_fail(c, 0, "LimitExceededException", "There are too many secrets.");
        return;
    }
    one->description = xstrdup(json_str(c->in, "Description"));
    if (json_str(c->in, "SecretString") || json_str(c->in, "SecretBinary"))
        v = add_version(c->s, one, json_str(c->in, "SecretString"),
                        json_str(c->in, "SecretBinary"));
    answer_version(c, one, v, false);
}

static void put_value(struct small_call *c)
{
    struct small_secret *one = need(c);

    if (one && check_value(c, true))
        answer_version(c, one,
                       add_version(c->s, one, json_str(c->in, "SecretString"),
                                   json_str(c->in, "SecretBinary")),
                       true);
}

static void delete_one(struct small_call *c)
{
    struct small_secret *one = need(c);
    json_t *o;

    if (!one)
        return;
    one->deleted = loop_wall(&c->s->fake.world->loop);
    o = json_object();
    json_put_str(o, "ARN", one->arn);
    json_put_str(o, "Name", one->name);
    json_put(o, "DeletionDate", time_of(one->deleted));
    if (json_bool(c->in, "ForceDeleteWithoutRecovery", false))
        secret_free(map_remove(&c->s->secrets, one->name));
    small_answer(c, o);
}

/* --- the table ------------------------------------------------------------------------- */

/* clang-format off */
STRUCTURE(tag, S("Key"), S("Value"));
LIST(tags, tag);
STRUCTURE(replica, S("Region"), S("KmsKeyId"));
LIST(replicas, replica);
STRUCTURE(filter, S("Key"), L("Values"));
LIST(filters, filter);
STRUCTURE(any, S("SecretId"), S("VersionId"), S("VersionStage"), S("Name"), S("Description"), S("KmsKeyId"),
          S("SecretString"), S("SecretBinary"), S("ClientRequestToken"), M("Tags", tags),
          M("AddReplicaRegions", replicas), B("ForceOverwriteReplicaSecret"), S("Type"),
          L("VersionStages"), S("RotationToken"), B("ForceDeleteWithoutRecovery"),
          I("RecoveryWindowInDays"), B("IncludePlannedDeletion"), M("Filters", filters), S("SortOrder"),
          S("SortBy"), I("MaxResults"), S("NextToken"));
/* clang-format on */

const struct small_op small_secrets[] = {
    {&secrets, "GetSecretValue", &any, get_value},
    {&secrets, "DescribeSecret", &any, describe},
    {&secrets, "ListSecrets", &any, list},
    {&secrets, "CreateSecret", &any, create},
    {&secrets, "PutSecretValue", &any, put_value},
    {&secrets, "DeleteSecret", &any, delete_one},
    {0},
};
