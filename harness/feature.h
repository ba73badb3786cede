/*
 * feature.h - what a machine and an agent can do, for `needs` and guards.
 */
#ifndef HARNESS_FEATURE_H
#define HARNESS_FEATURE_H

struct run_config;

/* 1 when it is there: what the agent's profile says that it has ("reference-agent"), "root"
 * (outside of any sandbox), "sandbox" (this scenario is in one), or a program found in PATH. */
int feature_present(const char *name, const struct run_config *config);

#endif
