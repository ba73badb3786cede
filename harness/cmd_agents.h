/*
 * cmd_agents.h - `ecsim agents`: which agents have names, and whether a file of them is right.
 */
#ifndef HARNESS_CMD_AGENTS_H
#define HARNESS_CMD_AGENTS_H

/* argv[0] is "agents". Returns one of harness/exitcode.h. */
int cmd_agents(int argc, char **argv);

#endif
