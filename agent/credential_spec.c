#include "agent/credential_spec.h"
#include "agent/env_file.h"
#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "proto/arn.h"

#define PREFIX   "credentialspec" /* of either kind */
#define KRB_DIR  "/var/credentials-fetcher/krbdir"
#define FILE_URL "file://"

/* ---- what a container says ---- */

static const char *first_spec(const json_t *list)
{
    const json_t *v;
    size_t i;

    json_array_foreach (list, i, v)
        if (json_is_string(v) && str_starts(json_string_value(v), PREFIX))
            return json_string_value(v);
    return NULL;
}

char *credential_spec_of(const struct container *c)
{
    const char *text = json_str(json_object_get(c->spec, "dockerConfig"), "hostConfig");
    const char *found = first_spec(json_object_get(c->spec, "credentialSpecs"));
    _cleanup_json_ json_t *host = NULL;

    if (!found && text && *text) {
        host = json_read(text, strlen(text), JSON_READ_PEER, NULL);
        found = first_spec(json_object_get(host, "SecurityOpt"));
    }
    return xstrdup(found);
}

/* ---- where it is ---- */

static int parse_ssm(const char *arn, struct credential_spec *ret, struct err *e)
{
    const char *resource = arn, *name;

    for (int i = 0; i < 5; i++)
        resource += strcspn(resource, ":") + 1;
    name = strstr(resource, "parameter");
    if (!name)
        return err_set(e, ERR_PARSE, "the provided SSM parameter:%.300s is in an invalid format",
                       resource);
    ret->source = SPEC_SSM;
    ret->where = xstrdup(name + strlen("parameter"));
    ret->arn = xstrdup(arn);
    return 0;
}

static int parse_s3(const char *arn, struct credential_spec *ret, struct err *e)
{
    const char *key;

    if (env_file_arn(arn, &ret->where, &key, e) < 0)
        return -1;
    ret->source = SPEC_S3;
    ret->key = xstrdup(key);
    ret->arn = xstrdup(arn);
    return 0;
}

/* The third of at least six fields; NULL: that is no ARN. (aws-sdk-go-v2/aws/arn) */
static char *service_of(const char *arn, struct err *e)
{
    const char *s = arn;
    int fields = 1;

    for (const char *p = arn; *p; p++)
        fields += *p == ':';
    if (!str_starts(arn, "arn:")) {
        err_set(e, ERR_PARSE, "arn: invalid prefix");
        return NULL;
    }
    if (fields < 6) {
        err_set(e, ERR_PARSE, "arn: not enough sections");
        return NULL;
    }
    s += strcspn(s, ":") + 1;
    s += strcspn(s, ":") + 1;
    return xstrndup(s, strcspn(s, ":"));
}

int credential_spec_parse(const char *text, struct credential_spec *ret, struct err *e)
{
    const char *source = str_after(text, CREDENTIAL_SPEC_DOMAINLESS_PREFIX);
    _cleanup_free_ char *service = NULL;
    int r;

    *ret = (struct credential_spec){.domainless = source != NULL};
    if (!source)
        source = str_after(text, CREDENTIAL_SPEC_PREFIX);
    if (!source)
        return err_set(e, ERR_PARSE, "Invalid credentialspec: %.300s", text);
    if (str_starts(source, FILE_URL)) {
        ret->source = SPEC_FILE;
        ret->where = xstrdup(source + strlen(FILE_URL));
        return 0;
    }
    service = service_of(source, e);
    if (!service)
        return -1;
    if (str_eq(service, "s3"))
        r = parse_s3(source, ret, e);
    else if (str_eq(service, "ssm"))
        r = parse_ssm(source, ret, e);
    else
        r = err_set(e, ERR_USAGE, "unsupported credentialspec ARN, only s3/ssm ARNs are valid");
    if (r < 0)
        credential_spec_release(ret);
    return r;
}

void credential_spec_release(struct credential_spec *s)
{
    free(s->where);
    free(s->key);
    free(s->arn);
    *s = (struct credential_spec){0};
}

/* ---- what it says ---- */

int credential_spec_read(const char *text, size_t n, bool domainless,
                         struct credential_spec_account *ret, struct err *e)
{
    _cleanup_json_ json_t *root = json_read(text, n, JSON_READ_PEER, e);
    const json_t *join = json_object_get(root, "DomainJoinConfig");
    const json_t *plugin = json_at(root, "ActiveDirectoryConfig.HostAccountConfig.PluginInput");

    *ret = (struct credential_spec_account){0};
    if (root && !json_is_object(root))
        err_set(e, ERR_PARSE, "no object but %s", json_type_name(root));
    /* the spec itself is not repeated, as the official agent does: it is long */
    if (!json_is_object(root))
        return err_wrap(e, "error unmarshalling credentialspec %s",
                        domainless ? "domainless" : "domain-joined");
    ret->name = json_dup_str(join, "MachineAccountName");
    ret->domain = json_dup_str(join, "DnsName");
    ret->user_arn = json_dup_str(domainless ? plugin : NULL, "CredentialArn");
    return 0;
}

void credential_spec_account_release(struct credential_spec_account *a)
{
    free(a->name);
    free(a->domain);
    free(a->user_arn);
    *a = (struct credential_spec_account){0};
}

const char *credential_spec_folder(const struct credential_spec_account *a, char *const *folders,
                                   size_t n)
{
    if (!*a->name || !*a->domain)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        const char *slash = strrchr(folders[i], '/');

        if (strcasecmp(slash ? slash + 1 : folders[i], a->name) == 0)
            return folders[i];
    }
    for (size_t i = 0; i < n; i++)
        if (strcasestr(folders[i], a->name))
            return folders[i];
    return NULL;
}

/* ---- what Docker is told ---- */

static json_t *list_of(json_t *o, const char *name)
{
    json_t *list = json_object_get(o, name);

    if (!json_is_array(list)) {
        list = json_array();
        json_object_set_new(o, name, list);
    }
    return list;
}

void credential_spec_mount(json_t *host, const char *folder)
{
    _cleanup_free_ char *bind = xasprintf("%s:" KRB_DIR ":ro", folder);
    json_t *options = json_object_get(host, "SecurityOpt");

    json_array_append_new(list_of(host, "Binds"), json_string(bind));
    for (size_t i = json_array_size(options); i-- > 0;) {
        const char *option = json_string_value(json_array_get(options, i));

        if (option && str_starts(option, PREFIX))
            json_array_remove(options, i);
    }
}

void credential_spec_inject(json_t *host, const char *target)
{
    json_t *options = list_of(host, "SecurityOpt");

    for (size_t i = 0; i < json_array_size(options); i++) {
        const char *option = json_string_value(json_array_get(options, i));

        if (option && str_starts(option, PREFIX)) {
            json_array_set_new(options, i, json_string(target));
            return;
        }
    }
    json_array_append_new(options, json_string(target));
}
