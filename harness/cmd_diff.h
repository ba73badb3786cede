/*
 * cmd_diff.h - `ecsim diff`: what two agents do differently on the wires.
 */
#ifndef HARNESS_CMD_DIFF_H
#define HARNESS_CMD_DIFF_H

/* argv[0] is "diff". Returns one of harness/exitcode.h, or in a scenario's child its status. */
int cmd_diff(int argc, char **argv);

#endif
