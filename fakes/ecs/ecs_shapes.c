/* ecs_calls.h: the operations that agents call, their requests as the service's model has them. */
#include "base/mem.h"
#include "base/str.h"
#include "fakes/ecs/ecs_calls.h"

static const struct shape_member tag_members[] = {
    {"key", &shape_string, false}, {"value", &shape_string, false}, {0}};
static const struct shape tag = SHAPE_OF(tag_members);
static const struct shape tags = SHAPE_LIST_OF(tag);

static const struct shape_member attribute_members[] = {{"name", &shape_string, false},
                                                        {"value", &shape_string, false},
                                                        {"targetType", &shape_string, false},
                                                        {"targetId", &shape_string, false},
                                                        {0}};
static const struct shape attribute = SHAPE_OF(attribute_members);
static const struct shape attributes = SHAPE_LIST_OF(attribute);

static const struct shape_member resource_members[] = {{"name", &shape_string, false},
                                                       {"type", &shape_string, false},
                                                       {"doubleValue", &shape_double, false},
                                                       {"longValue", &shape_long, false},
                                                       {"integerValue", &shape_integer, false},
                                                       {"stringSetValue", &shape_strings, false},
                                                       {0}};
static const struct shape resource = SHAPE_OF(resource_members);
static const struct shape resources = SHAPE_LIST_OF(resource);

static const struct shape_member version_members[] = {{"agentVersion", &shape_string, false},
                                                      {"agentHash", &shape_string, false},
                                                      {"dockerVersion", &shape_string, false},
                                                      {0}};
static const struct shape version_info = SHAPE_OF(version_members);

static const struct shape_member device_members[] = {
    {"id", &shape_string, false}, {"type", &shape_string, false}, {0}};
static const struct shape device = SHAPE_OF(device_members);
static const struct shape devices = SHAPE_LIST_OF(device);

static const struct shape_member register_members[] = {
    {"cluster", &shape_string, false},
    {"instanceIdentityDocument", &shape_string, false},
    {"instanceIdentityDocumentSignature", &shape_string, false},
    {"totalResources", &resources, false},
    {"versionInfo", &version_info, false},
    {"containerInstanceArn", &shape_string, false},
    {"attributes", &attributes, false},
    {"platformDevices", &devices, false},
    {"tags", &tags, false},
    {"clientToken", &shape_string, false},
    {0}};
static const struct shape register_request = SHAPE_OF(register_members);

static const struct shape_member discover_members[] = {{"cluster", &shape_string, false},
                                                       {"containerInstance", &shape_string, false},
                                                       {"zoneId", &shape_string, false},
                                                       {0}};
static const struct shape discover = SHAPE_OF(discover_members);

static const struct shape_member binding_members[] = {{"bindIP", &shape_string, false},
                                                      {"containerPort", &shape_integer, false},
                                                      {"hostPort", &shape_integer, false},
                                                      {"containerPortRange", &shape_string, false},
                                                      {"hostPortRange", &shape_string, false},
                                                      {"protocol", &shape_string, false},
                                                      {0}};
static const struct shape binding = SHAPE_OF(binding_members);
static const struct shape bindings = SHAPE_LIST_OF(binding);

static const struct shape_member container_change_members[] = {
    {"containerName", &shape_string, false}, {"imageDigest", &shape_string, false},
    {"runtimeId", &shape_string, false},     {"exitCode", &shape_integer, false},
    {"networkBindings", &bindings, false},   {"reason", &shape_string, false},
    {"status", &shape_string, false},        {0}};
static const struct shape container_change = SHAPE_OF(container_change_members);
static const struct shape container_changes = SHAPE_LIST_OF(container_change);

static const struct shape_member attachment_members[] = {
    {"attachmentArn", &shape_string, false}, {"status", &shape_string, false}, {0}};
static const struct shape attachment = SHAPE_OF(attachment_members);
static const struct shape attachments = SHAPE_LIST_OF(attachment);

static const struct shape_member managed_members[] = {{"containerName", &shape_string, false},
                                                      {"managedAgentName", &shape_string, false},
                                                      {"status", &shape_string, false},
                                                      {"reason", &shape_string, false},
                                                      {0}};
static const struct shape managed = SHAPE_OF(managed_members);
static const struct shape managed_agents = SHAPE_LIST_OF(managed);

static const struct shape_member submit_task_members[] = {
    {"cluster", &shape_string, false},
    {"task", &shape_string, false},
    {"status", &shape_string, false},
    {"reason", &shape_string, false},
    {"containers", &container_changes, false},
    {"attachments", &attachments, false},
    {"managedAgents", &managed_agents, false},
    {"pullStartedAt", &shape_timestamp, false},
    {"pullStoppedAt", &shape_timestamp, false},
    {"executionStoppedAt", &shape_timestamp, false},
    {0}};
static const struct shape submit_task = SHAPE_OF(submit_task_members);

static const struct shape_member submit_container_members[] = {
    {"cluster", &shape_string, false},
    {"task", &shape_string, false},
    {"containerName", &shape_string, false},
    {"runtimeId", &shape_string, false},
    {"status", &shape_string, false},
    {"exitCode", &shape_integer, false},
    {"reason", &shape_string, false},
    {"networkBindings", &bindings, false},
    {0}};
static const struct shape submit_container = SHAPE_OF(submit_container_members);

static const struct shape_member submit_attachments_members[] = {
    {"cluster", &shape_string, false}, {"attachments", &attachments, false}, {0}};
static const struct shape submit_attachments = SHAPE_OF(submit_attachments_members);

static const struct shape_member update_state_members[] = {
    {"cluster", &shape_string, false},
    {"containerInstances", &shape_strings, false},
    {"status", &shape_string, false},
    {0}};
static const struct shape update_state = SHAPE_OF(update_state_members);

static const struct ecs_call calls[] = {
    {"RegisterContainerInstance", "register", &register_request, ecs_register_container_instance},
    {"DiscoverPollEndpoint", "register", &discover, ecs_discover_poll_endpoint},
    {"SubmitTaskStateChange", "submit", &submit_task, ecs_submit_task},
    {"SubmitContainerStateChange", "submit", &submit_container, ecs_submit_container},
    {"SubmitAttachmentStateChanges", "submit", &submit_attachments, ecs_submit_attachments},
    {"UpdateContainerInstancesState", "drain", &update_state, ecs_update_instances_state},
};

const struct ecs_call *ecs_call_at(size_t i)
{
    if (i < ARRAY_SIZE(calls))
        return &calls[i];
    i -= ARRAY_SIZE(calls);
    return i < ecs_n_people_calls ? &ecs_people_calls[i] : NULL;
}

const struct ecs_call *ecs_call_find(const char *name)
{
    const struct ecs_call *call;

    for (size_t i = 0; name && (call = ecs_call_at(i)); i++)
        if (str_eq(call->name, name))
            return call;
    return NULL;
}
