/*
 * cmd_operations.h - `ecsim operations`: one line for each operation of AWS that is answered.
 */
#ifndef HARNESS_CMD_OPERATIONS_H
#define HARNESS_CMD_OPERATIONS_H

/* argv[0] is "operations". Returns one of harness/exitcode.h. */
int cmd_operations(int argc, char **argv);

#endif
