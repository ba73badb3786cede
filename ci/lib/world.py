"""What the client tests of ci/clients.d share: a world of fakes, clients that check
each answer against the service's own model, and counting.

A test is a function whose name begins with "test_"; its docstring is its name in
the report. main() runs them in order, in one world, and prints a line each.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import xml.etree.ElementTree as xml

import botocore.config
import botocore.exceptions
import botocore.session

LIMIT = 60.0  # seconds that anything may take: a pull that fails takes 30


class World:
    """`ecsim serve`, and the environment that leads to it."""

    def __init__(self, *options, fakes=()):
        self.dir = tempfile.mkdtemp(prefix="ecsim-clients.")
        self.children = []
        self.operations = set()  # (service, operation) that were answered, and as the model says
        build = os.environ.get("BUILD", "build")
        self.ecsim = os.path.abspath(os.path.join(build, "ecsim"))
        self.agent_command = os.path.abspath(os.environ.get("AGENT", build + "/ecsim-agent"))
        self.journal = self.dir + "/journal"
        self.log = open(self.dir + "/serve.log", "w")
        command = [self.ecsim, "serve", "--die-with-parent", "--socket-dir", self.dir + "/socket",
                   "--journal", self.journal, *options, *fakes]
        serve = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.children.append(serve)
        self.env = {}
        for line in serve.stdout:
            if line == "\n":
                break
            name, value = line.rstrip("\n").split("=", 1)
            self.env[name] = value
        if serve.poll() is not None:
            raise RuntimeError("ecsim serve ended: " + open(self.dir + "/serve.log").read())

    def start_agent(self, name="agent", **more):
        """The agent under test, in a folder of its own."""
        data = os.path.join(self.dir, name)
        os.makedirs(data)
        env = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "ECS_"))}
        env.update(self.env, ECS_DATADIR=data, ECSIM_INTROSPECTION="unix:" + data + "/introspection",
                   ECSIM_TASK_METADATA="unix:" + data + "/task", **more)
        log = open(data + "/log", "w")
        agent = subprocess.Popen([self.agent_command], env=env, stdout=log, stderr=log,
                                 preexec_fn=die_with_parent)
        self.children.append(agent)
        return agent

    def stop(self, child):
        self.children.remove(child)
        child.send_signal(signal.SIGTERM)
        return child.wait(LIMIT)

    def close(self):
        for child in reversed(self.children):
            child.send_signal(signal.SIGTERM)
            try:
                child.wait(LIMIT)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.log.close()

    def remove(self):
        shutil.rmtree(self.dir, ignore_errors=True)

    def shell_env(self, **more):
        """The environment of a command line client, with nothing of the machine's own AWS."""
        env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
        env.update(self.env, AWS_PAGER="", AWS_EC2_METADATA_DISABLED="true",
                   AWS_CONFIG_FILE=self.dir + "/none", AWS_SHARED_CREDENTIALS_FILE=self.dir + "/none",
                   **more)
        return env

    def client(self, service, url=None, key=None, secret=None, token=None, region=None, **more):
        """A client of botocore whose answers are held against the model it brings."""
        name = {"secretsmanager": "aws", "ssm": "aws", "ecr": "aws", "sts": "aws", "ec2": "aws"}
        if url is None:
            url = self.env["ECSIM_%s_URL" % name.get(service, service).upper()]
        config = botocore.config.Config(retries={"max_attempts": 0}, connect_timeout=5,
                                        read_timeout=LIMIT, parameter_validation=True, **more)
        client = botocore.session.Session().create_client(
            service, endpoint_url=url, region_name=region or self.env["AWS_REGION"],
            aws_access_key_id=key or self.env["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=secret or self.env["AWS_SECRET_ACCESS_KEY"],
            aws_session_token=token if key else self.env.get("AWS_SESSION_TOKEN"), config=config)
        client.meta.events.register("after-call." + client.meta.service_model.service_id.hyphenize(),
                                    self.check_answer)
        return client

    def check_answer(self, http_response, parsed, model, **_):
        check_response(http_response, model)
        if http_response.status_code < 300:  # an error says nothing of the answer's shape
            self.operations.add((model.service_model.service_name, model.name))


def die_with_parent():
    import ctypes
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


# --- answers against the model ------------------------------------------------------------

# Errors that every operation of a protocol may answer; models do not repeat them.
COMMON_ERRORS = {
    "SerializationException", "UnknownOperationException", "MissingAuthenticationTokenException",
    "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignatureException",
    "ExpiredTokenException", "AccessDeniedException", "ThrottlingException", "ValidationException",
    "ServiceUnavailableException", "InternalServerError", "RequestExpired",
}


# Members that came after Debian's models were written (1.105 of the agent reads them).
NEWER = {"ecs.DiscoverPollEndpoint": {"systemLogsEndpoint"}, "Service": {"currentServiceDeployment", "currentServiceRevisions"}}
NEWER_ELEMENTS = {"ChecksumType", "ChecksumCRC64NVME"}


class Mismatch(AssertionError):
    pass


def check_response(http, model):
    protocol = model.service_model.metadata["protocol"]
    where = "%s.%s" % (model.service_model.service_name, model.name)
    if http.status_code >= 300:
        if protocol == "json":
            import json
            code = json.loads(http.content)["__type"].split("#")[-1]
            known = {s.name for s in model.error_shapes} | COMMON_ERRORS
            # the service's own errors are good for any of its operations
            known |= {n for n in model.service_model.shape_names
                      if model.service_model.shape_for(n).metadata.get("exception")}
            if code not in known:
                raise Mismatch("%s: the model knows no error %s" % (where, code))
        return
    if protocol == "json":
        import json
        if http.headers["content-type"] != "application/x-amz-json-" + \
                model.service_model.metadata["jsonVersion"]:
            raise Mismatch("%s: content type %s" % (where, http.headers["content-type"]))
        if model.output_shape is not None:
            check_json(model.output_shape, json.loads(http.content), where)
        return
    if model.output_shape is None:
        return
    if protocol == "rest-xml":
        check_headers(model.output_shape, http.headers, where)
    if not model.has_streaming_output and http.content[:1] == b"<":
        check_xml(model, http.content, where)


def check_json(shape, value, where):
    kind = shape.type_name
    if kind == "structure":
        expect(isinstance(value, dict), where, "no object")
        for name in shape.required_members:
            expect(name in value, where, "the required member %s is missing" % name)
        for name, member in value.items():
            if name not in shape.members and (name in NEWER.get(where, ()) or name in NEWER.get(shape.name, ())):
                continue
            expect(name in shape.members, where, "the model has no member %s" % name)
            check_json(shape.members[name], member, "%s.%s" % (where, name))
    elif kind == "list":
        expect(isinstance(value, list), where, "no list")
        for i, item in enumerate(value):
            check_json(shape.member, item, "%s[%d]" % (where, i))
    elif kind == "map":
        expect(isinstance(value, dict), where, "no object")
        for name, item in value.items():
            check_json(shape.key, name, where)
            check_json(shape.value, item, "%s.%s" % (where, name))
    elif kind == "boolean":
        expect(isinstance(value, bool), where, "no boolean: %r" % value)
    elif kind in ("integer", "long"):
        expect(isinstance(value, int) and not isinstance(value, bool), where, "no integer: %r" % value)
    elif kind in ("double", "float", "timestamp"):
        expect(isinstance(value, (int, float)) and not isinstance(value, bool), where,
               "no number: %r" % value)
        if kind == "timestamp":
            expect(1e9 < value < 5e9, where, "no time in seconds: %r" % value)
    elif kind in ("string", "blob"):
        expect(isinstance(value, str), where, "no text: %r" % value)
        words = getattr(shape, "enum", None)
        expect(not words or value in words, where, "%r is none of %s" % (value, words))
    else:
        raise Mismatch("%s: type %s" % (where, kind))


# Headers of S3 that are of the protocol, or came after Debian's models were written.
OTHER_HEADERS = {"x-amz-request-id", "x-amz-id-2", "x-amz-bucket-region", "x-amz-access-point-alias", "x-amz-checksum-type",
                 "x-amz-checksum-crc64nvme"}


def check_headers(shape, headers, where):
    """What the model has in headers, and no header of Amazon's that it does not know."""
    known = {m.serialization["name"].lower(): m for m in shape.members.values() if m.serialization.get("location") == "header"}
    prefixes = [m.serialization["name"].lower() for m in shape.members.values() if m.serialization.get("location") == "headers"]
    for name, text in headers.items():
        name = name.lower()
        member = known.get(name)
        if member is None:
            expect(not name.startswith("x-amz-") or name in OTHER_HEADERS or any(name.startswith(p) for p in prefixes), where,
                   "the model has no header %s" % name)
            continue
        kind = member.type_name
        expect(kind != "boolean" or text in ("true", "false"), where, "%s: no boolean: %r" % (name, text))
        expect(kind not in ("integer", "long") or re.fullmatch(r"-?\d+", text), where, "%s: no integer: %r" % (name, text))
        expect(kind != "timestamp" or re.fullmatch(r"[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT", text), where,
               "%s: no time: %r" % (name, text))
        words = getattr(member, "enum", None)
        expect(not words or text in words, where, "%s: %r is none of %s" % (name, text, words))


def check_xml(model, content, where):
    root = xml.fromstring(content)
    shape = model.output_shape
    protocol = model.service_model.metadata["protocol"]
    tag = plain(root.tag)
    if protocol == "rest-xml":
        payload = shape.serialization.get("payload")
        if payload:
            shape = shape.members[payload]
        check_element(shape, root, where, protocol)
        return
    expect(tag == model.name + "Response", where, "the root is %s" % tag)
    if protocol == "ec2":
        expect(any(plain(c.tag) == "requestId" for c in root), where, "no requestId")
        for c in list(root):
            if plain(c.tag) == "requestId":
                root.remove(c)
        check_element(shape, root, where, protocol)
        return
    parts = {plain(c.tag): c for c in root}
    expect(set(parts) == {shape.serialization["resultWrapper"], "ResponseMetadata"}, where,
           "parts %s" % sorted(parts))
    check_element(shape, parts[shape.serialization["resultWrapper"]], where, protocol)


def check_element(shape, e, where, protocol):
    kind = shape.type_name
    if kind == "structure":
        names = {m.serialization.get("name", n): m for n, m in shape.members.items()
                 if m.serialization.get("location") is None or m.serialization.get("location") == "querystring"}
        for child in e:
            name = plain(child.tag)
            member = names.get(name)
            if member is None and name in NEWER_ELEMENTS:
                continue
            expect(member is not None, where, "the model has no element %s" % name)
            if member.type_name == "list" and member.serialization.get("flattened"):
                check_element(member.member, child, where + "." + name, protocol)
            else:
                check_element(member, child, where + "." + name, protocol)
    elif kind == "list":
        item = shape.member.serialization.get("name", "item" if protocol == "ec2" else "member")
        for child in e:
            expect(plain(child.tag) == item, where, "an item is called %s" % plain(child.tag))
            check_element(shape.member, child, where, protocol)
    elif kind == "boolean":
        expect(e.text in ("true", "false"), where, "no boolean: %r" % e.text)
    elif kind in ("integer", "long"):
        expect(re.fullmatch(r"-?\d+", e.text or ""), where, "no integer: %r" % e.text)
    elif kind == "timestamp":
        expect(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", e.text or ""), where,
               "no time: %r" % e.text)
    elif kind == "string":
        words = getattr(shape, "enum", None)
        expect(not words or (e.text or "") in words, where, "%r is none of %s" % (e.text, words))


def plain(tag):
    return tag.split("}")[-1]


def expect(truth, where, what):
    if not truth:
        raise Mismatch("%s: %s" % (where, what))


# --- helpers of tests ----------------------------------------------------------------------

def until(what, look, limit=LIMIT):
    """Looks again and again until it is true; returns what was seen."""
    end = time.monotonic() + limit
    while True:
        seen = look()
        if seen:
            return seen
        if time.monotonic() > end:
            raise AssertionError("%s: not within %g s" % (what, limit))
        time.sleep(0.03)


def refused(code, call, message=None, **arguments):
    """The call fails with this error; returns its text."""
    try:
        call(**arguments)
    except botocore.exceptions.ClientError as e:
        error = e.response["Error"]
        assert error["Code"] == code, "%s (%s), expected %s" % (error["Code"], error["Message"], code)
        if message is not None:
            assert message in error["Message"], "%r does not hold %r" % (error["Message"], message)
        return error["Message"]
    raise AssertionError("it was not refused with %s" % code)


def equal(have, want):
    assert have == want, "%r, expected %r" % (have, want)


def main(names, world):
    """Runs the tests of a module in the order in which they stand."""
    tests = [v for k, v in names.items() if k.startswith("test_") and callable(v)]
    failed = 0
    try:
        for test in tests:
            try:
                test()
                print("ok %s" % test.__doc__, flush=True)
            except Exception:  # noqa: whatever went wrong is a failure of this test
                failed += 1
                lines = traceback.format_exc().strip().splitlines()
                print("FAIL %s" % test.__doc__)
                print("\n".join("    " + line for line in lines[-8:]), flush=True)
    finally:
        world.close()
        if failed:
            print("    journal: %s" % world.journal)
        else:
            world.remove()
    sys.exit(1 if failed else 0)
