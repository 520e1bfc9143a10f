"""An alert service of our own: a real HTTP server on loopback that takes, refuses, or hangs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue
from typing import Any, Final

PATIENCE_S: Final = 20.0
SECRET: Final = "hunter2hunter2"
"""In every URL, twice; nothing may show it."""


class Server(ThreadingHTTPServer):
    """Takes JSON posts; hangs until released, or answers with a code."""

    daemon_threads = False

    def __init__(self, code: int = 200, *, hangs: bool = False) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.code = code
        self.released = threading.Event()
        self.asked = threading.Event()
        self.posts: Queue[dict[str, Any]] = Queue()
        if not hangs:
            self.released.set()

    @property
    def url(self) -> str:
        return f"json://user:{SECRET}@127.0.0.1:{self.server_port}/{SECRET}?rto={PATIENCE_S}"

    def post(self) -> dict[str, Any]:
        """The next one that arrived."""
        return self.posts.get(timeout=PATIENCE_S)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.set()
        self.server.released.wait(PATIENCE_S)
        self.server.posts.put(body)
        with suppress(OSError):
            self.send_response(self.server.code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the library's name
        """Say nothing."""


@contextmanager
def serving(code: int = 200, *, hangs: bool = False) -> Iterator[Server]:
    server = Server(code, hangs=hangs)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
