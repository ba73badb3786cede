"""ECS operations that are newer than Debian's botocore: it signs, and does not know them yet.

A service's deployments and revisions, and the deletion of task definitions. What their model asks
of an answer stands here: the members of each shape and their types, as far as we tell them.

needs: botocore
"""

import datetime
import json
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials

from world import World, equal, main, until

world = World("--cluster", "demo", "--control", "docker:image:busybox:latest", fakes=("docker", "ecs", "imds"))
ecs = world.client("ecs")

TIME = (int, float)
BRIEF = {"serviceDeploymentArn": str, "serviceArn": str, "clusterArn": str, "startedAt": TIME, "createdAt": TIME,
         "finishedAt": TIME, "targetServiceRevisionArn": str, "status": str, "statusReason": str}
SUMMARY = {"arn": str, "requestedTaskCount": int, "runningTaskCount": int, "pendingTaskCount": int}
DEPLOYMENT = {**BRIEF, "stoppedAt": TIME, "updatedAt": TIME, "sourceServiceRevisions": [SUMMARY],
              "targetServiceRevision": SUMMARY, "deploymentConfiguration": dict, "deploymentCircuitBreaker":
              {"status": str, "failureCount": int, "threshold": int}, "alarms":
              {"status": str, "alarmNames": list, "triggeredAlarmNames": list}, "lifecycleStage": str,
              "rollback": {"reason": str, "startedAt": TIME, "serviceRevisionArn": str}}
del DEPLOYMENT["targetServiceRevisionArn"]
REVISION = {"serviceRevisionArn": str, "serviceArn": str, "clusterArn": str, "taskDefinition": str, "launchType": str,
            "containerImages": [{"containerName": str, "image": str, "imageDigest": str}], "guardDutyEnabled": bool,
            "createdAt": TIME}
FAILURE = {"arn": str, "reason": str, "detail": str}


def fits(shape, value, at):
    if isinstance(shape, list):
        assert isinstance(value, list), (at, value)
        for v in value:
            fits(shape[0], v, at)
    elif isinstance(shape, dict):
        for k, v in value.items():
            assert k in shape, "%s has no member %s in the model" % (at, k)
            fits(shape[k], v, at + "." + k)
    else:
        assert isinstance(value, shape) and (shape is not int or value is not True), (at, value)


def ask(operation, arguments, shape, error=None):
    """The answer, held against `shape`; or the type of the error that is expected."""
    request = botocore.awsrequest.AWSRequest(
        "POST", world.env["AWS_ENDPOINT_URL_ECS"], data=json.dumps(arguments).encode(),
        headers={"Content-Type": "application/x-amz-json-1.1",
                 "X-Amz-Target": "AmazonEC2ContainerServiceV20141113." + operation})
    keys = botocore.credentials.Credentials(world.env["AWS_ACCESS_KEY_ID"], world.env["AWS_SECRET_ACCESS_KEY"])
    botocore.auth.SigV4Auth(keys, "ecs", world.env["AWS_REGION"]).add_auth(request)
    p = request.prepare()
    try:
        with urllib.request.urlopen(urllib.request.Request(p.url, p.body, dict(p.headers.items()))) as r:
            answer = json.load(r)
    except urllib.error.HTTPError as e:
        equal(json.load(e)["__type"].split("#")[-1], error)
        return None
    equal(None, error)
    fits(shape, answer, operation)
    return answer


def deployments(**more):
    return ask("ListServiceDeployments", {"cluster": "demo", "service": "web", **more},
               {"serviceDeployments": [BRIEF], "nextToken": str})["serviceDeployments"]


def describe(*arns):
    return ask("DescribeServiceDeployments", {"serviceDeploymentArns": arns},
               {"serviceDeployments": [DEPLOYMENT], "failures": [FAILURE]})


def ended(count):
    """The newest of that many, when it is under way no longer."""
    d = deployments()
    return d[0] if len(d) == count and d[0]["status"] not in ("PENDING", "IN_PROGRESS") else None


def test_first():
    """a service's first deployment: listed, described, and the revision that it made"""
    world.start_agent()
    until("an instance", lambda: ecs.list_container_instances(cluster="demo")["containerInstanceArns"])
    ecs.register_task_definition(family="web", containerDefinitions=[{"name": "main", "image": "busybox:latest", "memory": 16}])
    ecs.create_service(cluster="demo", serviceName="web", taskDefinition="web", desiredCount=2)
    d = until("its deployment", lambda: ended(1))
    equal(d["status"], "SUCCESSFUL")
    assert abs(d["createdAt"] - datetime.datetime.now().timestamp()) < 300, d["createdAt"]
    full = describe(d["serviceDeploymentArn"])["serviceDeployments"][0]
    equal(full["sourceServiceRevisions"], [])
    equal(full["targetServiceRevision"], {"arn": d["targetServiceRevisionArn"], "requestedTaskCount": 2,
                                          "runningTaskCount": 2, "pendingTaskCount": 0})
    r = ask("DescribeServiceRevisions", {"serviceRevisionArns": [d["targetServiceRevisionArn"]]},
            {"serviceRevisions": [REVISION], "failures": [FAILURE]})["serviceRevisions"][0]
    equal(r["taskDefinition"].split("/")[-1], "web:1")
    equal(r["containerImages"][0]["image"], "busybox:latest")


def test_next():
    """the next one has the first one's revision for its source, and can be found by its status"""
    before = deployments()[0]
    ecs.update_service(cluster="demo", service="web", forceNewDeployment=True)
    d = until("the second deployment", lambda: ended(2))
    equal(d["status"], "SUCCESSFUL")
    full = describe(d["serviceDeploymentArn"])["serviceDeployments"][0]
    equal([s["arn"] for s in full["sourceServiceRevisions"]], [before["targetServiceRevisionArn"]])
    equal(len(deployments(status=["SUCCESSFUL"])), 2)
    equal(deployments(status=["IN_PROGRESS"]), [])


def test_stop():
    """one under way is stopped and rolled back; one that has ended is not"""
    ecs.register_task_definition(family="hang", containerDefinitions=[{"name": "main", "image": "busybox:latest", "memory": 10 ** 5}])
    old = deployments()[0]
    ecs.update_service(cluster="demo", service="web", taskDefinition="hang")
    d = until("one under way", lambda: next(iter(deployments(status=["IN_PROGRESS"])), None))
    answer = ask("StopServiceDeployment", {"serviceDeploymentArn": d["serviceDeploymentArn"], "stopType": "ROLLBACK"},
                 {"serviceDeploymentArn": str})
    equal(answer["serviceDeploymentArn"], d["serviceDeploymentArn"])
    until("the old definition", lambda: ecs.describe_services(cluster="demo", services=["web"])["services"][0]
          ["taskDefinition"].endswith("web:1"))
    until("its end", lambda: describe(d["serviceDeploymentArn"])["serviceDeployments"][0]["status"].startswith("ROLLBACK"))
    ask("StopServiceDeployment", {"serviceDeploymentArn": old["serviceDeploymentArn"]}, {}, error="ConflictException")


def test_unknown():
    """what is not there: a failure in the answer, or the error of the model"""
    known = deployments()[0]["serviceDeploymentArn"]
    answer = describe(known, known[:-3] + "zzz")
    equal((len(answer["serviceDeployments"]), answer["failures"][0]["reason"]), (1, "MISSING"))
    ask("ListServiceDeployments", {"cluster": "demo", "service": "none"}, {}, error="ServiceNotFoundException")
    ask("ListServiceDeployments", {"cluster": "none", "service": "web"}, {}, error="ClusterNotFoundException")
    ask("StopServiceDeployment", {"serviceDeploymentArn": known[:-3] + "zzz"}, {}, error="ServiceDeploymentNotFoundException")


def test_delete_definitions():
    """task definitions: deleted when they are inactive, and refused before"""
    arn = ecs.register_task_definition(family="gone", containerDefinitions=[{"name": "main", "image": "busybox", "memory": 16}])
    arn = arn["taskDefinition"]["taskDefinitionArn"]
    shape = {"taskDefinitions": [object], "failures": [FAILURE]}
    equal(len(ask("DeleteTaskDefinitions", {"taskDefinitions": [arn]}, shape)["failures"]), 1)
    ecs.deregister_task_definition(taskDefinition=arn)
    answer = ask("DeleteTaskDefinitions", {"taskDefinitions": [arn]}, shape)
    equal([(d["taskDefinitionArn"], d["status"]) for d in answer["taskDefinitions"]], [(arn, "DELETE_IN_PROGRESS")])


main(globals(), world)
