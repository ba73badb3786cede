# needs: docker busybox
"""Docker's command line against the fake engine: docker_cli.py [CHECK...]"""
import json
import os
import pty
import select
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers", "docker"))
import images  # noqa: E402
from docker_checks import LIMIT, REAL, Engine, check, main, run, wait_for

DOCKER = os.environ.get("DOCKER_CLI", "/usr/bin/docker")
engine = Engine()
scratch = tempfile.mkdtemp(prefix="ecsim-cli.", dir=engine.dir)
env = dict(os.environ, DOCKER_CONFIG=os.path.join(scratch, "config"), DOCKER_CLI_HINTS="false")


def docker(*args, input=None, code=0):
    """One command; its exit code must be this one (None: any)."""
    r = run([DOCKER] + list(args), input=input, env=env)
    assert code is None or r.code == code, r
    return r


def out(*args, **more):
    return docker(*args, **more).out.strip()


def started(*args):
    """run -d; the name is the first argument."""
    name, rest = args[0], args[1:]
    docker("run", "-d", "--network", "none", "--name", name, *rest)
    return name


class Background:
    """A command that goes on while others run."""

    def __init__(self, *args):
        self.file = tempfile.TemporaryFile(dir=scratch)
        self.p = subprocess.Popen([DOCKER] + list(args), stdin=subprocess.DEVNULL,
                                  stdout=self.file, stderr=subprocess.STDOUT, env=env,
                                  start_new_session=True)

    def text(self):
        self.file.seek(0)
        return self.file.read().decode(errors="replace")

    def wait_text(self, text):
        wait_for(lambda: text in self.text())

    def end(self):
        if self.p.poll() is None:
            os.killpg(self.p.pid, signal.SIGKILL)
        self.p.wait()
        return self.text()


class Terminal:
    """A command on a terminal of its own."""

    def __init__(self, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ.update(env)
            os.execvp(DOCKER, [DOCKER] + list(args))
        self.got = b""

    def read(self, text, limit=LIMIT):
        end = time.monotonic() + limit
        while text.encode() not in self.got:
            ready, _, _ = select.select([self.fd], [], [], 0.2)
            if ready:
                try:
                    self.got += os.read(self.fd, 4096)
                except OSError:
                    break
            assert time.monotonic() < end, "no %r in %r" % (text, self.got)
        assert text.encode() in self.got, "no %r in %r" % (text, self.got)

    def write(self, text):
        os.write(self.fd, text.encode())

    def end(self):
        """Its exit code; it must end by itself."""
        end = time.monotonic() + LIMIT
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                os.close(self.fd)
                return os.waitstatus_to_exitcode(status)
            ready, _, _ = select.select([self.fd], [], [], 0.02)
            if ready:
                try:
                    self.got += os.read(self.fd, 4096)
                except OSError:
                    pass
            if time.monotonic() > end:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
                raise AssertionError("it did not end: %r" % self.got)


@check("version names client and server")
def _():
    v = json.loads(out("version", "--format", "{{json .}}"))
    assert v["Server"]["ApiVersion"] == "1.41", v
    assert v["Client"]["ApiVersion"], v
    assert "Server:" in out("version")


@check("info")
def _():
    v = json.loads(out("info", "--format", "{{json .}}"))
    assert v["OSType"] == "linux" and v["ServerVersion"].startswith("20.10"), v
    assert not v.get("ServerErrors"), v
    assert "Server Version" in out("info")


@check("images and image inspect")
def _():
    assert out("images", "--format", "{{.Repository}}:{{.Tag}}", "busybox") == "busybox:latest"
    assert "busybox" in out("images")
    assert out("images", "-q", "busybox") == out("inspect", "-f", "{{.Id}}", "busybox")[7:19]
    assert out("image", "inspect", "-f", "{{.Os}}/{{.Architecture}}", "busybox") == "linux/amd64"
    assert "nosuch" in docker("image", "inspect", "nosuch", code=1).err
    out("history", "busybox")


@check("run in the foreground hands on output and exit code")
def _():
    r = docker("run", "--rm", "--network", "none", "busybox", "sh", "-c",
               "echo to out; echo to err >&2; exit 3", code=3)
    assert (r.out, r.err) == ("to out\n", "to err\n"), r
    assert out("ps", "-aq") == ""


@check("run hands on input, and its end")
def _():
    r = docker("run", "--rm", "-i", "--network", "none", "busybox", "sh", "-c",
               "cat; echo done", input=b"one\ntwo\n")
    assert r.out == "one\ntwo\ndone\n", r
    big = os.urandom(1 << 20).hex().encode()
    r = docker("run", "--rm", "-i", "--network", "none", "busybox", "cat", input=big)
    assert r.out.encode() == big


@check("run says what the runtime says")
def _():
    r = docker("run", "--rm", "--network", "none", "busybox", "nosuch", code=127)
    assert 'exec: "nosuch": executable file not found in $PATH: unknown' in r.err, r
    r = docker("run", "--rm", "--network", "none", "busybox", "/etc/passwd", code=126)
    assert "permission denied" in r.err, r
    r = docker("run", "--rm", "--network", "none", "-u", "nosuch", "busybox", "true", code=125)
    assert "unable to find user nosuch: no matching entries in passwd file" in r.err, r


@check("what a container is given: environment, user, folder, host name, mounts")
def _():
    made = os.path.join(scratch, "bound")
    os.mkdir(made)
    with open(os.path.join(made, "in"), "w") as f:
        f.write("from outside\n")
    r = docker("run", "--rm", "--network", "none", "-e", "GREETING=hello", "-u", "65534:65534",
               "-w", "/some/where", "-h", "box", "-v", made + ":/bound:ro", "--tmpfs", "/scratch",
               "busybox", "sh", "-c",
               "echo $GREETING $(id -u):$(id -g) $PWD $(hostname) $$; cat /bound/in;"
               "touch /bound/x 2>/dev/null || echo read-only; grep -c ' /scratch tmpfs' /proc/mounts")
    assert r.out == "hello 65534:65534 /some/where box 1\nfrom outside\nread-only\n1\n", r
    r = docker("run", "--rm", "--network", "none", "--read-only", "busybox", "touch", "/x", code=1)
    assert "Read-only file system" in r.err, r


@check("run -it through a terminal")
def _():
    t = Terminal("run", "-it", "--rm", "--network", "none", "--name", "term", "busybox", "sh")
    t.read("# ")
    t.write("stty size; test -t 0 && echo tty\\ yes; exit 6\n")
    t.read("tty yes\r\n")
    assert t.end() == 6, t.got


@check("the detach keys leave it running, attach comes back")
def _():
    t = Terminal("run", "-it", "--network", "none", "--name", "away", "busybox", "sh")
    t.read("# ")
    t.write("\x10")
    time.sleep(0.1)
    t.write("\x11")
    assert t.end() == 0, t.got
    assert out("inspect", "-f", "{{.State.Status}}", "away") == "running"
    t = Terminal("attach", "away")
    time.sleep(0.2)
    t.write("echo back; exit 4\n")
    t.read("back\r\n")
    assert t.end() == 4, t.got
    docker("rm", "away")


@check("attach sees what is written, and the end")
def _():
    started("att", "busybox", "sh", "-c",
            "trap 'echo caught; exit 5' USR1; echo >/ready; while :; do sleep 0.05; done")
    wait_for(lambda: docker("exec", "att", "test", "-e", "/ready", code=None).code == 0)
    b = Background("attach", "--sig-proxy=false", "att")
    time.sleep(0.3) # it does not say when it is attached
    docker("kill", "-s", "USR1", "att")
    assert b.p.wait(LIMIT) == 5, b.end()
    assert b.end() == "caught\n"
    docker("rm", "att")


@check("ps with filters and a format")
def _():
    started("ps1", "--label", "role=web", "busybox", "sleep", "1000")
    started("ps2", "--label", "role=db", "busybox", "true")
    assert out("wait", "ps2") == "0"

    def names(*args):
        return sorted(out("ps", "--format", "{{.Names}}", *args).split())
    assert names() == ["ps1"]
    assert names("-a") == ["ps1", "ps2"]
    assert names("-a", "--filter", "label=role=db") == ["ps2"]
    assert names("-a", "--filter", "status=exited") == ["ps2"]
    assert names("-a", "--filter", "name=ps1") == ["ps1"]
    assert names("-a", "--filter", "exited=0") == ["ps2"]
    assert names("-a", "--filter", "ancestor=busybox") == ["ps1", "ps2"]
    assert "Up " in out("ps", "--format", "{{.Status}}")
    assert "Exited (0)" in out("ps", "-a", "--filter", "name=ps2", "--format", "{{.Status}}")
    assert out("ps", "-as", "--filter", "name=ps1", "--format", "{{.Size}}")
    docker("rm", "-f", "ps1", "ps2")


@check("inspect with a Go template")
def _():
    started("insp", "-e", "A=1", "busybox", "sleep", "1000")
    assert out("inspect", "-f", "{{.State.Running}} {{.Config.Image}} {{index .Config.Env 0}} "
               "{{.HostConfig.NetworkMode}}", "insp") == "true busybox A=1 none"
    assert out("inspect", "-f", "{{json .NetworkSettings.Networks}}", "insp").startswith("{")
    assert out("inspect", "-s", "-f", "{{.SizeRootFs}}", "insp").isdigit()
    r = docker("inspect", "nosuch", code=1)
    assert "No such object: nosuch" in r.err, r
    docker("rm", "-f", "insp")


@check("logs: all, tail, timestamps, follow")
def _():
    started("log", "busybox", "sh", "-c", "echo 1; echo 2; echo 3; while ! test -e /go; do "
            "sleep 0.05; done; echo 4; echo 5")
    wait_for(lambda: out("logs", "log") == "1\n2\n3")
    assert out("logs", "--tail", "2", "log") == "2\n3"
    stamped = out("logs", "-t", "--tail", "1", "log")
    assert stamped.endswith("Z 3") and len(stamped) == 32, stamped
    b = Background("logs", "-f", "--tail", "1", "log")
    b.wait_text("3\n")
    docker("exec", "log", "touch", "/go", code=None) # killed, when the container ends before it
    assert b.p.wait(LIMIT) == 0
    assert b.end() == "3\n4\n5\n", b.end()
    assert out("logs", "--since", "1h", "log") == "1\n2\n3\n4\n5"
    assert out("logs", "--until", "1h", "log") == ""
    docker("rm", "log")


@check("exec: output, input, exit code, user, folder, environment, terminal, detached")
def _():
    started("ex", "busybox", "sleep", "1000")
    r = docker("exec", "ex", "sh", "-c", "echo o; echo e >&2; exit 9", code=9)
    assert (r.out, r.err) == ("o\n", "e\n"), r
    assert docker("exec", "-i", "ex", "cat", input=b"in\n").out == "in\n"
    r = docker("exec", "-u", "nobody", "-w", "/tmp", "-e", "B=2", "ex", "sh", "-c",
               "echo $(id -un) $PWD $B")
    assert r.out == "nobody /tmp 2\n", r
    t = Terminal("exec", "-it", "ex", "sh")
    t.read("# ")
    t.write("echo on a $(test -t 0 && echo tty)\n")
    t.read("on a tty\r\n")
    t.write("exit 2\n")
    assert t.end() == 2, t.got
    docker("exec", "-d", "ex", "touch", "/tmp/made")
    wait_for(lambda: docker("exec", "ex", "test", "-e", "/tmp/made", code=None).code == 0)
    r = docker("exec", "ex", "nosuch", code=None)
    assert r.code in (126, 127) and 'exec: "nosuch": executable file not found' in r.out + r.err, r
    r = docker("exec", "nosuch", "true", code=1)
    assert "No such container: nosuch" in r.err, r
    docker("rm", "-f", "ex")
    r = docker("run", "-d", "--network", "none", "--name", "ex", "busybox", "true")
    docker("wait", "ex")
    assert "is not running" in docker("exec", "ex", "true", code=1).err
    docker("rm", "ex")


@check("cp both ways, files, folders and links")
def _():
    started("cp", "busybox", "sleep", "1000")
    tree = os.path.join(scratch, "tree")
    os.makedirs(os.path.join(tree, "sub"))
    for name, text in (("a", "alpha"), ("sub/b", "beta")):
        with open(os.path.join(tree, name), "w") as f:
            f.write(text)
    os.symlink("a", os.path.join(tree, "link"))
    docker("cp", tree, "cp:/tmp/")
    assert out("exec", "cp", "cat", "/tmp/tree/a", "/tmp/tree/sub/b") == "alphabeta"
    assert out("exec", "cp", "readlink", "/tmp/tree/link") == "a"
    docker("exec", "cp", "sh", "-c", "echo gamma >/tmp/tree/c")
    back = os.path.join(scratch, "back")
    docker("cp", "cp:/tmp/tree/.", back)
    assert sorted(os.listdir(back)) == ["a", "c", "link", "sub"]
    with open(os.path.join(back, "c")) as f:
        assert f.read() == "gamma\n"
    assert b"root:x:0:0" in subprocess.run([DOCKER, "cp", "cp:/etc/passwd", "-"], env=env,
                                           stdout=subprocess.PIPE, check=True).stdout
    docker("cp", "-L", "cp:/tmp/tree/link", os.path.join(scratch, "followed"))
    with open(os.path.join(scratch, "followed")) as f:
        assert f.read() == "alpha"
    r = docker("cp", "cp:/nosuch", scratch, code=1)
    assert "No such container:path: cp:/nosuch" in r.err or "Could not find the file" in r.err, r
    r = docker("cp", os.path.join(tree, "a"), "cp:/nosuch/x", code=1)
    docker("rm", "-f", "cp")


@check("diff and export")
def _():
    docker("run", "--network", "none", "--name", "df", "busybox", "sh", "-c",
           "mkdir /made; echo x >/made/f; rm /etc/group")
    lines = out("diff", "df").splitlines()
    assert sorted(lines) == ["A /made", "A /made/f", "C /etc", "D /etc/group"], lines
    tar = os.path.join(scratch, "export.tar")
    docker("export", "-o", tar, "df")
    names = subprocess.run(["tar", "tf", tar], stdout=subprocess.PIPE, check=True).stdout.decode()
    assert "made/f\n" in names and "etc/group\n" not in names and "bin/busybox\n" in names
    docker("rm", "df")


@check("stop, start, restart, kill, wait, pause, rename, rm")
def _():
    started("life", "busybox", "sh", "-c", "trap 'exit 8' TERM; echo; while :; do sleep 0.05; done")
    wait_for(lambda: docker("logs", "life").out) # the trap is set
    assert out("stop", "life") == "life"
    assert out("inspect", "-f", "{{.State.ExitCode}}", "life") == "8"
    assert out("start", "life") == "life"
    docker("restart", "-t", "5", "life")
    docker("pause", "life")
    assert out("inspect", "-f", "{{.State.Status}}", "life") == "paused"
    docker("unpause", "life")
    b = Background("wait", "life")
    time.sleep(0.2)
    docker("kill", "life")
    assert b.p.wait(LIMIT) == 0 and b.end() == "137\n"
    docker("rename", "life", "death")
    docker("rm", "death")
    r = docker("rm", "death", code=None)
    assert "No such container: death" in r.err, r
    started("life", "busybox", "sleep", "1000")
    r = docker("rm", "life", code=1)
    assert "You cannot remove a running container" in r.err, r
    begin = time.monotonic()
    docker("stop", "-t", "1", "life")
    assert 0.9 < time.monotonic() - begin < 8 # it ignores TERM: it is the first of its world
    assert out("inspect", "-f", "{{.State.ExitCode}}", "life") == "137"
    docker("rm", "life")


@check("update and restart policies")
def _():
    started("upd", "--memory", "64m", "busybox", "sleep", "1000")
    docker("update", "--restart", "on-failure:3", "upd")
    assert out("inspect", "-f", "{{.HostConfig.RestartPolicy.Name}}", "upd") == "on-failure"
    docker("rm", "-f", "upd")
    started("again", "--restart", "on-failure:2", "busybox", "false")
    wait_for(lambda: out("inspect", "-f", "{{.RestartCount}} {{.State.Status}}", "again") ==
             "2 exited")
    docker("rm", "-f", "again")


@check("top and stats")
def _():
    started("top", "busybox", "sh", "-c", "sleep 1000; true")
    wait_for(lambda: "sleep 1000" in out("top", "top"))
    titles, *rows = out("top", "top").splitlines()
    assert titles.split()[:2] == ["UID", "PID"] and len(rows) == 2, rows
    r = out("stats", "--no-stream", "--format", "{{.Name}} {{.PIDs}} {{.MemUsage}}", "top")
    assert r.startswith("top "), r
    docker("rm", "-f", "top")


@check("events")
def _():
    b = Background("events", "--filter", "type=container", "--format", "{{.Action}} {{.Actor.Attributes.name}}")
    time.sleep(0.4)
    docker("run", "--rm", "--network", "none", "--name", "ev", "busybox", "true")
    b.wait_text("destroy ev")
    lines = b.end().splitlines()
    assert lines == ["create ev", "attach ev", "start ev", "die ev", "destroy ev"], lines
    begin = time.time()
    docker("run", "--rm", "--network", "none", "--name", "ev2", "busybox", "true")
    said = out("events", "--since", "%.6f" % begin, "--until", "%.6f" % (time.time() + 0.1),
               "--filter", "event=die", "--format", "{{.Actor.Attributes.exitCode}}")
    assert said == "0", said


@check("tag, rmi, save, load")
def _():
    docker("tag", "busybox", "other:1")
    assert out("images", "-q", "other") == out("images", "-q", "busybox")
    tar = os.path.join(scratch, "saved.tar")
    docker("save", "-o", tar, "other:1")
    names = subprocess.run(["tar", "tf", tar], stdout=subprocess.PIPE, check=True).stdout.decode()
    assert "manifest.json" in names and "layer.tar" in names, names
    assert "Untagged: other:1" in out("rmi", "other:1")
    assert "Loaded image: other:1" in out("load", "-i", tar)
    assert out("run", "--rm", "--network", "none", "other:1", "echo", "loaded") == "loaded"
    docker("rmi", "other:1")
    started("use", "busybox", "sleep", "1000")
    r = docker("rmi", "busybox", code=1)
    assert "conflict: unable to remove repository reference" in r.err, r
    docker("rm", "-f", "use")
    r = docker("rmi", "nosuch", code=1)
    assert "No such image: nosuch" in r.err, r


@check("a loaded image runs in its layers, the upper over the lower")
def _():
    base = images.base_layer(images.busybox())
    upper = images.tar_of([("srv", 0o755, None), ("srv/kept", 0o644, b"kept\n"), ("srv/gone", 0o644, b""),
                           ("opaque", 0o755, None), ("opaque/below", 0o644, b"")])
    top = images.tar_of([("opaque", 0o755, None), ("opaque/.wh..wh..opq", 0o644, b""),
                         ("opaque/above", 0o600, b""), ("srv", 0o755, None), ("srv/.wh.gone", 0o644, b""),
                         ("bin/.wh.tail", 0o644, b"")])
    steps = [{"created_by": "layer"} for _ in range(3)]
    config = {"Cmd": ["sh", "-c", "cat srv/kept; ls srv opaque; echo $FROM; ls bin/tail"],
              "Env": [images.PATH, "FROM=image"]}
    made = images.Image(1, "layered", "1", [base, upper, top], config, steps)
    tar = os.path.join(scratch, "layered.tar")
    with open(tar, "wb") as f:
        f.write(made.archive("layered:1"))
    assert "Loaded image: layered:1" in out("load", "-i", tar)
    assert out("image", "inspect", "-f", "{{.Id}}", "layered:1") == made.id
    r = docker("run", "--network", "none", "--name", "lay", "layered:1", code=1)
    assert r.out == "kept\nopaque:\nabove\n\nsrv:\nkept\nimage\n", r
    assert "bin/tail: No such file" in r.err, r
    assert out("diff", "lay") == ""
    docker("rm", "lay")
    again = os.path.join(scratch, "again.tar")
    docker("save", "-o", again, "layered:1")
    docker("rmi", "layered:1")
    docker("load", "-i", again)
    assert out("image", "inspect", "-f", "{{.Id}}", "layered:1") == made.id
    docker("rmi", "layered:1")


@check("volumes")
def _():
    assert out("volume", "create", "--label", "a=b", "data") == "data"
    docker("run", "--rm", "--network", "none", "-v", "data:/data", "busybox", "sh", "-c",
           "echo kept >/data/file")
    assert out("run", "--rm", "--network", "none", "-v", "data:/mnt", "busybox", "cat",
               "/mnt/file") == "kept"
    assert out("volume", "ls", "-q", "--filter", "label=a=b") == "data"
    assert out("volume", "inspect", "-f", "{{.Driver}}", "data") == "local"
    assert out("volume", "rm", "data") == "data"
    assert "o such volume" in docker("volume", "inspect", "data", code=1).err


@check("networks")
def _():
    names = out("network", "ls", "--format", "{{.Name}}").split()
    assert {"host", "none"} <= set(names), names
    assert out("network", "inspect", "-f", "{{.Driver}}", "none") == "null"
    if REAL:
        return # it was started without bridges
    docker("network", "create", "--label", "x=y", "mine")
    assert "mine" in out("network", "ls", "--filter", "label=x=y")
    docker("run", "-d", "--name", "net", "--network", "mine", "busybox", "sleep", "1000")
    assert out("inspect", "-f", "{{range $k, $v := .NetworkSettings.Networks}}{{$k}}{{end}}",
               "net") == "mine"
    assert "has active endpoints" in docker("network", "rm", "mine", code=1).err
    docker("rm", "-f", "net")
    assert out("network", "rm", "mine") == "mine"


@check("pull, login and what a registry refuses")
def _():
    if REAL:
        return # there is no registry beside it
    assert "Downloaded newer image" in out("pull", "public:1")
    assert "Image is up to date" in out("pull", "public:1")
    r = docker("pull", "nosuch:1", code=1)
    assert "pull access denied" in r.err or "not found" in r.err, r
    docker("rmi", "public:1")
    r = docker("pull", "busy:1", code=1)
    assert "toomanyrequests: You have reached your pull rate limit" in r.err, r
    layers = docker("pull", "slow:1").out
    assert layers.count("Pull complete") == 3 and "Status: Downloaded newer image for slow:1" in layers, layers
    docker("rmi", "slow:1")
    for host, why, wrong in (
            ("private.example:5000", "no basic auth credentials", "401 Unauthorized"),
            ("token.example", "pull access denied", "unauthorized: incorrect username or password")):
        image = host + "/app:1"
        r = docker("pull", image, code=1)
        assert why in r.err, r
        r = docker("login", "-u", "bob", "--password-stdin", host, input=b"wrong", code=1)
        assert wrong in r.err, r
        r = docker("login", "-u", "bob", "--password-stdin", host, input=b"secret")
        assert "Login Succeeded" in r.out, r
        assert "Downloaded newer image" in out("pull", image)
        assert out("run", "--rm", "--network", "none", image, "echo", "pulled") == "pulled"
        docker("rmi", image)
        assert "Removing login credentials" in out("logout", host)
        docker("pull", image, code=1)


@check("commit and import, with instructions that change the configuration")
def _():
    started("made", "busybox", "sh", "-c", "echo new > /tmp/new; rm /etc/group; sleep 1000")
    wait_for(lambda: "A /tmp/new" in out("diff", "made"))
    image = out("commit", "-a", "somebody", "-m", "why", "-c", "ENV A=1 B=\"$A two\"", "-c", "EXPOSE 80/udp",
                "-c", 'CMD ["sh", "-c", "cat /tmp/new; ls /etc; echo $B"]', "made", "made:1")
    assert image.startswith("sha256:"), image
    assert "why" in out("history", "--no-trunc", "made:1")
    assert out("inspect", "-f", "{{.Author}} {{.Comment}} {{.Config.ExposedPorts}}", "made:1") == "somebody why map[80/udp:{}]"
    said = out("run", "--rm", "--network", "none", "made:1").split("\n")
    assert said[0] == "new" and "group" not in said and "passwd" in said and said[-1].strip() == "two", said
    r = docker("commit", "-c", "RUN true", "made", code=1)
    assert "run is not a valid change command" in r.err.lower(), r
    size = out("ps", "-as", "--filter", "name=made", "--format", "{{.Size}}")
    assert size.startswith("4B (virtual"), size
    docker("rm", "-f", "made")
    tar = images.tar_of([("hello", 0o644, b"hello\n")])
    r = docker("import", "-c", "CMD /hello", "-c", "LABEL l=1", "-", "imported:1", input=tar)
    assert out("inspect", "-f", "{{.Config.Cmd}} {{.Config.Labels.l}}", "imported:1") == "[/bin/sh -c /hello] 1"
    docker("rmi", "made:1", "imported:1")


@check("build and push say that they are left out, as the engine says that something failed")
def _():
    if REAL:
        return # it would do them
    folder = os.path.join(scratch, "build")
    os.mkdir(folder)
    with open(os.path.join(folder, "Dockerfile"), "w") as f:
        f.write("FROM busybox\n")
    r = run([DOCKER, "build", folder], env=dict(env, DOCKER_BUILDKIT="0"))
    assert r.code == 1 and "ecsim does not" in r.err, r
    docker("tag", "busybox", "pushed:1")
    r = docker("push", "pushed:1", code=1)
    assert "ecsim does not" in r.err, r
    docker("rmi", "pushed:1")


@check("system df and prune")
def _():
    started("old", "busybox", "true")
    docker("wait", "old")
    assert "Images" in out("system", "df")
    said = out("system", "prune", "-f")
    assert "Deleted Containers" in said, said
    assert out("ps", "-aq") == ""


if __name__ == "__main__":
    sys.exit(main(engine, sys.argv[1:]))
