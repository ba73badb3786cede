# needs: python3-docker busybox
"""The Docker SDK for Python against the fake engine: docker_py.py [CHECK...]"""
import io
import os
import socket
import sys
import tarfile
import threading
import time

import docker
from docker.errors import APIError, ContainerError, ImageNotFound, NotFound

from docker_checks import REAL, Engine, check, main, wait_for

engine = Engine()
client = docker.from_env(version="auto", timeout=30)
api = client.api


def started(name, command, **more):
    return client.containers.run("busybox", command, name=name, detach=True, network_mode="none",
                                 **more)


@check("ping, version, info, df")
def _():
    assert client.ping()
    assert client.version()["ApiVersion"] == "1.41"
    assert client.info()["OSType"] == "linux"
    assert client.df()["Images"]


@check("run returns output, raises the exit code")
def _():
    run = client.containers.run
    assert run("busybox", "echo hello", remove=True, network_mode="none") == b"hello\n"
    assert run("busybox", ["sh", "-c", "echo out; echo err >&2"], stdout=True, stderr=False,
               remove=True, network_mode="none") == b"out\n"
    try:
        run("busybox", ["sh", "-c", "echo no >&2; exit 3"], remove=True, network_mode="none")
        raise AssertionError("no ContainerError")
    except ContainerError as e:
        assert e.exit_status == 3 and e.stderr == b"no\n", (e.exit_status, e.stderr)
    try:
        client.containers.create("nosuch:1")
        raise AssertionError("no ImageNotFound")
    except ImageNotFound as e:
        assert "No such image: nosuch:1" in str(e)


@check("containers: list, get, attributes, filters, rename, remove")
def _():
    c = started("py1", ["sleep", "1000"], labels={"a": "b"}, environment={"X": "1"})
    assert [x.name for x in client.containers.list(filters={"label": "a=b"})] == ["py1"]
    c = client.containers.get("py1")
    assert c.status == "running" and "X=1" in c.attrs["Config"]["Env"], c.attrs
    assert c.image.tags == ["busybox:latest"], c.image.tags
    c.rename("py2")
    c.reload()
    assert c.name == "py2"
    try:
        c.remove()
        raise AssertionError("no APIError")
    except APIError as e:
        assert e.status_code == 409, e
    c.remove(force=True)
    try:
        client.containers.get("py2")
        raise AssertionError("no NotFound")
    except NotFound:
        pass


@check("stop, start, pause, kill, wait")
def _():
    c = started("life", ["sh", "-c", "trap 'exit 8' TERM; echo; while :; do sleep 0.05; done"])
    wait_for(c.logs) # the trap is set
    c.stop()
    assert c.wait()["StatusCode"] == 8
    c.start()
    c.pause()
    c.reload()
    assert c.status == "paused"
    c.unpause()
    codes = []
    t = threading.Thread(target=lambda: codes.append(c.wait(condition="next-exit")["StatusCode"]))
    t.start()
    time.sleep(0.2)
    c.kill()
    t.join(20)
    assert codes == [137], codes
    c.remove()


@check("logs: whole, tail, stream")
def _():
    c = started("log", ["sh", "-c", "for i in 1 2 3; do echo $i; done; sleep 0.3; echo 4"])
    assert list(c.logs(stream=True, follow=True)) == [b"1\n", b"2\n", b"3\n", b"4\n"]
    assert c.logs(tail=2) == b"3\n4\n"
    assert c.logs(timestamps=True, tail=1).endswith(b"Z 4\n")
    c.remove()


@check("exec_run: output, demultiplexed, exit code, socket")
def _():
    c = started("ex", ["sleep", "1000"])
    code, out = c.exec_run(["sh", "-c", "echo o; echo e >&2; exit 9"], demux=True)
    assert (code, out) == (9, (b"o\n", b"e\n")), (code, out)
    assert c.exec_run("id -u", user="nobody").output == b"65534\n"
    assert c.exec_run("pwd", workdir="/tmp").output == b"/tmp\n"
    assert b"".join(c.exec_run("echo streamed", stream=True).output) == b"streamed\n"
    id_ = api.exec_create("ex", ["cat"], stdin=True)["Id"]
    s = api.exec_start(id_, socket=True)
    s = getattr(s, "_sock", s)
    s.sendall(b"through the socket\n")
    s.shutdown(socket.SHUT_WR)
    got = b""
    while True:
        piece = s.recv(4096)
        if not piece:
            break
        got += piece
    s.close()
    assert got == b"\1\0\0\0\0\0\0\x13through the socket\n", got
    wait_for(lambda: not api.exec_inspect(id_)["Running"])
    assert api.exec_inspect(id_)["ExitCode"] == 0
    c.remove(force=True)


@check("attach as a socket, with input")
def _():
    c = client.containers.create("busybox", "cat", name="att", stdin_open=True,
                                 network_mode="none")
    s = c.attach_socket(params={"stdin": 1, "stdout": 1, "stream": 1})
    c.start()
    s = getattr(s, "_sock", s)
    s.sendall(b"hello\n")
    s.settimeout(20)
    got = b""
    while len(got) < 14:
        got += s.recv(4096)
    assert got == b"\1\0\0\0\0\0\0\6hello\n", got
    s.close()
    c.remove(force=True)


@check("over TCP: attach through a websocket, login")
def _():
    if REAL:
        return # it listens at its socket alone
    far = docker.DockerClient(base_url=engine.tcp, version="auto", timeout=30)
    c = far.containers.create("busybox", ["sh", "-c", "read x; echo got $x; exit 3"], name="ws",
                              stdin_open=True, network_mode="none")
    c.start()
    ws = far.api.attach_socket(c.id, {"stdin": 1, "stdout": 1, "stream": 1}, ws=True)
    ws.send("over a websocket\n")
    assert ws.recv() == b"got over a websocket\n"
    assert c.wait(timeout=30)["StatusCode"] == 3
    ws.close()
    c.remove()
    assert far.login("bob", "secret", registry="private.example:5000")["Status"] == "Login Succeeded"
    assert far.images.pull("private.example:5000/app", "1").tags == ["private.example:5000/app:1"]
    far.images.remove("private.example:5000/app:1")
    try:
        far.login("bob", "wrong", registry="token.example", reauth=True)
        raise AssertionError("no APIError")
    except APIError as e:
        assert e.response.status_code == 401 and "incorrect username or password" in str(e), e
    far.close()


@check("put_archive, get_archive, diff, export")
def _():
    c = started("arc", ["sleep", "1000"])
    b = io.BytesIO()
    with tarfile.open(fileobj=b, mode="w") as t:
        info = tarfile.TarInfo("dir/file")
        info.size, info.mtime, info.mode = 5, 1000000000, 0o600
        t.addfile(info, io.BytesIO(b"hello"))
    assert c.put_archive("/tmp", b.getvalue())
    bits, stat = c.get_archive("/tmp/dir")
    assert stat["name"] == "dir" and stat["mode"] & (1 << 31), stat
    with tarfile.open(fileobj=io.BytesIO(b"".join(bits))) as t:
        assert t.getnames() == ["dir", "dir/file"], t.getnames()
        assert t.extractfile("dir/file").read() == b"hello"
        assert t.getmember("dir/file").mtime == 1000000000
    assert {"Path": "/tmp/dir/file", "Kind": 1} in c.diff(), c.diff()
    with tarfile.open(fileobj=io.BytesIO(b"".join(c.export()))) as t:
        assert "tmp/dir/file" in t.getnames()
    try:
        c.get_archive("/nosuch")
        raise AssertionError("no NotFound")
    except NotFound:
        pass
    c.remove(force=True)


@check("stats and top")
def _():
    c = started("top", ["sleep", "1000"])
    s = c.stats(stream=False)
    assert s["cpu_stats"]["cpu_usage"]["total_usage"] >= 0 and s["name"] == "/top", s
    first = next(iter(c.stats(stream=True, decode=True)))
    assert first["id"] == c.id
    assert c.top()["Processes"][0][-1] == "sleep 1000"
    c.remove(force=True)


@check("events")
def _():
    since = int(time.time()) - 1
    started("ev", "true").wait()
    client.containers.get("ev").remove()
    said = [e["Action"] for e in client.events(since=since, until=int(time.time()) + 1, decode=True,
                                               filters={"container": "ev"})]
    assert said[-4:] == ["create", "start", "die", "destroy"], said


@check("images: list, get, tag, remove, save and load")
def _():
    i = client.images.get("busybox")
    assert i.tag("py", "1")
    assert "py:1" in client.images.get("busybox").tags
    tar = b"".join(client.images.get("py:1").save(named="py:1"))
    client.images.remove("py:1")
    assert "py:1" in client.images.load(tar)[0].tags
    client.images.remove("py:1")
    assert "busybox:latest" in [t for x in client.images.list() for t in x.tags]


@check("volumes and networks")
def _():
    v = client.volumes.create("pyvol", labels={"a": "b"})
    assert [x.name for x in client.volumes.list(filters={"label": "a=b"})] == ["pyvol"]
    v.remove()
    assert "none" in [n.name for n in client.networks.list()]
    if REAL:
        return
    n = client.networks.create("pynet")
    c = client.containers.run("busybox", ["sleep", "1000"], name="net", detach=True)
    n.connect(c)
    c.reload()
    assert set(c.attrs["NetworkSettings"]["Networks"]) == {"bridge", "pynet"}
    n.disconnect(c)
    c.remove(force=True)
    n.remove()


if __name__ == "__main__":
    sys.exit(main(engine, sys.argv[1:]))
