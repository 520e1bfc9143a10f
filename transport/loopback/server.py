"""HTTP and WebSocket on one port of this machine, each reply in one write. aiohttp speaks; the service decides."""

from __future__ import annotations

import asyncio
import ipaddress
from email.utils import formatdate
from typing import Any, Final, Generic

from aiohttp import web

from transport.feeds.port import FeedClock, WallClock
from transport.loopback.socket import AnyListener, Socket
from venues.loopback.admin import ADMIN, Admin, ServiceT
from venues.loopback.faults import Fault
from venues.loopback.message import Reply, Request
from venues.loopback.refusal import Refusal

HOST: Final = "127.0.0.1"
MAX_DELAY_MS: Final = 600_000
"""A fault holds a request no longer than that."""

_NO_CONTENT: Final = 204
_STOP_S: Final = 1.0
_SECOND_US: Final = 1_000_000


class LoopbackServer(Generic[ServiceT]):
    """Serves an exchange. ``port`` 0 takes a free one; after :meth:`start` it is the real one.

    Everything runs in the loop that :meth:`start` was called in, and so may a test use ``service`` directly; what it
    brings for the sockets leaves with :meth:`flush`.
    """

    def __init__(
        self,
        service: ServiceT,
        admin: Admin[ServiceT],
        *,
        port: int = 0,
        host: str = HOST,
        clock: FeedClock | None = None,
    ) -> None:
        self.service = service
        self.port = port
        self.host = host
        self.sockets: set[Socket] = set()
        self.followed = asyncio.Condition()
        self._clock = WallClock() if clock is None else clock
        self._admin = admin
        self._runner: web.ServerRunner | None = None

    @property
    def admin_url(self) -> str:
        """Where the operator asks for things."""
        return f"http://{self.host}:{self.port}{ADMIN}"

    async def start(self) -> None:
        """Listen. Raises ``OSError`` where the port cannot be had."""
        runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=_STOP_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, self.host, self.port)
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection, and stop listening."""
        self.drop_sockets()
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def drop_sockets(self) -> None:
        """Break every WebSocket, without a word."""
        for socket in tuple(self.sockets):
            socket.drop()

    def now_us(self) -> int:
        """The world's time."""
        return self._clock.unix_us()

    def flush(self) -> None:
        """Send what waits for the sockets."""
        for socket in tuple(self.sockets):
            socket.flush()

    # -- requests ------------------------------------------------------------------------------------------------

    async def _serve(self, message: web.BaseRequest) -> web.StreamResponse:
        request = await _read(message)
        if request.headers.get("upgrade", "").lower() == "websocket":
            return await self._connected(message, request)
        if request.path.startswith(f"{ADMIN}/"):
            return self._reply(self._administer(message, request))
        struck = self.service.faults.request(request.method, request.path)
        return await (self._struck(message, request, struck) if struck else self._answered(request, struck))

    async def _answered(self, request: Request, struck: dict[str, Any]) -> web.Response:
        reply = self.service.handle(request, self.now_us(), struck)
        self.flush()
        return self._reply(reply)

    async def _struck(self, message: web.BaseRequest, request: Request, struck: dict[str, Any]) -> web.Response:
        if "delay" in struck:
            await self._wait(struck["delay"])
        if "drop_before" in struck:
            return _dropped(message)
        if "error_before" in struck:
            return self._refused(self.service.failed(struck["error_before"]))
        response = await self._answered(request, struck)
        if "late_reply" in struck:
            await self._wait(struck["late_reply"])
        if "drop_after" in struck:
            return _dropped(message)
        if "error_after" in struck:
            return self._refused(self.service.failed(struck["error_after"]))
        if "garbled_reply" in struck and isinstance(response.body, bytes):
            response.body = response.body[: len(response.body) // 2]
        return response

    async def _wait(self, fault: Fault) -> None:
        await self._clock.sleep_us(min(max(fault.ms, 0), MAX_DELAY_MS) * 1_000)

    def _administer(self, message: web.BaseRequest, request: Request) -> Reply:
        """A page in this machine's browser reaches this port, too: what has an origin is none of the operator's."""
        if "origin" in request.headers or not _is_near(message.remote):
            return Reply.refused(
                self.service.refused(403, "forbidden", "from this machine alone, and from no web page")
            )
        reply = self._admin.handle(request, self.now_us())
        self.flush()
        return reply

    def _refused(self, refusal: Refusal) -> web.Response:
        return self._reply(Reply.refused(refusal))

    def _reply(self, reply: Reply) -> web.Response:
        seconds = self.service.now_us(self.now_us()) / _SECOND_US
        headers = {"Date": formatdate(seconds, usegmt=True), **reply.headers}
        if reply.status == _NO_CONTENT:
            return web.Response(status=_NO_CONTENT, headers=headers)
        return web.Response(status=reply.status, body=reply.body, headers=headers, content_type="application/json")

    # -- sockets -------------------------------------------------------------------------------------------------

    async def _connected(self, message: web.BaseRequest, request: Request) -> web.StreamResponse:
        try:
            listener = self.service.connect(request, self.now_us())
        except Refusal as refusal:
            return self._refused(refusal)
        socket = self._socket(message, listener)
        self.sockets.add(socket)
        try:
            return await socket.run(self._heard)
        finally:
            self.sockets.discard(socket)
            self.service.disconnect(listener)

    def _socket(self, message: web.BaseRequest, listener: AnyListener) -> Socket:
        return Socket(message, listener, self.service, self._clock)

    async def _heard(self) -> None:
        """A command was obeyed: whoever waits for somebody to follow the books may look."""
        async with self.followed:
            self.followed.notify_all()


AnyServer = LoopbackServer[Any]


def _is_near(peer: str | None) -> bool:
    try:
        return ipaddress.ip_address(peer or "").is_loopback
    except ValueError:
        return False


async def _read(message: web.BaseRequest) -> Request:
    query: dict[str, str] = {}
    for name, value in message.query.items():
        query[name] = f"{query[name]},{value}" if name in query else value
    return Request(
        method=message.method,
        path=message.raw_path.partition("?")[0],
        query=query,
        headers={name.lower(): value for name, value in message.headers.items()},
        body=await message.read() if message.can_read_body else b"",
    )


def _dropped(message: web.BaseRequest) -> web.Response:
    """The connection breaks; what is returned reaches nobody."""
    if message.transport is not None:
        message.transport.abort()
    return web.Response(status=500)
