/*
 * aws_models.h - leading clients of AWS to our fakes by the data they load.
 *
 * Newer clients take AWS_ENDPOINT_URL_ECS and its like from the environment.
 * Older ones (AWS CLI before 2.13, botocore before 1.31) do not, but each
 * botocore looks for its models in AWS_DATA_PATH first: a rule set there that
 * always says the same endpoint leads them too.
 */
#ifndef HARNESS_AWS_MODELS_H
#define HARNESS_AWS_MODELS_H

#include "base/err.h"
#include "fakes/core/fake.h"

/* Writes the rule sets of all services that the world serves below dir, which is made. */
int aws_models_write(const struct world *w, const char *dir, struct err *e);

#endif
