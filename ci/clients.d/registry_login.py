"""Credentials of a registry, from ecs.config to a real one: the reference agent, a real dockerd, and
docker-registry with htpasswd.

needs: aws busybox docker
"""

import base64
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

BUILD, AGENT = os.path.abspath(os.environ["BUILD"]), os.environ["AGENT"]
ECSIM = BUILD + "/ecsim"
IMAGE = engines.CLOSED + "/bob/app:1"
scratch = tempfile.mkdtemp(prefix="ecsim-registry.")
engine = engines.RealEngine(scratch)
HOST = "unix://" + engine.sock
env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and k != "XDG_RUNTIME_DIR"}
env.update(TMPDIR=scratch, HOME=scratch, ECSIM_INTROSPECTION="unix:" + scratch + "/introspection",
           AWS_CONFIG_FILE=scratch + "/none", AWS_SHARED_CREDENTIALS_FILE=scratch + "/none")


def run(*command, code=0, **more):
    r = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=180,
                       env=more.pop("env", env), check=False, **more)
    assert r.returncode == code, "%s: exit code %d\n%s" % (" ".join(command), r.returncode, r.stdout)
    return r.stdout


def docker(*args, **more):
    return run("/usr/bin/docker", "-H", HOST, *args, **more)


def push_private_image():
    """What only bob may pull: a program that waits. Nothing of it stays in the engine."""
    root = scratch + "/root"
    os.makedirs(root + "/bin")
    shutil.copy("/bin/busybox", root + "/bin/busybox")
    tar = subprocess.run(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["/usr/bin/docker", "-H", HOST, "import", "-c", 'CMD ["/bin/busybox", "sleep", "600"]', "-", IMAGE],
                   input=tar, stdout=subprocess.DEVNULL, check=True, env=env)
    docker("login", "-u", engines.USER, "-p", engines.PASSWORD, engines.CLOSED)
    docker("push", IMAGE)
    docker("logout", engines.CLOSED)
    docker("rmi", IMAGE)
    assert "no basic auth" in docker("pull", IMAGE, code=1)


class World:
    """An ECS with our agent on the real engine, and these credentials in its environment."""

    def __init__(self, password):
        auth = base64.b64encode(("%s:%s" % (engines.USER, password)).encode()).decode()
        mine = dict(env, ECS_ENGINE_AUTH_TYPE="dockercfg",
                    ECS_ENGINE_AUTH_DATA=json.dumps({engines.CLOSED: {"auth": auth}}))
        out = run(ECSIM, "up", "--detach", "--env", "--agent", AGENT, "--docker", HOST, env=mine)
        self.env = dict(mine)
        for name, value in re.findall(r"export (\w+)='?([^'\n;]*)'?", out):
            self.env[name] = value
        self.log = ""

    def aws(self, *args):
        out = run("/usr/bin/aws", "ecs", *args, env=self.env)
        return json.loads(out[out.index("{"):])

    def task(self):
        """The task of the private image, once it runs or has stopped."""
        self.aws("register-task-definition", "--family", "private", "--container-definitions",
                 json.dumps([{"name": "main", "image": IMAGE, "memory": 32, "essential": True}]))
        arn = self.aws("run-task", "--task-definition", "private")["tasks"][0]["taskArn"]
        for _ in range(120):
            task = self.aws("describe-tasks", "--tasks", arn)["tasks"][0]
            if task["lastStatus"] in ("RUNNING", "STOPPED"):
                return task
            time.sleep(0.5)
        raise AssertionError("it stays %s" % task["lastStatus"])

    def down(self):
        self.log = run(ECSIM, "logs", env=self.env)
        run(ECSIM, "down", env=self.env)


def test_right_password():
    """a private image is pulled with the password of ECS_ENGINE_AUTH_DATA"""
    w = World(engines.PASSWORD)
    task = w.task()
    assert task["lastStatus"] == "RUNNING", task
    seen = json.loads(docker("inspect", task["containers"][0]["runtimeId"]))[0]
    assert seen["Config"]["Image"] == IMAGE and seen["State"]["Running"], seen["Config"]
    w.down()
    assert base64.b64encode(b"bob:secret").decode() not in w.log


def test_wrong_password():
    """with a wrong one the task is stopped, and the registry's words are its reason"""
    docker("rmi", "-f", IMAGE)
    w = World("wrong-password")
    task = w.task()
    reason = task["containers"][0].get("reason", "")
    assert task["lastStatus"] == "STOPPED", task
    assert re.search(r"CannotPull(Container|ImageManifest)Error: .*(unauthorized|authentication required)", reason), reason
    w.down()
    assert "wrong-password" not in w.log


def main():
    try:
        engine.start()
    except engines.CannotStart as e:
        print("skip registry login: dockerd cannot be started (%s)" % e)
        return 0
    failed = 0
    push_private_image()
    for test in (test_right_password, test_wrong_password):
        try:
            test()
            print("ok " + test.__doc__, flush=True)
        except (AssertionError, subprocess.SubprocessError, OSError, ValueError, LookupError) as e:
            failed += 1
            print("FAIL %s\n    %s" % (test.__doc__, str(e).replace("\n", "\n    ")), flush=True)
            subprocess.run([ECSIM, "down"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    return 1 if failed else 0


try:
    code = main()
finally:
    subprocess.run([ECSIM, "down"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    engine.stop()
    shutil.rmtree(scratch, ignore_errors=True)
sys.exit(code)
