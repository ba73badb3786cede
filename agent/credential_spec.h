/*
 * credential_spec.h - group managed service accounts: what a container says it runs as; pure rules.
 *
 *     credentialspec:SOURCE            on an instance that is joined to the domain
 *     credentialspecdomainless:SOURCE  on one that is not, as a user of the domain
 *
 * SOURCE is file://PATH, arn:...:s3:::BUCKET/KEY or arn:...:ssm:...:parameter/NAME. It stands in
 * the container's credentialSpecs, which wins, or among the security options of its host
 * configuration; the first that begins so counts. (api/container/container.go:getCredentialSpec,
 * taskresource/credentialspec)
 */
#ifndef AGENT_CREDENTIAL_SPEC_H
#define AGENT_CREDENTIAL_SPEC_H

#include "agent/container.h"
#include "base/err.h"
#include "base/json.h"

#define CREDENTIAL_SPEC_PREFIX            "credentialspec:"
#define CREDENTIAL_SPEC_DOMAINLESS_PREFIX "credentialspecdomainless:"

/* A spec that is larger is refused; AWS's own limits are 4 and 8 KiB. */
#define CREDENTIAL_SPEC_SIZE_MAX (64u << 10)

/* What the container says, to be freed; NULL: nothing. */
char *credential_spec_of(const struct container *c);

enum credential_spec_source { SPEC_FILE, SPEC_S3, SPEC_SSM };

struct credential_spec {
    bool domainless;
    enum credential_spec_source source;
    char *where;     /* path; bucket; name of the parameter as SSM takes it: "/a/b" */
    char *key, *arn; /* of S3; of S3 and SSM */
};

/* Zeroed on failure. */
int credential_spec_parse(const char *text, struct credential_spec *ret, struct err *e);
void credential_spec_release(struct credential_spec *s);

/* What counts of a spec's JSON. */
struct credential_spec_account {
    char *name, *domain; /* DomainJoinConfig.MachineAccountName and .DnsName; "": not said */
    char *user_arn;      /* domainless: the secret of the user whose name tickets are fetched in */
};
int credential_spec_read(const char *text, size_t n, bool domainless,
                         struct credential_spec_account *ret, struct err *e);
void credential_spec_account_release(struct credential_spec_account *a);

/* One of those folders is the account's: it has its name, or else its name in it, whatever the
 * case. NULL: none. */
const char *credential_spec_folder(const struct credential_spec_account *a, char *const *folders,
                                   size_t n);

/*
 * Linux: the ticket is mounted where images look for it, and the option, which Docker on Linux does
 * not know, goes. Of domainless ones the official agent leaves it, and Docker refuses the
 * container: this one takes both away. (engine/docker_task_engine_linux.go)
 */
void credential_spec_mount(json_t *host_config, const char *folder);
/* Windows: the option names the file, `target`, in its own spelling. (..._windows.go) */
void credential_spec_inject(json_t *host_config, const char *target);

#endif
