"""The ECS API, called by botocore, with the agent under test connected.

needs: botocore curl
"""

import subprocess

from world import World, equal, main, refused, until

world = World("--cluster", "demo", "--control", "docker:image:busybox:latest",
              "--control", "docker:image:broken:latest,start-error=not-found",
              "--control", "docker:image:short:latest,run-for=100ms,exit=3",
              fakes=("docker", "ecs", "imds"))
ecs = world.client("ecs")
state = {}

MAIN = {"name": "main", "image": "busybox:latest", "memory": 64}


def tasks(*arns, **more):
    return ecs.describe_tasks(cluster="demo", tasks=list(arns), **more)["tasks"]


def wait_status(arn, status):
    return until("task %s" % status, lambda: (lambda t: t if t["lastStatus"] == status else None)(tasks(arn)[0]))


def service(name="web"):
    return ecs.describe_services(cluster="demo", services=[name])["services"][0]


def stable(name="web"):
    """What `aws ecs wait services-stable` waits for."""
    s = service(name)
    return s if len(s["deployments"]) == 1 and s["runningCount"] == s["desiredCount"] else None


def instance():
    return ecs.describe_container_instances(cluster="demo", containerInstances=[state["instance"]])["containerInstances"][0]


def remaining(name):
    return next(r for r in instance()["remainingResources"] if r["name"] == name)


def test_clusters():
    """clusters: create, list, describe, settings, delete"""
    c = ecs.create_cluster(clusterName="second", tags=[{"key": "a", "value": "b"}],
                           settings=[{"name": "containerInsights", "value": "disabled"}])["cluster"]
    equal(c["status"], "ACTIVE")
    equal(len(ecs.list_clusters()["clusterArns"]), 2)
    page = ecs.list_clusters(maxResults=1)
    equal(len(ecs.list_clusters(maxResults=1, nextToken=page["nextToken"])["clusterArns"]), 1)
    d = ecs.describe_clusters(clusters=["second", "third"], include=["TAGS", "SETTINGS"])
    equal(d["clusters"][0]["tags"], [{"key": "a", "value": "b"}])
    equal(d["failures"][0]["reason"], "MISSING")
    ecs.update_cluster(cluster="second", settings=[{"name": "containerInsights", "value": "enabled"}])
    ecs.update_cluster_settings(cluster="second", settings=[{"name": "containerInsights", "value": "disabled"}])
    ecs.put_cluster_capacity_providers(cluster="second", capacityProviders=["FARGATE"], defaultCapacityProviderStrategy=[])
    ecs.describe_capacity_providers()
    counts = {s["name"]: s["value"] for s in ecs.describe_clusters(clusters=["second"], include=["STATISTICS"])["clusters"][0]["statistics"]}
    equal((counts["runningEC2TasksCount"], len(counts)), ("0", 12))
    ecs.tag_resource(resourceArn=c["clusterArn"], tags=[{"key": "c", "value": "d"}])
    ecs.untag_resource(resourceArn=c["clusterArn"], tagKeys=["a"])
    equal(ecs.list_tags_for_resource(resourceArn=c["clusterArn"])["tags"], [{"key": "c", "value": "d"}])
    refused("InvalidParameterException", ecs.run_task, "No Container Instances were found", cluster="second",
            taskDefinition=ecs.register_task_definition(family="x", containerDefinitions=[MAIN])["taskDefinition"]["taskDefinitionArn"])
    equal(ecs.delete_cluster(cluster="second")["cluster"]["status"], "INACTIVE")
    refused("ClusterNotFoundException", ecs.delete_cluster, "Cluster not found.", cluster="second")


def test_providers():
    """capacity providers: create, describe, tags, update, delete, what ECS refuses"""
    group = "arn:aws:autoscaling:us-west-2:123456789012:autoScalingGroup:0:autoScalingGroupName/g"
    made = ecs.create_capacity_provider(name="cp", autoScalingGroupProvider={"autoScalingGroupArn": group, "managedScaling": {"targetCapacity": 80}},
                                        tags=[{"key": "a", "value": "b"}])["capacityProvider"]
    equal((made["status"], made["autoScalingGroupProvider"]["managedScaling"]["targetCapacity"]), ("ACTIVE", 80))
    equal(ecs.list_tags_for_resource(resourceArn=made["capacityProviderArn"])["tags"], [{"key": "a", "value": "b"}])
    changed = ecs.update_capacity_provider(name="cp", autoScalingGroupProvider={"managedScaling": {"status": "ENABLED"}})["capacityProvider"]
    equal((changed["updateStatus"], changed["autoScalingGroupProvider"]["autoScalingGroupArn"]), ("UPDATE_COMPLETE", group))
    shown = ecs.describe_capacity_providers(capacityProviders=["cp", "FARGATE", "no"], include=["TAGS"])
    equal(([c["name"] for c in shown["capacityProviders"]], shown["failures"][0]["reason"]), (["cp", "FARGATE"], "MISSING"))
    equal(len(ecs.describe_capacity_providers()["capacityProviders"]), 3)
    refused("InvalidParameterException", ecs.create_capacity_provider, name="ecs-x", autoScalingGroupProvider={"autoScalingGroupArn": group})
    refused("InvalidParameterException", ecs.create_capacity_provider, name="x", autoScalingGroupProvider={"autoScalingGroupArn": group, "managedScaling": {"targetCapacity": 101}})
    ecs.put_cluster_capacity_providers(cluster="demo", capacityProviders=["cp"], defaultCapacityProviderStrategy=[])
    refused("InvalidParameterException", ecs.delete_capacity_provider, "is in use", capacityProvider="cp")
    ecs.put_cluster_capacity_providers(cluster="demo", capacityProviders=[], defaultCapacityProviderStrategy=[])
    equal(ecs.delete_capacity_provider(capacityProvider=made["capacityProviderArn"])["capacityProvider"]["updateStatus"], "DELETE_IN_PROGRESS")
    refused("InvalidParameterException", ecs.delete_capacity_provider, capacityProvider="FARGATE")


def test_definitions():
    """task definitions: register, revisions, list, describe, deregister, what ECS refuses"""
    full = ecs.register_task_definition(
        family="full", networkMode="bridge", taskRoleArn="arn:aws:iam::123456789012:role/t", cpu="0.5 vCPU",
        memory="1 GB", volumes=[{"name": "v", "host": {"sourcePath": "/srv"}}], tags=[{"key": "k", "value": "v"}],
        containerDefinitions=[dict(MAIN, portMappings=[{"containerPort": 80}], environment=[{"name": "A", "value": "1"}],
                                   mountPoints=[{"sourceVolume": "v", "containerPath": "/data", "readOnly": True}],
                                   healthCheck={"command": ["CMD-SHELL", "true"]}, ulimits=[{"name": "nofile", "softLimit": 5, "hardLimit": 6}],
                                   logConfiguration={"logDriver": "json-file", "options": {"max-size": "1m"}}),
                              {"name": "side", "image": "busybox", "essential": False, "memoryReservation": 8,
                               "dependsOn": [{"containerName": "main", "condition": "HEALTHY"}]}])["taskDefinition"]
    equal((full["cpu"], full["memory"], full["revision"], full["status"]), ("512", "1024", 1, "ACTIVE"))
    equal(full["containerDefinitions"][0]["portMappings"], [{"containerPort": 80, "hostPort": 0, "protocol": "tcp"}])
    equal(full["containerDefinitions"][1]["essential"], False)
    assert {"name": "com.amazonaws.ecs.capability.task-iam-role"} in full["requiresAttributes"]
    equal(ecs.describe_task_definition(taskDefinition="full", include=["TAGS"])["tags"], [{"key": "k", "value": "v"}])
    for n in (1, 2, 3):
        d = ecs.register_task_definition(family="web", containerDefinitions=[MAIN])["taskDefinition"]
        equal(d["revision"], n)
    equal([a.split("/")[1] for a in ecs.list_task_definitions(familyPrefix="web", sort="DESC")["taskDefinitionArns"]],
          ["web:3", "web:2", "web:1"])
    equal(ecs.list_task_definition_families(familyPrefix="w")["families"], ["web"])
    equal(ecs.deregister_task_definition(taskDefinition="web:3")["taskDefinition"]["status"], "INACTIVE")
    equal(ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["revision"], 2)
    equal(len(ecs.list_task_definitions(familyPrefix="web", status="INACTIVE")["taskDefinitionArns"]), 1)
    refused("ClientException", ecs.deregister_task_definition, "Invalid revision number", taskDefinition="web")
    refused("ClientException", ecs.describe_task_definition, "Unable to describe task definition.", taskDefinition="nothing")
    wrong = ecs.register_task_definition
    for text, container, more in [
            ("Container.image should not be null or empty.", {"name": "a", "memory": 8}, {}),
            ("Container.name should not be null or empty.", {"image": "a", "memory": 8}, {}),
            ("At least one of 'memory' or 'memoryReservation' must be specified.", {"name": "a", "image": "b"}, {}),
            ("Unknown volume 'v'.", dict(MAIN, mountPoints=[{"sourceVolume": "v", "containerPath": "/x"}]), {}),
            ("Links are not supported when networkMode=host.", dict(MAIN, links=["x"]), {"networkMode": "host"}),
            ("you must also specify a value for 'executionRoleArn'.", dict(MAIN, secrets=[{"name": "a", "valueFrom": "b"}]), {}),
            ("Fargate only supports network mode", MAIN, {"requiresCompatibilities": ["FARGATE"]}),
            ("depends on itself", dict(MAIN, dependsOn=[{"containerName": "main", "condition": "START"}]), {})]:
        refused("ClientException", wrong, text, family="wrong", containerDefinitions=[container], **more)
    refused("ClientException", wrong, "Container list cannot be empty.", family="wrong", containerDefinitions=[])
    refused("ClientException", wrong, "Family contains invalid characters.", family="a b", containerDefinitions=[MAIN])
    equal(ecs.list_task_definitions(familyPrefix="wrong")["taskDefinitionArns"], [])


def test_instance():
    """an agent registers: list, describe, attributes, tags, filters"""
    world.start_agent()
    state["instance"] = until("an instance", lambda: ecs.list_container_instances(cluster="demo")["containerInstanceArns"])[0]
    until("connected", lambda: instance()["agentConnected"])
    i = ecs.describe_container_instances(cluster="demo", containerInstances=[state["instance"], "f" * 32],
                                         include=["TAGS", "CONTAINER_INSTANCE_HEALTH"])
    equal(i["failures"][0]["reason"], "MISSING")
    target = {"targetType": "container-instance", "targetId": state["instance"]}
    ecs.put_attributes(cluster="demo", attributes=[dict(target, name="stack", value="prod")])
    equal(ecs.list_attributes(cluster="demo", targetType="container-instance", attributeName="stack")["attributes"][0]["value"], "prod")
    lists = lambda f: len(ecs.list_container_instances(cluster="demo", filter=f)["containerInstanceArns"])
    equal([lists("attribute:stack == prod"), lists("attribute:stack in [test, dev]"), lists("not(attribute:stack exists)"),
           lists("agentConnected == true and runningTasksCount < 1"), lists("attribute:ecs.os-type =~ lin.*")], [1, 0, 0, 1, 1])
    refused("InvalidParameterException", ecs.list_container_instances, "Invalid filter", cluster="demo", filter="stack = prod")
    refused("TargetNotFoundException", ecs.put_attributes, cluster="demo", attributes=[{"name": "a", "targetId": "f" * 32}])
    ecs.delete_attributes(cluster="demo", attributes=[dict(target, name="stack")])
    equal(lists("attribute:stack exists"), 0)
    ecs.tag_resource(resourceArn=state["instance"], tags=[{"key": "rack", "value": "7"}])


def test_one_task():
    """a task runs and is stopped, and is what the agent submitted"""
    before = remaining("MEMORY")["integerValue"]
    run = ecs.run_task(cluster="demo", taskDefinition="web", startedBy="me", tags=[{"key": "a", "value": "b"}],
                       overrides={"containerOverrides": [{"name": "main", "command": ["sleep", "9"],
                                                          "environment": [{"name": "X", "value": "y"}]}]})
    equal((run["failures"], run["tasks"][0]["lastStatus"], run["tasks"][0]["desiredStatus"]), ([], "PENDING", "RUNNING"))
    arn = run["tasks"][0]["taskArn"]
    t = wait_status(arn, "RUNNING")
    equal(t["containers"][0]["lastStatus"], "RUNNING")
    equal(t["startedBy"], "me")
    equal(before - remaining("MEMORY")["integerValue"], 64)
    inspected = subprocess.run(["curl", "-s", "--unix-socket", world.dir + "/socket/docker.sock",
                                "http://d/containers/%s/json" % t["containers"][0]["runtimeId"]],
                               capture_output=True, text=True, check=True).stdout
    assert '"Cmd":["sleep","9"]' in inspected and '"X=y"' in inspected, inspected
    equal(tasks(arn, include=["TAGS"])[0]["tags"], [{"key": "a", "value": "b"}])
    equal(ecs.list_tasks(cluster="demo", family="web", startedBy="me")["taskArns"], [arn])
    equal(ecs.stop_task(cluster="demo", task=arn, reason="enough")["task"]["desiredStatus"], "STOPPED")
    t = wait_status(arn, "STOPPED")
    equal((t["stopCode"], t["stoppedReason"], t["containers"][0]["exitCode"]), ("UserInitiated", "enough", 137 if t["containers"][0]["exitCode"] == 137 else 143))
    equal(remaining("MEMORY")["integerValue"], before)
    equal(ecs.list_tasks(cluster="demo", desiredStatus="STOPPED")["taskArns"], [arn])
    refused("InvalidParameterException", ecs.stop_task, "The referenced task was not found.", cluster="demo", task="f" * 32)


def test_ends_by_itself():
    """a task that ends by itself, and one that never starts, say why"""
    ecs.register_task_definition(family="short", containerDefinitions=[dict(MAIN, image="short:latest")])
    ecs.register_task_definition(family="broken", containerDefinitions=[dict(MAIN, image="broken:latest")])
    a = ecs.run_task(cluster="demo", taskDefinition="short")["tasks"][0]["taskArn"]
    b = ecs.run_task(cluster="demo", taskDefinition="broken")["tasks"][0]["taskArn"]
    t = wait_status(a, "STOPPED")
    equal((t["stopCode"], t["stoppedReason"], t["containers"][0]["exitCode"]),
          ("EssentialContainerExited", "Essential container in task exited", 3))
    t = wait_status(b, "STOPPED")
    equal(t["stopCode"], "TaskFailedToStart")
    assert t["containers"][0]["reason"].startswith("CannotStartContainerError"), t["containers"]


def test_placement():
    """placement by memory, CPU, ports, attributes and constraints"""
    def reason(container=None, **more):
        d = ecs.register_task_definition(family="place", containerDefinitions=[dict(MAIN, **(container or {}))], **more.pop("definition", {}))
        r = ecs.run_task(cluster="demo", taskDefinition=d["taskDefinition"]["taskDefinitionArn"], **more)
        return r["failures"][0]["reason"] if r["failures"] else r["tasks"][0]["taskArn"]
    equal(reason({"memory": 10000000}), "RESOURCE:MEMORY")
    equal(reason({"cpu": 1000000}), "RESOURCE:CPU")
    equal(reason({"portMappings": [{"containerPort": 80, "hostPort": 22}]}), "RESOURCE:PORTS")
    equal(reason({"repositoryCredentials": {"credentialsParameter": "x"}}), "ATTRIBUTE")
    equal(reason(placementConstraints=[{"type": "memberOf", "expression": "attribute:gpu exists"}]), "MemberOf constraint unsatisfied.")
    equal(reason(definition={"placementConstraints": [{"type": "memberOf", "expression": "attribute:gpu exists"}]}),
          "MemberOf constraint unsatisfied.")
    one = reason({"portMappings": [{"containerPort": 80, "hostPort": 8080}]}, placementStrategy=[{"type": "binpack", "field": "memory"}])
    assert "8080" in remaining("PORTS")["stringSetValue"]
    equal(reason({"portMappings": [{"containerPort": 80, "hostPort": 8080}]}), "RESOURCE:PORTS")
    ecs.stop_task(cluster="demo", task=one)
    equal(tasks(one)[0]["stoppedReason"], "Task stopped by user")
    wait_status(one, "STOPPED")
    assert "8080" not in remaining("PORTS")["stringSetValue"]
    r = ecs.start_task(cluster="demo", taskDefinition="web", containerInstances=[state["instance"], "f" * 32])
    equal((len(r["tasks"]), r["failures"][0]["reason"]), (1, "MISSING"))
    ecs.stop_task(cluster="demo", task=r["tasks"][0]["taskArn"])
    run = ecs.run_task
    refused("InvalidParameterException", run, "is not a container in the TaskDefinition.", cluster="demo", taskDefinition="web",
            overrides={"containerOverrides": [{"name": "other"}]})
    refused("ClientException", run, "TaskDefinition not found.", cluster="demo", taskDefinition="nothing")
    refused("ClientException", run, "TaskDefinition is inactive", cluster="demo", taskDefinition="web:3")
    refused("InvalidParameterException", run, cluster="demo", taskDefinition="web", count=11)
    refused("ClusterNotFoundException", run, "Cluster not found.", cluster="nowhere", taskDefinition="web")


def test_service():
    """a service keeps its count, rolls out, scales, is deleted"""
    s = ecs.create_service(cluster="demo", serviceName="web", taskDefinition="web:1", desiredCount=2)["service"]
    equal((s["status"], s["desiredCount"], s["deployments"][0]["rolloutState"]), ("ACTIVE", 2, "IN_PROGRESS"))
    until("stable", stable)
    arns = ecs.list_tasks(cluster="demo", serviceName="web")["taskArns"]
    equal(len(arns), 2)
    ecs.stop_task(cluster="demo", task=arns[0])
    wait_status(arns[0], "STOPPED")
    until("two again", lambda: stable() and len(ecs.list_tasks(cluster="demo", serviceName="web")["taskArns"]) == 2)
    s = ecs.update_service(cluster="demo", service="web", taskDefinition="web:2", desiredCount=3)["service"]
    equal([d["status"] for d in s["deployments"]], ["PRIMARY", "ACTIVE"])
    s = until("rolled out", stable)
    equal((s["runningCount"], s["deployments"][0]["rolloutState"]), (3, "COMPLETED"))
    equal({t["taskDefinitionArn"].split("/")[1] for t in tasks(*ecs.list_tasks(cluster="demo", serviceName="web")["taskArns"])}, {"web:2"})
    assert any("has reached a steady state." in e["message"] for e in s["events"]), s["events"]
    equal(len(ecs.list_services(cluster="demo")["serviceArns"]), 1)
    equal(ecs.list_services_by_namespace(namespace="mesh")["serviceArns"], [])
    connected = ecs.create_service(cluster="demo", serviceName="connected", taskDefinition="web:1", desiredCount=0,
                                   serviceConnectConfiguration={"enabled": True, "namespace": "mesh"})["service"]
    equal(connected["deployments"][0]["serviceConnectConfiguration"]["namespace"], "mesh")
    equal(ecs.list_services_by_namespace(namespace="mesh")["serviceArns"], [connected["serviceArn"]])
    ecs.delete_service(cluster="demo", service="connected")
    refused("InvalidParameterException", ecs.create_service, "capacity provider strategy", cluster="demo", serviceName="x",
            taskDefinition="web:1", desiredCount=1, capacityProviderStrategy=[{"capacityProvider": "FARGATE"}])
    refused("InvalidParameterException", ecs.create_service, "Creation of service was not idempotent.", cluster="demo",
            serviceName="web", taskDefinition="web:1", desiredCount=1)
    refused("InvalidParameterException", ecs.delete_service, "scaled above 0", cluster="demo", service="web")
    refused("ServiceNotFoundException", ecs.update_service, "Service not found.", cluster="demo", service="other", desiredCount=1)


def test_protection():
    """protected tasks survive scaling in"""
    arns = ecs.list_tasks(cluster="demo", serviceName="web")["taskArns"]
    r = ecs.update_task_protection(cluster="demo", tasks=[arns[0], "f" * 32], protectionEnabled=True, expiresInMinutes=10)
    equal((r["protectedTasks"][0]["protectionEnabled"], r["failures"][0]["reason"]), (True, "MISSING"))
    ecs.update_service(cluster="demo", service="web", desiredCount=1)
    until("one", stable)
    equal(ecs.list_tasks(cluster="demo", serviceName="web")["taskArns"], [arns[0]])
    equal(ecs.get_task_protection(cluster="demo", tasks=[arns[0]])["protectedTasks"][0]["protectionEnabled"], True)
    refused("InvalidParameterException", ecs.update_task_protection, cluster="demo", tasks=arns[:1], protectionEnabled=True, expiresInMinutes=0)
    ecs.update_task_protection(cluster="demo", tasks=arns[:1], protectionEnabled=False)
    refused("InvalidParameterException", ecs.execute_command, "execute command was not enabled", cluster="demo", task=arns[0],
            command="sh", interactive=True)
    equal(ecs.delete_service(cluster="demo", service="web", force=True)["service"]["status"], "DRAINING")
    until("inactive", lambda: service()["status"] == "INACTIVE")
    refused("ServiceNotActiveException", ecs.update_service, "Service was not ACTIVE.", cluster="demo", service="web", desiredCount=1)


def test_task_sets():
    """task sets: an external controller deploys blue and green, shifts, and takes blue away"""
    refused("InvalidParameterException", ecs.create_service, "EXTERNAL", cluster="demo", serviceName="sets", desiredCount=2,
            taskDefinition="web:1", deploymentController={"type": "EXTERNAL"})
    s = ecs.create_service(cluster="demo", serviceName="sets", desiredCount=2, deploymentController={"type": "EXTERNAL"})["service"]
    equal((s["deployments"], s["taskSets"], "taskDefinition" in s), ([], [], False))
    of = dict(cluster="demo", service="sets")
    blue = ecs.create_task_set(taskDefinition="web:1", externalId="blue", scale={"value": 100.0, "unit": "PERCENT"},
                               tags=[{"key": "colour", "value": "blue"}], **of)["taskSet"]
    equal((blue["status"], blue["computedDesiredCount"], blue["stabilityStatus"]), ("ACTIVE", 2, "STABILIZING"))
    equal(ecs.update_service_primary_task_set(primaryTaskSet=blue["id"], **of)["taskSet"]["status"], "PRIMARY")
    def one(name):
        return ecs.describe_task_sets(taskSets=[name], include=["TAGS"], **of)["taskSets"][0]
    blue = until("blue runs", lambda: one(blue["id"])["stabilityStatus"] == "STEADY_STATE" and one(blue["id"]))
    equal((blue["runningCount"], blue["tags"][0]["value"]), (2, "blue"))
    equal({t["startedBy"] for t in tasks(*ecs.list_tasks(cluster="demo", serviceName="sets")["taskArns"])}, {blue["id"]})
    green = ecs.create_task_set(taskDefinition="web:2", scale={"value": 50.0, "unit": "PERCENT"}, **of)["taskSet"]
    until("green runs", lambda: one(green["taskSetArn"])["runningCount"] == 1)
    ecs.update_task_set(taskSet=blue["id"], scale={"value": 0.0, "unit": "PERCENT"}, **of)
    ecs.update_task_set(taskSet=green["id"], scale={"value": 100.0, "unit": "PERCENT"}, **of)
    ecs.update_service_primary_task_set(primaryTaskSet=green["id"], **of)
    until("shifted", lambda: (one(blue["id"])["runningCount"], one(green["id"])["runningCount"]) == (0, 2))
    equal(service("sets")["taskDefinition"].split("/")[1], "web:2")
    equal(ecs.delete_task_set(taskSet=blue["id"], **of)["taskSet"]["status"], "DRAINING")
    until("blue is gone", lambda: [t["id"] for t in service("sets")["taskSets"]] == [green["id"]])
    equal(ecs.describe_task_sets(taskSets=[blue["id"]], **of)["failures"][0]["reason"], "MISSING")
    refused("InvalidParameterException", ecs.delete_task_set, "scaled above 0", taskSet=green["id"], **of)
    refused("TaskSetNotFoundException", ecs.update_task_set, taskSet=blue["id"], scale={"value": 1.0}, **of)
    ecs.create_service(cluster="demo", serviceName="own", taskDefinition="web:1", desiredCount=0)
    refused("InvalidParameterException", ecs.create_task_set, "EXTERNAL", cluster="demo", service="own", taskDefinition="web:1")
    for name in ("own", "sets"):
        ecs.delete_service(cluster="demo", service=name, force=True)
        until("inactive", lambda: service(name)["status"] == "INACTIVE")


def test_broken_service():
    """a deployment that cannot start trips the circuit breaker and is rolled back"""
    ecs.create_service(cluster="demo", serviceName="frail", taskDefinition="web:1", desiredCount=1,
                       deploymentConfiguration={"maximumPercent": 200, "minimumHealthyPercent": 100,
                                                "deploymentCircuitBreaker": {"enable": True, "rollback": True}})
    until("stable", lambda: (stable("frail") or {}).get("runningCount") == 1)
    ecs.update_service(cluster="demo", service="frail", taskDefinition="broken")
    def back():
        s = service("frail")
        return s if s["taskDefinition"].endswith("web:1") else None
    s = until("rolled back", back)
    until("stable again", lambda: stable("frail"))
    ecs.delete_service(cluster="demo", service="frail", force=True)
    until("inactive", lambda: service("frail")["status"] == "INACTIVE")


def test_daemon_and_drain():
    """a daemon service runs on each instance, and leaves one that drains"""
    ecs.create_service(cluster="demo", serviceName="each", taskDefinition="web:1", schedulingStrategy="DAEMON")
    until("one on one", lambda: service("each")["runningCount"] == 1)
    r = ecs.update_container_instances_state(cluster="demo", containerInstances=[state["instance"]], status="DRAINING")
    equal(r["containerInstances"][0]["status"], "DRAINING")
    until("none", lambda: service("each")["runningCount"] == 0)
    equal(ecs.list_container_instances(cluster="demo", status="DRAINING")["containerInstanceArns"], [state["instance"]])
    ecs.update_container_instances_state(cluster="demo", containerInstances=[state["instance"]], status="ACTIVE")
    until("back", lambda: service("each")["runningCount"] == 1)
    ecs.delete_service(cluster="demo", service="each", force=True)
    until("gone", lambda: service("each")["status"] == "INACTIVE")


def test_two_agents():
    """two agents on one control plane: tasks are spread, one that leaves is seen, and forced out"""
    second = world.start_agent("second")
    arns = lambda: ecs.list_container_instances(cluster="demo")["containerInstanceArns"]
    until("two instances", lambda: len(arns()) == 2)
    other = next(a for a in arns() if a != state["instance"])
    describe = lambda: ecs.describe_container_instances(cluster="demo", containerInstances=[other])["containerInstances"][0]
    until("connected", lambda: describe()["agentConnected"])
    run = ecs.run_task(cluster="demo", taskDefinition="web:1", count=2, placementConstraints=[{"type": "distinctInstance"}])
    equal({t["containerInstanceArn"] for t in run["tasks"]}, {state["instance"], other})
    there, = [t["taskArn"] for t in run["tasks"] if t["containerInstanceArn"] == other]
    here, = [t["taskArn"] for t in run["tasks"] if t["containerInstanceArn"] != other]
    for arn in (here, there):
        wait_status(arn, "RUNNING")
    world.stop(second)
    until("gone", lambda: not describe()["agentConnected"])
    equal(tasks(there)[0]["connectivity"], "DISCONNECTED")
    refused("InvalidParameterException", ecs.deregister_container_instance, "Found running tasks", cluster="demo", containerInstance=other)
    ecs.deregister_container_instance(cluster="demo", containerInstance=other, force=True)
    equal(arns(), [state["instance"]])
    equal(tasks(there)[0]["desiredStatus"], "STOPPED")
    equal(tasks(there)[0]["lastStatus"], "RUNNING")  # nobody submitted anything else
    ecs.stop_task(cluster="demo", task=here)


def test_settings():
    """account settings"""
    refused("InvalidParameterException", ecs.put_account_setting_default, name="awsvpcTrunking", value="")
    ecs.put_account_setting(name="awsvpcTrunking", value="enabled")
    ecs.put_account_setting_default(name="containerInsights", value="enabled")
    equal({s["name"] for s in ecs.list_account_settings()["settings"]}, {"awsvpcTrunking", "containerInsights"})
    equal(ecs.list_account_settings(name="taskLongArnFormat", effectiveSettings=True)["settings"][0]["value"], "enabled")
    ecs.delete_account_setting(name="awsvpcTrunking")
    equal(len(ecs.list_account_settings()["settings"]), 1)


def test_agents_calls():
    """the calls of agents: register, endpoints, state changes"""
    refused("NoUpdateAvailableException", ecs.update_container_agent, cluster="demo", containerInstance=state["instance"])
    r = ecs.register_container_instance(cluster="demo", totalResources=[
        {"name": "CPU", "type": "INTEGER", "integerValue": 1024}, {"name": "PORTS", "type": "STRINGSET", "stringSetValue": ["22"]}],
        attributes=[{"name": "ecs.os-type", "value": "linux"}])["containerInstance"]
    ecs.discover_poll_endpoint(cluster="demo", containerInstance=r["containerInstanceArn"])
    task = "arn:aws:ecs:us-west-2:123456789012:task/demo/" + "a" * 32
    ecs.submit_task_state_change(cluster="demo", task=task, status="RUNNING", containers=[{"containerName": "a", "status": "RUNNING"}])
    ecs.submit_container_state_change(cluster="demo", task=task, containerName="a", status="STOPPED", exitCode=1)
    ecs.submit_attachment_state_changes(cluster="demo", attachments=[
        {"attachmentArn": "arn:aws:ecs:us-west-2:123456789012:attachment/x", "status": "ATTACHED"}])
    equal(tasks(task)[0]["lastStatus"], "RUNNING")
    refused("MissingVersionException", ecs.update_container_agent, cluster="demo", containerInstance=r["containerInstanceArn"])
    ecs.deregister_container_instance(cluster="demo", containerInstance=r["containerInstanceArn"])
    refused("InvalidParameterException", ecs.deregister_container_instance, "was not found", cluster="demo",
            containerInstance=r["containerInstanceArn"])


def test_update():
    """an agent's update waits for the agent, and there is one at a time"""
    other = World("--cluster", "default", "--control", "ecs:agent-version:1.99.0,version=1.99.0,location=http://127.0.0.1/agent.tar,signature=" + "0" * 64,
                  fakes=("ecs",))
    api = other.client("ecs")
    arn = api.register_container_instance(versionInfo={"agentVersion": "1.90.0"}, totalResources=[
        {"name": n, "type": "INTEGER", "integerValue": 1024} for n in ("CPU", "MEMORY")])["containerInstance"]["containerInstanceArn"]
    equal(api.update_container_agent(containerInstance=arn)["containerInstance"]["agentUpdateStatus"], "PENDING")
    refused("UpdateInProgressException", api.update_container_agent, containerInstance=arn)
    i = api.describe_container_instances(containerInstances=[arn])["containerInstances"][0]
    equal(i["agentUpdateStatus"], "PENDING")
    world.operations |= other.operations
    other.close()
    other.remove()


def test_exec():
    """a command in a container: only where the agent for it runs"""
    t = ecs.run_task(cluster="demo", taskDefinition="web:1", enableExecuteCommand=True)["tasks"][0]["taskArn"]
    wait_status(t, "RUNNING")
    command = dict(cluster="demo", task=t, command="sh", interactive=True)
    refused("InvalidParameterException", ecs.execute_command, "execute command agent isn", **command)
    ecs.submit_task_state_change(cluster="demo", task=t, status="RUNNING", managedAgents=[
        {"containerName": "main", "managedAgentName": "ExecuteCommandAgent", "status": "RUNNING"}])
    session = ecs.execute_command(**command)["session"]
    assert session["sessionId"].startswith("ecs-execute-command-"), session
    refused("InvalidParameterException", ecs.execute_command, "Interactive is the only mode", **dict(command, interactive=False))
    ecs.stop_task(cluster="demo", task=t)


def test_all_checked():
    """every operation that is offered was answered and held against the model"""
    offered = {line.split()[1] for line in subprocess.run([world.ecsim, "operations"], capture_output=True, text=True,
                                                          check=True).stdout.splitlines() if line.startswith("ecs ")}
    model = set(ecs.meta.service_model.operation_names)
    checked = {name for service, name in world.operations if service == "ecs"}
    equal(offered & model - checked, set())
    assert len(checked) > 40, checked


main(globals(), world)
