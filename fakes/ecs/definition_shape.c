/* definition.h: the request of RegisterTaskDefinition, as the service's model has it. */
#include "fakes/ecs/definition.h"

/* clang-format off */
#define S(n) {n, &shape_string, false}
#define I(n) {n, &shape_integer, false}
#define B(n) {n, &shape_boolean, false}
#define L(n) {n, &shape_strings, false}
#define END {0}
#define STRUCTURE(n, ...) \
    static const struct shape_member n##_members[] = {__VA_ARGS__, END}; \
    static const struct shape n = SHAPE_OF(n##_members)
#define LIST(n, of) static const struct shape n = SHAPE_LIST_OF(of)

static const struct shape text_map = {.kind = SHAPE_MAP, .item = &shape_string};

STRUCTURE(pair, S("name"), S("value"));
LIST(pairs, pair);
STRUCTURE(key_value, S("key"), S("value"));
LIST(tags, key_value);
STRUCTURE(env_file, S("value"), S("type"));
LIST(env_files, env_file);
STRUCTURE(port, I("containerPort"), I("hostPort"), S("protocol"), S("name"), S("appProtocol"), S("containerPortRange"));
LIST(ports, port);
STRUCTURE(mount, S("sourceVolume"), S("containerPath"), B("readOnly"));
LIST(mounts, mount);
STRUCTURE(from, S("sourceContainer"), B("readOnly"));
LIST(froms, from);
STRUCTURE(secret, S("name"), S("valueFrom"));
LIST(secrets, secret);
STRUCTURE(depend, S("containerName"), S("condition"));
LIST(depends, depend);
STRUCTURE(host_entry, S("hostname"), S("ipAddress"));
LIST(host_entries, host_entry);
STRUCTURE(ulimit, S("name"), I("softLimit"), I("hardLimit"));
LIST(ulimits, ulimit);
STRUCTURE(control, S("namespace"), S("value"));
LIST(controls, control);
STRUCTURE(requirement, S("value"), S("type"));
LIST(requirements, requirement);
STRUCTURE(credentials, S("credentialsParameter"));
STRUCTURE(logging, S("logDriver"), {"options", &text_map, false}, {"secretOptions", &secrets, false});
STRUCTURE(health, L("command"), I("interval"), I("timeout"), I("retries"), I("startPeriod"));
STRUCTURE(firelens, S("type"), {"options", &text_map, false});
STRUCTURE(capabilities, L("add"), L("drop"));
STRUCTURE(device, S("hostPath"), S("containerPath"), L("permissions"));
LIST(devices, device);
STRUCTURE(tmpfs, S("containerPath"), I("size"), L("mountOptions"));
LIST(tmpfses, tmpfs);
STRUCTURE(linux_parameters, {"capabilities", &capabilities, false}, {"devices", &devices, false},
          B("initProcessEnabled"), I("sharedMemorySize"), {"tmpfs", &tmpfses, false},
          I("maxSwap"), I("swappiness"));
static const struct shape integers = SHAPE_LIST_OF(shape_integer);
STRUCTURE(restart_policy, B("enabled"), {"ignoredExitCodes", &integers, false}, I("restartAttemptPeriod"));

STRUCTURE(container, S("name"), S("image"), {"repositoryCredentials", &credentials, false},
          I("cpu"), I("memory"), I("memoryReservation"), L("links"),
          {"portMappings", &ports, false}, B("essential"), {"restartPolicy", &restart_policy, false},
          L("entryPoint"), L("command"), {"environment", &pairs, false},
          {"environmentFiles", &env_files, false}, {"mountPoints", &mounts, false},
          {"volumesFrom", &froms, false}, {"linuxParameters", &linux_parameters, false},
          {"secrets", &secrets, false}, {"dependsOn", &depends, false}, I("startTimeout"),
          I("stopTimeout"), S("hostname"), S("user"), S("workingDirectory"),
          B("disableNetworking"), B("privileged"), B("readonlyRootFilesystem"), L("dnsServers"),
          L("dnsSearchDomains"), {"extraHosts", &host_entries, false}, L("dockerSecurityOptions"),
          B("interactive"), B("pseudoTerminal"), {"dockerLabels", &text_map, false},
          {"ulimits", &ulimits, false}, {"logConfiguration", &logging, false},
          {"healthCheck", &health, false}, {"systemControls", &controls, false},
          {"resourceRequirements", &requirements, false}, {"firelensConfiguration", &firelens, false},
          L("credentialSpecs"));
LIST(containers, container);

STRUCTURE(host_volume, S("sourcePath"));
STRUCTURE(docker_volume, S("scope"), B("autoprovision"), S("driver"), {"driverOpts", &text_map, false},
          {"labels", &text_map, false});
STRUCTURE(efs_access, S("accessPointId"), S("iam"));
STRUCTURE(efs_volume, S("fileSystemId"), S("rootDirectory"), S("transitEncryption"),
          I("transitEncryptionPort"), {"authorizationConfig", &efs_access, false});
STRUCTURE(fsx_access, S("credentialsParameter"), S("domain"));
STRUCTURE(fsx_volume, S("fileSystemId"), S("rootDirectory"), {"authorizationConfig", &fsx_access, false});
STRUCTURE(volume, S("name"), {"host", &host_volume, false},
          {"dockerVolumeConfiguration", &docker_volume, false},
          {"efsVolumeConfiguration", &efs_volume, false},
          {"fsxWindowsFileServerVolumeConfiguration", &fsx_volume, false},
          B("configuredAtLaunch"));
LIST(volumes, volume);
STRUCTURE(constraint, S("type"), S("expression"));
LIST(constraints, constraint);
STRUCTURE(proxy, S("type"), S("containerName"), {"properties", &pairs, false});
STRUCTURE(accelerator, S("deviceName"), S("deviceType"));
LIST(accelerators, accelerator);
STRUCTURE(storage, I("sizeInGiB"));
STRUCTURE(platform, S("cpuArchitecture"), S("operatingSystemFamily"));

static const struct shape_member definition_members[] = {
    S("family"), S("taskRoleArn"), S("executionRoleArn"), S("networkMode"),
    {"containerDefinitions", &containers, false}, {"volumes", &volumes, false},
    {"placementConstraints", &constraints, false}, L("requiresCompatibilities"), S("cpu"),
    S("memory"), {"tags", &tags, false}, S("pidMode"), S("ipcMode"),
    {"proxyConfiguration", &proxy, false}, {"inferenceAccelerators", &accelerators, false},
    {"ephemeralStorage", &storage, false}, {"runtimePlatform", &platform, false},
    B("enableFaultInjection"), END};
const struct shape definition_shape = SHAPE_OF(definition_members);

STRUCTURE(container_override, S("name"), L("command"), {"environment", &pairs, false},
          {"environmentFiles", &env_files, false}, I("cpu"), I("memory"), I("memoryReservation"),
          {"resourceRequirements", &requirements, false});
LIST(container_overrides, container_override);
static const struct shape_member override_members[] = {
    {"containerOverrides", &container_overrides, false}, S("cpu"), S("memory"),
    {"inferenceAcceleratorOverrides", &accelerators, false}, S("executionRoleArn"),
    S("taskRoleArn"), {"ephemeralStorage", &storage, false}, END};
const struct shape definition_overrides_shape = SHAPE_OF(override_members);
/* clang-format on */
