/*
 * config_lint.h - `ecsim config-lint FILE...`: what a configuration will do, before an agent reads
 * it.
 *
 * Three kinds of files, told apart by how they begin:
 *   {...       ecs.config.json, or user data with "ECSAgentConfiguration"
 *   #!, #cloud-config, a MIME header    user data: lines of it that go to ecs.config, and
 *              secrets, which every container of the instance could read there
 *   else       ecs.config: NAME=VALUE lines as ecs-init reads them
 * Each finding is a line FILE:LINE:COLUMN, what is wrong, and what the agent does then; a
 * second one with a hint. Values of secrets are never shown.
 *
 * The rows are those of proto/config_vars.def. What is done with them is written anew here: the
 * harness never links the agent, and so each is checked by the other.
 */
#ifndef HARNESS_CONFIG_LINT_H
#define HARNESS_CONFIG_LINT_H

#include <stddef.h>
#include <stdio.h>

/* argv[0] is "config-lint". EXITCODE_FAILED when there is a finding. */
int cmd_config_lint(int argc, char **argv);

/* Findings go to out; how many there were. */
size_t config_lint(const char *path, const char *text, size_t len, FILE *out);

#endif
