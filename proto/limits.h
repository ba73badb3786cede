/*
 * limits.h - sizes, ports and intervals of the wire, each with its source.
 *
 * Durations are nanoseconds. "seen" means watched on the wire with official
 * agents; the rest is read from the agent's source (file names given).
 */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#define LIMIT_MS 1000000LL
#define LIMIT_S  1000000000LL

/* Ports. (config_unix.go; seen) */
#define PORT_DOCKER        2375
#define PORT_DOCKER_TLS    2376
#define PORT_INTROSPECTION 51678
#define PORT_TASK_METADATA 51679
#define PORT_PROMETHEUS    51680
#define PORT_SSH           22
#define PATH_DOCKER_SOCKET "/var/run/docker.sock"
/* Where ecs-init tells the agent to look is another place: it sets the variable. */
#define CONFIG_FILE_PATH   "/etc/ecs_container_agent/config.json"
#define IMDS_ENDPOINT      "http://169.254.169.254"
#define IMDS_TOKEN_TTL_S   21600         /* what the agent asks for; 6 h is the service's maximum */
#define SPOT_POLL_INTERVAL (1 * LIMIT_S) /* app/agent.go:startSpotInstanceDrainingPoller */

/* Docker API versions. (dockerclient/versions.go; seen) */
#define DOCKER_API_MAJOR  1
#define DOCKER_API_MIN    21 /* Docker 1.9.0: with less no agent starts */
#define DOCKER_API_OLDEST 17
#define DOCKER_API_NEWEST 44
/* A daemon whose lowest is this or more also stands for older ones. */
#define DOCKER_API_EXTENDED 24
/* From which tasks can have limits (agent_capability_unix.go), and GET /distribution is there. */
#define DOCKER_API_CGROUP_PARENT 22
#define DOCKER_API_DISTRIBUTION  35

/* Texts that leave the agent. (ecs_client.go) */
#define REASON_MAX     1024
#define RUNTIME_ID_MAX 255
#define DIGEST_MAX     255
#define BINDINGS_MAX   100
#define ARN_MAX        2048

/* What one peer may send at once. The official agent has no limit on ACS frames; ours
 * is far above the largest payload the service makes. */
#define ACS_FRAME_MAX    (4u << 20)
#define TCS_FRAME_MAX    (1u << 20) /* 1 MiB: tcs/client/client.go publishMessageSize */
#define ECS_ANSWER_MAX   (1u << 20)
#define REFUSAL_BODY_MAX (16u << 10)
#define TCS_TASKS_MAX    10 /* tasks in one PublishMetricsRequest: tasksInMetricMessage */

/* ACS. (acs/session/session.go; silence seen: 63 to 108 s) */
#define ACS_HEARTBEAT_TIMEOUT (60 * LIMIT_S)
#define ACS_HEARTBEAT_JITTER  (60 * LIMIT_S)
#define ACS_RW_TIMEOUT        (180 * LIMIT_S)
#define ACS_MAX_AGE           (1800 * LIMIT_S)
#define ACS_MAX_AGE_JITTER    (300 * LIMIT_S)
#define ACS_BACKOFF_MIN       (250 * LIMIT_MS)
#define ACS_BACKOFF_MAX       (120 * LIMIT_S)
#define ACS_INACTIVE_DELAY    (3600 * LIMIT_S)
#define WS_CONNECT_TIMEOUT    (30 * LIMIT_S)
#define WS_CLOSE_TIMEOUT      (5 * LIMIT_S) /* ours: for the answer to a close frame */

/* TCS. (stats/reporter/reporter.go, tcs/handler/handler.go; seen) */
#define TCS_HEARTBEAT_TIMEOUT (60 * LIMIT_S)
#define TCS_HEARTBEAT_JITTER  (60 * LIMIT_S)
#define TCS_MAX_AGE           (1800 * LIMIT_S)
#define TCS_MAX_AGE_JITTER    (300 * LIMIT_S)
#define TCS_BACKOFF_MIN       (1 * LIMIT_S)
#define TCS_BACKOFF_MAX       (60 * LIMIT_S)
#define TCS_PUBLISH_INTERVAL  (20 * LIMIT_S)
#define TCS_QUEUE_MAX         15 /* telemetryChannelDefaultBufferSize */

/* ECS API. (ecs/client/ecs_client.go, eventhandler/task_handler.go) */
#define ECS_REGISTER_WINDOW      (3600 * LIMIT_S)
#define ECS_REGISTER_BACKOFF_MIN (3 * LIMIT_S)
#define ECS_REGISTER_BACKOFF_MAX (192 * LIMIT_S)
#define ECS_SDK_ATTEMPTS         3
#define ECS_SUBMIT_BACKOFF_MIN   (1 * LIMIT_S)
#define ECS_SUBMIT_BACKOFF_MAX   (30 * LIMIT_S)
#define ECS_SUBMIT_PARALLEL      10
#define ECS_ROUND_TRIP           (42 * LIMIT_S)
#define ECS_CONNECT_TIMEOUT      (30 * LIMIT_S)
#define ECS_ENDPOINT_TTL         (12 * 3600 * LIMIT_S)
#define ECS_ENDPOINT_DOUBT       (60 * LIMIT_S) /* ours */
#define ECS_DRAIN_MIN            (10 * LIMIT_S)
#define ECS_DRAIN_MAX            (30 * LIMIT_S)

/* SSM, Secrets Manager, ECR. (ssm/factory, asm/factory, ecr/factory: roundtripTimeout) */
#define AWS_ROUND_TRIP (5 * LIMIT_S)

/* Credentials that somebody else renews, such as the SSM agent of an external instance; read again
 * each minute. (credentials/providers/rotating_shared_credentials_provider_v2.go) */
#define ROTATING_CREDENTIALS "/rotatingcreds/credentials"
#define ROTATING_INTERVAL    (60 * LIMIT_S)

/* The log file. (ecs-agent/logger/log.go) */
#define LOG_FILE_MB   5
#define LOG_ROLLS     24
#define LOG_ROLLS_MAX 1000

/* DescribeTags of EC2. (ec2/ec2_client.go; the SDK's standard retryer) */
#define EC2_ATTEMPTS 5
#define EC2_WAIT_MAX (20 * LIMIT_S)
#define EC2_TAGS_MAX 50

/* What tasks ask the agent. (config.go; handlers/task_server_setup.go) */
#define TMDS_RATE     40 /* a second */
#define TMDS_BURST    60
#define TMDS_FAULT    (5 * LIMIT_S)
#define TMDS_ECS_CALL (4 * LIMIT_S)

/* ECR. (dockerauth/ecr.go: a token's last half hour and up to as much again; docker_client.go) */
#define ECR_TOKEN_AHEAD  (1800 * LIMIT_S)
#define ECR_TOKEN_JITTER (1800 * LIMIT_S)
#define ECR_TOKEN_KEPT   (12 * 3600 * LIMIT_S)

/* credentials-fetcher: all tries together. (gmsacredclient/credentialsfetcherclient.go) */
#define CREDFETCH_TIMEOUT     (60 * LIMIT_S)
#define CREDFETCH_TRIES       3
#define CREDFETCH_BACKOFF_MIN (1 * LIMIT_S)
#define CREDFETCH_BACKOFF_MAX (5 * LIMIT_S)

/* S3: an environment file has this time. (firelens_unix.go; envFiles) */
#define S3_TIMEOUT (30 * LIMIT_S)

/* Network interfaces of tasks. (eni/watcher/watcher.go; engine/docker_task_engine.go; config.go) */
#define ENI_LOOK_AGAIN     (30 * LIMIT_S)
#define CNI_SETUP_TIMEOUT  (60 * LIMIT_S)
#define CNI_REMOVE_TIMEOUT (30 * LIMIT_S)
#define CNI_VERSION        "0.3.0"
#define PAUSE_IMAGE        "amazon/amazon-ecs-pause:0.1.0"
#define PAUSE_ARCHIVE      "/images/amazon-ecs-pause.tar"
#define PAUSE_ARCHIVE_MAX  (64u << 20)

/* The image of the next agent has this time. (acs/updater/updater.go: updateDownloadTimeout) */
#define UPDATE_TIMEOUT (15 * 60 * LIMIT_S)

/* Docker. (dockerclient/timeout.go, docker_client.go) */
#define DOCKER_LOAD_TIMEOUT         (120 * LIMIT_S)
#define DOCKER_PING_TIMEOUT         (5 * LIMIT_S)
#define DOCKER_HEALTH_TIMEOUT       (2 * LIMIT_S) /* the ping of the health check */
#define DOCKER_VERSION_TIMEOUT      (10 * LIMIT_S)
#define DOCKER_INSPECT_TIMEOUT      (30 * LIMIT_S)
#define DOCKER_LIST_TIMEOUT         (600 * LIMIT_S)
#define DOCKER_REMOVE_TIMEOUT       (300 * LIMIT_S)
#define DOCKER_IMAGE_REMOVE_TIMEOUT (180 * LIMIT_S)
#define DOCKER_EXEC_TIMEOUT         (60 * LIMIT_S)
#define DOCKER_VOLUME_TIMEOUT       (300 * LIMIT_S)
#define DOCKER_STOP_EXTRA           (120 * LIMIT_S) /* on top of the container's stop timeout */
#define DOCKER_STATS_INACTIVITY     (18 * LIMIT_S)
#define DOCKER_PULL_BEGIN           (300 * LIMIT_S)
#define DOCKER_PULL_TRIES           5
#define DOCKER_MANIFEST_TRIES       9
#define STEADY_STATE_POLL           (300 * LIMIT_S) /* task_manager.go; seen 296 to 310 s */
#define STEADY_STATE_POLL_JITTER    (30 * LIMIT_S)

#endif
