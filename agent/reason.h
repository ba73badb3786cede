/*
 * reason.h - the names and texts of a container's reason.
 *
 * What a user reads in the console: "<name>: <text>", as the official agent
 * words it (dockerapi/errors.go, engine/errors.go), because people and tools
 * search for these words.
 */
#ifndef AGENT_REASON_H
#define AGENT_REASON_H

#include "agent/docker_client.h"
#include "base/buf.h"

#define REASON_PULL      "CannotPullContainerError"
#define REASON_PULL_ECR  "CannotPullECRContainerError"
#define REASON_MANIFEST  "CannotPullImageManifestError"
#define REASON_CREATE    "CannotCreateContainerError"
#define REASON_START     "CannotStartContainerError"
#define REASON_STOP      "CannotStopContainerError"
#define REASON_CONFIG    "DockerClientConfigError"
#define REASON_TIMEOUT   "DockerTimeoutError"
#define REASON_OOM       "OutOfMemoryError"
#define REASON_OOM_TEXT  "Container killed due to memory usage"
#define REASON_STATE     "DockerStateError"
#define REASON_GONE      "ContainerVanishedError"
#define REASON_GONE_TEXT "No container matching saved ID found"
#define REASON_NOT_BEGUN "TaskStoppedBeforePullBeginError"
#define REASON_NETWORK   "ContainerNetworkingError"

/* Of a task: taskresource/cgroup/cgroup.go. */
#define REASON_NO_CGROUP "CgroupError: Agent could not create task's platform resources"

/*
 * Name and text of a call that failed: `name`, or a timeout on the way to
 * `transition` ("created", "started"). Appends the text; returns the name.
 */
const char *reason_of_call(const struct docker_result *r, const char *name, const char *transition,
                           struct buf *text);

/*
 * The same for the digest of an image and for a pull. Known texts of a failed pull get a hint in
 * front, and the addresses of ECR's storage, which are signed, are taken out.
 */
const char *reason_of_manifest(const struct docker_result *r, const char *image, struct buf *text);
const char *reason_of_pull(const struct docker_result *r, const char *image, struct buf *text);

#endif
