#!/usr/bin/python3
"""save_image.py TAR NAME PROGRAM [ARG...]: what `docker save NAME` would write of an image whose one
layer holds PROGRAM with its libraries, and whose command is PROGRAM with these arguments."""

import glob
import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile


def libraries(program):
    """The files that the loader maps, and the loader."""
    out = subprocess.run(["ldd", program], capture_output=True, text=True, check=False).stdout
    found = set(re.findall(r"(/\S+) \(0x", out))
    # libwebsockets opens the one for libuv when it starts
    for path in list(found):
        if "libwebsockets.so" in path:
            found.update(glob.glob(os.path.join(os.path.dirname(path), "libwebsockets-evlib_uv.so*")))
            found.update(glob.glob("/usr/lib/*/libwebsockets-evlib_uv.so*"))
    return sorted(found)


def add(tar, name, content, mode=0o644):
    """One file of a tar."""
    info = tarfile.TarInfo(name)
    info.size, info.mode = len(content), mode
    tar.addfile(info, io.BytesIO(content))


def read(path):
    """The bytes of a file."""
    with open(path, "rb") as f:
        return f.read()


def layer(program):
    """The root file system."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for folder in ("tmp", "etc/ssl/certs"):
            info = tarfile.TarInfo(folder)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)
        add(tar, "agent", read(program), 0o755)
        for path in libraries(program):
            add(tar, path.lstrip("/"), read(path), 0o755)
    return out.getvalue()


def main(path, name, program, *args):
    """Writes the tar."""
    root = layer(program)
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
        "config": {"Cmd": ["/agent", *args], "Env": ["PATH=/"]},
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(root).hexdigest()]},
        "history": [{"created": "2026-01-01T00:00:00Z", "created_by": program}]}).encode()
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    with tarfile.open(path, "w") as tar:
        add(tar, config_name, config)
        add(tar, "layer/layer.tar", root)
        add(tar, "manifest.json", json.dumps(
            [{"Config": config_name, "RepoTags": [name], "Layers": ["layer/layer.tar"]}]).encode())


main(*sys.argv[1:])
