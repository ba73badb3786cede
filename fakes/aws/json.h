/*
 * json.h - how a service of AWS's JSON 1.1 protocol answers.
 *
 * Requests are POST / with X-Amz-Target: PREFIX.Operation; answers and errors
 * are JSON with Content-Type application/x-amz-json-1.1 and an
 * x-amzn-RequestId. An error is {"__type":"ClientException","message":"..."}
 * with an HTTP status of 400 (500 for the server's own); some services put
 * its name into x-amzn-ErrorType too.
 */
#ifndef FAKES_AWS_JSON_H
#define FAKES_AWS_JSON_H

#include "base/json.h"
#include "fakes/aws/shape.h"
#include "fakes/aws/sigv4.h"
#include "fakes/core/exchange.h"

#define AWS_JSON_TYPE "application/x-amz-json-1.1"

/* Answers 200; body is stolen. */
void aws_json_answer(struct exchange *x, json_t *body);

/* Answers an error. status 0: the one that goes with type (aws_json_status()).
 * type NULL: the one that goes with status. message NULL: the usual text of the type. */
void aws_json_error(struct exchange *x, int status, const char *type, const char *message);
void aws_json_errorf(struct exchange *x, const char *type, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* HTTP status that goes with an error type: 400, 500 or 503. */
int aws_json_status(const char *type);

/* The type and text of a failed verification, as JSON services word it. */
const char *aws_json_signature_type(enum sigv4_result r);

/*
 * Verifies the signature of the exchange when the world does; on failure answers the error,
 * puts a note into the journal that says what we calculated, and returns -1.
 */
int aws_json_verify(struct exchange *x, const struct sigv4_rules *rules);

/*
 * Gives the exchange the call's name and its group. A body that has not the call's shape makes
 * it "malformed NAME" of no group: no default of a scenario answers it, and no step that expects
 * the call claims it.
 */
void aws_json_classify(struct exchange *x, const char *name, const char *group,
                       const struct shape *shape);

/*
 * The body, of this shape; a reference of the caller's. NULL after SerializationException was
 * answered and noted. shape NULL: there is no such call, UnknownOperationException.
 */
json_t *aws_json_body(struct exchange *x, const struct shape *shape);

/*
 * The operation behind X-Amz-Target with this prefix ("AmazonEC2ContainerServiceV20141113"),
 * or NULL. Points into the header.
 */
const char *aws_json_operation(const struct exchange *x, const char *prefix);

#endif
