#include "fakes/credfetch/spec.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/mem.h"

#define LABEL_MAX 63

static const char *first_account(const json_t *root)
{
    const json_t *v;
    size_t i;

    json_array_foreach (json_at(root, "ActiveDirectoryConfig.GroupManagedServiceAccounts"), i, v) {
        const char *name = json_str(v, "Name");

        if (name && *name)
            return name;
    }
    return NULL;
}

int spec_read(const char *text, size_t n, struct spec *ret)
{
    _cleanup_json_ json_t *root = json_read(text, n, JSON_READ_PEER, NULL);
    const char *domain = json_str(json_object_get(root, "DomainJoinConfig"), "DnsName");
    const char *account = first_account(root);
    const char *arn = json_str(json_at(root, "ActiveDirectoryConfig.HostAccountConfig.PluginInput"),
                               "CredentialArn");

    if (!domain || !account || !spec_domain_ok(domain) || !spec_account_ok(account))
        return -1;
    *ret = (struct spec){xstrdup(domain), xstrdup(account), xstrdup(arn ? arn : "")};
    return 0;
}

void spec_release(struct spec *s)
{
    free(s->domain);
    free(s->account);
    free(s->credential_arn);
    *s = (struct spec){0};
}

static bool label_ok(const char *s, size_t n)
{
    if (!n || n > LABEL_MAX || s[0] == '-' || s[n - 1] == '-')
        return false;
    for (size_t i = 0; i < n; i++)
        if (!isalnum((unsigned char)s[i]) && s[i] != '-')
            return false;
    return true;
}

bool spec_domain_ok(const char *s)
{
    for (;;) {
        size_t n = strcspn(s, ".");

        if (!label_ok(s, n))
            return false;
        if (!s[n])
            return true;
        s += n + 1;
    }
}

bool spec_account_ok(const char *s)
{
    return !strpbrk(s, "&:][+|;$*?<>! /\\'`~");
}
