"""A model hub on loopback for the real client, with faults that can be switched on.

It answers GET /api/models/ID/revision/REV and HEAD and GET /ID/resolve/REV/FILE (with Range), as
the hub does: large files carry their SHA-256 as X-Linked-Etag, errors their X-Error-Code.
"""

import hashlib
import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" * 6 + "c0ff"
TOKEN = "hf_good"


class Request(NamedTuple):
    method: str
    path: str
    range: str | None


@dataclass
class Repo:
    files: dict[str, bytes]
    gated: bool = False
    announced: dict[str, int] = field(default_factory=dict)  # sizes that the listing claims
    gguf: dict | None = None


class Hub(ThreadingHTTPServer):
    """Use as a context manager; `endpoint` is what HF_ENDPOINT takes."""

    daemon_threads = True

    def __init__(self, repos: dict[str, Repo]) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos = repos
        self.requests: list[Request] = []
        self.cut_after: dict[str, int] = {}  # file: bytes after which the connection is reset
        self.stop_after: dict[str, int] = {}  # file: bytes after which nothing more comes
        self.status: int | None = None  # answer everything with this
        self.released = threading.Event()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def __enter__(self) -> "Hub":
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()

    def fetched(self, name: str) -> list[Request]:
        """The GET requests for a file."""
        return [r for r in self.requests if r.method == "GET" and r.path.endswith(f"/{name}")]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Hub

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_CONNECT(self) -> None:  # somebody takes this server for a proxy to elsewhere
        self._note()
        self._fail(403)

    def log_message(self, *_: object) -> None:
        pass

    def _note(self) -> None:
        request = Request(self.command, self.path, self.headers.get("Range"))
        self.server.requests.append(request)

    def _answer(self) -> None:
        self._note()
        if self.server.status is not None:
            return self._send(self.server.status, b"<html>out of order</html>", "text/html")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token != TOKEN:
            return self._fail(401, message="Invalid credentials in Authorization header")
        parts = unquote(urlsplit(self.path).path).strip("/").split("/")
        if parts[:2] == ["api", "models"] and len(parts) == 6 and parts[4] == "revision":
            return self._repo("/".join(parts[2:4]), parts[5], token)
        if parts[:2] == ["api", "models"] and len(parts) == 6 and parts[4] == "tree":
            return self._tree("/".join(parts[2:4]))
        if len(parts) > 4 and parts[2] == "resolve":
            return self._file("/".join(parts[:2]), parts[3], "/".join(parts[4:]), token)
        return self._fail(404)

    def _repo(self, repo_id: str, revision: str, token: str) -> None:
        repo = self.server.repos.get(repo_id)
        if repo is None:
            if token:
                return self._fail(404, "RepoNotFound")
            return self._fail(401, message="Invalid username or password.")
        if revision not in ("main", COMMIT):
            return self._fail(404, "RevisionNotFound")
        siblings = []
        for name, content in repo.files.items():
            size = repo.announced.get(name, len(content))
            sibling = {"rfilename": name, "size": size, "blobId": _etag(name, content)[:40]}
            if _is_large(name):
                sha = hashlib.sha256(content).hexdigest()
                sibling["lfs"] = {"size": size, "sha256": sha, "pointerSize": 134}
            siblings.append(sibling)
        info = {"id": repo_id, "sha": COMMIT, "siblings": siblings, "gguf": repo.gguf}
        return self._send(200, json.dumps(info).encode())

    def _tree(self, repo_id: str) -> None:
        entries = []
        for name, content in self.server.repos[repo_id].files.items():
            entry = {"type": "file", "path": name, "size": len(content), "oid": "0" * 40}
            if _is_large(name):
                sha = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"size": len(content), "oid": sha, "pointerSize": 134}
            entries.append(entry)
        self._send(200, json.dumps(entries).encode())

    def _file(self, repo_id: str, revision: str, name: str, token: str) -> None:
        repo = self.server.repos.get(repo_id)
        if repo is None or revision not in ("main", COMMIT) or name not in repo.files:
            return self._fail(404, "EntryNotFound")
        if repo.gated:
            return self._fail(403 if token else 401, "GatedRepo")
        content, size = repo.files[name], len(repo.files[name])
        start = int((self.headers.get("Range") or "bytes=0-")[6:].split("-")[0])
        self.send_response(206 if "Range" in self.headers else 200)
        self.send_header("Content-Length", str(size - start))
        self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{_etag(name, content)}"')
        if _is_large(name):
            self.send_header("X-Linked-Etag", f'"{_etag(name, content)}"')
            self.send_header("X-Linked-Size", str(size))
        self.end_headers()
        if self.command == "GET":
            self._body(name, content, start)
        return None

    def _body(self, name: str, content: bytes, start: int) -> None:
        cut = self.server.cut_after.get(name)
        stop = self.server.stop_after.get(name)
        end = min(len(content), *(n for n in (cut, stop) if n is not None), len(content))
        self.wfile.write(content[start:end])
        if stop is not None:
            self.server.released.wait()
        if cut is not None or stop is not None:
            # An end without the usual farewell: the client sees a connection that was reset.
            linger = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.close_connection = True

    def _fail(self, status: int, code: str | None = None, message: str = "no") -> None:
        headers = {"X-Error-Message": message} | ({"X-Error-Code": code} if code else {})
        self._send(status, json.dumps({"error": message}).encode(), **headers)

    def _send(
        self, status: int, body: bytes, content_type: str = "application/json", **headers: str
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def _is_large(name: str) -> bool:
    return name.endswith((".safetensors", ".gguf", ".pth"))


def _etag(name: str, content: bytes) -> str:
    return (hashlib.sha256 if _is_large(name) else hashlib.sha1)(content).hexdigest()
