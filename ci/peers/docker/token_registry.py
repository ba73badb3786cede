"""A registry that wants bearer tokens, as Docker Hub does, and has repositories with a fault.

docker-registry can do the first with a token server of its own and none of the rest. Anybody gets
a token, but one who did not log in may pull nothing but public/*. A wrong password gets none.
    lib/limited   has had enough requests
    lib/slow      sends its layer in pieces, over a second
    lib/stalled   sends a part of its layer, and no more
"""

import base64
import http.server
import json
import socketserver
import threading
import time

LIMITED = "You have reached your pull rate limit. You may increase the limit by authenticating and upgrading: https://www.docker.com/increase-rate-limit"


def error(code, message, detail=None):
    found = {"code": code, "message": message}
    if detail:
        found["detail"] = detail
    return json.dumps({"errors": [found]}).encode()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    host = user = password = ""
    images = {}  # repository -> image

    def log_message(self, format, *args):
        pass

    def answer(self, status, body, headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def challenge(self, scope=""):
        value = 'Bearer realm="http://%s/token",service="registry"' % self.host
        if scope:
            value += ',scope="%s",error="insufficient_scope"' % scope
        body = error("UNAUTHORIZED", "authentication required", [{"Type": "repository", "Action": "pull"}] if scope else None)
        self.answer(401, body, [("WWW-Authenticate", value), ("Content-Type", "application/json")])

    def token(self):
        auth = self.headers.get("Authorization", "")
        right = "Basic " + base64.b64encode(("%s:%s" % (self.user, self.password)).encode()).decode()
        if auth and auth != right:
            self.answer(401, b'{"details":"incorrect username or password"}\n', [("Content-Type", "application/json")])
            return
        body = json.dumps({"token": "member" if auth else "anybody", "expires_in": 300}).encode()
        self.answer(200, body, [("Content-Type", "application/json")])

    def blob(self, repository, data):
        self.send_response(200)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if repository == "lib/stalled" and len(data) > 4096:
            self.wfile.write(data[:4096])
            time.sleep(120)
            return
        pieces = 10 if repository == "lib/slow" and len(data) > 4096 else 1
        size = -(-len(data) // pieces)
        for at in range(0, len(data), size):
            self.wfile.write(data[at : at + size])
            if pieces > 1:
                time.sleep(0.1)

    def do_GET(self):
        path = self.path.split("?")[0]
        if path == "/token":
            self.token()
            return
        token = self.headers.get("Authorization", "")
        if path == "/v2/":
            if token:
                self.answer(200, b"{}")
            else:
                self.challenge()
            return
        repository, kind, what = path[len("/v2/") :].rsplit("/", 2)
        if not token or (token != "Bearer member" and not repository.startswith("public/")):
            self.challenge("repository:%s:pull" % repository)
            return
        image = self.images.get(repository)
        if repository == "lib/limited":
            self.answer(429, error("TOOMANYREQUESTS", LIMITED), [("Content-Type", "application/json")])
        elif not image:
            self.answer(404, error("MANIFEST_UNKNOWN", "manifest unknown", {"name": repository}), [("Content-Type", "application/json")])
        elif kind == "blobs":
            found = [b for b in image.blobs + [image.config] if image.digest_of(b) == what]
            if found:
                self.blob(repository, found[0])
            else:
                self.answer(404, error("BLOB_UNKNOWN", "blob unknown to registry"), [("Content-Type", "application/json")])
        elif what in (image.tag, image.digest):
            media = json.loads(image.manifest)["mediaType"]
            self.answer(200, image.manifest, [("Content-Type", media), ("Docker-Content-Digest", image.digest)])
        else:
            self.answer(404, error("MANIFEST_UNKNOWN", "manifest unknown", {"Tag": what}), [("Content-Type", "application/json")])

    do_HEAD = do_GET


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


def serve(host, user, password, images):
    """In a thread of its own, until the process ends."""
    Handler.host, Handler.user, Handler.password, Handler.images = host, user, password, images
    name, port = host.split(":")
    threading.Thread(target=Server((name, int(port)), Handler).serve_forever, daemon=True).start()
