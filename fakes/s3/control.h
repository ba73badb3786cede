/*
 * control.h - what a scenario asks of the S3 fake; the commands are in s3.h. Private to fakes/s3.
 */
#ifndef FAKES_S3_CONTROL_H
#define FAKES_S3_CONTROL_H

#include "fakes/s3/s3.h"

int s3_control(struct fake *f, const char *command, const json_t *args, json_t **ret,
               struct err *e);

#endif
