"""The images of the differential: built here, byte for byte the same in every run.

A registry gets them as blobs and manifests, the fake as docker archives (what
`docker save` writes). Nothing comes from a network.
"""

import gzip
import hashlib
import io
import json
import shutil
import tarfile
import urllib.request

CREATED = "2024-01-%02dT00:00:00Z"
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
APPLETS = "cat chmod cp echo false head id ln ls mkdir mv ps rm sh sleep stat tail touch true".split()


def sha256(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def compact(o):
    return json.dumps(o, separators=(",", ":")).encode()


def tar_of(members):
    """members: (path, mode, content); content None: a folder, str: a symbolic link."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for path, mode, content in members:
            info = tarfile.TarInfo(path)
            info.mode = mode
            info.mtime = 1704067200
            if content is None:
                info.type = tarfile.DIRTYPE
            elif isinstance(content, str):
                info.type = tarfile.SYMTYPE
                info.linkname = content
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def busybox():
    path = shutil.which("busybox")
    if not path:
        return None
    with open(path, "rb") as f:
        return f.read()


def base_layer(binary):
    members = [("bin", 0o755, None), ("bin/busybox", 0o755, binary)]
    members += [("bin/" + name, 0o777, "busybox") for name in APPLETS]
    members += [
        ("etc", 0o755, None),
        ("etc/group", 0o644, b"root:x:0:\ndaemon:x:1:\n"),
        ("etc/passwd", 0o644, b"root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/sh\n"),
        ("root", 0o700, None),
        ("tmp", 0o1777, None),
    ]
    return tar_of(members)


class Image:
    def __init__(self, day, repo, tag, layers, config, history):
        """day: lists show the newest first, so each was made on another."""
        self.repo, self.tag = repo, tag
        created = CREATED % day
        history = [dict({"created": created}, **h) for h in history]
        self.layers = layers
        self.blobs = [gzip.compress(layer, 6, mtime=0) for layer in layers]
        config = dict({"Env": [PATH]}, **config)
        self.config = compact(
            {
                "architecture": "amd64",
                "config": config,
                "created": created,
                "history": history,
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [sha256(layer) for layer in layers]},
            }
        )
        self.id = sha256(self.config)
        media = "application/vnd.docker."
        self.manifest = compact(
            {
                "schemaVersion": 2,
                "mediaType": media + "distribution.manifest.v2+json",
                "config": {
                    "mediaType": media + "container.image.v1+json",
                    "size": len(self.config),
                    "digest": self.id,
                },
                "layers": [
                    {
                        "mediaType": media + "image.rootfs.diff.tar.gzip",
                        "size": len(b),
                        "digest": sha256(b),
                    }
                    for b in self.blobs
                ],
            }
        )
        self.digest = sha256(self.manifest)

    def digest_of(self, blob):
        return sha256(blob)

    def name(self, registry):
        return "%s/%s:%s" % (registry, self.repo, self.tag)

    def archive(self, name):
        """As docker save writes it, without the files of engines before 1.10."""
        config = self.id[len("sha256:") :] + ".json"
        layers = [sha256(layer)[len("sha256:") :] + "/layer.tar" for layer in self.layers]
        manifest = compact([{"Config": config, "RepoTags": [name] if name else None, "Layers": layers}])
        members = [(config, 0o644, self.config)]
        members += [(path, 0o644, layer) for path, layer in zip(layers, self.layers)]
        return tar_of(members + [("manifest.json", 0o644, manifest)])

    def push(self, registry, headers):
        """Into a registry of ours, over plain HTTP."""
        base = "http://%s/v2/%s" % (registry, self.repo)

        def send(method, url, data, kind):
            r = urllib.request.Request(url, data=data, method=method)
            for name, value in dict(headers, **{"Content-Type": kind}).items():
                r.add_header(name, value)
            with urllib.request.urlopen(r, timeout=10) as answer:
                return answer.headers

        for blob in self.blobs + [self.config]:
            where = send("POST", base + "/blobs/uploads/", b"", "application/octet-stream")["Location"]
            where += ("&" if "?" in where else "?") + "digest=" + sha256(blob)
            send("PUT", where, blob, "application/octet-stream")
        kind = json.loads(self.manifest)["mediaType"]
        send("PUT", base + "/manifests/" + self.tag, self.manifest, kind)


# What the registry with bearer tokens has: repositories, and how the fake is told of them.
BEHIND_TOKENS = {
    "lib/busybox": "",
    "public/busybox": "",
    "lib/slow": "pull=1s",
    "lib/stalled": "pull=1h",
    "lib/limited": "pull-error=toomanyrequests",
}


def behind_tokens(store):
    return {repository: store["busybox"] for repository in BEHIND_TOKENS}


def build(binary):
    base = base_layer(binary)
    one = tar_of([("srv", 0o755, None), ("srv/one", 0o644, b"1\n" * 2000)])
    two = tar_of([("srv", 0o755, None), ("srv/two", 0o600, b"2\n" * 500)])

    def step(what, empty=False):
        h = {"created_by": what}
        if empty:
            h["empty_layer"] = True
        return h

    add = "/bin/sh -c #(nop) ADD file in / "
    images = {
        "busybox": Image(1, "lib/busybox", "1", [base], {"Cmd": ["sh"]}, [step(add)]),
        "multi": Image(
            2, "lib/multi",
            "1",
            [base, one, two],
            {
                "User": "daemon",
                "ExposedPorts": {"80/tcp": {}, "53/udp": {}},
                "Env": [PATH, "GREETING=hello", "EMPTY="],
                "Cmd": ["sleep 1000"],
                "Volumes": {"/data": {}},
                "WorkingDir": "/srv",
                "Entrypoint": ["/bin/sh", "-c"],
                "Labels": {"com.example.one": "1", "com.example.two": ""},
                "StopSignal": "SIGINT",
            },
            [
                step(add),
                step("COPY one /srv/ # buildkit"),
                dict(step("ENV GREETING=hello", True), comment="a comment"),
                step("COPY two /srv/ # buildkit"),
                dict(step('CMD ["sleep 1000"]', True), author="somebody"),
            ],
        ),
        "checked": Image(
            3, "lib/checked",
            "1",
            [base],
            {
                "Cmd": ["sleep", "1000"],
                "Healthcheck": {"Test": ["CMD", "true"], "Interval": 500000000, "Retries": 2},
            },
            [step(add), step("HEALTHCHECK", True)],
        ),
        "nocmd": Image(4, "lib/nocmd", "1", [base], {}, [step(add)]),
        "shell": Image(6, "lib/shell", "1", [base], {"Cmd": ["sh"]}, [step(add)]),
        "second": Image(5, "lib/busybox", "2", [base], {"Cmd": ["sh"], "Labels": {"v": "2"}}, [step(add)]),
    }
    return images
