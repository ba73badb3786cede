"""Reads the lists of requests (requests/*.http) and plays them.

The form is the one editors know for HTTP: requests begin with "### NAME", then
the request line, headers, an empty line and the body. Lines "# @WORD ..." above
the request line say what is more than a request:

    @versions 1.41 1.24     (top of a file) play it once for each; {{v}} is "/v1.41"
    @runs                   (top of a file) programs of the image lib/shell really run
    @only VERSION           not at the other versions
    @save NAME PATH         keep a value of the JSON answer as {{NAME}}: @save id Id
    @until PATH VALUE       repeat the request until the answer shows this, 10 s at most
    @lines N                hang up after so many lines of a stream
    @input TEXT             send this on the connection when the answer has begun (escapes: \\n, \\x81)
    @shut                   then end that direction
    @later                  do not wait for the answer; it is collected at the end of the file
    @last                   the same, collected when all files were played
    @join NAME              wait here for the answer of this earlier request
    @pause SECONDS          wait before it is sent
    @body archive NAME      the body is the archive of this image of images.py
    @body tar PATH=TEXT...  the body is a tar with these files
    @basic USER PASSWORD    a header X-Registry-Auth with these

Further variables: {{now}} (seconds of the wall clock, with a fraction), {{start}} (when the file
was begun), {{digest:NAME}}, {{id:NAME}} of an image. A folded query reads better,
so lines after the request line that begin with "?" or "&" are joined to it, and
percent-encoded.
"""

import base64
import datetime
import json
import os
import re
import threading
import time
import urllib.parse

import http_wire
import images as image_store


class Request:
    def __init__(self, file, line, name):
        self.file, self.line, self.name = file, line, name
        self.method = self.target = ""
        self.headers = []
        self.body = ""
        self.words = []  # directives: lists of words
        self.input = b""

    def all(self, word):
        return [w[1:] for w in self.words if w[0] == word]

    def get(self, word):
        found = self.all(word)
        return found[0] if found else None


class ListError(Exception):
    pass


def unescape(text):
    return text.encode("latin-1").decode("unicode_escape").encode("latin-1")


def really_runs(path):
    """Whether the programs of this list must run, in the fake too."""
    with open(path, encoding="utf-8") as f:
        return "\n# @runs\n" in f.read()


def read_list(path):
    """The versions and the requests of one file."""
    file = os.path.basename(path)
    versions, found, r, state = ["1.41"], [], None, "file"
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("\n")
    for n, line in enumerate(lines, 1):
        if line.startswith("### "):
            r = Request(file, n, line[4:].strip())
            found.append(r)
            state = "above"
        elif state == "file":
            if line.startswith("# @versions "):
                versions = line.split()[2:]
            elif line and not line.startswith("#"):
                raise ListError("%s:%d: expected ### NAME" % (path, n))
        elif state == "above":
            if line.startswith("# @"):
                r.words.append(line[3:].split())
                if line.startswith("# @input "):
                    r.input = unescape(line[len("# @input ") :])
            elif line and not line.startswith("#"):
                r.method, _, r.target = line.partition(" ")
                if not r.target.startswith("/") and not r.target.startswith("{{v}}"):
                    raise ListError("%s:%d: expected METHOD /path" % (path, n))
                state = "head"
        elif state == "head":
            if line[:1] in "?&" and line:
                name, _, value = line[1:].strip().partition("=")
                r.target += line[0] + name + "=" + urllib.parse.quote(value, safe="{}:")
            elif line:
                name, _, value = line.partition(":")
                r.headers.append((name, value.strip()))
            else:
                state = "body"
        else:
            r.body += line + "\n"
    names = set()
    for r in found:
        r.body = r.body.rstrip("\n")
        if not r.target or r.name in names:
            raise ListError("%s:%d: %s" % (path, r.line, "named twice" if r.target else "no request"))
        names.add(r.name)
    return versions, found


def at_path(o, path):
    """The value at A.B.0.C, or None."""
    for word in path.split("."):
        if isinstance(o, list) and word.isdigit() and int(word) < len(o):
            o = o[int(word)]
        elif isinstance(o, dict):
            o = o.get(word)
        else:
            return None
    return o


def first_json(body):
    try:
        return json.JSONDecoder().raw_decode(body.decode("utf-8").lstrip())[0]
    except ValueError:
        return None


class Player:
    """Plays one file at one version to one engine."""

    def __init__(self, sock, newest, versions_path, variables):
        self.sock, self.newest = sock, newest
        self.vars = dict(variables, v=versions_path)
        self.later, self.last = {}, {}
        self.answers = {}
        self.slowest = []

    def now(self):
        """The time on the engine's own clock: its events bear that, whatever happens to ours."""
        a = http_wire.exchange(self.sock, "GET", "/info", [], b"", 0)
        text = str(at_path(first_json(a.body), "SystemTime"))
        m = re.match(r"(\d+-\d+-\d+T\d+:\d+:\d+)(\.\d+)?(Z|[+-]\d\d:\d\d)$", text)
        if not m:
            return "%.9f" % time.time()
        whole = datetime.datetime.fromisoformat(m.group(1) + m.group(3).replace("Z", "+00:00"))
        return "%d.%s" % (whole.timestamp(), (m.group(2) or ".")[1:].ljust(9, "0"))

    def expand(self, text):
        def value(m):
            if m.group(1) == "now":
                return self.now()
            if m.group(1) not in self.vars:
                return "missing-" + m.group(1)
            return self.vars[m.group(1)]

        # {{...}} only: JSON is full of single braces
        return re.sub(r"\{\{([A-Za-z0-9_:-]+)\}\}", value, text)

    def body_of(self, r):
        w = r.get("body")
        if not w:
            return self.expand(r.body).encode("utf-8")
        if w[0] == "archive":
            image = self.vars["images"][w[1]]
            return image.archive(self.expand(w[2]) if len(w) > 2 else None)
        members = []
        for word in w[1:]:
            path, _, text = word.partition("=")
            members.append((path, 0o755, None) if path.endswith("/") else (path, 0o644, text.encode()))
        return image_store.tar_of(members)

    def headers_of(self, r, body):
        headers = [(n, self.expand(v)) for n, v in r.headers]
        basic = r.get("basic")
        if basic:
            auth = json.dumps({"username": basic[0], "password": basic[1]})
            headers.append(("X-Registry-Auth", base64.urlsafe_b64encode(auth.encode()).decode()))
        if body.startswith(b"{") and not any(n.lower() == "content-type" for n, _ in headers):
            headers.append(("Content-Type", "application/json"))
        # "Content-Type: -" sends none
        return [(n, v) for n, v in headers if v != "-"]

    def send(self, r):
        begun = time.monotonic()
        body = self.body_of(r)
        lines = int((r.get("lines") or ["0"])[0])
        a = http_wire.exchange(
            self.sock, r.method, self.expand(r.target), self.headers_of(r, body), body, lines,
            talk=(r.input, r.get("shut") is not None)
        )
        self.answers[r.name] = a
        self.slowest.append((time.monotonic() - begun, r.name))
        return a

    def one(self, r):
        for w in r.all("join"):
            self.later.pop(w[0]).join()
        for w in r.all("pause"):
            time.sleep(float(w[0]))
        until = r.all("until")
        end = time.monotonic() + 10
        while True:
            a = self.send(r)
            shown = first_json(a.body) if until else None
            if all(str(at_path(shown, w[0])) == w[1] for w in until) or time.monotonic() > end:
                break
            time.sleep(0.02)
        for name, path in r.all("save"):
            value = at_path(first_json(a.body), path)
            if value is not None:
                self.vars[name] = str(value)

    def play(self, requests):
        # what was cleaned lies before, what is played behind it, on either clock
        time.sleep(0.1)
        self.vars["start"] = self.now()
        time.sleep(0.1)
        for r in requests:
            if not self.wanted(r):
                continue
            if r.get("later") is None and r.get("last") is None:
                self.one(r)
                continue
            t = threading.Thread(target=self.one, args=(r,))
            t.start()
            (self.later if r.get("last") is None else self.last)[r.name] = t
            time.sleep(0.05)
        for t in self.later.values():
            t.join()

    def wanted(self, r):
        only = r.get("only")
        return not only or self.vars["v"] == "/v" + (self.newest if only[0] == "1.41" else only[0])

    def finish(self):
        for t in self.last.values():
            t.join()

    def clean(self):
        """Back to an empty engine, so that files do not depend on each other."""

        def ask(method, target):
            return http_wire.exchange(self.sock, method, target, [], b"")

        for c in first_json(ask("GET", "/containers/json?all=1").body) or []:
            ask("DELETE", "/containers/%s?force=1&v=1" % c["Id"])
        for i in first_json(ask("GET", "/images/json?all=1").body) or []:
            ask("DELETE", "/images/%s?force=1" % i["Id"])
        volumes = first_json(ask("GET", "/volumes").body) or {}
        for v in volumes.get("Volumes") or []:
            ask("DELETE", "/volumes/%s?force=1" % v["Name"])
        for n in first_json(ask("GET", "/networks").body) or []:
            if n["Name"] not in ("bridge", "host", "none"):
                ask("DELETE", "/networks/%s" % n["Id"])
