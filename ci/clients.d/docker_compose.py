# needs: docker-compose docker busybox
"""docker-compose (the one in Python, of Debian 12) against the fake engine: docker_compose.py [CHECK...]"""
import json
import os
import subprocess
import sys
import tempfile

from docker_checks import LIMIT, Engine, check, main, run, wait_for

COMPOSE = os.environ.get("COMPOSE", "/usr/bin/docker-compose").split()
engine = Engine()
scratch = tempfile.mkdtemp(prefix="ecsim-compose.", dir=engine.dir)
env = dict(os.environ, DOCKER_CONFIG=os.path.join(scratch, "config"), COMPOSE_PROJECT_NAME="proj",
           COMPOSE_ANSI="never", COMPOSE_PARALLEL_LIMIT="4")
FILE = {
    "version": "2.4",
    "services": {
        "db": {
            "image": "busybox:latest",
            "command": ["sh", "-c", "trap 'exit 0' TERM; echo db up; while :; do sleep 0.05; done"],
            "environment": {"COLOUR": "red"},
            "volumes": ["data:/data"],
            "networks": {"back": {"aliases": ["database"], "ipv4_address": "10.77.0.10",
                                  "ipv6_address": "2001:db8:77::10"}},
            "healthcheck": {"test": ["CMD", "true"], "interval": "1s", "timeout": "5s", "retries": 3},
        },
        "web": {
            "image": "busybox:latest",
            "command": ["sh", "-c", "trap 'exit 0' TERM; echo web up; while :; do sleep 0.05; done"],
            "depends_on": {"db": {"condition": "service_healthy"}},
            "links": ["db:store"],
            "ports": ["8099:80"],
            "networks": ["back", "default"],
            "restart": "unless-stopped",
            "mem_limit": "64m",
        },
        "old": {
            "image": "busybox:latest",
            "command": ["sleep", "1000"],
            "network_mode": "bridge",
            "stop_signal": "SIGKILL",
        },
    },
    "volumes": {"data": {}},
    "networks": {"back": {"enable_ipv6": True, "ipam": {"config": [
        {"subnet": "10.77.0.0/24", "gateway": "10.77.0.1"}, {"subnet": "2001:db8:77::/64"}]}}},
}
with open(os.path.join(scratch, "docker-compose.yml"), "w") as f:
    json.dump(FILE, f)  # JSON is YAML


def compose(*args, code=0, limit=LIMIT):
    """One command; its exit code must be this one."""
    r = run(COMPOSE + ["-f", os.path.join(scratch, "docker-compose.yml"), *args], env=env, limit=limit)
    assert r.code == code, r
    return r


def docker(*args):
    r = run(["/usr/bin/docker", *args], env=env)
    assert r.code == 0, r
    return r.out.strip()


def states():
    return dict(line.split(" ", 1) for line in docker(
        "ps", "-a", "--format", "{{.Names}} {{.Status}}").splitlines())


@check("up waits for health, then all run")
def _():
    compose("up", "-d")
    found = states()
    assert "(healthy)" in found["proj_db_1"], found
    assert all(s.startswith("Up") for s in found.values()) and len(found) == 3, found
    compose("up", "-d")
    assert states().keys() == found.keys()
    assert "is up-to-date" in compose("up", "-d").err


@check("addresses, aliases and links are where the file wants them")
def _():
    db = json.loads(docker("inspect", "proj_db_1"))[0]["NetworkSettings"]["Networks"]["proj_back"]
    assert (db["IPAddress"], db["GlobalIPv6Address"]) == ("10.77.0.10", "2001:db8:77::10"), db
    assert {"db", "database"} <= set(db["Aliases"]), db
    web = json.loads(docker("inspect", "proj_web_1"))[0]
    networks = web["NetworkSettings"]["Networks"]
    assert sorted(networks) == ["proj_back", "proj_default"], networks
    assert "proj_db_1:store" in networks["proj_back"]["Links"], networks
    assert web["HostConfig"]["Memory"] == 64 << 20
    assert compose("port", "web", "80").out.strip() == "0.0.0.0:8099"


@check("ps, top, images, logs")
def _():
    assert "Up (healthy)" in compose("ps").out
    assert len(compose("ps", "-q").out.split()) == 3
    assert "sleep 1000" in compose("top").out
    assert "busybox" in compose("images").out
    wait_for(lambda: "web up" in compose("logs", "--no-color", "web").out)
    assert "db up" in compose("logs", "--no-color", "--tail", "1", "db").out


@check("exec has the exit code and the environment")
def _():
    r = compose("exec", "-T", "db", "sh", "-c", "echo $COLOUR; exit 3", code=3)
    assert r.out == "red\n", r
    assert compose("exec", "-T", "-u", "nobody", "db", "id", "-u").out == "65534\n"


@check("pause, unpause, stop, start, restart, kill, rm")
def _():
    compose("pause", "db")
    assert "Paused" in states()["proj_db_1"]
    compose("unpause", "db")
    compose("stop", "-t", "1", "old")
    assert "Exited (137)" in states()["proj_old_1"], states()
    compose("start", "old")
    compose("restart", "-t", "1", "old")
    assert states()["proj_old_1"].startswith("Up")
    compose("kill", "-s", "KILL", "old")
    compose("rm", "-f", "old")
    assert "proj_old_1" not in states()


@check("scaled, and one made anew")
def _():
    compose("up", "-d", "--scale", "old=3")
    assert {"proj_old_1", "proj_old_2", "proj_old_3"} <= states().keys(), states()
    before = docker("inspect", "-f", "{{.Id}}", "proj_db_1")
    compose("up", "-d", "--force-recreate", "--no-deps", "db")
    assert docker("inspect", "-f", "{{.Id}}", "proj_db_1") != before
    compose("up", "-d", "--scale", "old=1")
    assert "proj_old_3" not in states()


@check("run: its output, its exit code, an address that is taken")
def _():
    r = compose("run", "--rm", "--no-deps", "old", "sh", "-c", "echo one-off; exit 5", code=5)
    assert r.out.strip() == "one-off", r
    r = compose("run", "-d", "--no-deps", "db", "sleep", "100", code=1)
    assert "Address already in use" in r.err, r


@check("events")
def _():
    p = subprocess.Popen(COMPOSE + ["-f", os.path.join(scratch, "docker-compose.yml"), "events", "--json"],
                         stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, env=env, text=True)
    try:
        # health checks are told, too: the stream is there once one of them is
        line = json.loads(p.stdout.readline())
        compose("kill", "old")
        while (line["service"], line["action"]) != ("old", "die"):
            line = json.loads(p.stdout.readline())
        assert line["attributes"]["exitCode"] == "137", line
    finally:
        p.kill()
        p.wait()
        p.stdout.close()


@check("down leaves nothing")
def _():
    compose("down", "-v", "--remove-orphans", "-t", "1")
    assert states() == {}, states()
    assert docker("network", "ls", "--format", "{{.Name}}").split() == ["bridge", "host", "none"]
    assert docker("volume", "ls", "-q") == ""


if __name__ == "__main__":
    sys.exit(main(engine, sys.argv[1:]))
