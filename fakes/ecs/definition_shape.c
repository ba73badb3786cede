/* definition.h: the request of RegisterTaskDefinition, as the service's model has it. */
#include "fakes/aws/shape_table.h"
#include "fakes/ecs/definition.h"

/* clang-format off */
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
static const struct shape_member logging_members[] = {
    S("logDriver"), M("options", text_map), M("secretOptions", secrets), END};
const struct shape definition_logging_shape = SHAPE_OF(logging_members);
STRUCTURE(health, L("command"), I("interval"), I("timeout"), I("retries"), I("startPeriod"));
STRUCTURE(firelens, S("type"), M("options", text_map));
STRUCTURE(capabilities, L("add"), L("drop"));
STRUCTURE(device, S("hostPath"), S("containerPath"), L("permissions"));
LIST(devices, device);
STRUCTURE(tmpfs, S("containerPath"), I("size"), L("mountOptions"));
LIST(tmpfses, tmpfs);
STRUCTURE(linux_parameters, M("capabilities", capabilities), M("devices", devices),
          B("initProcessEnabled"), I("sharedMemorySize"), M("tmpfs", tmpfses),
          I("maxSwap"), I("swappiness"));
static const struct shape integers = SHAPE_LIST_OF(shape_integer);
STRUCTURE(restart_policy, B("enabled"), M("ignoredExitCodes", integers), I("restartAttemptPeriod"));

STRUCTURE(container, S("name"), S("image"), M("repositoryCredentials", credentials),
          I("cpu"), I("memory"), I("memoryReservation"), L("links"),
          M("portMappings", ports), B("essential"), M("restartPolicy", restart_policy),
          L("entryPoint"), L("command"), M("environment", pairs),
          M("environmentFiles", env_files), M("mountPoints", mounts),
          M("volumesFrom", froms), M("linuxParameters", linux_parameters),
          M("secrets", secrets), M("dependsOn", depends), I("startTimeout"),
          I("stopTimeout"), S("hostname"), S("user"), S("workingDirectory"),
          B("disableNetworking"), B("privileged"), B("readonlyRootFilesystem"), L("dnsServers"),
          L("dnsSearchDomains"), M("extraHosts", host_entries), L("dockerSecurityOptions"),
          B("interactive"), B("pseudoTerminal"), M("dockerLabels", text_map),
          M("ulimits", ulimits), M("logConfiguration", definition_logging_shape),
          M("healthCheck", health), M("systemControls", controls),
          M("resourceRequirements", requirements), M("firelensConfiguration", firelens),
          L("credentialSpecs"));
LIST(containers, container);

STRUCTURE(host_volume, S("sourcePath"));
STRUCTURE(docker_volume, S("scope"), B("autoprovision"), S("driver"), M("driverOpts", text_map),
          M("labels", text_map));
STRUCTURE(efs_access, S("accessPointId"), S("iam"));
STRUCTURE(efs_volume, S("fileSystemId"), S("rootDirectory"), S("transitEncryption"),
          I("transitEncryptionPort"), M("authorizationConfig", efs_access));
STRUCTURE(fsx_access, S("credentialsParameter"), S("domain"));
STRUCTURE(fsx_volume, S("fileSystemId"), S("rootDirectory"), M("authorizationConfig", fsx_access));
STRUCTURE(volume, S("name"), M("host", host_volume),
          M("dockerVolumeConfiguration", docker_volume),
          M("efsVolumeConfiguration", efs_volume),
          M("fsxWindowsFileServerVolumeConfiguration", fsx_volume),
          B("configuredAtLaunch"));
LIST(volumes, volume);
STRUCTURE(constraint, S("type"), S("expression"));
LIST(constraints, constraint);
STRUCTURE(proxy, S("type"), S("containerName"), M("properties", pairs));
STRUCTURE(accelerator, S("deviceName"), S("deviceType"));
LIST(accelerators, accelerator);
STRUCTURE(storage, I("sizeInGiB"));
STRUCTURE(platform, S("cpuArchitecture"), S("operatingSystemFamily"));

static const struct shape_member definition_members[] = {
    S("family"), S("taskRoleArn"), S("executionRoleArn"), S("networkMode"),
    M("containerDefinitions", containers), M("volumes", volumes),
    M("placementConstraints", constraints), L("requiresCompatibilities"), S("cpu"),
    S("memory"), M("tags", tags), S("pidMode"), S("ipcMode"),
    M("proxyConfiguration", proxy), M("inferenceAccelerators", accelerators),
    M("ephemeralStorage", storage), M("runtimePlatform", platform),
    B("enableFaultInjection"), END};
const struct shape definition_shape = SHAPE_OF(definition_members);

STRUCTURE(container_override, S("name"), L("command"), M("environment", pairs),
          M("environmentFiles", env_files), I("cpu"), I("memory"), I("memoryReservation"),
          M("resourceRequirements", requirements));
LIST(container_overrides, container_override);
static const struct shape_member override_members[] = {
    M("containerOverrides", container_overrides), S("cpu"), S("memory"),
    M("inferenceAcceleratorOverrides", accelerators), S("executionRoleArn"),
    S("taskRoleArn"), M("ephemeralStorage", storage), END};
const struct shape definition_overrides_shape = SHAPE_OF(override_members);
/* clang-format on */
