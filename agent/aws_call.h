/*
 * aws_call.h - one call of an AWS service that speaks JSON 1.1, with a task's credentials.
 *
 * SSM, Secrets Manager and ECR, at AWS_ENDPOINT_URL_<SERVICE>, the region's
 * address, or the caller's; ECS, where the agent calls it too. What the SDK's standard retryer
 * would try again (no answer, 5xx, throttling) is tried three times in all.
 *
 * aws_call_start() calls back exactly once, never from inside itself;
 * aws_call_cancel() drops it without a call.
 */
#ifndef AGENT_AWS_CALL_H
#define AGENT_AWS_CALL_H

#include "agent/config.h"
#include "agent/ecs_client.h"
#include "agent/task_credentials.h"

enum aws_service { AWS_SSM, AWS_SECRETS_MANAGER, AWS_ECS, AWS_ECR };

struct aws_caller;
struct aws_call;

/* Everything is borrowed. */
struct aws_caller *aws_caller_new(struct loop *l, struct http *h, const struct config *c);
void aws_caller_free(struct aws_caller *a); /* after every call is done or cancelled */

/* NULL with the reason in e. region NULL or "": the agent's. */
struct aws_call *aws_call_start(struct aws_caller *a, enum aws_service service,
                                const char *operation, const char *region,
                                const struct task_credential *who, const json_t *request, ecs_fn fn,
                                void *user, struct err *e);
/* The same at this URL. */
struct aws_call *aws_call_start_at(struct aws_caller *a, enum aws_service service, const char *url,
                                   const char *operation, const char *region,
                                   const struct task_credential *who, const json_t *request,
                                   ecs_fn fn, void *user, struct err *e);
void aws_call_cancel(struct aws_call *c); /* NULL is fine */

#endif
