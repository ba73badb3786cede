"""One HTTP exchange over a unix socket, kept as it was on the wire.

http.client would hide what is compared here: the order of headers, the size of
chunks, who closed. Answer.parts are the chunks of a chunked body, else one part.
"""

import io
import json
import socket
import tarfile

READ = 65536


class Answer:
    def __init__(self):
        self.status = 0
        self.reason = ""
        self.headers = []  # (name, value) as they came
        self.framing = ""  # length, chunked, close, none
        self.parts = []
        self.cut = ""  # why the body is not whole
        self.members = None  # of a tar, when it was not kept (recordings)

    def header(self, name):
        for n, v in self.headers:
            if n.lower() == name.lower():
                return v
        return None

    @property
    def body(self):
        return b"".join(self.parts)

    def to_json(self):
        return {
            "status": self.status,
            "reason": self.reason,
            "headers": self.headers,
            "framing": self.framing,
            "parts": [] if self.is_tar() else [p.decode("latin-1") for p in self.parts],
            "cut": self.cut,
            "members": self.tar_members(),
        }

    def is_tar(self):
        return (self.header("Content-Type") or "").startswith("application/x-tar")

    def tar_members(self):
        """{name: what it is}, and the content of JSON files."""
        if self.members is not None or not self.is_tar() or not self.parts:
            return self.members
        found = {}
        with tarfile.open(fileobj=io.BytesIO(self.body)) as tar:
            for m in tar:
                entry = {"kind": m.type.decode(), "mode": "%o" % m.mode, "size": m.size, "link": m.linkname}
                if m.isfile() and (m.name.endswith("json") or m.name == "repositories"):
                    entry["content"] = json.load(tar.extractfile(m))
                found[m.name] = entry
        return found

    @classmethod
    def from_json(cls, o):
        a = cls()
        a.status, a.reason, a.framing, a.cut = o["status"], o["reason"], o["framing"], o["cut"]
        a.headers = [tuple(h) for h in o["headers"]]
        a.members = o["members"]
        a.parts = [p.encode("latin-1") for p in o["parts"]]
        return a


class Wire:
    """Reads an answer from a connected socket, no further than it must."""

    def __init__(self, sock):
        self.sock = sock
        self.space = b""

    def more(self):
        data = self.sock.recv(READ)
        self.space += data
        return bool(data)

    def line(self):
        while b"\r\n" not in self.space:
            if not self.more():
                raise EOFError("closed inside a line")
        head, self.space = self.space.split(b"\r\n", 1)
        return head

    def exactly(self, n):
        while len(self.space) < n:
            if not self.more():
                raise EOFError("closed inside a body")
        data, self.space = self.space[:n], self.space[n:]
        return data

    def head(self):
        a = Answer()
        words = self.line().decode("latin-1").split(" ", 2)
        a.status = int(words[1])
        a.reason = words[2] if len(words) > 2 else ""
        while True:
            line = self.line().decode("latin-1")
            if not line:
                return a
            name, _, value = line.partition(":")
            a.headers.append((name, value.strip()))

    def chunks(self, a, enough):
        while True:
            n = int(self.line().split(b";")[0], 16)
            data = self.exactly(n)
            self.line()
            if not n:
                return
            a.parts.append(data)
            if enough(a):
                a.cut = "enough"
                return

    def talk(self, text, shut):
        try:
            if text:
                self.sock.sendall(text)
            if shut:
                self.sock.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it was closed already; what it said is there to be read

    def answer(self, method, enough, talk):
        a = self.head()
        length = a.header("Content-Length")
        if (a.header("Transfer-Encoding") or "").lower() == "chunked":
            a.framing = "chunked"
            self.chunks(a, enough)
        elif method == "HEAD" or a.status in (204, 304):
            a.framing = "length" if length is not None else "none"
        elif length is not None:
            a.framing = "length"
            a.parts.append(self.exactly(int(length)))
        else:
            a.framing = "close"
            self.talk(*talk)
            while self.more():
                pass
            a.parts.append(self.space)
        return a


def exchange(path, method, target, headers, body, lines=0, timeout=30.0, talk=(b"", False)):
    """lines: hang up after so many newline-ended lines of a chunked body (0: read to its end).
    talk: what is sent when the connection was taken over, and whether that direction ends then."""

    def enough(a):
        return lines and a.body.count(b"\n") >= lines

    head = "%s %s HTTP/1.1\r\nHost: docker\r\n" % (method, target)
    for name, value in headers:
        head += "%s: %s\r\n" % (name, value)
    if body or method in ("POST", "PUT"):
        head += "Content-Length: %d\r\n" % len(body)
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(timeout)
        s.connect(path)
        try:
            s.sendall(head.encode("utf-8") + b"\r\n" + body)
        except BrokenPipeError:
            pass  # it may have answered without reading all
        wire = Wire(s)
        try:
            return wire.answer(method, enough, talk)
        except (EOFError, socket.timeout, ConnectionResetError) as e:
            a = Answer()
            a.cut = "%s: %s" % (type(e).__name__, e)
            a.parts.append(wire.space)
            return a
