/*
 * call.h: encryption at rest, as far as a client sees it.
 *
 * Nothing is encrypted here. What shows is what S3 says of it, and the ETag: with S3's own keys
 * it is the MD5 of the content, with keys of KMS it is not, and clients know that. So a
 * bucket with "aws:kms" takes bodies as fast as they come.
 */
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/mem.h"
#include "base/str.h"
#include "fakes/s3/call.h"
#include "proto/arn.h"

#define HEADER "x-amz-server-side-encryption"

bool s3_encryption_ok(const char *word)
{
    return str_eq(word, "AES256") || str_eq(word, "aws:kms") || str_eq(word, "aws:kms:dsse");
}

int s3_call_encryption(struct s3_call *c)
{
    const char *asked = exchange_header(c->x, HEADER);
    const struct s3_bucket *b = c->bucket_name ? s3_bucket_find(c->s3, c->bucket_name) : NULL;
    _cleanup_free_ char *id = exchange_param(c->x, "uploadId");
    const struct s3_upload *u = b && c->key && id ? s3_upload_find(b, c->key, id) : NULL;

    /* what is there is as it is, and a part is as its upload was begun */
    if (asked && (!c->op || !(c->op->flags & S3_ACL) || c->level != S3_OBJECT)) {
        s3_failf(c, "InvalidArgument", HEADER " header is not supported for this operation.");
        s3_fail_member(c, "ArgumentName", HEADER);
        s3_fail_member(c, "ArgumentValue", asked);
        return -1;
    }
    if (asked && !s3_encryption_ok(asked)) {
        s3_failf(c, "InvalidArgument", "The encryption method specified is not supported");
        s3_fail_member(c, "ArgumentName", HEADER);
        s3_fail_member(c, "ArgumentValue", asked);
        return -1;
    }
    if (exchange_header(c->x, HEADER "-aws-kms-key-id") && (!asked || str_eq(asked, "AES256"))) {
        s3_failf(c, "InvalidArgument",
                 "Server Side Encryption with AWS KMS managed key requires HTTP header " HEADER
                 " : aws:kms");
        s3_fail_member(c, "ArgumentName", HEADER);
        s3_fail_member(c, "ArgumentValue", asked ? asked : "null");
        return -1;
    }
    /* the parts of an upload are as it was when it began */
    c->kms = u ? u->kms : asked ? !str_eq(asked, "AES256") : b && b->kms;
    return 0;
}

void s3_set_encryption(struct s3_call *c, bool kms)
{
    const struct identity *id = &c->s3->fake.world->id;
    _cleanup_free_ char *key = NULL;

    exchange_set_header(c->x, HEADER, kms ? "aws:kms" : "AES256");
    if (!kms)
        return;
    key = xasprintf("arn:%s:kms:%s:%s:key/00000000-0000-4000-8000-%s",
                    arn_partition_of_region(id->region), id->region, id->account, id->account);
    exchange_set_header(c->x, HEADER "-aws-kms-key-id", key);
}

void s3_opaque_etag(struct s3_call *c, char out[33])
{
    world_hex(c->s3->fake.world, 16, out);
}

/* --- of a bucket -------------------------------------------------------------------------- */

int s3_put_bucket_encryption(struct s3_call *c)
{
    struct s3_xml *root = s3_call_xml(c, "ServerSideEncryptionConfiguration");
    const struct s3_xml *rule = root ? s3_xml_child(root, "Rule") : NULL;
    const struct s3_xml *dflt =
        rule ? s3_xml_child(rule, "ApplyServerSideEncryptionByDefault") : NULL;
    const char *word = dflt ? s3_xml_child_text(dflt, "SSEAlgorithm") : NULL;
    int r = 0;

    if (!root)
        return -1;
    if (!word || !s3_encryption_ok(word))
        r = s3_fail(c, "MalformedXML", NULL);
    else if (s3_xml_child(dflt, "KMSMasterKeyID") && str_eq(word, "AES256"))
        r = s3_failf(c, "InvalidArgument",
                     "a KMSMasterKeyID is not applicable if the default sse algorithm is not "
                     "aws:kms or aws:kms:dsse");
    else
        c->bucket->kms = !str_eq(word, "AES256");
    s3_xml_free(root);
    return r < 0 ? r : s3_answer_empty(c, 200);
}

/* Back to S3's own keys, which there always are. */
int s3_delete_bucket_encryption(struct s3_call *c)
{
    c->bucket->kms = false;
    return s3_answer_empty(c, 204);
}
