"""The console path of an update on a real engine: the AWS CLI asks, the agent downloads the image of
the next one from the fake S3, ecsim-init gives it to dockerd, and it registers as the same instance;
or it does not work, and ecsim-init gives the image of before its name back.

needs: aws busybox docker
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers", "docker"))

import engines  # noqa: E402

BUILD = os.path.abspath(os.environ["BUILD"])
NAME = "amazon/amazon-ecs-agent:latest"
scratch = tempfile.mkdtemp(prefix="ecsim-update-docker.")
engine = engines.RealEngine(scratch)
inside = []  # the command that enters the namespaces of the engine
processes = []
env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_")}
env.update(AWS_CONFIG_FILE=scratch + "/none", AWS_SHARED_CREDENTIALS_FILE=scratch + "/none", AWS_PAGER="")


def run(*command, **more):
    """What it prints; it has to end with 0."""
    r = subprocess.run([*inside, *command], env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                       check=False, **more)
    assert r.returncode == 0, "%s: exit code %d\n%s" % (" ".join(command), r.returncode, r.stdout)
    return r.stdout


def ecs(*words):
    """The answer of the AWS CLI."""
    out = run("/usr/bin/aws", "ecs", "--endpoint-url", env["ECSIM_ECS_URL"], *words)
    return json.loads(out) if out.strip() else {}


def wait_for(what, seconds=60):
    """Until what() says something true; the last that it said."""
    end = time.monotonic() + seconds
    while True:
        said = what()
        if said or time.monotonic() > end:
            assert said, "%s: not within %d s" % (what.__doc__, seconds)
            return said
        time.sleep(0.2)


def version_of(program):
    """What an agent says of itself."""
    return re.search(r"Version: (\S+)", subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout).group(1)


def enter():
    """Folders that are the engine's alone stand for those of the machine."""
    pid = engine.process.pid
    child = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True).stdout.split()[0]
    inside.extend(["nsenter", "-t", child, "-m", "-n"])
    run("sh", "-ec", "cp -a /etc %s/etc; mount --bind %s/etc /etc; mount -t tmpfs none /var/cache; mount -t tmpfs none /var/log; "
        "mkdir -p /var/cache/ecs /var/log/ecs /var/lib/ecs/data /etc/ecs" % (scratch, scratch))


def serve(image, version):
    """The fakes, in the network of the engine; there is an update to this image."""
    digest = subprocess.run(["sha256sum", "%s/%s.tar" % (scratch, image)], capture_output=True, text=True, check=True).stdout.split()[0]
    offer = "agent,version=%s,location=http://127.0.0.1:8333/amazon-ecs-agent/image.tar,signature=%s" % (version, digest)
    p = subprocess.Popen([*inside, BUILD + "/ecsim", "serve", "--die-with-parent", "--control", "s3:bucket:amazon-ecs-agent,public=true",
                          "--control", "ecs:agent-version:" + offer, "--port", "s3=8333", "ecs", "acs", "tcs", "s3", "imds"],
                         stdout=subprocess.PIPE, text=True, env=env, cwd=os.getcwd())
    processes.append(p)
    for line in p.stdout:
        if not line.strip():
            break
        name, _, value = line.strip().partition("=")
        env[name] = value.strip("'")


def start_init():
    """ecsim-init, which starts the agent."""
    names = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION", "ECS_BACKEND_HOST", "AWS_EC2_METADATA_SERVICE_ENDPOINT"]
    lines = ["%s=%s" % (n, env[n]) for n in names if n in env]
    if "AWS_SESSION_TOKEN" in env:
        lines.append("AWS_SESSION_TOKEN=" + env["AWS_SESSION_TOKEN"])
    lines += ["ECS_CLUSTER=demo", "DOCKER_HOST=unix://" + engine.sock, "ECS_IMAGE_PULL_BEHAVIOR=prefer-cached", "ECS_CGROUP_PATH=/nonexistent", "ASAN_OPTIONS=detect_leaks=0"]
    with open(scratch + "/agent.env", "w", encoding="utf-8") as f:
        f.write("\n".join(lines) + "\n")
    log = open(scratch + "/init.log", "wb")  # pylint: disable=consider-using-with
    processes.append(subprocess.Popen([*inside, BUILD + "/ecsim-init", "--container", "--env-file", scratch + "/agent.env", "start"],
                                      env=dict(env, DOCKER_HOST="unix://" + engine.sock), stdout=log, stderr=log))


def instances():
    """an instance that is connected"""
    arns = ecs("list-container-instances", "--cluster", "demo")["containerInstanceArns"]
    if not arns:
        return []
    found = ecs("describe-container-instances", "--cluster", "demo", "--container-instances", *arns)["containerInstances"]
    return [i for i in found if i["agentConnected"]]


def docker(*words, **more):
    """Docker's command line."""
    return run("/usr/bin/docker", "-H", "unix://" + engine.sock, *words, **more)


def prepare():
    """The images: of this agent, of the next, and something that runs."""
    subprocess.run([os.environ.get("MAKE", "make"), "-s", "BUILD=" + os.environ["BUILD"], os.environ["BUILD"] + "/next/ecsim-agent"],
                   check=True, stdout=subprocess.DEVNULL)
    for name, image, *command in (("now", NAME, BUILD + "/ecsim-agent"), ("next", NAME, BUILD + "/next/ecsim-agent"),
                                  ("terminal", NAME, "/bin/dash", "-c", "exit 5"), ("busybox", "busybox:latest", "/bin/sleep", "1000")):
        subprocess.run([sys.executable, "ci/lib/save_image.py", "%s/%s.tar" % (scratch, name), image, *command], check=True)


def begin_anew():
    """Another instance of another control plane: nothing is known of the one before."""
    while processes:
        process = processes.pop()
        process.terminate()
        process.wait()
    docker("rm", "-f", *docker("ps", "-aq").split())
    run("sh", "-ec", "for f in /var/cache/ecs /var/lib/ecs/data; do mount -t tmpfs none $f; done")


def update(image, version):
    """An agent of today is asked to become this one. What became of the instance, and of a task that it ran."""
    serve(image, version)
    for name in ("now", "busybox"):
        docker("load", "-i", "%s/%s.tar" % (scratch, name))
    start_init()
    first = wait_for(instances)[0]
    assert first["versionInfo"]["agentVersion"] == version_of(BUILD + "/ecsim-agent"), first["versionInfo"]
    ecs("register-task-definition", "--family", "one", "--container-definitions",
        '[{"name": "main", "image": "busybox:latest", "memory": 64}]')
    task = ecs("run-task", "--cluster", "demo", "--task-definition", "one")["tasks"][0]["taskArn"]

    def task_now():
        """the task runs"""
        t = ecs("describe-tasks", "--cluster", "demo", "--tasks", task)["tasks"][0]
        return t if t["lastStatus"] == "RUNNING" else None

    container = wait_for(task_now)["containers"][0]["runtimeId"]
    run("/usr/bin/aws", "s3", "--endpoint-url", env["ECSIM_S3_URL"], "cp", "--quiet", "%s/%s.tar" % (scratch, image), "s3://amazon-ecs-agent/image.tar")
    asked = ecs("update-container-agent", "--cluster", "demo", "--container-instance", first["containerInstanceArn"])
    assert asked["containerInstance"]["agentUpdateStatus"] in ("PENDING", "STAGING"), asked

    def updated():
        """the update is over"""
        i = ecs("describe-container-instances", "--cluster", "demo", "--container-instances", first["containerInstanceArn"])["containerInstances"][0]
        return i if i["agentUpdateStatus"] in ("UPDATED", "FAILED") else None

    last = wait_for(updated)
    assert task_now(), "the task was lost"
    seen = json.loads(docker("inspect", container))[0]
    assert seen["State"]["Running"] and seen["RestartCount"] == 0, seen["State"]
    return last


def test_update():
    """update-container-agent on a real engine: the next version is connected as the same instance, UPDATED, its task runs on"""
    last = update("next", version_of(BUILD + "/next/ecsim-agent"))
    assert last["agentUpdateStatus"] == "UPDATED", last
    assert last["versionInfo"]["agentVersion"] == version_of(BUILD + "/next/ecsim-agent"), last["versionInfo"]
    assert run("cat", "/var/cache/ecs/state") == "1"


def test_roll_back():
    """an update that ends with 5 on a real engine: the image of before has its name back, its version is connected, FAILED, its task runs on"""
    begin_anew()
    last = update("terminal", "999.0.0")
    assert last["agentUpdateStatus"] == "FAILED", last
    assert last["versionInfo"]["agentVersion"] == version_of(BUILD + "/ecsim-agent"), last["versionInfo"]
    assert wait_for(instances)[0]["containerInstanceArn"] == last["containerInstanceArn"]
    run("test", "!", "-e", "/var/cache/ecs/previous-image")
    running = json.loads(docker("inspect", "ecs-agent"))[0]
    assert running["Image"] == json.loads(docker("image", "inspect", NAME))[0]["Id"], running["Image"]


def main():
    """0, or 1 when a test failed."""
    try:
        prepare()
        engine.start()
        enter()
    except engines.CannotStart as e:
        print("skip update on a real engine: dockerd cannot be started (%s)" % e)
        return 0
    for test in (test_update, test_roll_back):
        try:
            test()
            print("ok " + test.__doc__, flush=True)
        except (AssertionError, subprocess.SubprocessError, OSError, ValueError, LookupError) as e:
            said = ""
            if os.path.exists(scratch + "/init.log"):
                with open(scratch + "/init.log", encoding="utf-8", errors="replace") as log:
                    said = "\n" + "".join(log.readlines()[-15:])
            print("FAIL %s\n    %s" % (test.__doc__, (str(e) + said).replace("\n", "\n    ")), flush=True)
            return 1
    return 0


try:
    code = main()
finally:
    for process in processes:
        process.kill()
        process.wait()
    engine.stop()
    shutil.rmtree(scratch, ignore_errors=True)
sys.exit(code)
