/*
 * cmd_run.h - `ecsim run`: options, the list of scenarios, and the exit code.
 */
#ifndef HARNESS_CMD_RUN_H
#define HARNESS_CMD_RUN_H

/* argv[0] is "run". Returns one of harness/exitcode.h, or in a scenario's child its status. */
int cmd_run(int argc, char **argv);

#endif
