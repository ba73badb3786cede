/*
 * serve.h - `ecsim serve`: any set of the fakes, by hand.
 *
 * Opens the fakes that were named (all when none was), prints one NAME=VALUE
 * line for each variable that leads an agent or a client to them, an empty line
 * when everything listens, and then serves until SIGINT or SIGTERM.
 */
#ifndef HARNESS_SERVE_H
#define HARNESS_SERVE_H

#include "base/err.h"
#include "fakes/core/fake.h"

/* argv[0] is "serve". Returns one of harness/exitcode.h. */
int cmd_serve(int argc, char **argv);

/* The port that "FAKE=N" among these gives to the fake; 0: none does. -1 with ERR_USAGE. */
int serve_port(const char *const *ports, size_t n, const char *fake, struct err *e);

/* What --no-verify says, on standard error and in the journal. */
#define SERVE_UNVERIFIED "signatures are not verified (--no-verify)"

/* Has the fake S3, which has to be served, keep its buckets in this folder. */
int serve_s3_dir(struct world *w, const char *dir, struct err *e);

/* Gives a command: "FAKE:COMMAND:NAME[,key=value...]". */
int serve_command(struct world *w, const char *text, struct err *e);

#endif
