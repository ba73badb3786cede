/*
 * config.h - what the environment tells the agent (the ECS_* variables).
 *
 * One table (config_vars) has each variable's name, type, default, minimum,
 * what happens below the minimum, and a line of help; `--help` prints it and
 * config_load() is driven by it. A value that is only odd becomes a note and
 * the default is taken, as the official agent does; a value that it dies of
 * (bad JSON attributes, unknown logging driver) is an error.
 *
 * Life cycle: config_load() on zeroed memory, config_release(). The texts and
 * JSON values belong to the config.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strtab.h"

enum pull_behavior {
    PULL_DEFAULT,       /* pull; a failure is made up for by a cached image */
    PULL_ALWAYS,        /* pull; a failure fails the task */
    PULL_ONCE,          /* pull unless this agent pulled it before */
    PULL_PREFER_CACHED, /* pull only what is not there */
    PULL_BEHAVIOR_MAX
};
STRTAB_DECLARE(pull_behavior, enum pull_behavior);

/* A switch, and whether somebody has set it (some defaults depend on it). */
struct config_bool {
    bool on, set;
};

/* host NULL: a unix socket at path. */
struct config_listen {
    char *host;
    int port;
    char *path;
};

struct config {
    char *region;
    char *access_key, *secret_key, *session_token; /* NULL: not in the environment */
    char *backend_host;                            /* as given */
    char *endpoint;                                /* URL of the ECS API, no slash at the end */
    char *cluster;                                 /* "": create or use "default" */
    char *docker_host;
    char *datadir;
    struct config_bool checkpoint;
    char *logfile, *loglevel;
    int64_t reserved_memory;                             /* MiB */
    json_t *reserved_ports, *reserved_ports_udp;         /* arrays of integers */
    json_t *instance_attributes, *instance_tags;         /* objects of strings */
    json_t *logging_drivers, *volume_plugins;            /* arrays of strings */
    int64_t stop_timeout, start_timeout, create_timeout; /* ns, as all durations */
    int64_t manifest_pull_timeout, image_pull_timeout, pull_inactivity_timeout;
    int64_t cleanup_wait, cleanup_jitter;
    int64_t image_cleanup_interval, image_cleanup_age;
    int64_t images_per_cycle;
    int64_t polling_wait;
    char *pull_behavior_text;
    enum pull_behavior pull_behavior;
    struct config_bool disable_metrics, poll_metrics, disable_health_check;
    struct config_bool external, disable_privileged, selinux, apparmor;
    struct config_bool task_iam_role, task_iam_role_network_host;
    struct config_bool task_cpu_mem_limit, exclude_ipv6_bindings, disable_image_cleanup;
    struct config_bool awslogs_execution_role, dependents_upfront, spot_draining;
    char *cgroup_path;
    int64_t cgroup_cpu_period;
    int64_t task_pids_limit; /* 0: none */
    char *dynamic_ports;     /* "a-b", "" = the kernel's range */
    char *detailed_os_family;
    char *imds_endpoint;
    char *ca_file;          /* "": the system's certificates */
    char *introspection;    /* as given */
    int64_t acs_inactivity; /* ns */
    struct config_listen listen;

    char **notes; /* tolerated oddities, one line each */
    size_t n_notes, cap_notes;
};

/* env: NULL-terminated "NAME=value". -1 with a line for a person; no region is
 * not an error here (the identity document may have it). */
int config_load(struct config *c, const char *const *env, struct err *e);
void config_release(struct config *c);

/* Fails when something the agent cannot go without is still missing. */
int config_check(const struct config *c, struct err *e);

/* Sets the region, and the endpoint that depends on it. */
void config_set_region(struct config *c, const char *region);

/* The next variable's name, default and help; i starts at 0. False at the end. */
bool config_describe(size_t *i, const char **name, const char **dflt, const char **help);

#endif
