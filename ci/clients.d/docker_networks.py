"""Networks of containers, by Docker's command line and busybox inside: what the fake answers and, where
a real dockerd can be started, whether that says the same: docker_networks.py [CHECK...]

needs: docker busybox
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "peers", "docker"))
import engines  # noqa: E402
from docker_checks import build_root, check, main, run, wait_for  # noqa: E402

DOCKER = os.environ.get("DOCKER_CLI", "/usr/bin/docker")
scratch = tempfile.mkdtemp(prefix="ecsim-networks.")
config = dict(os.environ, DOCKER_CONFIG=os.path.join(scratch, "config"), DOCKER_CLI_HINTS="false")


class Side:
    """One of the two engines, and what enters its network."""

    def __init__(self, name, sock, pid):
        self.name, self.env = name, dict(config, DOCKER_HOST="unix://" + sock)
        self.inside = ["nsenter", "--net=/proc/%d/ns/net" % pid]

    def docker(self, *words):
        return run([DOCKER, *words], env=self.env)

    def ask(self, *words):
        """Exit code and output, without what differs by chance."""
        r = run([*self.inside, *words], env=self.env)
        return r.code, simple(r.out)


def simple(text):
    for pattern, other in ((r"\b[0-9a-f]{12}\b", "<id>"), (r"time=[0-9.]+", "time=<t>"), (r"(min/avg/max = ).*", r"\1<t>"),
                           (r"(?m)^[0-9]+: (lo|eth)", r"\1"), (r"@if[0-9]+", ""), (r"127\.0\.0\.11:[0-9]{4,}", "127.0.0.11:<port>")):
        text = re.sub(pattern, other, text)
    # nslookup asks for both families at once, and tells the answers as they come
    return "\n".join(x.rstrip() for x in text.splitlines() if x.strip() and not x.startswith("Non-authoritative"))


def fake():
    root, folder = os.path.join(scratch, "root"), os.path.join(scratch, "s")
    build_root(root)
    ecsim = os.path.abspath(os.path.join(os.environ.get("BUILD", "build"), "ecsim"))
    process = subprocess.Popen(
        ["unshare", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh", ecsim, "serve", "--networks", "--die-with-parent",
         "--socket-dir", folder, "--control", "docker:image:busybox:latest,cached=yes,rootfs=" + root, "docker"],
        stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if not line.strip():
            break
    return Side("fake", os.path.join(folder, "docker.sock"), process.pid), process


def real():
    """The real engine and what it runs in; None and the reason."""
    engine = engines.RealEngine(os.path.join(scratch, "real"))
    os.mkdir(engine.folder)
    try:
        engine.start()
    except engines.CannotStart as why:
        return None, engine, str(why)
    side = Side("real", engine.sock, engine.process.pid)
    tar = subprocess.run(["tar", "-C", os.path.join(scratch, "root"), "-c", "."], stdout=subprocess.PIPE, check=True).stdout
    subprocess.run([DOCKER, "import", "-", "busybox:latest"], input=tar, env=side.env, check=True, stdout=subprocess.DEVNULL)
    return side, engine, ""


class Engines:
    """What the checks are told to end with."""

    def __init__(self, process, engine):
        self.process, self.engine = process, engine

    def end(self):
        self.engine.stop()
        self.process.terminate()
        code = self.process.wait(30)
        shutil.rmtree(scratch, ignore_errors=True)
        return code



# What is there before the questions.
WORLD = [
    "network create net1",
    "network create net2",
    "network create --internal shut",
    "run -d --name web --network net1 --network-alias www --network-alias both busybox httpd -f -p 80 -h /etc",
    "run -d --name two --network net1 --network-alias both --hostname second busybox httpd -f -p 80 -h /bin",
    "run -d --name far --network net2 busybox httpd -f -p 80 -h /etc",
    "run -d --name plain busybox httpd -f -p 80 -h /etc",
    "run -d --name open -p 127.0.0.1:8090:80 -p 8091:80 busybox httpd -f -p 80 -h /etc",
]
IN_NET1 = "run --rm --network net1 busybox "
QUESTIONS = [
    ("names of a network", [IN_NET1 + "nslookup " + n for n in ("web", "www", "WEB", "web.net1", "second", "172.18.0.2")]),
    ("other types of a name", [IN_NET1 + "nslookup -type=%s web" % t for t in ("aaaa", "mx")]),
    ("two that listen on one port, by name", [IN_NET1 + "wget -qO- http://web/passwd", IN_NET1 + "wget -qO- http://two/passwd",
                                              IN_NET1 + "ping -c1 -W2 two"]),
    ("addresses, routes and files of a network", [IN_NET1 + w for w in ("ip -o addr", "ip route", "cat /etc/hosts", "cat /etc/resolv.conf",
                                                                       "ls /sys/class/net", "netstat -lnt", "netstat -lnu")]),
    ("the default bridge has no names, but links",
     ["run --rm --link plain:other busybox cat /etc/hosts", "run --rm --link plain:other busybox wget -qO- http://other/passwd",
      "run --rm busybox cat /etc/hosts", "run --rm --name asker --link plain:other busybox env"]),
    ("links in a network are names", ["run --rm --network net1 --link web:other busybox nslookup other",
                                      "run --rm --network net1 --link web:other busybox cat /etc/hosts"]),
    ("a network of none", ["run --rm --network none busybox ip -o addr", "run --rm --network none busybox cat /etc/hosts",
                           "run --rm --network none busybox ping -c1 -W1 172.17.0.1"]),
    ("the network of another", ["run --rm --network container:web busybox ip -o addr",
                                "run --rm --network container:web busybox wget -qO- http://127.0.0.1/passwd",
                                "run --rm --network container:web busybox cat /etc/hosts",
                                "run --rm --network container:web busybox nslookup two",
                                "run --rm --network container:two busybox hostname"]),
    ("an internal network", ["run --rm --network shut busybox ip route", "run --rm --network shut busybox ip -o addr"]),
    ("what is added to the files", ["run --rm --add-host x:1.2.3.4 --add-host gate:host-gateway busybox cat /etc/hosts",
                                    "run --rm --hostname foo --domainname bar.com busybox cat /etc/hosts",
                                    "run --rm --dns 1.2.3.4 --dns-search a.b --dns-opt timeout:1 busybox cat /etc/resolv.conf",
                                    "run --rm --network net1 --dns-search a.b --dns-opt timeout:1 busybox cat /etc/resolv.conf"]),
    ("the address that inspect tells, and a MAC address", [
        "run --rm --network net1 --ip 172.18.0.77 busybox ip -o addr",
        "run --rm --network net1 --mac-address 02:42:ac:11:00:77 busybox ip -o link show eth0",
        "inspect -f {{.NetworkSettings.Networks.net1.IPAddress}} web", "exec web hostname -i", "exec plain ip route"]),
    ("one more network while it runs", ["network connect --alias extra net1 plain", "exec plain ip -o addr", "exec plain ip route",
                                        "exec plain cat /etc/hosts", "exec plain cat /etc/resolv.conf", "exec plain nslookup web",
                                        IN_NET1 + "nslookup extra"]),
    ("and one less", ["network disconnect net1 plain", "exec plain ip -o addr", "exec plain cat /etc/resolv.conf"]),
    ("a name that changes, one that ends and comes again", [
        "rename web web9", IN_NET1 + "nslookup web9", "stop -t 0 two", IN_NET1 + "nslookup both", "start two", IN_NET1 + "nslookup two",
        "rename web9 web"]),
    ("the network is in use", ["network rm net1"]),
]
PORTS = [("wget", "-qO-", "http://127.0.0.1:8090/passwd"), ("wget", "-qO-", "http://127.0.0.1:8091/passwd"),
         ("wget", "-qO-", "http://172.17.0.1:8091/passwd"), ("wget", "-qO-", "http://172.18.0.2/passwd"),
         ("ping", "-c1", "-W1", "172.17.0.2")]


def compared(commands):
    """Both engines say the same, and of each command something can be said."""
    for command in commands:
        answers = {s.name: s.ask(*command) for s in sides}
        assert len(set(map(repr, answers.values()))) == 1, "%s\n%s" % (
            " ".join(command), "\n".join("%s: exit code %d\n%s" % (n, *a) for n, a in answers.items()))


def question(text, commands):
    check(text)(lambda: compared([(DOCKER, *c.split()) for c in commands]))


for title, asked in QUESTIONS:
    question(title, asked)


@check("published ports, and addresses of containers, from the machine")
def _():
    compared([("/bin/busybox", *p) for p in PORTS])
    for s in sides:
        assert s.ask("/bin/busybox", "wget", "-qO-", "http://127.0.0.1:8091/passwd")[1].startswith("root:x:0:0"), s.name


@check("a name that nobody has is not there, on the fake's")
def _():
    r = sides[0].docker(*(IN_NET1 + "nslookup nosuch").split())
    assert r.code == 1 and "NXDOMAIN" in r.out, r


@check("a network without containers goes")
def _():
    for s in sides:
        for words in ("rm -f web two far plain open", "network rm net1 net2 shut"):
            r = s.docker(*words.split())
            assert r.code == 0, r
        assert "br-" not in s.ask("/bin/busybox", "ip", "link")[1], s.name


def lacking():
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    return "only root can" if os.geteuid() else " ".join(w for w in ("unshare", "nsenter", "ip") if not shutil.which(w, path=path))


why = lacking()
if why:
    print("skip networks of containers: " + why)
    shutil.rmtree(scratch)
    sys.exit(0)
os.environ["PATH"] += ":/usr/sbin:/sbin"
ours, ours_process = fake()
theirs, theirs_engine, reason = real()
sides = [ours] + ([theirs] if theirs else [])
if not theirs:
    print("skip the same of a real dockerd: " + reason.replace(":", ","))
for side in sides:
    for line in WORLD:
        done = side.docker(*line.split())
        if done.code:
            print("FAIL the world of %s\n        %r" % (side.name, done))
            sys.exit(1)
    wait_for(lambda s=side: s.ask("/bin/busybox", "wget", "-qO-", "http://127.0.0.1:8091/passwd")[0] == 0)
sys.exit(main(Engines(ours_process, theirs_engine), sys.argv[1:]))
