/* What S3 says about a bucket or an object that nobody has configured. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"

/* Either the body of the answer, or the error. */
static const struct answer {
    const char *operation, *error, *root, *inner;
} answers[] = {
    {"GetBucketAccelerateConfiguration", NULL, "AccelerateConfiguration", ""},
    {"GetBucketCors", "NoSuchCORSConfiguration", NULL, NULL},
    {"GetBucketEncryption", NULL, "ServerSideEncryptionConfiguration",
     "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm>"
     "</ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule>"},
    {"GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration", NULL, NULL},
    {"GetBucketLogging", NULL, "BucketLoggingStatus", ""},
    {"GetBucketNotificationConfiguration", NULL, "NotificationConfiguration", ""},
    {"GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", NULL, NULL},
    {"GetBucketOwnershipControls", NULL, "OwnershipControls",
     "<Rule><ObjectOwnership>BucketOwnerEnforced</ObjectOwnership></Rule>"},
    {"GetBucketPolicy", "NoSuchBucketPolicy", NULL, NULL},
    {"GetBucketReplication", "ReplicationConfigurationNotFoundError", NULL, NULL},
    {"GetBucketRequestPayment", NULL, "RequestPaymentConfiguration", "<Payer>BucketOwner</Payer>"},
    {"GetBucketWebsite", "NoSuchWebsiteConfiguration", NULL, NULL},
};

static int answer_root(struct s3_call *c, const char *root, const char *inner)
{
    struct buf b = BUF_INIT(16384);

    buf_addf(&b, S3_XML_HEAD "<%s xmlns=\"" S3_XML_NS "\"", root);
    if (*inner)
        buf_addf(&b, ">%s</%s>", inner, root);
    else
        buf_adds(&b, "/>");
    return s3_answer_xml(c, &b);
}

static int answer_acl(struct s3_call *c)
{
    struct buf b = BUF_INIT(16384);
    char id[65];

    s3_owner_id(c, id);
    buf_adds(&b, S3_XML_HEAD "<AccessControlPolicy xmlns=\"" S3_XML_NS "\">");
    s3_xml_owner(c, &b, "Owner");
    buf_adds(&b, "<AccessControlList><Grant><Grantee "
                 "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                 "xsi:type=\"CanonicalUser\">");
    s3_xml_add(&b, "ID", id);
    s3_xml_add(&b, "DisplayName", c->s3->fake.world->id.account);
    buf_adds(&b, "</Grantee><Permission>FULL_CONTROL</Permission></Grant>");
    if (c->bucket->public)
        buf_adds(&b, "<Grant><Grantee xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" "
                     "xsi:type=\"Group\"><URI>http://acs.amazonaws.com/groups/global/AllUsers"
                     "</URI></Grantee><Permission>READ</Permission></Grant>");
    buf_adds(&b, "</AccessControlList></AccessControlPolicy>");
    return s3_answer_xml(c, &b);
}

static int answer_public_block(struct s3_call *c)
{
    struct buf inner = BUF_INIT(4096);
    static const char *const names[] = {"BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy",
                                        "RestrictPublicBuckets"};
    int r;

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        s3_xml_add(&inner, names[i], c->bucket->public ? "false" : "true");
    r = answer_root(c, "PublicAccessBlockConfiguration", buf_str(&inner));
    buf_release(&inner);
    return r;
}

int s3_get_configuration(struct s3_call *c)
{
    const char *name = c->op->name;

    if (c->key && !s3_need_object(c))
        return -1;
    if (str_ends(name, "Acl"))
        return answer_acl(c);
    if (str_eq(name, "GetPublicAccessBlock"))
        return answer_public_block(c);
    if (str_eq(name, "GetBucketEncryption") && c->bucket->kms)
        return answer_root(c, "ServerSideEncryptionConfiguration",
                           "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms"
                           "</SSEAlgorithm></ApplyServerSideEncryptionByDefault>"
                           "<BucketKeyEnabled>false</BucketKeyEnabled></Rule>");
    for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
        const struct answer *a = &answers[i];

        if (!str_eq(a->operation, name))
            continue;
        return a->error ? s3_fail(c, a->error, "BucketName", c->bucket->name, NULL)
                        : answer_root(c, a->root, a->inner);
    }
    return s3_fail(c, "NotImplemented", NULL);
}
