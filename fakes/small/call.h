/*
 * call.h - one call of a small service. Private to fakes/small.
 *
 * A handler gets its input as an object, whatever the protocol: of a form the
 * parameters as they are named there ("Filter.1.Name"). It answers once.
 */
#ifndef FAKES_SMALL_CALL_H
#define FAKES_SMALL_CALL_H

#include "fakes/aws/shape.h"
#include "fakes/small/small.h"

enum small_protocol { SMALL_JSON, SMALL_QUERY, SMALL_EC2 };

struct small_service {
    const char *name;    /* of the scope of a signature, and of the group */
    const char *target;  /* prefix of X-Amz-Target; NULL: not JSON */
    const char *version; /* of a form's Version; NULL: JSON */
    enum small_protocol protocol;
};

struct small_call {
    struct small *s;
    struct exchange *x;
    const struct small_op *op;
    const json_t *in;
    const char *access_key; /* who signed; NULL: nobody looked */
    const char *region;     /* whose endpoint was asked */
};

struct small_op {
    const struct small_service *service;
    const char *name;
    const struct shape *shape; /* of a JSON request; NULL: of a form */
    void (*handle)(struct small_call *c);
};

/* Tables of the services; each ends with a NULL name. */
extern const struct small_op small_ssm[], small_secrets[], small_ecr[], small_sts[], small_ec2[];

/* JSON: the answer; stolen. */
void small_answer(struct small_call *c, json_t *body);
/* Query and EC2: what stands inside of the result, as XML. */
void small_answer_xml(struct small_call *c, const struct buf *inside);
/* An error in the form of the protocol; status 0: 400. */
void small_fail(struct small_call *c, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* False after the error when the action is denied: "ssm:GetParameters" on that ARN. */
bool small_allowed(struct small_call *c, const char *resource);
/* The same for another action, without an answer. */
bool small_may(const struct small *s, const char *action);

/* The ARN of who signed. To be freed. */
char *small_caller(const struct small_call *c);

/* arn:PARTITION:SERVICE:REGION:ACCOUNT:REST; to be freed. */
char *small_arn(const struct small *s, const char *service, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* <name>text</name>, escaped. */
void small_xml(struct buf *b, const char *name, const char *text);

/* A page of the list as MaxResults and NextToken (or as they are named here) ask: the part,
 * and the token of the rest to be freed (NULL: that was all). NULL after the error. */
json_t *small_page(struct small_call *c, json_t *list, const char *max_name, int64_t usual,
                   int64_t most, const char *token_name, char **ret_token);

/* What may be made by hand, and what is cleared with the fake. */
int small_parameter_set(struct small *s, const char *name, const char *type, const char *value,
                        struct err *e);
int small_secret_set(struct small *s, const char *name, const char *value, struct err *e);
int small_repository_set(struct small *s, const char *name, const char *tag, struct err *e);
void small_parameters_clear(struct small *s);
void small_secrets_clear(struct small *s);
void small_repositories_clear(struct small *s);

/* GET /v2/credentials/ID */
void small_container_credentials(struct small *s, struct exchange *x);

#endif
