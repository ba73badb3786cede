"""What the comparison of engines must find, and what it must let pass. Prints
"ok NAME" or "FAIL NAME", one line a case."""

import base64
import os
import sys
import tempfile

import compare
import lists
from http_wire import Answer

HEADERS = [("Api-Version", "1.41"), ("Content-Type", "application/json"), ("Content-Length", "9")]
BODY = b'{"a":1,"b":"x"}\n'


class AnyRequest:
    target = "/v1.41/info"


def answer(status=200, headers=None, parts=(BODY,), framing="length"):
    a = Answer()
    a.status, a.reason, a.framing = status, "OK", framing
    a.headers = list(HEADERS if headers is None else headers)
    a.parts = list(parts)
    return a


def left(real, fake, rules=()):
    shapes = [compare.shape(a, AnyRequest, {}) for a in (real, fake)]
    return [path for path, _, _ in compare.unexplained(*shapes, "file/name@1.41", list(rules))]


def rule(text):
    with tempfile.NamedTemporaryFile("w", suffix=".rules", delete=False) as f:
        f.write(text + "\n")
    try:
        return compare.read_rules(f.name)
    finally:
        os.unlink(f.name)


def stream(*parts):
    return answer(parts=parts, framing="chunked")


def broken_list(text):
    with tempfile.NamedTemporaryFile("w", suffix=".http", delete=False) as f:
        f.write(text)
    try:
        lists.read_list(f.name)
    except lists.ListError as e:
        return str(e)
    finally:
        os.unlink(f.name)
    return ""


RAW = [("Content-Type", "application/vnd.docker.raw-stream")]


def frames(*pieces):
    return answer(headers=RAW, parts=[bytes([n, 0, 0, 0, 0, 0, 0, len(text)]) + text for n, text in pieces], framing="close")


def path_stat(mode, size):
    value = base64.b64encode(b'{"mode":%d,"size":%d}' % (mode, size)).decode()
    return answer(headers=[("X-Docker-Container-Path-Stat", value)])


HEX = b"0123456789abcdef" * 4
CASES = {
    "the same is the same": left(answer(), answer()) == [],
    "a status": left(answer(), answer(404)) == ["status"],
    "a header that is missing": left(answer(), answer(headers=HEADERS[:2])) == ["header.Content-Length"],
    "a header more": left(answer(headers=HEADERS[:2]), answer()) == ["header.Content-Length"],
    "the order of headers": left(answer(), answer(headers=HEADERS[::-1])) == ["header.(order)"],
    "framing": left(answer(), answer(framing="chunked")) == ["framing"],
    "a value": left(answer(), answer(parts=[b'{"a":2,"b":"x"}\n'])) == ["body.json.a"],
    "a type": left(answer(), answer(parts=[b'{"a":"1","b":"x"}\n'])) == ["body.json.a"],
    "true is not 1": left(answer(), answer(parts=[b'{"a":true,"b":"x"}\n'])) == ["body.json.a"],
    "a member that is missing": left(answer(), answer(parts=[b'{"a":1}\n'])) == ["body.json.b"],
    "a member more": left(answer(parts=[b'{"a":1}\n']), answer()) == ["body.json.b"],
    "the order of members": left(answer(), answer(parts=[b'{"b":"x","a":1}\n'])) == ["body.json.(order)"],
    "the newline at the end": left(answer(), answer(parts=[BODY.strip()])) == ["body.ends.0"],
    "an element more": left(answer(parts=[b"[1]\n"]), answer(parts=[b"[1,2]\n"])) == ["body.json.1"],
    "chunks that hold half a document": left(
        stream(b'{"a":1}\n', b'{"a":2}\n'), stream(b'{"a":1}\n{"a', b'":2}\n', b"")
    )
    == ["body.a_chunk_each"],
    "ids have no value": left(
        answer(parts=[b'{"a":"%s"}\n' % HEX]), answer(parts=[b'{"a":"%s"}\n' % HEX[::-1]])
    )
    == [],
    "what is volatile keeps its type": left(
        answer(), answer(parts=[b'{"a":"1","b":"x"}\n']), rule("volatile * body.json.a why not")
    )
    == ["body.json.a"],
    "what is volatile may differ": left(
        answer(), answer(parts=[b'{"a":2,"b":"x"}\n']), rule("volatile * body.json.a why not")
    )
    == [],
    "what is accepted may be missing": left(
        answer(), answer(parts=[b'{"b":"x"}\n']), rule("accept file/* body.json.a why not")
    )
    == [],
    "a rule is for the requests it names": left(
        answer(), answer(404), rule("accept other/* status why not")
    )
    == ["status"],
    "how much was read at once does not matter": left(frames((1, b"ab")), frames((1, b"a"), (1, b"b"))) == [],
    "which stream it was does": left(frames((1, b"ab")), frames((2, b"ab"))) == ["body.frames.0.0"],
    "what a stream says does": left(frames((1, b"ab")), frames((1, b"ac"))) == ["body.frames.0.1"],
    "the size of a file": left(path_stat(0o644, 1), path_stat(0o644, 2)) == ["header.X-Docker-Container-Path-Stat"],
    "the size of a folder is the disk's": left(path_stat(1 << 31, 1), path_stat(1 << 31, 2)) == [],
    "a list says where it is wrong": ":2: " in broken_list("# a comment\nGET /x\n"),
    "a request has a name of its own": ":4: " in broken_list("### a\nGET /x\n\n### a\nGET /y\n"),
}


def no_reason():
    try:
        rule("accept * status")
    except ValueError as e:
        return "reason" in str(e)
    return False


CASES["a difference has a reason"] = no_reason()

for name, good in CASES.items():
    print("%s %s" % ("ok" if good else "FAIL", name))
sys.exit(0 if all(CASES.values()) else 1)
