/*
 * config.h - what the agent is told: environment, JSON file, user data, defaults.
 *
 * One table (proto/config_vars.def) has each variable's name, its member in the file,
 * type, default, limits, what becomes of a value outside of them, since when
 * the official agent has it, and a line of help; `--help` and `--print-config`
 * show it, and everything here is driven by it.
 *
 * Sources, the first that says something wins: the environment; the JSON file
 * (ECS_AGENT_CONFIG_FILE_PATH); the instance's user data, when it is JSON with
 * an object "ECSAgentConfiguration"; for the region the identity document; the
 * default. What Go takes for a member's zero value (0, "", [], and false for
 * some) is not said at all. (config/config.go:NewConfig, Merge)
 *
 * A value that is only odd becomes a note and the default is taken, as the
 * official agent does; a value that it dies of (bad JSON attributes, an unknown
 * logging driver, a file that is no JSON) is an error.
 *
 * Life cycle: config_load() on zeroed memory, config_user_data() or not,
 * config_finish(), config_release(). The texts and JSON values belong to the
 * config.
 */
#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

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

/* Where a value is from. */
enum config_source {
    CONFIG_DEFAULT,
    CONFIG_FROM_ENVIRONMENT,
    CONFIG_FROM_FILE,
    CONFIG_FROM_USER_DATA,
    CONFIG_FROM_METADATA,
    CONFIG_SOURCE_MAX
};
STRTAB_DECLARE(config_source, enum config_source);

union config_value {
    char *text;
    struct config_bool on;
    int64_t n;
    json_t *json;
};

#define CONFIG_VARS_MAX 120

/* host NULL: a unix socket at path. */
struct config_listen {
    char *host;
    int port;
    char *path;
};

struct config {
    char *region;
    char *access_key, *secret_key, *session_token; /* NULL: not in the environment */
    char *credential_profile, *credentials_file;   /* credentials.h */
    char *backend_host;                            /* as given */
    char *endpoint;                                /* URL of the ECS API, no slash at the end */
    char *cluster;                                 /* "": create or use "default" */
    char *docker_host;
    char *datadir;
    struct config_bool checkpoint;
    char *logfile, *loglevel, *log_rollover, *log_size, *log_rolls;
    int64_t reserved_memory;                             /* MiB */
    json_t *reserved_ports, *reserved_ports_udp;         /* arrays of integers */
    json_t *instance_attributes, *instance_tags;         /* objects of strings */
    char *tags_from;                                     /* none, ec2_instance */
    json_t *logging_drivers, *volume_plugins;            /* arrays of strings */
    int64_t stop_timeout, start_timeout, create_timeout; /* ns, as all durations */
    int64_t manifest_pull_timeout, image_pull_timeout, pull_inactivity_timeout;
    int64_t cleanup_wait, cleanup_jitter;
    struct config_bool image_cleanup_disabled, untracked_cleanup;
    int64_t image_cleanup_interval, image_min_age, untracked_min_age;
    int64_t images_per_cycle, containers_per_cycle;
    json_t *exclude_images;      /* array of strings */
    char *auth_type, *auth_data; /* registry_auth.h; NULL: not set */
    char *pull_behavior_text;
    enum pull_behavior pull_behavior;
    struct config_bool disable_metrics, disable_health_check, poll_metrics;
    int64_t polling_wait;
    struct config_bool external, disable_privileged, selinux, apparmor;
    struct config_bool task_iam_role, task_iam_role_network_host;
    struct config_bool task_cpu_mem_limit, exclude_ipv6_bindings;
    struct config_bool awslogs_execution_role, dependents_upfront, spot_draining;
    struct config_bool task_eni, eni_trunking, block_imds;
    char *cni_path, *nvidia_runtime, *host_datadir;
    struct config_bool gpu_support, firelens_async, warm_pools, match_volumes;
    struct config_bool container_metadata;
    json_t *local_routes; /* array of strings */
    json_t *pause_labels; /* object of strings */
    char *cgroup_path;
    int64_t cgroup_cpu_period;
    int64_t task_pids_limit; /* 0: none */
    char *dynamic_ports;     /* "a-b", "" = the kernel's range */
    char *detailed_os_family;
    char *ip_compatibility; /* ipv4, ipv6, or "" */
    bool ipv6_only;         /* follows from it */
    char *imds_endpoint;
    char *s3_endpoint; /* "": the region's, as the next four */
    char *ssm_endpoint, *secrets_endpoint, *ecr_endpoint, *ec2_endpoint;
    struct config_bool use_fips, use_dualstack; /* of ECR's names */
    char *ca_file;                              /* "": the system's certificates */
    char *file;                                 /* of further configuration */
    struct config_bool updates_enabled;
    char *update_dir; /* "": the working directory */
    struct config_bool prometheus;
    char *introspection, *task_metadata; /* as given */
    char *metadata_limit;                /* "RATE,BURST" */
    int64_t metadata_rate, metadata_burst;
    struct config_bool metadata_zone_disabled;
    char *audit_file;
    struct config_bool audit_disabled;
    char *healthcheck_host;
    struct config_bool gmsa_supported, domain_joined;
    char *credfetch_socket; /* "": none */
    char *domainless_secret;
    char *platform, *windows_family, *windows_features, *program_data;
    bool windows;                    /* follows from platform */
    struct config_bool hide_version; /* as agents before 1.0.0 */
    int64_t acs_inactivity;          /* ns */
    struct config_listen listen, task_listen;

    unsigned char source[CONFIG_VARS_MAX];     /* enum config_source of each row */
    union config_value spare[CONFIG_VARS_MAX]; /* of rows that nothing uses here */

    char **notes; /* tolerated oddities, one line each */
    size_t n_notes, cap_notes;
};

/* Environment and file. env: NULL-terminated "NAME=value". -1 with a line for a person. */
int config_load(struct config *c, const char *const *env, struct err *e);

/* User data that is meant for the agent; anything else has no effect. */
void config_user_data(struct config *c, const char *text);

/* The region of the identity document; only when there is none yet. */
void config_set_region(struct config *c, const char *region);

/* Limits, and what follows from several values. -1 with a line for a person: without a region too.
 */
int config_finish(struct config *c, struct err *e);
void config_release(struct config *c);

/* What ECSIM_WINDOWS_FEATURES says that the host has. */
#define WINDOWS_JOINED     "joined"     /* to a domain */
#define WINDOWS_CCG_PLUGIN "ccg-plugin" /* that fetches credentials for domainless accounts */
bool config_windows_has(const struct config *c, const char *feature);
bool config_windows_is_2016(const struct config *c);

/* A row for --help. since: NULL when it was always there. used: false: read and without effect. */
struct config_row {
    const char *name, *dflt, *since, *help;
    bool used;
};

/* The next row; i starts at 0. False at the end. */
bool config_describe(size_t *i, struct config_row *ret);

/* The effective value of row i as text, secrets hidden; to be freed. */
char *config_text(const struct config *c, size_t i);

/* Every value and where it is from: "NAME  source  value", one a line; notes as comments. */
void config_print(const struct config *c, FILE *out);

#endif
