/*
 * call.h - one call to S3 on its way through the fake. Private to fakes/s3.
 *
 * Made in begin(), when the headers are there: bucket and key are found, the
 * operation is looked up, the signature is verified, the body gets a sink. What
 * goes wrong is kept as the call's error, the body is read to its end, the
 * journal has its record and the faults their turn; then handle() answers the
 * error or runs the operation. The exchange owns the call (free_data).
 *
 * An operation returns 0 when it has answered (or began to), and -1 when it
 * has set the error. After an answer the call is gone.
 */
#ifndef FAKES_S3_CALL_H
#define FAKES_S3_CALL_H

#include <stdbool.h>
#include <stdint.h>

#include "fakes/aws/chunked.h"
#include "fakes/aws/sigv4.h"
#include "fakes/core/exchange.h"
#include "fakes/s3/content.h"
#include "fakes/s3/error.h"
#include "fakes/s3/s3.h"
#include "fakes/s3/store.h"
#include "fakes/s3/xml.h"

enum s3_level { S3_SERVICE, S3_BUCKET, S3_OBJECT };

enum s3_flags {
    S3_CONTENT = 1,   /* the body is the content of an object: large, kept as a blob */
    S3_COPY = 2,      /* only with x-amz-copy-source */
    S3_PUBLIC = 4,    /* anybody may do it in a public bucket */
    S3_NO_BUCKET = 8, /* the bucket need not be there */
    S3_ANYBODY = 32,  /* nobody has to sign */
    S3_ACL = 16,      /* takes x-amz-acl and x-amz-grant-* */
};

struct s3_call;

/* For fake_ops.operations. */
void s3_operations(struct buf *out);

struct s3_op {
    const char *method;
    enum s3_level level;
    const char *param; /* the query has to have it; NULL: matches without */
    const char *name;  /* "GetObject" */
    const char *group;
    unsigned flags;
    int (*run)(struct s3_call *c);
};

struct s3_call {
    struct s3 *s3;
    struct exchange *x;
    enum s3_level level;
    char *bucket_name, *key;  /* decoded; NULL: none */
    const struct s3_op *op;   /* NULL: no such call; the error says why */
    struct s3_bucket *bucket; /* set before run(), for calls that need one */
    bool in_host;             /* the bucket is named by the Host */
    bool version_2;           /* of the signature */
    bool global;              /* asked at s3.amazonaws.com, the endpoint without a region */
    struct s3_error error;
    struct sigv4 sig;
    bool signed_ok; /* the signature was verified (or nobody asks for one) */
    /* the body */
    struct s3_sink sink;
    struct aws_chunked chunked;
    bool is_chunked;
    bool own_checksum; /* the peer sent none: that of the part is calculated for its upload */
    bool kms;          /* what is written is encrypted with a key of KMS: its ETag is no MD5 */
    char etag[33];     /* MD5 of the content in hexadecimal */
    char checksum[S3_CHECKSUM_TEXT]; /* what was calculated of sink.checksum.kind, or "" */
    /* an answer on its way */
    struct s3_content sending;
    uint64_t at, end;
    char *scratch;
};

/* Bytes that are handed on at once. */
#define S3_PIECE (256u << 10)

/* address.c: finds bucket and key. -1 with InvalidURI. */
int s3_call_address(struct s3_call *c);

/* ops.c: the operation of method, level and query; sets the error when there is none. */
void s3_call_find_op(struct s3_call *c);

/* auth.c: verifies who asks, as far as the headers tell. */
void s3_call_authorize(struct s3_call *c);
/* The region that has to stand in the signature. */
const char *s3_call_region(const struct s3_call *c);
/* Sets the error that belongs to c->sig.result. Returns -1. */
int s3_call_auth_failed(struct s3_call *c);

/* signature2.c: the query is signed with version 2; verifies that, into c->sig. */
bool s3_is_version_2(const struct s3_call *c);
void s3_verify_version_2(struct s3_call *c);

/* body.c: readies the sink; bytes of the body; the checks when it is whole. */
void s3_call_body_begin(struct s3_call *c);
int s3_call_body_add(struct exchange *x, const char *p, size_t n);
int s3_call_body_end(struct s3_call *c);
/* InvalidRequest: x-amz-checksum-algorithm says something else. Returns -1. */
int s3_fail_checksum_kind(struct s3_call *c);
/* x-amz-checksum-crc32 and x-amz-checksum-type; nothing when kind is none. */
void s3_set_checksum(struct s3_call *c, enum s3_checksum_kind kind, const char *text,
                     bool composite);
/* "x-amz-checksum-crc32" */
const char *s3_checksum_header(enum s3_checksum_kind kind, char out[40]);

/* The XML of the body; NULL with MalformedXML unless its root is `root`. Free it. */
struct s3_xml *s3_call_xml(struct s3_call *c, const char *root);

/* InternalError, and a note that says why: what was to be kept could not be. Returns -1. */
int s3_fail_store(struct s3_call *c, const struct err *e);

/* answer.c */
/* XML of status 200; `b` is sent and released. */
int s3_answer_xml(struct s3_call *c, struct buf *b);
int s3_answer_empty(struct s3_call *c, int status);
/* A header with quotes around the value. */
void s3_set_etag(struct s3_call *c, const char *etag);
/* The slice of content as a counted body; the call keeps a reference to it while it goes out. */
int s3_answer_content(struct s3_call *c, int status, const char *type,
                      const struct s3_content *content, uint64_t from, uint64_t end);
/* 2026-11-24T07:00:00.000Z */
void s3_xml_time(struct buf *b, const char *name, int64_t wall);
void s3_xml_owner(struct s3_call *c, struct buf *b, const char *name);
/* The world's account as S3 names owners: 64 hexadecimal digits. */
void s3_owner_id(const struct s3_call *c, char out[65]);

/* The wall clock in ns. */
int64_t s3_now(const struct s3_call *c);

/* bucket.c, list.c, configuration.c, object.c, copy.c, multipart.c, tags.c: the operations. */
int s3_list_buckets(struct s3_call *c);
int s3_create_bucket(struct s3_call *c);
int s3_delete_bucket(struct s3_call *c);
int s3_head_bucket(struct s3_call *c);
int s3_bucket_location(struct s3_call *c);
int s3_delete_objects(struct s3_call *c);
int s3_list_objects(struct s3_call *c);
int s3_list_objects_v2(struct s3_call *c);
int s3_list_versions(struct s3_call *c);
int s3_get_configuration(struct s3_call *c);
int s3_get_object(struct s3_call *c);
int s3_object_attributes(struct s3_call *c);
int s3_put_object(struct s3_call *c);
int s3_delete_object(struct s3_call *c);
int s3_copy_object(struct s3_call *c);
int s3_create_upload(struct s3_call *c);
int s3_upload_one_part(struct s3_call *c);
int s3_upload_part_copy(struct s3_call *c);
int s3_complete_upload(struct s3_call *c);
int s3_abort_upload(struct s3_call *c);
int s3_list_parts(struct s3_call *c);
int s3_list_uploads(struct s3_call *c);
int s3_get_tags(struct s3_call *c);
int s3_put_tags(struct s3_call *c);
int s3_delete_tags(struct s3_call *c);
int s3_get_bucket_tags(struct s3_call *c);
int s3_put_bucket_tags(struct s3_call *c);
int s3_delete_bucket_tags(struct s3_call *c);

/* Shared by what lists: list.c, bucket.c, multipart_list.c, attributes.c. */
/* InvalidArgument, with the name and the value of the argument. Returns -1. */
int s3_fail_argument(struct s3_call *c, const char *name, const char *value, const char *text);
/* encoding-type=url: keys are written so. */
int s3_list_encoding(struct s3_call *c, bool *ret_url);
void s3_xml_key(struct buf *b, const char *name, const char *key, bool url);
/* The part of key up to and with the first delimiter behind the prefix, to be freed; or NULL. */
char *s3_common_prefix(const char *prefix, const char *delimiter, const char *key);
/* The name behind a continuation token, to be freed; NULL when it is none of ours. */
char *s3_open_token(const char *token);
void s3_xml_token(struct buf *b, const char *name, const char *last);
/* <ChecksumCRC32>..., unless there is none. */
void s3_xml_checksum(struct buf *b, enum s3_checksum_kind kind, const char *text);
/* Parts that are looked through by rising number: those behind `marker`, at most `max` of them. */
struct s3_part_page {
    uint64_t marker, max, count;
    int last;
    bool truncated;
};
/* Whether the part stands on the page. */
bool s3_page_has(struct s3_part_page *p, int number);
/* PartNumberMarker, NextPartNumberMarker, MaxParts, IsTruncated */
void s3_xml_page(struct buf *b, const struct s3_part_page *p);
/* The upload that the request is about, or NULL with NoSuchUpload. */
struct s3_upload *s3_need_upload(struct s3_call *c);

/* Shared by object.c, copy.c and multipart.c. */
struct s3_source {
    struct s3_object *object; /* borrowed */
    uint64_t from, end;       /* x-amz-copy-source-range, or all of it */
};
/* partNumber of 1..10000; -1 with InvalidArgument. */
int s3_part_number(struct s3_call *c, int *ret);
/* Reads x-amz-copy-source and its conditions. */
int s3_copy_source(struct s3_call *c, struct s3_source *ret);
/* Takes Content-Type, x-amz-meta-* and so on out of the request. */
int s3_take_headers(struct s3_call *c, struct s3_headers *h);
/* x-amz-storage-class alone, unless it is the usual one. -1: there is no such class. */
int s3_take_class(struct s3_call *c, struct s3_headers *h);
/* What was put away has to be restored before it is read: InvalidObjectState. */
int s3_check_archived(struct s3_call *c, const struct s3_object *o);
/* tags.c: x-amz-tagging of the request; what it and x-amz-tagging-directive say of a copy. */
int s3_take_tags(struct s3_call *c, struct s3_headers *tags);
int s3_copy_tags(struct s3_call *c, const struct s3_object *from, struct s3_headers *tags);
/* x-amz-tagging-count, unless there are none. */
void s3_set_tag_count(struct s3_call *c, const struct s3_object *o);
/* The object of the call, or NULL with NoSuchKey. */
struct s3_object *s3_need_object(struct s3_call *c);
/* acl.c */
/* What came beside the call: -1 with the error when it cannot be had. */
int s3_check_asked(struct s3_call *c);
int s3_check_acl(struct s3_call *c);
int s3_put_acl(struct s3_call *c);
/* OPTIONS: no bucket has rules for other origins here. */
int s3_preflight(struct s3_call *c);
/* version.c */
/* Whether it may be an id at all; InvalidArgument when not. */
bool s3_version_id_ok(const char *id);
int s3_fail_version(struct s3_call *c, const char *id);
/* The version of that id, or the newest when id is NULL. NULL with the error when there is none, or
 * when it is a delete marker. */
struct s3_object *s3_version_find(struct s3_call *c, const struct s3_bucket *b, const char *key,
                                  const char *id);
/* x-amz-version-id of what was written or is read, where the bucket has versions. */
void s3_set_version(struct s3_call *c, const struct s3_bucket *b, const struct s3_object *o);
/* What a deletion did: see s3_delete_version(). */
struct s3_deleted {
    bool marker;                     /* a delete marker was made, or deleted */
    char version[S3_VERSION_ID + 1]; /* of the marker or of what was deleted; "": none */
};
/* Deletes that version, or, when id is NULL, the key as its bucket's versioning has it: the object
 * goes, or a marker comes. */
void s3_delete_version(struct s3_call *c, const char *key, const char *id, struct s3_deleted *ret);
int s3_get_versioning(struct s3_call *c);
int s3_put_versioning(struct s3_call *c);
/* encryption.c */
/* What the request, the bucket or the upload says: sets c->kms. -1 with the error. */
int s3_call_encryption(struct s3_call *c);
/* x-amz-server-side-encryption, which S3 does and says unasked. */
void s3_set_encryption(struct s3_call *c, bool kms);
int s3_put_bucket_encryption(struct s3_call *c);
int s3_delete_bucket_encryption(struct s3_call *c);
/* An ETag that is no MD5. */
void s3_opaque_etag(struct s3_call *c, char out[33]);
/* AES256, aws:kms, aws:kms:dsse */
bool s3_encryption_ok(const char *word);
/* If-Match and If-None-Match of a write against what is there. */
int s3_write_conditions(struct s3_call *c);
/* A decimal query parameter of 0..max; dflt when it is absent; InvalidArgument otherwise. */
int s3_param_number(struct s3_call *c, const char *name, uint64_t max, uint64_t dflt,
                    uint64_t *ret);

#endif
