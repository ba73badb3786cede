/*
 * commands.h - one function for each command of ecsim-init.
 */
#ifndef AGENT_INIT_COMMANDS_H
#define AGENT_INIT_COMMANDS_H

#include "agent/init/init.h"

/* Runs the command of in->options; in->status is the exit status afterwards. */
void init_command_run(struct init *in);

#endif
