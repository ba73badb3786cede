/*
 * s3.h - the fake "s3": buckets and objects on S3's REST interface.
 *
 * Path style (/bucket/key) and virtual-host style: the bucket is taken from a
 * Host of the forms bucket.s3.REGION.amazonaws.com (also s3-REGION, dualstack,
 * s3.amazonaws.com, .cn), bucket.localhost, bucket.s3.localhost, and
 * bucket.127.0.0.1 or any other IPv4 address. Every other Host is path style. At
 * s3.amazonaws.com one signs for us-east-1 and may make buckets in any region.
 *
 * Calls that are known: ListBuckets; CreateBucket, DeleteBucket, HeadBucket,
 * GetBucketLocation, ListObjects, ListObjectsV2, DeleteObjects,
 * ListMultipartUploads; GetObject, HeadObject, PutObject, CopyObject,
 * DeleteObject; CreateMultipartUpload, UploadPart, UploadPartCopy,
 * CompleteMultipartUpload, AbortMultipartUpload, ListParts; tags of objects and of buckets;
 * versioning, with all that belongs to it but for buckets in a folder; and
 * as a bucket or an object that nobody configured answers them: acl, policy, cors,
 * lifecycle, website, encryption, object lock, public access block, ownership. All others:
 * NotImplemented.
 *
 * Signatures are verified in the header and the presigned form (fakes/aws), a body
 * is held against x-amz-content-sha256, Content-MD5 and x-amz-checksum-*, chunk-signed
 * bodies are decoded. An unsigned request may read from a public bucket and do nothing else.
 * A request signed for another region than the bucket's is answered with the region.
 *
 * Bodies are taken as they come: kept in memory, or, if a folder was given and
 * they are larger than a threshold, in a file there that has no name. With the command `folder`
 * (`ecsim up --s3-dir`) buckets are folders and objects files. Answers
 * are sent as fast as the peer reads. An ETag is the MD5 of the content, or for a
 * multipart upload the MD5 of the parts' MD5s and their number.
 *
 * Last-Modified is the world's clock, in whole seconds as in S3.
 *
 * In the journal a call is "METHOD /bucket/key" (or "METHOD /bucket", "METHOD /"), whatever the
 * style of its address; its group is "read" or "write", and it carries bucket, key and operation.
 * The content of a PUT stands under body when it is not larger than JOURNAL_BODY_MAX.
 *
 * Commands (fake_ops.control):
 *   bucket   {name, public?, region?, encryption?}   makes it, or changes what is given;
 *                                           encryption: AES256, or aws:kms (ETags are no MD5s)
 *   object   {name: "bucket/key", body | body_base64, content-type?, metadata?}
 *                                           body: text, or JSON that is written compactly;
 *                                           the bucket is made if it is not there
 *   unobject {name: "bucket/key"}           takes it away; ERR_NOT_FOUND when it is not there
 *   folder   {name}                         buckets live in this folder and outlast the process
 *                                           (folder.h); before there are any
 *   spill    {folder, over?}                bodies larger than `over` bytes (64 MiB) go to files
 */
#ifndef FAKES_S3_S3_H
#define FAKES_S3_S3_H

#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "fakes/core/fake.h"

#define S3_OBJECT_MAX       (5ULL << 30) /* one PUT, one part */
#define S3_BODY_MAX         (8u << 20)   /* XML of a request */
#define S3_KEY_MAX          1024
#define S3_METADATA_MAX     2048
#define S3_PART_MIN         (5u << 20) /* all parts but the last */
#define S3_PARTS_MAX        10000
#define S3_LIST_MAX         1000
#define S3_BUCKETS_MAX      1000
#define S3_LIST_BUCKETS_MAX 10000
#define S3_UPLOADS_MAX      10000
#define S3_SPILL_OVER       (64u << 20)

struct s3 {
    struct fake fake;
    struct map buckets; /* name -> struct s3_bucket */
    size_t n_uploads;   /* open ones, of all buckets */
    char *spill_folder; /* NULL: everything is kept in memory */
    uint64_t spill_over;
    struct s3_folder *folder; /* where everything is kept (folder.h), or NULL */
};

extern const struct fake_ops s3_ops;

#endif
