/*
 * serve.h - `ecsim serve`: any set of the fakes, by hand.
 *
 * Opens the fakes that were named (all when none was), prints one NAME=VALUE
 * line for each variable that leads an agent or a client to them, an empty line
 * when everything listens, and then serves until SIGINT or SIGTERM.
 */
#ifndef HARNESS_SERVE_H
#define HARNESS_SERVE_H

/* argv[0] is "serve". Returns one of harness/exitcode.h. */
int cmd_serve(int argc, char **argv);

#endif
