"""A small HTTP server on loopback that does what a test says, and remembers every byte that it was sent."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from venues.kalshi.hosts import Hosts


@dataclass(frozen=True)
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes
    number: int
    connection: int

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def query(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query))

    @property
    def json(self) -> Any:  # noqa: ANN401 -- any JSON
        return json.loads(self.body)


@dataclass(frozen=True)
class Reply:
    status: int = 200
    body: bytes = b"{}"
    headers: Mapping[str, str] = field(default_factory=dict)
    last: bool = False


@dataclass(frozen=True)
class Drop:
    """Close the connection without a word, or after these bytes."""

    after: bytes = b""


@dataclass(frozen=True)
class Hang:
    """Never answer."""


Act = Reply | Drop | Hang


def says(value: Any, status: int = 200, **headers: str) -> Reply:  # noqa: ANN401 -- any JSON
    return Reply(status, json.dumps(value).encode(), {name.replace("_", "-"): text for name, text in headers.items()})


class Server:
    """Asks ``act`` what to do with each request; probes of warmth are answered by themselves."""

    def __init__(self, act: Callable[[Request], Act]) -> None:
        self.act = act
        self.requests: list[Request] = []
        self.probes: list[Request] = []
        self.connections = 0
        self.raw: list[bytes] = []
        self.writers: set[asyncio.StreamWriter] = set()
        self.tasks: set[asyncio.Task[None]] = set()
        self.heard = asyncio.Event()
        self.date = True
        self.answers_probes = True
        self.port = 0
        self.scheme = "http"

    @property
    def hosts(self) -> Hosts:
        return Hosts(f"{self.scheme}://127.0.0.1:{self.port}", f"ws://127.0.0.1:{self.port}")

    @property
    def posts(self) -> list[Request]:
        return [request for request in self.requests if request.method == "POST"]

    async def until(self, what: Callable[[], bool], within_s: float = 5.0) -> None:
        """Wait for something that follows from a request, or from a connection."""
        async with asyncio.timeout(within_s):
            while not what():
                self.heard.clear()
                await self.heard.wait()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        self.connections += 1
        self.heard.set()
        self.writers.add(writer)
        try:
            await self._serve(reader, writer, self.connections)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.writers.discard(writer)
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, connection: int) -> None:
        while True:
            head = await reader.readuntil(b"\r\n\r\n")
            first, *lines = head.decode("latin-1").split("\r\n")
            method, target, _ = first.split(" ")
            headers = dict(line.split(": ", 1) for line in lines if line)
            body = await reader.readexactly(int(headers.get("Content-Length") or headers.get("content-length") or 0))
            request = Request(method, target, headers, body, len(self.requests), connection)
            self.raw.append(head + body)
            unsigned = "KALSHI-ACCESS-KEY" not in headers and "kalshi-access-key" not in headers
            if self.answers_probes and unsigned and request.path.endswith("/exchange/status"):
                self.probes.append(request)
                act: Act = says({"exchange_active": True, "trading_active": True})
            else:
                self.requests.append(request)
                act = self.act(request)
            self.heard.set()
            if isinstance(act, Drop):
                writer.write(act.after)
                return
            if isinstance(act, Hang):
                await reader.read()
                return
            writer.write(self._bytes(act))
            if act.last:
                return

    def _bytes(self, reply: Reply) -> bytes:
        headers = {"Content-Length": str(len(reply.body)), "Content-Type": "application/json", **reply.headers}
        if self.date:
            headers.setdefault("Date", formatdate(usegmt=True))
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"HTTP/1.1 {reply.status} X\r\n{lines}\r\n".encode() + reply.body


@contextlib.asynccontextmanager
async def serving(act: Callable[[Request], Act], tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server for as long as the block lasts."""
    server = Server(act)
    server.scheme = "http" if tls is None else "https"
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for writer in list(server.writers):
            writer.transport.abort()
        await listener.wait_closed()
        if server.tasks:
            await asyncio.wait(server.tasks, timeout=5)
