/* The rows; see config_var.h. */
#include "agent/config_var.h"
#include "proto/limits.h"

#define AT(member) .offset = offsetof(struct config, member)
#define NOWHERE    .offset = CONFIG_NOWHERE
#define S          LIMIT_S
#define HOUR       "1h"

static const char *const pull_behaviors[] = {"default", "always", "once", "prefer-cached", NULL};
static const char *const tag_sources[] = {"none", "ec2_instance", NULL};

/* clang-format off */
#define TEXT(n, m, at, d, s, h)   {.name = n, .member = m, .kind = KIND_TEXT, at, .dflt = d, .since = s, .help = h}
#define SECRET(n, m, at, s, h)    {.name = n, .member = m, .kind = KIND_SECRET, at, .since = s, .help = h}
#define SWITCH(n, m, at, d, s, h) {.name = n, .member = m, .kind = KIND_SWITCH, at, .dflt = d, .since = s, .help = h}
#define FLAG(n, m, at, s, h)      {.name = n, .member = m, .kind = KIND_FLAG, at, .dflt = "false", .since = s, .help = h}
#define TIME(n, m, at, d, lo, hi, ev, la, s, h) \
    {.name = n, .member = m, .kind = KIND_DURATION, at, .dflt = d, .min = lo, .max = hi, \
     .env = OUTSIDE_##ev, .later = OUTSIDE_##la, .since = s, .help = h}
#define INT(n, m, at, d, lo, hi, ev, la, s, h) \
    {.name = n, .member = m, .kind = KIND_INTEGER, at, .dflt = d, .min = lo, .max = hi, \
     .env = OUTSIDE_##ev, .later = OUTSIDE_##la, .since = s, .help = h}
#define JSON(k, n, m, at, d, f, s, h) \
    {.name = n, .member = m, .kind = KIND_##k, at, .dflt = d, .fatal = f, .since = s, .help = h}
#define CHOICE(n, m, at, c, d, s, h) \
    {.name = n, .member = m, .kind = KIND_CHOICE, at, .dflt = d, .choices = c, .since = s, .help = h}

const struct config_var config_vars[] = {
    /* Where and who */
    TEXT("AWS_DEFAULT_REGION", "AWSRegion", AT(region), "", NULL, "region; else from the instance metadata"),
    SECRET("AWS_ACCESS_KEY_ID", NULL, AT(access_key), NULL, "credentials; else the instance's role"),
    SECRET("AWS_SECRET_ACCESS_KEY", NULL, AT(secret_key), NULL, ""),
    SECRET("AWS_SESSION_TOKEN", NULL, AT(session_token), NULL, ""),
    TEXT("ECS_BACKEND_HOST", "APIEndpoint", AT(backend_host), "", NULL, "ECS API; without a scheme https:// is put in front"),
    TEXT("ECS_CLUSTER", "Cluster", AT(cluster), "", NULL, "cluster name or ARN; empty: default, created when missing"),
    TEXT("DOCKER_HOST", "DockerEndpoint", AT(docker_host), "unix://" PATH_DOCKER_SOCKET, NULL, "Docker Engine: unix:///path or tcp://host:port"),
    SWITCH("ECS_EXTERNAL", "External", AT(external), "false", "1.52.0", "not an EC2 instance: the instance metadata is never asked"),
    JSON(MAP, "ECS_INSTANCE_ATTRIBUTES", "InstanceAttributes", AT(instance_attributes), "{}", true, "1.14.0", "attributes sent with the first registration"),
    JSON(MAP, "ECS_CONTAINER_INSTANCE_TAGS", "ContainerInstanceTags", AT(instance_tags), "{}", true, "1.22.0", "tags of the instance"),
    CHOICE("ECS_CONTAINER_INSTANCE_PROPAGATE_TAGS_FROM", "ContainerInstancePropagateTagsFrom", NOWHERE, tag_sources, "none", "1.22.0", "further tags: none, ec2_instance"),
    TEXT("ECS_DETAILED_OS_FAMILY", NULL, AT(detailed_os_family), "", "1.97.0", "attribute ecs.os-type-detailed"),
    TEXT("ECS_INSTANCE_IP_COMPATIBILITY", NULL, NOWHERE, "", "1.98.0", "ipv4 or ipv6, instead of finding out"),
    TEXT("ECS_ALTERNATE_CREDENTIAL_PROFILE", NULL, NOWHERE, "default", "1.63.0", "profile of the shared credentials file"),
    SWITCH("ECS_WARM_POOLS_CHECK", "WarmPoolsSupport", NOWHERE, "false", "1.59.0", "wait until the instance is InService"),
    SWITCH("ECS_ENABLE_SPOT_INSTANCE_DRAINING", "SpotInstanceDrainingEnabled", AT(spot_draining), "false", "1.32.0", "drain when the instance metadata announces an interruption"),

    /* State and logs */
    TEXT("ECS_DATADIR", "DataDir", AT(datadir), "", "0.0.3", "folder of the saved state; in the environment it turns saving on"),
    TEXT("ECS_HOST_DATA_DIR", "DataDirOnHost", NOWHERE, "/var/lib/ecs", "1.15.0", "the same folder as the host sees it"),
    SWITCH("ECS_CHECKPOINT", "Checkpoint", AT(checkpoint), "false", "0.0.3", "save state; wins over ECS_DATADIR"),
    TEXT("ECS_LOGFILE", NULL, AT(logfile), "", "0.0.3", "log file beside standard error"),
    TEXT("ECS_LOGLEVEL", NULL, AT(loglevel), "info", "0.0.3", "debug, info, warn, error, crit, none"),
    TEXT("ECS_LOGLEVEL_ON_INSTANCE", NULL, NOWHERE, "", "1.44.0", ""),
    TEXT("ECS_LOG_DRIVER", NULL, NOWHERE, "", "1.44.0", ""),
    TEXT("ECS_LOG_ROLLOVER_TYPE", NULL, NOWHERE, "size", "1.36.0", "size, hourly, date"),
    TEXT("ECS_LOG_OUTPUT_FORMAT", NULL, NOWHERE, "logfmt", "1.36.0", "logfmt, json"),
    TEXT("ECS_LOG_MAX_FILE_SIZE_MB", NULL, NOWHERE, "5", "1.36.0", ""),
    TEXT("ECS_LOG_MAX_ROLL_COUNT", NULL, NOWHERE, "24", "1.36.0", ""),
    TEXT("ECS_AUDIT_LOGFILE", "CredentialsAuditLogFile", AT(audit_file), "/log/audit.log", "1.11.0", "who asked for credentials"),
    FLAG("ECS_AUDIT_LOGFILE_DISABLED", "CredentialsAuditLogDisabled", AT(audit_disabled), "1.11.0", ""),
    SWITCH("ECS_ENABLE_RUNTIME_STATS", "EnableRuntimeStats", NOWHERE, "false", "1.55.2", ""),
    FLAG("ECS_ENABLE_PROMETHEUS_METRICS", NULL, AT(prometheus), "1.24.0", "keeps port 51680 too"),

    /* Resources */
    INT("ECS_RESERVED_MEMORY", "ReservedMemory", AT(reserved_memory), "0", 0, 65535, DEFAULT, FATAL, "1.2.1", "MiB kept from tasks"),
    JSON(INTS, "ECS_RESERVED_PORTS", "ReservedPorts", AT(reserved_ports), "[22,2375,2376,51678,51679]", false, NULL, "TCP ports kept from tasks"),
    JSON(INTS, "ECS_RESERVED_PORTS_UDP", "ReservedPortsUDP", AT(reserved_ports_udp), "[]", false, "1.2.0", "UDP ports kept from tasks"),
    /* The official agent fills this and the CPU period in from their defaults before it reads the file. */
    TEXT("ECS_DYNAMIC_HOST_PORT_RANGE", NULL, AT(dynamic_ports), "", "1.68.0", "FIRST-LAST; else the kernel's ephemeral ports"),
    SWITCH("ECS_EXCLUDE_IPV6_PORTBINDING", "ShouldExcludeIPv6PortBinding", AT(exclude_ipv6_bindings), "true", "1.55.3", ""),
    SWITCH("ECS_ENABLE_TASK_CPU_MEM_LIMIT", "TaskCPUMemLimit", AT(task_cpu_mem_limit), "true", "1.16.0", "limits of whole tasks; true: no start without control groups"),
    TEXT("ECS_CGROUP_PATH", "CgroupPath", AT(cgroup_path), "/sys/fs/cgroup", "1.17.0", "where the control groups are mounted"),
    TIME("ECS_CGROUP_CPU_PERIOD", NULL, AT(cgroup_cpu_period), "100ms", 8 * LIMIT_MS, 100 * LIMIT_MS, DEFAULT, KEEP, "1.28.0", ""),
    INT("ECS_TASK_PIDS_LIMIT", "TaskPidsLimit", AT(task_pids_limit), "0", 0, 4194304, DEFAULT, DEFAULT, "1.77.0", "processes of a task"),
    SWITCH("ECS_PROPAGATE_TASK_MEMORY_LIMIT_CGROUPV2", "PropagateTaskMemoryLimitCgroupV2", NOWHERE, "false", "1.104.0", ""),
    FLAG("ECS_ENABLE_GPU_SUPPORT", "GPUSupportEnabled", NOWHERE, "1.25.0", ""),
    FLAG("ECS_ENABLE_INF_SUPPORT", "InferentiaSupportEnabled", NOWHERE, "1.41.0", ""),
    TEXT("ECS_NVIDIA_RUNTIME", "NvidiaRuntime", NOWHERE, "nvidia", "1.25.0", ""),
    SWITCH("ECS_EBSTA_SUPPORTED", NULL, NOWHERE, "true", "1.82.0", ""),
    SWITCH("ECS_GMSA_SUPPORTED", "GMSACapable", NOWHERE, "false", "1.66.0", ""),

    /* Containers */
    JSON(STRINGS, "ECS_AVAILABLE_LOGGING_DRIVERS", "AvailableLoggingDrivers", AT(logging_drivers), "[\"json-file\",\"none\"]", false, "1.5.0", "log drivers to offer; an unknown one is an error"),
    JSON(STRINGS, "ECS_VOLUME_PLUGIN_CAPABILITIES", "VolumePluginCapabilities", AT(volume_plugins), "[]", false, "1.38.0", "each becomes a capability"),
    SWITCH("ECS_DISABLE_PRIVILEGED", "PrivilegedDisabled", AT(disable_privileged), "false", "1.5.0", "privileged containers are not offered"),
    SWITCH("ECS_SELINUX_CAPABLE", "SELinuxCapable", AT(selinux), "false", "1.5.0", ""),
    SWITCH("ECS_APPARMOR_CAPABLE", "AppArmorCapable", AT(apparmor), "false", "1.5.0", ""),
    SWITCH("ECS_ENABLE_TASK_IAM_ROLE", "TaskIAMRoleEnabled", AT(task_iam_role), "false", "1.11.0", ""),
    FLAG("ECS_ENABLE_TASK_IAM_ROLE_NETWORK_HOST", "TaskIAMRoleEnabledForNetworkHost", AT(task_iam_role_network_host), "1.12.0", ""),
    SWITCH("ECS_ENABLE_AWSLOGS_EXECUTIONROLE_OVERRIDE", "OverrideAWSLogsExecutionRole", AT(awslogs_execution_role), "false", "1.16.0", ""),
    TIME("ECS_CONTAINER_STOP_TIMEOUT", "DockerStopTimeout", AT(stop_timeout), "30s", 1 * S, 0, LIMIT, FATAL, "1.10.0", "between SIGTERM and SIGKILL"),
    TIME("ECS_CONTAINER_START_TIMEOUT", "ContainerStartTimeout", AT(start_timeout), "3m", 45 * S, 0, LIMIT, FATAL, "1.17.3", ""),
    TIME("ECS_CONTAINER_CREATE_TIMEOUT", "ContainerCreateTimeout", AT(create_timeout), "4m", 60 * S, 0, LIMIT, KEEP, "1.49.0", ""),
    SWITCH("ECS_ENABLE_CONTAINER_METADATA", "ContainerMetadataEnabled", NOWHERE, "false", "1.15.0", "a file with its facts in each container"),
    SWITCH("ECS_SHARED_VOLUME_MATCH_FULL_CONFIG", "SharedVolumeMatchFullConfig", NOWHERE, "false", "1.20.2", ""),
    SWITCH("ECS_ENABLE_FIRELENS_ASYNC", "FirelensAsyncEnabled", NOWHERE, "true", "1.91.0", ""),
    JSON(MAP, "ECS_PAUSE_LABELS", NULL, NOWHERE, "{}", false, "1.101.0", ""),
    TIME("ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION", "TaskCleanupWaitDuration", AT(cleanup_wait), "3h", 1 * S, 0, DEFAULT, DEFAULT, "1.8.0", "stopped containers are kept so long"),
    TIME("ECS_ENGINE_TASK_CLEANUP_WAIT_DURATION_JITTER", "TaskCleanupWaitDurationJitter", AT(cleanup_jitter), "0s", 0, 0, KEEP, KEEP, "1.55.0", "and up to so much longer"),

    /* Images and registries */
    CHOICE("ECS_IMAGE_PULL_BEHAVIOR", "ImagePullBehavior", AT(pull_behavior_text), pull_behaviors, "default", "1.18.0", "default, always, once, prefer-cached"),
    SWITCH("ECS_PULL_DEPENDENT_CONTAINERS_UPFRONT", "DependentContainersPullUpfront", AT(dependents_upfront), "false", "1.48.0", ""),
    TIME("ECS_MANIFEST_PULL_TIMEOUT", "ManifestPullTimeout", AT(manifest_pull_timeout), "1m", 30 * S, 0, LIMIT, KEEP, "1.83.0", ""),
    TIME("ECS_IMAGE_PULL_TIMEOUT", "ImagePullTimeout", AT(image_pull_timeout), "2h", 0, 0, KEEP, KEEP, "1.44.2", ""),
    TIME("ECS_IMAGE_PULL_INACTIVITY_TIMEOUT", "ImagePullInactivityTimeout", AT(pull_inactivity_timeout), "1m", 60 * S, 0, LIMIT, DEFAULT, "1.21.0", "a pull without progress"),
    SWITCH("ECS_DISABLE_IMAGE_CLEANUP", "ImageCleanupDisabled", AT(image_cleanup_disabled), "false", "1.13.0", ""),
    TIME("ECS_IMAGE_CLEANUP_INTERVAL", "ImageCleanupInterval", AT(image_cleanup_interval), "30m", 600 * S, 0, DEFAULT, DEFAULT, "1.13.0", ""),
    TIME("ECS_IMAGE_MINIMUM_CLEANUP_AGE", "MinimumImageDeletionAge", AT(image_min_age), HOUR, 0, 0, KEEP, KEEP, "1.13.0", ""),
    TIME("NON_ECS_IMAGE_MINIMUM_CLEANUP_AGE", "NonECSMinimumImageDeletionAge", AT(untracked_min_age), HOUR, 0, 0, KEEP, KEEP, "1.33.0", ""),
    INT("ECS_NUM_IMAGES_DELETE_PER_CYCLE", "NumImagesToDeletePerCycle", AT(images_per_cycle), "5", 1, 0, DEFAULT, DEFAULT, "1.13.0", ""),
    INT("NONECS_NUM_CONTAINERS_DELETE_PER_CYCLE", "NumNonECSContainersToDeletePerCycle", AT(containers_per_cycle), "5", INT64_MIN, 0, KEEP, KEEP, "1.24.0", "a negative number: all"),
    SWITCH("ECS_ENABLE_UNTRACKED_IMAGE_CLEANUP", "DeleteNonECSImagesEnabled", AT(untracked_cleanup), "false", "1.24.0", ""),
    JSON(WORDS, "ECS_EXCLUDE_UNTRACKED_IMAGE", "ImageCleanupExclusionList", AT(exclude_images), "", false, "1.24.0", "images with commas between them; effective since 1.42.0"),
    TEXT("ECS_ENGINE_AUTH_TYPE", "EngineAuthType", AT(auth_type), "", "0.0.3", "docker or dockercfg"),
    SECRET("ECS_ENGINE_AUTH_DATA", "EngineAuthData", AT(auth_data), "0.0.3", "credentials of registries"),

    /* Telemetry and task metadata */
    SWITCH("ECS_DISABLE_METRICS", "DisableMetrics", AT(disable_metrics), "false", "1.2.0", ""),
    SWITCH("ECS_POLL_METRICS", "PollMetrics", NOWHERE, "false", "1.24.0", ""),
    TIME("ECS_POLLING_METRICS_WAIT_DURATION", "PollingMetricsWaitDuration", NOWHERE, "10s", 0, 0, KEEP, KEEP, "1.24.0", "5s to 20s when polling is on"),
    SWITCH("ECS_DISABLE_DOCKER_HEALTH_CHECK", "DisableDockerHealthCheck", AT(disable_health_check), "false", "1.25.0", ""),
    TEXT("ECS_TASK_METADATA_RPS_LIMIT", NULL, AT(metadata_limit), "40,60", "1.17.1", "steady rate and burst of a visitor at a path"),
    FLAG("ECS_DISABLE_TASK_METADATA_AZ", "TaskMetadataAZDisabled", AT(metadata_zone_disabled), "1.25.2", ""),
    TEXT("ECS_AGENT_HEALTHCHECK_HOST", NULL, AT(healthcheck_host), "localhost", "1.51.0", "whom --healthcheck asks"),

    /* Networks of tasks */
    SWITCH("ECS_ENABLE_TASK_ENI", "TaskENIEnabled", NOWHERE, "false", "1.15.0", ""),
    SWITCH("ECS_ENABLE_HIGH_DENSITY_ENI", NULL, NOWHERE, "true", "1.28.0", "with ECS_ENABLE_TASK_ENI"),
    TEXT("ECS_CNI_PLUGINS_PATH", "CNIPluginsPath", NOWHERE, "/amazon-ecs-cni-plugins", "1.15.0", ""),
    SWITCH("ECS_AWSVPC_BLOCK_IMDS", "AWSVPCBlockInstanceMetdata", NOWHERE, "false", "1.15.0", ""),
    JSON(STRINGS, "ECS_AWSVPC_ADDITIONAL_LOCAL_ROUTES", "AWSVPCAdditionalLocalRoutes", NOWHERE, "[]", true, "1.15.0", ""),

    /* Updates */
    SWITCH("ECS_UPDATES_ENABLED", "UpdatesEnabled", NOWHERE, "false", "1.0.0", "this agent is never replaced: updates are refused"),
    TEXT("ECS_UPDATE_DOWNLOAD_DIR", "UpdateDownloadDir", NOWHERE, "", "1.0.0", ""),

    /* Of the SDK, of TLS, and of our own */
    TEXT("ECS_AGENT_CONFIG_FILE_PATH", NULL, AT(file), CONFIG_FILE_PATH, NULL, "JSON file with what the environment does not say"),
    TEXT("AWS_EC2_METADATA_SERVICE_ENDPOINT", NULL, AT(imds_endpoint), IMDS_ENDPOINT, NULL, "instance metadata"),
    TEXT("AWS_ENDPOINT_URL_S3", NULL, AT(s3_endpoint), "", NULL, "S3 instead of the region's"),
    TEXT("AWS_ENDPOINT_URL_SSM", NULL, AT(ssm_endpoint), "", NULL, "SSM instead of the region's"),
    TEXT("AWS_ENDPOINT_URL_SECRETS_MANAGER", NULL, AT(secrets_endpoint), "", NULL, "Secrets Manager instead of the region's"),
    TEXT("AWS_ENDPOINT_URL_ECR", NULL, AT(ecr_endpoint), "", NULL, "ECR instead of the region's"),
    SWITCH("AWS_USE_FIPS_ENDPOINT", NULL, AT(use_fips), "false", NULL, "ECR by its FIPS name"),
    SWITCH("AWS_USE_DUALSTACK_ENDPOINT", NULL, AT(use_dualstack), "false", NULL, "ECR by its name with IPv6"),
    TEXT("SSL_CERT_FILE", NULL, AT(ca_file), "", NULL, "PEM file of the certificates to trust; else the system's"),
    TEXT("ECSIM_INTROSPECTION", NULL, AT(introspection), "51678", NULL, "PORT, HOST:PORT or unix:PATH of the introspection API (host 127.0.0.1)"),
    TEXT("ECSIM_TASK_METADATA", NULL, AT(task_metadata), "51679", NULL, "the same of what tasks ask"),
    FLAG("ECSIM_HIDE_VERSION", NULL, AT(hide_version), NULL, "introspection without Version, as of agents before 1.0.0"),
    TIME("ECSIM_ACS_INACTIVITY", NULL, AT(acs_inactivity), "1m", 100 * LIMIT_MS, 0, LIMIT, KEEP, NULL, "an ACS session that is silent for this time and up to as much again is given up"),
};
/* clang-format on */

const size_t config_vars_n = sizeof(config_vars) / sizeof(config_vars[0]);

_Static_assert(sizeof(config_vars) / sizeof(config_vars[0]) <= CONFIG_VARS_MAX,
               "struct config has no room for the rows");

const char *const config_other_members[] = {
    "ClusterArn",
    "ENITrunkingEnabled",
    "PauseContainerTarballPath",
    "PauseContainerImageName",
    "PauseContainerTag",
    "PrometheusMetricsEnabled",
    "OverrideAWSVPCLocalIPv4Address",
    "PlatformVariables",
    "TaskMetadataSteadyStateRate",
    "TaskMetadataBurstRate",
    "NoIID",
    "EBSTASupportEnabled",
    "ENIPauseContainerCleanupDelaySeconds",
    "CgroupCPUPeriod",
    "GMSADomainlessCapable",
    "FSxWindowsFileServerCapable",
    "InstanceENIDNSServerList",
    "RuntimeStatsLogFile",
    "DynamicHostPortRange",
    "CSIDriverSocketPath",
    "NodeStageTimeout",
    "NodeUnstageTimeout",
    "InstanceIPCompatibility",
    "IMDSIAMRolesEnabled",
    NULL,
};
