"""Requests of the JSON services against the models: what fits is read, what does not is refused.

For each operation that is offered a request is made of its model, with every member
of every structure in it; and one for each of those members with a value of another type.

needs: botocore
"""

import json
import subprocess
import urllib.error
import urllib.request

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import botocore.session

from world import World, equal, main

world = World("--cluster", "demo", fakes=("ecs", "aws"))
KEYS = botocore.credentials.Credentials(world.env["AWS_ACCESS_KEY_ID"], world.env["AWS_SECRET_ACCESS_KEY"])
session = botocore.session.Session()
URLS = {"ecs": world.env["ECSIM_ECS_URL"]}


def offered():
    text = subprocess.run([world.ecsim, "operations"], capture_output=True, text=True, check=True).stdout
    for line in text.splitlines():
        service, operation, _ = line.split()
        if service in ("ecs", "ssm", "secretsmanager", "ecr"):
            yield service, operation


def models():
    """(service model, operation model) of all that Debian's models know."""
    for service, operation in offered():
        model = session.get_service_model(service)
        if operation in model.operation_names:
            yield model, model.operation_model(operation)
        else:
            unknown.add(operation)


unknown = set()


def sample(shape, seen=()):
    """A value with every member; a structure that holds itself ends at the second."""
    kind = shape.type_name
    if kind == "structure":
        return {n: sample(m, seen + (shape.name,)) for n, m in shape.members.items() if m.name not in seen}
    if kind == "list":
        return [sample(shape.member, seen)] if shape.member.name not in seen else []
    if kind == "map":
        return {"k": sample(shape.value, seen)}
    if kind == "boolean":
        return False
    if kind in ("integer", "long"):
        return max(1, shape.metadata.get("min", 1))
    if kind in ("double", "float"):
        return 1.5
    if kind == "timestamp":
        return 1700000000
    words = getattr(shape, "enum", None)
    return words[0] if words else "x" * max(1, shape.metadata.get("min", 1))


def wrong(shape):
    """A value of a type that the service cannot take for this one."""
    return {"structure": "text", "list": {"a": 1}, "map": [1], "string": [], "blob": [], "boolean": [],
            "timestamp": []}.get(shape.type_name, [])


def broken(shape, value, where=""):
    """(where, the value with one member of the wrong type) for each member below."""
    kind = shape.type_name
    if kind == "structure":
        for name, member in shape.members.items():
            if name not in value:
                continue
            yield where + "." + name, dict(value, **{name: wrong(member)})
            for place, v in broken(member, value[name], where + "." + name):
                yield place, dict(value, **{name: v})
    elif kind == "list" and value:
        yield where + "[]", [wrong(shape.member)]
        for place, v in broken(shape.member, value[0], where + "[]"):
            yield place, [v]
    elif kind == "map":
        yield where + "{}", {"k": wrong(shape.value)}
        for place, v in broken(shape.value, value["k"], where + "{}"):
            yield place, {"k": v}


def send(model, operation, body):
    """(status, type of the error or None)"""
    url = URLS.get(model.service_name, world.env["ECSIM_AWS_URL"]) + "/"
    metadata = model.metadata
    request = botocore.awsrequest.AWSRequest("POST", url, data=json.dumps(body).encode(), headers={
        "Content-Type": "application/x-amz-json-" + metadata["jsonVersion"],
        "X-Amz-Target": metadata["targetPrefix"] + "." + operation.name})
    botocore.auth.SigV4Auth(KEYS, metadata.get("signingName", model.endpoint_prefix), "us-west-2").add_auth(request)
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=request.data, headers=dict(request.headers))) as r:
            return r.status, None
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read())["__type"]


def test_full():
    """a request with every member that the model has is read"""
    refused = []
    for model, operation in models():
        body = sample(operation.input_shape) if operation.input_shape else {}
        status, error = send(model, operation, body)
        if status >= 500 or error in ("SerializationException", "UnknownOperationException", "InvalidSignatureException"):
            refused.append("%s.%s: %s" % (model.service_name, operation.name, error))
    equal(refused, [])


def test_broken():
    """a member of the wrong type, at any depth, is refused"""
    taken, n = [], 0
    for model, operation in models():
        if not operation.input_shape:
            continue
        for where, body in broken(operation.input_shape, sample(operation.input_shape)):
            n += 1
            status, error = send(model, operation, body)
            if error != "SerializationException":
                taken.append("%s.%s%s: %s" % (model.service_name, operation.name, where, error or status))
    equal(taken, [])
    assert n > 800, n


for _ in models():
    pass
for name in sorted(unknown):
    print("skip requests of %s: Debian's model is older than this operation" % name)
main(globals(), world)
