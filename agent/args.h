/*
 * args.h - the command line: few flags, as the official agent has them.
 *
 * One or two dashes, a value behind '=' or as the next word (Go's flag
 * package). Everything else is configured by the environment (config.h).
 */
#ifndef AGENT_ARGS_H
#define AGENT_ARGS_H

#include <stdbool.h>
#include <stdio.h>

#include "base/err.h"

/* Exit statuses. (sighandlers/exitcodes.go) */
enum agent_exit {
    AGENT_EXIT_OK = 0,
    AGENT_EXIT_RESTART = 1,  /* the supervisor should start it again */
    AGENT_EXIT_TERMINAL = 5, /* it should not: a person has to act */
    AGENT_EXIT_UPDATE = 42,  /* it should start the image that desired-image names */
};

struct args {
    bool version, help, license;
    bool healthcheck;  /* -healthcheck: does the agent that runs here answer? */
    bool print_config; /* ours: show the configuration and where it is from */
    bool attributes;   /* -ecs-attributes: print the capabilities */
    bool insecure;     /* -k: do not verify TLS certificates */
    bool no_imds;      /* -blackhole-ec2-metadata */
    const char *loglevel;
};

/* -1 with a line for a person: an unknown flag, a value missing. */
int args_parse(struct args *a, int argc, char *const *argv, struct err *e);

void args_print_help(FILE *out);
void args_print_version(FILE *out);
void args_print_license(FILE *out);

#endif
