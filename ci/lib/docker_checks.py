"""What the Docker clients of ci/clients.d share: an engine to ask, and checks that count themselves.

The engine is a fake whose image busybox:latest really runs. With REAL_DOCKER_HOST=unix://... it is
a real one instead, started without networks (--iptables=false --bridge=none) and holding
busybox:latest and nothing else: so it is seen whether the checks themselves are right. What needs
networks or a registry is left out then.
"""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback

LIMIT = 30
REAL = bool(os.environ.get("REAL_DOCKER_HOST"))
checks = []
# What the fake leaves out it says, and what the machine does not let it do: such a check is skipped.
LEFT_OUT = re.compile(r"ecsim does not simulate [A-Z]+ [^\\\s\"')]+|clone: Operation not permitted")


def build_root(root):
    """A root file system of nothing but busybox."""
    for folder in ("bin", "etc", "root", "tmp", "var"):
        os.makedirs(os.path.join(root, folder))
    os.chmod(os.path.join(root, "tmp"), 0o1777)
    busybox = os.path.join(root, "bin", "busybox")
    shutil.copy("/bin/busybox", busybox)
    for name in subprocess.check_output([busybox, "--list"], text=True).split():
        if name != "busybox":
            os.symlink("busybox", os.path.join(root, "bin", name))
    for name, text in (("passwd", "root:x:0:0:root:/root:/bin/sh\n"
                        "nobody:x:65534:65534:nobody:/:/bin/sh\n"),
                       ("group", "root:x:0:\nnobody:x:65534:\n")):
        with open(os.path.join(root, "etc", name), "w") as f:
            f.write(text)


class Engine:
    """The fake, or the real one that was named; sets DOCKER_HOST."""

    def __init__(self):
        self.child = None
        self.dir = tempfile.mkdtemp(prefix="ecsim-clients.")
        if REAL:
            os.environ["DOCKER_HOST"] = os.environ["REAL_DOCKER_HOST"]
            return
        root = os.path.join(self.dir, "root")
        build_root(root)
        ecsim = os.path.join(os.environ.get("BUILD", "build"), "ecsim")
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            port = s.getsockname()[1]
        self.tcp = "tcp://127.0.0.1:%d" % port
        self.child = subprocess.Popen(
            [ecsim, "serve", "--port", "docker=%d" % port, "--die-with-parent", "--socket-dir", os.path.join(self.dir, "s"),
             "--control", "docker:image:busybox:latest,cached=yes,rootfs=" + root,
             "--control", "docker:image:public:1,rootfs=" + root,
             "--control", "docker:image:layered:1,process=yes",
             "--control", "docker:registry:private.example:5000,user=bob,password=secret",
             "--control", "docker:image:private.example:5000/app:1,rootfs=" + root,
             "--control", "docker:registry:token.example,user=bob,password=secret,auth=token",
             "--control", "docker:image:token.example/app:1,rootfs=" + root,
             "--control", "docker:image:busy:1,pull-error=toomanyrequests",
             "--control", "docker:image:slow:1,pull=500ms,layers=3",
             "docker"], stdout=subprocess.PIPE, text=True)
        for line in self.child.stdout:
            name, _, value = line.rstrip("\n").partition("=")
            if name == "DOCKER_HOST":
                os.environ["DOCKER_HOST"] = value
            elif not name:
                break

    def end(self):
        """The exit code of the fake, which must have left nothing."""
        code = 0
        if self.child:
            self.child.terminate()
            code = self.child.wait(LIMIT)
            left = os.listdir(os.path.join(self.dir, "s"))
            if left:
                print("FAIL the fake's end\n        it left %s" % left)
                code = code or 1
        shutil.rmtree(self.dir, ignore_errors=True)
        return code


def check(text):
    """The function is a check, and text is what it shows."""
    def note(fn):
        checks.append((text, fn))
        return fn
    return note


class Result:
    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def __repr__(self):
        return "%s\n  exit code %s\n  stdout %r\n  stderr %r" % (
            " ".join(self.command), self.code, self.out[-2000:], self.err[-2000:])


def run(command, input=None, env=None, limit=LIMIT):
    """Runs to the end; what does not end in time is killed, and that is a failure."""
    p = subprocess.Popen(command, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                         start_new_session=True)
    try:
        out, err = p.communicate(input, timeout=limit)
    except subprocess.TimeoutExpired:
        os.killpg(p.pid, signal.SIGKILL)
        out, err = p.communicate()
        raise AssertionError("it did not end within %d s\n%r" % (limit, Result(
            command, None, out.decode(errors="replace"), err.decode(errors="replace"))))
    return Result(command, p.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def wait_for(what, limit=LIMIT):
    """Asks until the answer is true; that is the value."""
    end = time.monotonic() + limit
    while True:
        v = what()
        if v:
            return v
        if time.monotonic() > end:
            raise AssertionError("it did not become true within %d s" % limit)
        time.sleep(0.02)


def main(engine, names):
    """Runs the checks whose text holds one of the names; all without."""
    failed = 0
    for text, fn in checks:
        if names and not any(n in text for n in names):
            continue
        try:
            fn()
        except Exception:
            said = LEFT_OUT.search(traceback.format_exc())
            if said and not REAL:
                print("skip %s: %s" % (text.replace(":", ","), said.group(0)))
                continue
            failed += 1
            print("FAIL " + text)
            for line in traceback.format_exc().splitlines():
                print("        " + line)
        else:
            print("ok " + text)
        sys.stdout.flush()
    return engine.end() or (1 if failed else 0)
