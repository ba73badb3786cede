/* call.h: STS, the tags of EC2, and the credentials of a container's role. */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/aws/credentials.h"
#include "fakes/aws/json.h"
#include "fakes/aws/keyring.h"
#include "fakes/small/call.h"
#include "proto/arn.h"

#define ROOM           (64 << 10)
#define DURATION       3600
#define DURATION_LEAST 900
#define DURATION_MOST  43200
#define FILTERS_MAX    10

static const struct small_service sts = {"sts", NULL, "2011-06-15", SMALL_QUERY};
static const struct small_service ec2 = {"ec2", NULL, "2016-11-15", SMALL_EC2};

/* New credentials that sign for this ARN until then. */
static int issue(struct small *s, const char *arn, int64_t expires, struct aws_credentials *ret)
{
    struct err e = ERR_INIT;
    struct keyring *ring = keyring_of(s->fake.world, &e);

    aws_credentials_make(s->fake.world, ret);
    if (ring && keyring_put(ring,
                            &(struct keyring_new){.access_key = ret->access_key,
                                                  .secret_key = ret->secret_key,
                                                  .token = ret->token,
                                                  .arn = arn,
                                                  .owner = s->fake.ops->name,
                                                  .expires = expires},
                            &e) == 0)
        return 0;
    journal_note(&s->fake.world->journal, s->fake.ops->name, "%s", e.text);
    aws_credentials_release(ret);
    return -1;
}

static void put_credentials(struct buf *b, const struct aws_credentials *k, int64_t expires)
{
    char time[40];

    buf_adds(b, "<Credentials>");
    small_xml(b, "AccessKeyId", k->access_key);
    small_xml(b, "SecretAccessKey", k->secret_key);
    small_xml(b, "SessionToken", k->token);
    small_xml(b, "Expiration", str_format_time(expires, 0, time));
    buf_adds(b, "</Credentials>");
}

/* DurationSeconds of the request as its end, or -1 after the error. */
static int64_t until(struct small_call *c)
{
    const char *text = json_str(c->in, "DurationSeconds");
    uint64_t n = DURATION;

    if (text && (str_u64(text, DURATION_MOST, &n) < 0 || n < DURATION_LEAST)) {
        small_fail(c, 400, "ValidationError", "The requested DurationSeconds has to be %d to %d.",
                   DURATION_LEAST, DURATION_MOST);
        return -1;
    }
    return loop_wall(&c->s->fake.world->loop) + (int64_t)n * NS_PER_S;
}

static void get_caller(struct small_call *c)
{
    _cleanup_free_ char *arn = small_caller(c);
    struct buf b = BUF_INIT(ROOM);
    const char *session = strrchr(arn, '/');

    small_xml(&b, "Arn", arn);
    if (strstr(arn, ":assumed-role/")) {
        _cleanup_free_ char *id = xasprintf("AROAECSIMEXAMPLEROLE:%s", session ? session + 1 : "");

        small_xml(&b, "UserId", id);
    } else {
        small_xml(&b, "UserId", "AIDAECSIMEXAMPLEUSER1");
    }
    small_xml(&b, "Account", c->s->fake.world->id.account);
    small_answer_xml(c, &b);
    buf_release(&b);
}

/* The name of the role in its ARN, or NULL when that is none. */
static const char *role_name(const char *arn)
{
    struct arn parts;

    if (!arn || arn_parse(arn, &parts, NULL) < 0 || strncmp(parts.resource.s, "role/", 5))
        return NULL;
    return strrchr(arn, '/') + 1;
}

static void assume_role(struct small_call *c)
{
    const char *role = json_str(c->in, "RoleArn"), *name = role_name(role);
    const char *session = json_str(c->in, "RoleSessionName");
    _cleanup_free_ char *arn = NULL, *id = NULL;
    struct aws_credentials k;
    struct buf b = BUF_INIT(ROOM);
    int64_t expires;

    if (!name || !session || strlen(session) < 2 || strlen(session) > 64) {
        small_fail(c, 400, "ValidationError",
                   "1 validation error detected: RoleArn has to be the ARN of a role, "
                   "RoleSessionName 2 to 64 characters long");
        return;
    }
    if (!small_allowed(c, role) || (expires = until(c)) < 0)
        return;
    arn = xasprintf("arn:%s:sts::%s:assumed-role/%s/%s",
                    arn_partition_of_region(c->s->fake.world->id.region),
                    c->s->fake.world->id.account, name, session);
    id = xasprintf("AROAECSIMEXAMPLEROLE:%s", session);
    if (issue(c->s, arn, expires, &k) < 0) {
        small_fail(c, 500, "InternalFailure", "No credentials could be made.");
        return;
    }
    put_credentials(&b, &k, expires);
    buf_adds(&b, "<AssumedRoleUser>");
    small_xml(&b, "AssumedRoleId", id);
    small_xml(&b, "Arn", arn);
    buf_adds(&b, "</AssumedRoleUser>");
    small_answer_xml(c, &b);
    buf_release(&b);
    aws_credentials_release(&k);
}

static void get_session_token(struct small_call *c)
{
    _cleanup_free_ char *arn = small_caller(c);
    struct aws_credentials k;
    struct buf b = BUF_INIT(ROOM);
    int64_t expires = until(c);

    if (expires < 0)
        return;
    if (issue(c->s, arn, expires, &k) < 0) {
        small_fail(c, 500, "InternalFailure", "No credentials could be made.");
        return;
    }
    put_credentials(&b, &k, expires);
    small_answer_xml(c, &b);
    buf_release(&b);
    aws_credentials_release(&k);
}

/* --- EC2: tags ------------------------------------------------------------------------- */

/* Does one of the values of filter n, "Filter.N.Value.M", fit? '*' stands for anything. */
static bool filter_fits(const json_t *in, int n, const json_t *tag)
{
    static const struct {
        const char *filter, *member;
    } names[] = {{"resource-id", "resourceId"},
                 {"resource-type", "resourceType"},
                 {"key", "key"},
                 {"value", "value"}};
    _cleanup_free_ char *name = xasprintf("Filter.%d.Name", n);
    const char *member = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (str_eq(names[i].filter, json_str(in, name)))
            member = names[i].member;
    for (int m = 1; member; m++) {
        _cleanup_free_ char *value = xasprintf("Filter.%d.Value.%d", n, m);
        const char *v = json_str(in, value);

        if (!v)
            return false;
        if (str_glob(v, json_str(tag, member)))
            return true;
    }
    return false;
}

static bool tag_fits(const json_t *in, const json_t *tag)
{
    for (int n = 1; n <= FILTERS_MAX; n++) {
        _cleanup_free_ char *name = xasprintf("Filter.%d.Name", n);

        if (json_str(in, name) && !filter_fits(in, n, tag))
            return false;
    }
    return true;
}

static void describe_tags(struct small_call *c)
{
    static const char *const members[] = {"resourceId", "resourceType", "key", "value"};
    struct buf b = BUF_INIT(1 << 20);
    json_t *tag;
    size_t i;

    if (!small_allowed(c, "*"))
        return;
    buf_adds(&b, "<tagSet>");
    json_array_foreach (c->s->tags, i, tag) {
        if (!tag_fits(c->in, tag))
            continue;
        buf_adds(&b, "<item>");
        for (size_t k = 0; k < ARRAY_SIZE(members); k++)
            small_xml(&b, members[k], json_str(tag, members[k]));
        buf_adds(&b, "</item>");
    }
    buf_adds(&b, "</tagSet>");
    small_answer_xml(c, &b);
    buf_release(&b);
}

/* --- credentials of a container's role ------------------------------------------------- */

static void refuse_credentials(struct exchange *x, int status, const char *code, const char *text)
{
    exchange_answer_json(
        x, status, "application/json",
        json_pack("{s:s,s:s,s:i}", "code", code, "message", text, "HTTPErrorCode", status), false);
}

void small_container_credentials(struct small *s, struct exchange *x)
{
    const char *token = exchange_header(x, "Authorization");
    int64_t expires = loop_wall(&s->fake.world->loop) + s->role_lifetime;
    _cleanup_free_ char *arn = NULL;
    struct aws_credentials k;
    char time[40];

    if (s->role_token && !str_eq(token, s->role_token)) {
        refuse_credentials(x, 401, "Unauthorized",
                           "The Authorization header is not the one given.");
        return;
    }
    if (!s->role) {
        refuse_credentials(x, 404, "InvalidIdInRequest", "There are no credentials of that id.");
        return;
    }
    arn = xasprintf("arn:%s:sts::%s:assumed-role/%s/container",
                    arn_partition_of_region(s->fake.world->id.region), s->fake.world->id.account,
                    role_name(s->role) ? role_name(s->role) : s->role);
    if (issue(s, arn, expires, &k) < 0) {
        refuse_credentials(x, 500, "ServerError", "No credentials could be made.");
        return;
    }
    exchange_answer_json(x, 200, "application/json",
                         json_pack("{s:s,s:s,s:s,s:s,s:s}", "RoleArn", s->role, "AccessKeyId",
                                   k.access_key, "SecretAccessKey", k.secret_key, "Token", k.token,
                                   "Expiration", str_format_time(expires, 0, time)),
                         false);
    aws_credentials_release(&k);
}

const struct small_op small_sts[] = {
    {&sts, "GetCallerIdentity", NULL, get_caller},
    {&sts, "AssumeRole", NULL, assume_role},
    {&sts, "GetSessionToken", NULL, get_session_token},
    {0},
};

const struct small_op small_ec2[] = {
    {&ec2, "DescribeTags", NULL, describe_tags},
    {0},
};
