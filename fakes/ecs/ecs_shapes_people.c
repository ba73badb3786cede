/* ecs_calls.h: the operations that people call, their requests as the service's model has them. */
#include "base/mem.h"
#include "fakes/aws/shape_table.h"
#include "fakes/ecs/definition.h"
#include "fakes/ecs/ecs_calls.h"

/* clang-format off */
#define PAGE S("nextToken"), I("maxResults")

STRUCTURE(tag, S("key"), S("value"));
LIST(tags, tag);
STRUCTURE(setting, S("name"), S("value"));
LIST(settings, setting);
STRUCTURE(attribute, S("name"), S("value"), S("targetType"), S("targetId"));
LIST(attributes, attribute);
STRUCTURE(constraint, S("type"), S("expression"));
LIST(constraints, constraint);
STRUCTURE(strategy, S("type"), S("field"));
LIST(strategies, strategy);
STRUCTURE(provider, S("capacityProvider"), I("weight"), I("base"));
LIST(providers, provider);
STRUCTURE(vpc, L("subnets"), L("securityGroups"), S("assignPublicIp"));
STRUCTURE(network, M("awsvpcConfiguration", vpc));
STRUCTURE(breaker, B("enable"), B("rollback"));
STRUCTURE(alarms, L("alarmNames"), B("enable"), B("rollback"));
STRUCTURE(deployment, M("deploymentCircuitBreaker", breaker), I("maximumPercent"), I("minimumHealthyPercent"),
          M("alarms", alarms), S("strategy"));
STRUCTURE(controller, S("type"));
STRUCTURE(connect_defaults, S("namespace"));
STRUCTURE(exec_log, S("cloudWatchLogGroupName"), B("cloudWatchEncryptionEnabled"), S("s3BucketName"),
          B("s3EncryptionEnabled"), S("s3KeyPrefix"));
STRUCTURE(exec_configuration, S("kmsKeyId"), S("logging"), M("logConfiguration", exec_log));
STRUCTURE(storage_configuration, S("kmsKeyId"), S("fargateEphemeralStorageKmsKeyId"));
STRUCTURE(configuration, M("executeCommandConfiguration", exec_configuration),
          M("managedStorageConfiguration", storage_configuration));
STRUCTURE(balancer, S("targetGroupArn"), S("loadBalancerName"), S("containerName"), I("containerPort"));
LIST(balancers, balancer);
STRUCTURE(registry, S("registryArn"), I("port"), S("containerName"), I("containerPort"));
LIST(registries, registry);
STRUCTURE(alias, I("port"), S("dnsName"));
LIST(aliases, alias);
STRUCTURE(connect_service, S("portName"), S("discoveryName"), M("clientAliases", aliases),
          I("ingressPortOverride"));
LIST(connect_services, connect_service);
STRUCTURE(connect_configuration, B("enabled"), S("namespace"), M("services", connect_services),
          M("logConfiguration", definition_logging_shape));

STRUCTURE(create_cluster, S("clusterName"), M("tags", tags), M("settings", settings),
          M("configuration", configuration), L("capacityProviders"),
          M("defaultCapacityProviderStrategy", providers), M("serviceConnectDefaults", connect_defaults));

STRUCTURE(describe_clusters, L("clusters"), L("include"));
STRUCTURE(list_clusters, PAGE);
STRUCTURE(delete_cluster, S("cluster"));
STRUCTURE(update_cluster, S("cluster"), M("settings", settings), M("configuration", configuration),
          M("serviceConnectDefaults", connect_defaults));
STRUCTURE(put_providers, S("cluster"), L("capacityProviders"), M("defaultCapacityProviderStrategy", providers));
STRUCTURE(describe_providers, L("capacityProviders"), L("include"), PAGE);

STRUCTURE(scaling, S("status"), I("targetCapacity"), I("minimumScalingStepSize"), I("maximumScalingStepSize"),
          I("instanceWarmupPeriod"));
#define GROUP_MEMBERS M("managedScaling", scaling), S("managedTerminationProtection"), S("managedDraining")
STRUCTURE(group, S("autoScalingGroupArn"), GROUP_MEMBERS);
STRUCTURE(group_update, GROUP_MEMBERS);
STRUCTURE(create_provider, S("name"), M("autoScalingGroupProvider", group), M("tags", tags));
STRUCTURE(update_provider, S("name"), M("autoScalingGroupProvider", group_update));
STRUCTURE(delete_provider, S("capacityProvider"));

STRUCTURE(describe_instances, S("cluster"), L("containerInstances"), L("include"));
STRUCTURE(list_instances, S("cluster"), S("filter"), S("status"), PAGE);
STRUCTURE(deregister_instance, S("cluster"), S("containerInstance"), B("force"));
STRUCTURE(update_agent, S("cluster"), S("containerInstance"));

STRUCTURE(deregister_definition, S("taskDefinition"));
STRUCTURE(delete_definitions, L("taskDefinitions"));
STRUCTURE(describe_definition, S("taskDefinition"), L("include"));
STRUCTURE(list_definitions, S("familyPrefix"), S("status"), S("sort"), PAGE);

STRUCTURE(run_task, M("capacityProviderStrategy", providers), S("cluster"), I("count"),
          B("enableECSManagedTags"), B("enableExecuteCommand"), S("group"), S("launchType"),
          M("networkConfiguration", network), M("overrides", definition_overrides_shape),
          M("placementConstraints", constraints), M("placementStrategy", strategies),
          S("platformVersion"), S("propagateTags"), S("referenceId"), S("startedBy"),
          M("tags", tags), S("taskDefinition"), S("clientToken"));
STRUCTURE(start_task, S("cluster"), L("containerInstances"), B("enableECSManagedTags"),
          B("enableExecuteCommand"), S("group"), M("networkConfiguration", network),
          M("overrides", definition_overrides_shape), S("propagateTags"), S("referenceId"),
          S("startedBy"), M("tags", tags), S("taskDefinition"));
STRUCTURE(stop_task, S("cluster"), S("task"), S("reason"));
STRUCTURE(describe_tasks, S("cluster"), L("tasks"), L("include"));
STRUCTURE(list_tasks, S("cluster"), S("containerInstance"), S("family"), S("startedBy"),
          S("serviceName"), S("desiredStatus"), S("launchType"), PAGE);
STRUCTURE(get_protection, S("cluster"), L("tasks"));
STRUCTURE(update_protection, S("cluster"), L("tasks"), B("protectionEnabled"), I("expiresInMinutes"));
STRUCTURE(execute, S("cluster"), S("container"), S("command"), B("interactive"), S("task"));

#define SERVICE_MEMBERS \
    S("cluster"), I("desiredCount"), S("taskDefinition"), M("capacityProviderStrategy", providers), \
    M("deploymentConfiguration", deployment), M("networkConfiguration", network), \
    M("placementConstraints", constraints), M("placementStrategy", strategies), \
    S("platformVersion"), I("healthCheckGracePeriodSeconds"), B("enableExecuteCommand"), \
    B("enableECSManagedTags"), M("loadBalancers", balancers), S("propagateTags"), \
    M("serviceRegistries", registries), M("serviceConnectConfiguration", connect_configuration)
STRUCTURE(create_service, S("serviceName"), S("clientToken"), S("launchType"), S("role"),
          S("schedulingStrategy"), M("deploymentController", controller), M("tags", tags), SERVICE_MEMBERS);
STRUCTURE(update_service, S("service"), B("forceNewDeployment"), SERVICE_MEMBERS);
STRUCTURE(delete_service, S("cluster"), S("service"), B("force"));
STRUCTURE(describe_services, S("cluster"), L("services"), L("include"));
STRUCTURE(list_services, S("cluster"), S("launchType"), S("schedulingStrategy"), PAGE);

STRUCTURE(created_at, M("before", shape_timestamp), M("after", shape_timestamp));
STRUCTURE(list_service_deployments, S("service"), S("cluster"), L("status"), M("createdAt", created_at), PAGE);
STRUCTURE(describe_service_deployments, L("serviceDeploymentArns"));
STRUCTURE(describe_service_revisions, L("serviceRevisionArns"));
STRUCTURE(stop_service_deployment, S("serviceDeploymentArn"), S("stopType"));

STRUCTURE(scale, M("value", shape_double), S("unit"));
STRUCTURE(create_task_set, S("service"), S("cluster"), S("externalId"), S("taskDefinition"), M("networkConfiguration", network),
          M("loadBalancers", balancers), M("serviceRegistries", registries), S("launchType"),
          M("capacityProviderStrategy", providers), S("platformVersion"), M("scale", scale), S("clientToken"), M("tags", tags));
STRUCTURE(update_task_set, S("cluster"), S("service"), S("taskSet"), M("scale", scale));
STRUCTURE(update_primary, S("cluster"), S("service"), S("primaryTaskSet"));
STRUCTURE(delete_task_set, S("cluster"), S("service"), S("taskSet"), B("force"));
STRUCTURE(describe_task_sets, S("cluster"), S("service"), L("taskSets"), L("include"));

STRUCTURE(list_by_namespace, S("namespace"), PAGE);

STRUCTURE(list_tags, S("resourceArn"));
STRUCTURE(tag_resource, S("resourceArn"), M("tags", tags));
STRUCTURE(untag_resource, S("resourceArn"), L("tagKeys"));
STRUCTURE(put_attributes, S("cluster"), M("attributes", attributes));
STRUCTURE(list_attributes, S("cluster"), S("targetType"), S("attributeName"), S("attributeValue"), PAGE);
STRUCTURE(account_setting, S("name"), S("value"), S("principalArn"));
STRUCTURE(list_account_settings, S("name"), S("value"), S("principalArn"), B("effectiveSettings"), PAGE);

#define PEOPLE "people"

const struct ecs_call ecs_people_calls[] = {
    /* agents call this one too */
    {"CreateCluster", "register", &create_cluster, ecs_create_cluster},
    {"DescribeClusters", PEOPLE, &describe_clusters, ecs_describe_clusters},
    {"ListClusters", PEOPLE, &list_clusters, ecs_list_clusters},
    {"DeleteCluster", PEOPLE, &delete_cluster, ecs_delete_cluster},
    {"UpdateCluster", PEOPLE, &update_cluster, ecs_update_cluster},
    {"UpdateClusterSettings", PEOPLE, &update_cluster, ecs_update_cluster},
    {"PutClusterCapacityProviders", PEOPLE, &put_providers, ecs_put_capacity_providers},
    {"DescribeCapacityProviders", PEOPLE, &describe_providers, ecs_describe_capacity_providers},
    {"CreateCapacityProvider", PEOPLE, &create_provider, ecs_create_provider},
    {"UpdateCapacityProvider", PEOPLE, &update_provider, ecs_update_provider},
    {"DeleteCapacityProvider", PEOPLE, &delete_provider, ecs_delete_provider},
    {"DescribeContainerInstances", PEOPLE, &describe_instances, ecs_describe_instances},
    {"ListContainerInstances", PEOPLE, &list_instances, ecs_list_instances},
    {"DeregisterContainerInstance", PEOPLE, &deregister_instance, ecs_deregister_instance},
    {"UpdateContainerAgent", PEOPLE, &update_agent, ecs_update_agent},
    {"RegisterTaskDefinition", PEOPLE, &definition_shape, ecs_register_definition},
    {"DeregisterTaskDefinition", PEOPLE, &deregister_definition, ecs_deregister_definition},
    {"DeleteTaskDefinitions", PEOPLE, &delete_definitions, ecs_delete_definitions},
    {"DescribeTaskDefinition", PEOPLE, &describe_definition, ecs_describe_definition},
    {"ListTaskDefinitions", PEOPLE, &list_definitions, ecs_list_definitions},
    {"ListTaskDefinitionFamilies", PEOPLE, &list_definitions, ecs_list_families},
    {"RunTask", PEOPLE, &run_task, ecs_run_task},
    {"StartTask", PEOPLE, &start_task, ecs_start_task},
    {"StopTask", PEOPLE, &stop_task, ecs_stop_task},
    {"DescribeTasks", PEOPLE, &describe_tasks, ecs_describe_tasks},
    {"ListTasks", PEOPLE, &list_tasks, ecs_list_tasks},
    {"GetTaskProtection", "protection", &get_protection, ecs_get_protection},
    {"UpdateTaskProtection", "protection", &update_protection, ecs_update_protection},
    {"ExecuteCommand", PEOPLE, &execute, ecs_execute_command},
    {"CreateService", PEOPLE, &create_service, ecs_create_service},
    {"UpdateService", PEOPLE, &update_service, ecs_update_service},
    {"DeleteService", PEOPLE, &delete_service, ecs_delete_service},
    {"CreateTaskSet", PEOPLE, &create_task_set, ecs_create_task_set},
    {"UpdateTaskSet", PEOPLE, &update_task_set, ecs_update_task_set},
    {"UpdateServicePrimaryTaskSet", PEOPLE, &update_primary, ecs_update_primary_task_set},
    {"DeleteTaskSet", PEOPLE, &delete_task_set, ecs_delete_task_set},
    {"DescribeTaskSets", PEOPLE, &describe_task_sets, ecs_describe_task_sets},
    {"ListServiceDeployments", PEOPLE, &list_service_deployments, ecs_list_service_deployments},
    {"DescribeServiceDeployments", PEOPLE, &describe_service_deployments, ecs_describe_service_deployments},
    {"DescribeServiceRevisions", PEOPLE, &describe_service_revisions, ecs_describe_service_revisions},
    {"StopServiceDeployment", PEOPLE, &stop_service_deployment, ecs_stop_service_deployment},
    {"DescribeServices", PEOPLE, &describe_services, ecs_describe_services},
    {"ListServices", PEOPLE, &list_services, ecs_list_services},
    {"ListServicesByNamespace", PEOPLE, &list_by_namespace, ecs_list_services_by_namespace},
    {"ListTagsForResource", "tags", &list_tags, ecs_list_tags},
    {"TagResource", PEOPLE, &tag_resource, ecs_tag_resource},
    {"UntagResource", PEOPLE, &untag_resource, ecs_untag_resource},
    {"PutAttributes", PEOPLE, &put_attributes, ecs_put_attributes},
    {"DeleteAttributes", PEOPLE, &put_attributes, ecs_delete_attributes},
    {"ListAttributes", PEOPLE, &list_attributes, ecs_list_attributes},
    {"ListAccountSettings", PEOPLE, &list_account_settings, ecs_list_account_settings},
    {"PutAccountSetting", PEOPLE, &account_setting, ecs_put_account_setting},
    {"PutAccountSettingDefault", PEOPLE, &account_setting, ecs_put_account_setting},
    {"DeleteAccountSetting", PEOPLE, &account_setting, ecs_delete_account_setting},
};
/* clang-format on */

const size_t ecs_n_people_calls = ARRAY_SIZE(ecs_people_calls);
