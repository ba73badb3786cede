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
#define DAY_NS       (24 * 3600 * NS_PER_S)
#define WINDOW_DAYS  30 /* until a deleted secret is gone, unless 7 to 30 are asked for */

struct version {
    char id[65];     /* the ClientRequestToken that it came with */
    char *text;      /* SecretString, or NULL */
    char *binary;    /* SecretBinary in base64, or NULL */
    int64_t created; /* wall */
};

struct small_secret {
    char *name, *arn, *description;
    struct version *versions; /* the last is AWSCURRENT, the one before AWSPREVIOUS */
    size_t n, cap;
    int64_t created, deleted; /* wall; deleted 0: it is not, else when it will be gone */
    json_t *tags;             /* list of {Key, Value}, or NULL */
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
    json_decref(s->tags);
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

/* id: what the version is called, or NULL: any name. */
static const struct version *add_version(struct small *s, struct small_secret *one, const char *id,
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
    if (id)
        snprintf(v->id, sizeof(v->id), "%s", id);
    else
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
    add_version(s, one, NULL, value, NULL);
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

/* The secret of "SecretId", deleted or not, or NULL after the error. */
static struct small_secret *need_any(struct small_call *c)
{
    const char *id = json_str(c->in, "SecretId");
    struct small_secret *one = find(c->s, id);

    if (!small_allowed(c, one ? one->arn : id ? id : "*"))
        return NULL;
    if (!one)
        small_fail(c, 0, "ResourceNotFoundException",
                   "Secrets Manager can't find the specified secret.");
    return one;
}

/* The same that is not deleted. */
static struct small_secret *need(struct small_call *c)
{
    struct small_secret *one = need_any(c);

    if (!one || !one->deleted)
        return one;
    small_fail(c, 0, "InvalidRequestException",
               "You can't perform this operation on the secret because it was marked for "
               "deletion.");
    return NULL;
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
    if (json_array_size(one->tags))
        json_put(o, "Tags", json_deep_copy(one->tags));
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

/* --- filters: a name or a tag begins with one of the words, a description has one of its words ---
 */

static bool begins(const char *text, const char *word, bool folded)
{
    return text && (folded ? !strncasecmp(text, word, strlen(word)) : str_starts(text, word));
}

/* Whether one of the words of a description begins so, whatever their case. */
static bool has_word(const char *text, const char *word)
{
    for (const char *s = text; s && *s;) {
        if (begins(s, word, true))
            return true;
        s += strcspn(s, " ,.;/-_");
        s += strspn(s, " ,.;/-_");
    }
    return false;
}

static bool has_tag(const struct small_secret *one, const char *member, const char *word)
{
    const json_t *t;
    size_t i;

    json_array_foreach (one->tags, i, t)
        if (begins(json_str(t, member), word, false))
            return true;
    return false;
}

static bool fits(const struct small_secret *one, const char *key, const char *word)
{
    bool all = str_eq(key, "all");

    return ((all || str_eq(key, "name")) && begins(one->name, word, all)) ||
           ((all || str_eq(key, "description")) && has_word(one->description, word)) ||
           ((all || str_eq(key, "tag-key")) && has_tag(one, "Key", word)) ||
           ((all || str_eq(key, "tag-value")) && has_tag(one, "Value", word));
}

/* Every filter has a value that fits; one that begins with "!" must not. */
static bool is_filtered_in(const struct small_call *c, const struct small_secret *one)
{
    const json_t *f, *v;
    size_t i, k;

    json_array_foreach (json_object_get(c->in, "Filters"), i, f) {
        bool found = false;

        json_array_foreach (json_object_get(f, "Values"), k, v) {
            const char *word = json_string_value(v);

            found |= *word == '!' ? !fits(one, json_str(f, "Key"), word + 1)
                                  : fits(one, json_str(f, "Key"), word);
        }
        if (!found)
            return false;
    }
    return true;
}

static int check_filters(struct small_call *c)
{
    static const char *const keys[] = {"all", "name", "description", "tag-key", "tag-value"};
    const json_t *f;
    size_t i, k;

    json_array_foreach (json_object_get(c->in, "Filters"), i, f) {
        const char *key = json_str(f, "Key");

        for (k = 0; k < ARRAY_SIZE(keys) && !str_eq(key, keys[k]); k++)
            ;
        if (k < ARRAY_SIZE(keys) && json_array_size(json_object_get(f, "Values")))
            continue;
        small_fail(c, 0, "InvalidParameterException", "The filter %s is not offered here.",
                   key ? key : "null");
        return -1;
    }
    return 0;
}

static void list(struct small_call *c)
{
    json_t *all = json_array(), *page, *o;
    char *token;
    void *v;

    if (check_filters(c) < 0) {
        json_decref(all);
        return;
    }
    for (size_t i = 0; map_next(&c->s->secrets, &i, NULL, &v);) {
        const struct small_secret *one = v;

        if ((!one->deleted || json_bool(c->in, "IncludePlannedDeletion", false)) &&
            is_filtered_in(c, one))
            json_array_append_new(all, secret_json(one, "SecretVersionsToStages"));
    }
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

/*
 * The version that the call's value becomes, named by its ClientRequestToken. The same again with
 * the same token is no new one; another value with a token that was used is an error: NULL.
 */
static const struct version *take_value(struct small_call *c, struct small_secret *one)
{
    const char *token = json_str(c->in, "ClientRequestToken");
    const char *text = json_str(c->in, "SecretString"), *binary = json_str(c->in, "SecretBinary");

    if (token && (strlen(token) < 32 || strlen(token) > 64)) {
        small_fail(c, 0, "InvalidParameterException",
                   "ClientRequestToken must be 32-64 characters long.");
        return NULL;
    }
    for (size_t i = 0; token && i < one->n; i++) {
        const struct version *v = &one->versions[i];

        if (!str_eq(v->id, token))
            continue;
        if (str_eq(v->text, text) && str_eq(v->binary, binary))
            return v;
        small_fail(c, 0, "ResourceExistsException",
                   "You can't use ClientRequestToken %s because that value is already in use for "
                   "a version of secret %s.",
                   token, one->arn);
        return NULL;
    }
    return add_version(c->s, one, token, text, binary);
}

static bool has_value(const struct small_call *c)
{
    return json_str(c->in, "SecretString") || json_str(c->in, "SecretBinary");
}

/* False after the error: the name is taken, and the call is no repetition of the one that took it.
 */
static bool check_name(struct small_call *c, const char *name, const struct small_secret *there)
{
    const char *token = json_str(c->in, "ClientRequestToken");

    if (!name || !*name || strlen(name) > 512)
        small_fail(c, 0, "ValidationException", "A secret has a name of 1 to 512 characters.");
    else if (there && there->deleted)
        small_fail(c, 0, "InvalidRequestException",
                   "You can't create this secret because a secret with this name is already "
                   "scheduled for deletion.");
    else if (there && (!token || !pick(there, token, NULL)))
        small_fail(c, 0, "ResourceExistsException",
                   "The operation failed because the secret %s already exists.", name);
    else
        return true;
    return false;
}

static void create(struct small_call *c)
{
    const char *name = json_str(c->in, "Name");
    struct small_secret *one = name ? map_get(&c->s->secrets, name) : NULL;
    const struct version *v = NULL;

    if (!check_name(c, name, one) || !small_allowed(c, name) || !check_value(c, false))
        return;
    if (!one && !(one = add(c->s, name))) {
        small_fail(c, 0, "LimitExceededException", "There are too many secrets.");
        return;
    }
    if (!one->n) {
        one->description = xstrdup(json_str(c->in, "Description"));
        one->tags = json_deep_copy(json_object_get(c->in, "Tags"));
    }
    v = has_value(c) ? take_value(c, one) : NULL;
    if (v || !has_value(c))
        answer_version(c, one, v, false);
}

static void put_value(struct small_call *c)
{
    struct small_secret *one = need(c);
    const json_t *asked = json_object_get(c->in, "VersionStages");
    const struct version *v;

    if (!one || !check_value(c, true))
        return;
    if (json_array_size(asked) &&
        (json_array_size(asked) > 1 ||
         !str_eq(json_string_value(json_array_get(asked, 0)), "AWSCURRENT"))) {
        small_fail(c, 0, "InvalidParameterException",
                   "Staging labels other than AWSCURRENT are not offered here.");
        return;
    }
    v = take_value(c, one);
    if (v)
        answer_version(c, one, v, true);
}

static void update(struct small_call *c)
{
    struct small_secret *one = need(c);
    const char *description = json_str(c->in, "Description");
    const struct version *v = NULL;

    if (!one || !check_value(c, false))
        return;
    if (has_value(c) && !(v = take_value(c, one)))
        return;
    if (description) {
        free(one->description);
        one->description = xstrdup(description);
    }
    answer_version(c, one, v, false);
}

static void delete_one(struct small_call *c)
{
    int64_t days = json_int(c->in, "RecoveryWindowInDays", WINDOW_DAYS);
    bool forced = json_bool(c->in, "ForceDeleteWithoutRecovery", false);
    struct small_secret *one = need(c);
    int64_t now = loop_wall(&c->s->fake.world->loop);
    json_t *o;

    if (!one)
        return;
    if (forced && json_object_get(c->in, "RecoveryWindowInDays")) {
        small_fail(c, 0, "InvalidParameterException",
                   "You can't use ForceDeleteWithoutRecovery in conjunction with "
                   "RecoveryWindowInDays.");
        return;
    }
    if (days < 7 || days > WINDOW_DAYS) {
        small_fail(c, 0, "InvalidParameterException",
                   "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).");
        return;
    }
    one->deleted = forced ? now : now + days * DAY_NS;
    o = json_object();
    json_put_str(o, "ARN", one->arn);
    json_put_str(o, "Name", one->name);
    json_put(o, "DeletionDate", time_of(one->deleted));
    if (forced)
        secret_free(map_remove(&c->s->secrets, one->name));
    small_answer(c, o);
}

/* One that was not deleted is restored just as well. */
static void restore(struct small_call *c)
{
    struct small_secret *one = need_any(c);

    if (!one)
        return;
    one->deleted = 0;
    answer_version(c, one, NULL, false);
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
    {&secrets, "UpdateSecret", &any, update},
    {&secrets, "DeleteSecret", &any, delete_one},
    {&secrets, "RestoreSecret", &any, restore},
    {0},
};
