"""`ecsim up --docker`: the lines of the README with that flag, on a real engine.

needs: aws busybox docker
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers", "docker"))

import engines  # noqa: E402

BUILD, AGENT = os.path.abspath(os.environ["BUILD"]), os.environ["AGENT"]
ECSIM = BUILD + "/ecsim"
scratch = tempfile.mkdtemp(prefix="ecsim-up-docker.")
engine = engines.RealEngine(scratch)
HOST = "unix://" + engine.sock
env = {k: v for k, v in os.environ.items() if not k.startswith("AWS_") and k != "XDG_RUNTIME_DIR"}
env.update(TMPDIR=scratch, ECSIM_INTROSPECTION="unix:" + scratch + "/introspection",
           ECSIM_TASK_METADATA="unix:" + scratch + "/task", AWS_CONFIG_FILE=scratch + "/none",
           AWS_SHARED_CREDENTIALS_FILE=scratch + "/none",
           ECS_IMAGE_PULL_BEHAVIOR="prefer-cached")  # where no registry is, a pull fails after half a minute


def run(*command, code=0, **more):
    r = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120, **more)
    assert r.returncode == code, "%s: exit code %d\n%s" % (" ".join(command), r.returncode, r.stdout)
    return r.stdout


def docker(*args, **more):
    return run("/usr/bin/docker", "-H", HOST, *args, **more)


def names():
    return docker("ps", "-a", "--format", "{{.Names}}").split()


def load_nginx():
    """No registry of the world is in reach: what is called nginx here is a web server of busybox."""
    root = scratch + "/root"
    os.makedirs(root + "/bin")
    os.makedirs(root + "/www")
    shutil.copy("/bin/busybox", root + "/bin/busybox")
    with open(root + "/www/index.html", "w", encoding="ascii") as f:
        f.write("it really runs\n")
    tar = subprocess.run(["tar", "-C", root, "-c", "."], stdout=subprocess.PIPE, check=True).stdout
    subprocess.run(["/usr/bin/docker", "-H", HOST, "import", "-c", 'CMD ["/bin/busybox", "httpd", "-f", "-h", "/www"]',
                    "-", "nginx:latest"], input=tar, stdout=subprocess.DEVNULL, check=True, env=env)


def readme_lines():
    """The block that begins with `ecsim up`, with the flag that the text below it names."""
    with open("README.md", encoding="utf-8") as f:
        text = f.read()
    block = re.search(r'^    eval "\$\(build/ecsim up.*?^    build/ecsim down$', text, re.M | re.S).group(0)
    lines = [line[4:].replace("build/", BUILD + "/") for line in block.splitlines()]
    flag = re.search(r"`(--docker) unix:///var/run/docker.sock`", text).group(1)
    assert sum("aws " in line for line in lines) == 4, lines
    lines[0] = lines[0].replace(')"', ' %s %s)"' % (flag, HOST))
    return lines


def test_readme():
    """the lines of the README run a container on a real engine"""
    docker("create", "--name", "somebody-elses", "nginx:latest")
    lines = readme_lines()
    assert lines.pop().endswith("/ecsim down")
    # the CLI is Debian's, whatever else is in the path
    os.mkdir(scratch + "/bin")
    os.symlink("/usr/bin/aws", scratch + "/bin/aws")
    out = run("bash", "-euc", "PATH=%s/bin:$PATH\n%s" % (scratch, "\n".join(lines)))
    task = json.loads(out[out.rindex('{\n    "tasks"'):])["tasks"][0]
    container = task["containers"][0]
    assert (task["lastStatus"], container["lastStatus"]) == ("RUNNING", "RUNNING"), task
    seen = json.loads(docker("inspect", container["runtimeId"]))[0]
    assert seen["State"]["Running"], seen["State"]
    assert seen["Config"]["Labels"]["com.amazonaws.ecs.task-arn"] == task["taskArn"], seen["Config"]["Labels"]
    assert seen["HostConfig"]["Memory"] == 64 << 20, seen["HostConfig"]
    bound = container["networkBindings"][0]
    assert str(bound["hostPort"]) == seen["NetworkSettings"]["Ports"]["80/tcp"][0]["HostPort"], (bound, seen["NetworkSettings"])
    got = docker("exec", container["runtimeId"], "/bin/busybox", "wget", "-qO-", "http://127.0.0.1/")
    assert got == "it really runs\n", got


def test_down():
    """down removes the containers of its tasks and no other"""
    assert len(names()) == 2, names()
    run(ECSIM, "down")
    assert names() == ["somebody-elses"], names()
    left = [f for f in os.listdir(scratch) if f.startswith("ecsim-")]
    assert not left, left


def test_no_engine():
    """an engine that is not there, and a URL that is none, are told"""
    out = run(ECSIM, "up", "--agent", AGENT, "--docker", "/run/docker.sock", code=2)
    assert "unix:///PATH" in out, out


def main():
    try:
        engine.start()
        load_nginx()
    except engines.CannotStart as e:
        print("skip up --docker: dockerd cannot be started (%s)" % e)
        return 0
    failed = 0
    for test in (test_readme, test_down, test_no_engine):
        try:
            test()
            print("ok " + test.__doc__, flush=True)
        except (AssertionError, subprocess.SubprocessError, OSError, ValueError, LookupError) as e:
            failed += 1
            print("FAIL %s\n    %s" % (test.__doc__, str(e).replace("\n", "\n    ")), flush=True)
    return 1 if failed else 0


try:
    code = main()
finally:
    subprocess.run([ECSIM, "down"], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    engine.stop()
    shutil.rmtree(scratch, ignore_errors=True)
sys.exit(code)
