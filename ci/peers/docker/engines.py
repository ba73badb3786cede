"""What the requests are played to: a dockerd of our own, or the fake.

dockerd runs in a mount and a network namespace of its own, with its data in
memory, so it touches nothing of this machine and nothing of it is left. Three
registries are beside it: 127.0.0.1:5000 is open, 127.0.0.1:5001 wants bob/secret,
and 127.0.0.1:5002 a bearer token for that (token_registry.py).
"""

import base64
import ctypes
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

OPEN, CLOSED, TOKEN = "127.0.0.1:5000", "127.0.0.1:5001", "127.0.0.1:5002"
USER, PASSWORD = "bob", "secret"
# bcrypt of "secret": docker-registry takes no other kind.
HTPASSWD = "bob:$2b$05$7/MjkXXhI5nuyJMl3hUUr.UMybEE1l8vs.F1rPG1YXQbzoYmAoXdm\n"

NEEDED = ("dockerd", "containerd", "runc", "docker-registry", "busybox", "unshare", "ip")


class CannotStart(Exception):
    """The engine does not start on this machine; the text says why."""


def missing():
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    return [p for p in NEEDED if not shutil.which(p, path=path)]


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def read_url(sock, path):
    c = http.client.HTTPConnection("docker")
    c.sock = socket.socket(socket.AF_UNIX)
    c.sock.settimeout(5)
    c.sock.connect(sock)
    c.request("GET", path)
    return json.loads(c.getresponse().read())


class RealEngine:
    """Started in namespaces by this very file: see inside()."""

    def __init__(self, folder, root=""):
        """root: a folder with another Debian whose dockerd it shall be."""
        self.folder, self.root = folder, root
        self.sock = os.path.join(folder, "docker.sock")
        self.log = os.path.join(folder, "engine.log")
        self.process = None

    def start(self):
        lacking = missing()
        if lacking:
            raise CannotStart("not installed: " + " ".join(lacking))
        if os.geteuid() != 0:
            raise CannotStart("only root can start it")
        command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        command += [sys.executable, os.path.abspath(__file__), self.folder, self.root]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_parent
            )
        ready = os.path.join(self.folder, "ready")
        for _ in range(400):
            if os.path.exists(ready):
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        with open(self.log, encoding="utf-8", errors="replace") as log:
            last = log.read().strip().splitlines()[-1:] or ["it said nothing"]
        self.stop()
        raise CannotStart(last[0])

    def stop(self):
        if self.process:
            self.process.kill()  # its namespaces, and all in them, end with it
            self.process.wait()

    def info(self):
        return read_url(self.sock, "/info")

    def version(self):
        return read_url(self.sock, "/version")


class FakeEngine:
    def __init__(self, program, folder, options):
        self.command = [program, "serve", "--die-with-parent", "--socket-dir", folder, *options, "docker"]
        self.sock = os.path.join(folder, "docker.sock")
        self.process = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if not line.strip():
                return
        raise CannotStart("%s ended with %d" % (" ".join(self.command), self.process.wait()))

    def stop(self):
        if not self.process:
            return 0
        self.process.terminate()
        return self.process.wait()


# --- inside the namespaces ----------------------------------------------------------------


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def registry(folder, port, auth):
    config = {
        "version": "0.1",
        "storage": {"filesystem": {"rootdirectory": "%s/registry-%d" % (folder, port)}},
        "http": {"addr": "127.0.0.1:%d" % port},
        "log": {"level": "error", "accesslog": {"disabled": True}},
    }
    if auth:
        write(folder + "/htpasswd", HTPASSWD)
        config["auth"] = {"htpasswd": {"realm": "ecsim", "path": folder + "/htpasswd"}}
    path = "%s/registry-%d.json" % (folder, port)
    write(path, json.dumps(config))  # JSON is YAML
    return subprocess.Popen(["docker-registry", "serve", path])


def wait_port(port):
    for _ in range(200):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit("nothing listens on port %d" % port)


def enter_root(root, folder):
    """Makes the other Debian ready, and returns the command that begins in there."""
    if not root:
        return []
    subprocess.run(["mount", "--bind", root, root], check=True)  # it remounts its /, which must be a mount
    for place in ("/proc", "/sys", "/dev"):
        subprocess.run(["mount", "--rbind", place, root + place], check=True)
    for place in ("/run", "/var/lib", "/mnt"):
        subprocess.run(["mount", "--rbind", place, root + place], check=True)
    os.makedirs(root + folder, exist_ok=True)
    subprocess.run(["mount", "--bind", folder, root + folder], check=True)
    write(root + "/etc/resolv.conf", "nameserver 192.0.2.53\n")
    return ["chroot", root]


def inside(folder, root):
    import images
    import token_registry

    def run(*command):
        subprocess.run(command, check=True)

    os.environ["PATH"] += ":/usr/sbin:/sbin"
    run("mount", "--make-rprivate", "/")
    for place in ("/run", "/var/lib", "/etc/docker", "/mnt"):
        if os.path.isdir(place):
            run("mount", "-t", "tmpfs", "none", place)
    os.mkdir("/mnt/ecsim")
    os.mkdir("/mnt/ecsim/folder")
    run("ip", "link", "set", "lo", "up")
    write("/run/daemon.json", "{}\n")
    write("/run/resolv.conf", "nameserver 192.0.2.53\n")  # nobody's: names do not resolve
    run("mount", "--bind", "/run/resolv.conf", os.path.realpath("/etc/resolv.conf"))
    registry("/run", 5000, False)
    registry("/run", 5001, True)
    # The socket is made under another name: nobody connects before all is there.
    engine = subprocess.Popen(
        enter_root(root, folder) + ["dockerd", "--config-file", "/run/daemon.json", "-H", "unix://" + folder + "/docker.sock"]
    )
    wait_port(5000)
    wait_port(5001)
    secret = base64.b64encode((USER + ":" + PASSWORD).encode()).decode()
    store = images.build(images.busybox())
    token_registry.serve(TOKEN, USER, PASSWORD, images.behind_tokens(store))
    for image in store.values():
        image.push(OPEN, {})
        image.push(CLOSED, {"Authorization": "Basic " + secret})
    for _ in range(400):
        try:
            read_url(folder + "/docker.sock", "/info")
            break
        except OSError:
            if engine.poll() is not None:
                sys.exit("dockerd ended with %d" % engine.returncode)
            time.sleep(0.05)
    write(folder + "/ready", "")
    sys.exit(engine.wait())


if __name__ == "__main__":
    inside(sys.argv[1], sys.argv[2])
