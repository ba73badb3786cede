/*
 * cmd_matrix.h - `ecsim matrix` and `ecsim merge`: scenarios times agents, and parts of that put
 * together.
 */
#ifndef HARNESS_CMD_MATRIX_H
#define HARNESS_CMD_MATRIX_H

/* argv[0] is the word. Each returns one of harness/exitcode.h, or in a scenario's child its
 * status. */
int cmd_matrix(int argc, char **argv);
int cmd_merge(int argc, char **argv);

#endif
