"""Two answers to one request, member by member.

shape() brings an answer into a form in which what differs in every run (ids,
times) has the same name in both; differ() lists what is left as (path, real,
fake). The file `differences` says which of these are expected, and why.
"""

import base64
import fnmatch
import json
import re

TIME = re.compile(r"\b(?!0001-)\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?")
HEX64 = re.compile(r"\b[0-9a-f]{64}\b")
# A sandbox may happen to have no letter in its id.
HEX12 = re.compile(r"(?<=/netns/)[0-9a-f]{12}\b|(?<![0-9a-f.])(?=[0-9a-f]*[a-f])(?=[0-9a-f]*[0-9])[0-9a-f]{12}\b")
WHILE = re.compile(r"\b(Less than a second|About a minute|\d+ (second|minute)s?)\b")

ABSENT = "(absent)"

# Steps of a pull that are told or not, as the moment has it.
FLEETING = ("Downloading", "Verifying Checksum", "Download complete", "Extracting", "Waiting")

# Lists that the engine makes from maps, in an order of the moment.
UNORDERED = ("Volumes", "VolumesDeleted", "NetworksDeleted", "Ports", "Links")


class Ordered(dict):
    """An object that remembers that its members have an order."""


class Shaper:
    def __init__(self, variables):
        self.names = []
        for name, value in variables.items():
            if isinstance(value, str) and len(value) >= 12 and re.fullmatch(r"(sha256:)?[0-9a-f]{12,64}", value):
                self.names.append((value, "<%s>" % name))
                plain = value.split(":")[-1]
                self.names.append((plain, "<%s>" % name))
                if len(plain) == 64:
                    self.names.append((plain[:12], "<%s:12>" % name))
        self.names.sort(key=lambda v: -len(v[0]))

    def text(self, s):
        for value, name in self.names:
            s = s.replace(value, name)
        s = WHILE.sub("<a while>", TIME.sub("<time>", s))
        s = HEX64.sub("<hex64>", s)
        return HEX12.sub("<hex12>", s)

    def value(self, v):
        if isinstance(v, str):
            return self.text(v)
        if isinstance(v, list):
            if v and isinstance(v[0], dict) and "IPAM" in v[0]:  # networks, in an order of the moment
                v = sorted(v, key=lambda n: (n["Name"], n["Created"]))
            return [self.value(x) for x in v]
        if isinstance(v, dict):
            if isinstance(v.get("Mounts"), list):  # the engine goes through a map
                v = dict(v, Mounts=sorted(v["Mounts"], key=lambda m: m.get("Destination") or m.get("Target")))
            if isinstance(v.get("Containers"), dict):  # by id
                v = dict(v, Containers=sorted(v["Containers"].values(), key=lambda c: c.get("Name")))
            found = Ordered((self.text(k), self.value(x)) for k, x in v.items())
            if re.fullmatch("[0-9]{12}", str(found.get("Hostname"))):  # an id without a letter
                found["Hostname"] = "<hex12>"
            for key in ("Aliases", "DNSNames"):
                if isinstance(found.get(key), list):
                    found[key] = ["<hex12>" if re.fullmatch("[0-9]{12}", str(x)) else x for x in found[key]]
            for key in UNORDERED:
                if isinstance(found.get(key), list):
                    found[key].sort(key=json.dumps)
            return found
        return v


def documents(body):
    """JSON values that follow each other, and what stands behind each."""
    text, found, behind, at = body.decode("utf-8"), [], [], 0
    decoder = json.JSONDecoder()
    while at < len(text):
        v, end = decoder.raw_decode(text, at)
        after = len(text[end:]) - len(text[end:].lstrip())
        found.append(v)
        behind.append(text[end : end + after])
        at = end + after
    return found, behind


def in_runs(docs):
    """Events of one kind that follow each other come from a map too."""
    found, run = [], []

    def kind(d):
        if not isinstance(d, dict):
            return None
        # engine 23 and later tell of a stop and of the end in any order
        action = "end" if d.get("Action") in ("stop", "die") else d.get("Action")
        return d.get("Type"), action

    for d in docs + [None]:
        if run and kind(d) != kind(run[0]):
            found += sorted(run, key=lambda e: json.dumps(e.get("Actor"))) if run[0].get("Type") else run
            run = []
        if isinstance(d, dict):
            run.append(d)
    return found


def pull_course(docs):
    """Progress depends on the moment: what counts is the way of each layer."""
    lines, layers = [], Ordered()
    for d in docs:
        if isinstance(d, dict) and "progressDetail" in d:
            way = layers.setdefault(d.get("id", ""), [])
            if d.get("status") not in FLEETING and (not way or way[-1] != d.get("status")):
                way.append(d.get("status"))
        else:
            lines.append(d)
    return Ordered(lines=lines, layers=layers)


def tar_shape(members, shaper):
    """Folders of layers are named after their place in the manifest, then all is sorted."""
    named = Shaper({})
    named.names = list(shaper.names)
    manifest = (members.get("manifest.json") or {}).get("content") or []
    # several images stand in an order of the moment
    manifest.sort(key=lambda image: named.text(image["Config"]))
    for i, image in enumerate(manifest):
        for k, layer in enumerate(image.get("Layers") or []):
            named.names.append((layer.split("/")[0], "<layer %d.%d>" % (i, k)))
    found = named.value(members)
    if len(manifest) > 1:  # which of them has the layer, and which a link to it, is by chance
        for name, entry in found.items():
            if name.endswith("/layer.tar"):
                entry.clear()
    return Ordered(tar=Ordered((k, found[k]) for k in sorted(found)))


def body_shape(answer, request, shaper):
    kind = answer.header("Content-Type") or ""
    body = answer.body
    members = answer.tar_members()
    if members is not None:
        return tar_shape(members, shaper)
    if not body:
        return ""
    if kind.startswith("application/json") or body.startswith(b'{"'):
        try:
            docs, behind = documents(body)
        except ValueError:
            return shaper.text(body.decode("utf-8", "replace"))
        ends = sorted(set(behind))
        if "/images/create" in request.target or "/push" in request.target:
            return Ordered(course=shaper.value(pull_course(docs)), ends=ends)
        if "/changes" in request.target and isinstance(docs[0], list):  # in the order of its disk
            docs[0].sort(key=json.dumps)
        if len(docs) == 1 and answer.framing != "chunked":
            return Ordered(json=shaper.value(docs[0]), ends=ends)
        # what is large goes out in pieces; a stream has one for each document
        whole = len(answer.parts) == len(docs)
        if len(docs) == 1:
            return Ordered(json=shaper.value(docs[0]), ends=ends)
        stream = in_runs([shaper.value(d) for d in docs])
        return Ordered(stream=stream, ends=ends, a_chunk_each=whole)
    logs = "/logs" in request.target
    frames = in_frames(body, merge=not logs) if logs or "stream" in kind else None
    if frames:
        return Ordered(frames=[[n, shaper.text(text)] for n, text in frames])
    return shaper.text(body.decode("latin-1"))


def in_frames(body, merge):
    """[[stream, text], ...] of a body with a head before each piece. merge: what one stream wrote in
    a row is one piece, as the moment says how much is read at once. None: there are no such heads."""
    found, at = [], 0
    while at < len(body):
        if len(body) - at < 8 or body[at] > 2 or body[at + 1 : at + 4] != b"\0\0\0":
            return None
        n = int.from_bytes(body[at + 4 : at + 8], "big")
        text = body[at + 8 : at + 8 + n].decode("latin-1")
        if merge and found and found[-1][0] == body[at]:
            found[-1][1] += text
        else:
            found.append([body[at], text])
        at += 8 + n
    return found


def path_stat(value):
    """The header that says what a path in a container is, in base64; the size of a folder is a matter
    of the file system below."""
    try:
        stat = json.loads(base64.b64decode(value))
        if stat["mode"] >> 31:
            stat["size"] = "of a folder"
        return json.dumps(stat)
    except ValueError:
        return value


def shape(answer, request, variables):
    shaper = Shaper(variables)
    headers = Ordered()
    for name, value in answer.headers:
        if name == "X-Docker-Container-Path-Stat":
            value = path_stat(value)
        headers[name] = shaper.text(value)
    return Ordered(
        status="%d %s" % (answer.status, answer.reason),
        cut=answer.cut,
        framing=answer.framing,
        header=headers,
        body=body_shape(answer, request, shaper),
    )


def differ(real, fake, path=""):
    """Yields (path, real, fake) for all that differs."""
    if isinstance(real, dict) and isinstance(fake, dict):
        for key in real:
            at = path + "." + key if path else key
            yield from differ(real[key], fake.get(key, ABSENT), at)
        for key in fake:
            if key not in real:
                yield path + "." + key if path else key, ABSENT, fake[key]
        mine = [k for k in real if k in fake]
        other = [k for k in fake if k in real]
        if mine != other:
            yield path + ".(order)", ",".join(mine), ",".join(other)
    elif isinstance(real, list) and isinstance(fake, list):
        for i, v in enumerate(real):
            yield from differ(v, fake[i] if i < len(fake) else ABSENT, "%s.%d" % (path, i))
        for i in range(len(real), len(fake)):
            yield "%s.%d" % (path, i), ABSENT, fake[i]
    elif type(real) is not type(fake) or real != fake:
        yield path, real, fake


def same_kind(a, b):
    """Both are there and of one JSON type; the values may differ."""
    number = (int, float)
    if isinstance(a, bool) or isinstance(b, bool):
        return isinstance(a, bool) and isinstance(b, bool)
    if isinstance(a, number) and isinstance(b, number):
        return type(a) is type(b)
    return type(a) is type(b) and ABSENT not in (a, b)


class Rule:
    def __init__(self, line, kind, request, path, reason):
        self.line, self.kind, self.request, self.path, self.reason = line, kind, request, path, reason
        self.used = 0

    def covers(self, request, path, real, fake):
        if not fnmatch.fnmatchcase(request, self.request) or not fnmatch.fnmatchcase(path, self.path):
            return False
        return self.kind in ("accept", "fleeting") or same_kind(real, fake)


def read_rules(path):
    """volatile|chance|fleeting|accept REQUEST PATH reason ...: patterns of fnmatch; REQUEST is FILE/NAME@VERSION."""
    rules = []
    with open(path, encoding="utf-8") as f:
        for n, line in enumerate(f, 1):
            words = line.split(None, 3)
            if not words or line.startswith("#"):
                continue
            if len(words) < 4 or words[0] not in ("volatile", "chance", "fleeting", "accept"):
                raise ValueError("%s:%d: expected volatile|chance|fleeting|accept REQUEST PATH and the reason" % (path, n))
            rules.append(Rule(n, words[0], words[1], words[2], words[3].strip()))
    return rules


def unexplained(real, fake, request, rules):
    left = []
    for path, r, f in differ(real, fake):
        rule = next((x for x in rules if x.covers(request, path, r, f)), None)
        if rule:
            rule.used += 1
        else:
            left.append((path, r, f))
    return left
