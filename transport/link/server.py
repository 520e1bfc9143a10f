"""The controller's end of the link: listens, lets in whom the policy lets in, and carries text frames."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import cast

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.frames import CloseCode
from websockets.http11 import Request, Response

from transport.link.address import show_peer
from transport.link.admission import judge
from transport.link.callbacks import LinkCallbacks
from transport.link.end import LIBRARY_LOG, LinkEnd, ServerEnd
from transport.link.links import Links
from transport.link.listening import open_listeners
from transport.link.policy import LinkPolicy


def _ignore(_peer: str, _reason: str) -> None:
    pass


class LinkServer:
    """A WebSocket server of plain callbacks.

    ``on_refused(peer, reason)`` hears of every connection that did not become one: no token, a web page, garbage
    instead of a handshake, none in time, one too many.
    """

    def __init__(
        self, policy: LinkPolicy, callbacks: LinkCallbacks, *, on_refused: Callable[[str, str], None] = _ignore
    ) -> None:
        self._policy = policy
        self._on_refused = on_refused
        self._links = Links(callbacks, policy)
        self._servers: list[Server] = []
        self._bound: tuple[tuple[str, int], ...] = ()
        self._ends: set[ServerEnd] = set()
        self._handshaking: dict[ServerEnd, None] = {}  # oldest first

    async def start(self) -> None:
        """Listen on every address of the policy, or raise a :class:`~transport.link.errors.LinkError` and on none."""
        if self._servers:
            raise RuntimeError("the server was started before")
        listeners = await open_listeners(self._policy)
        self._bound = tuple((str(name[0]), int(name[1])) for name in (each.getsockname() for each in listeners))
        self._servers = [
            await serve(
                self._handle,
                sock=listener,
                ssl=self._policy.ssl,
                process_request=self._answer,
                server_header=None,
                compression=None,  # orders are small, and deflate costs more time than it saves
                open_timeout=self._policy.handshake_s,
                close_timeout=self._policy.close_s,
                ping_interval=None,  # keepalive is a message of the protocol, for both ends count its silence
                max_size=self._policy.max_frame_bytes,
                max_queue=self._policy.max_queued_frames,
                logger=LIBRARY_LOG,
                create_connection=cast("type[ServerConnection]", partial(ServerEnd, watch=self)),
            )
            for listener in listeners
        ]

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """The addresses really bound; empty before :meth:`start`."""
        return self._bound

    @property
    def port(self) -> int:
        """The port really bound (on the first address). Raises IndexError before :meth:`start`."""
        return self._bound[0][1]

    @property
    def open_ids(self) -> tuple[int, ...]:
        """The connections that are open now, oldest first."""
        return self._links.open_ids

    def is_open(self, conn_id: int) -> bool:
        """See :meth:`Links.is_open`."""
        return self._links.is_open(conn_id)

    def send(self, conn_id: int, text: str) -> bool:
        """See :meth:`Links.send`."""
        return self._links.send(conn_id, text)

    def close(self, conn_id: int, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """See :meth:`Links.close`."""
        self._links.close(conn_id, code, reason)

    def drop(self, conn_id: int, reason: str) -> None:
        """See :meth:`Links.drop`."""
        self._links.drop(conn_id, reason)

    async def drain(self, conn_id: int, within: float) -> bool:
        """See :meth:`Links.drain`."""
        return await self._links.drain(conn_id, within)

    async def stop(self) -> None:
        """Accept nobody, say goodbye (1001) to everybody, and cut what is left after ``close_s``. Idempotent.

        When it returns every ``on_close`` was called, and no socket and no task of ours is left.
        """
        for conn_id in self._links.open_ids:
            self._links.close(conn_id, CloseCode.GOING_AWAY, "the controller stops")
        for end in tuple(self._handshaking):
            end.is_settled = True  # not refused: we go
            end.cut()
        for server in self._servers:
            server.close()
        if not self._servers:
            return
        closed = [asyncio.ensure_future(server.wait_closed()) for server in self._servers]
        await asyncio.wait(closed, timeout=self._policy.close_s)
        for end in tuple(self._ends):
            end.cut()
        await asyncio.wait(closed)
        await self._links.settle()

    # Watch: what our ends tell us of their lives.

    def made(self, end: LinkEnd) -> None:
        """A TCP connection is up. One handshake too many drops the oldest: an honest one takes milliseconds."""
        end = cast("ServerEnd", end)
        self._ends.add(end)
        self._handshaking[end] = None
        if len(self._handshaking) > self._policy.max_handshakes:
            oldest = next(iter(self._handshaking))
            self._refuse(oldest, f"more than {self._policy.max_handshakes} unfinished handshakes")
            oldest.cut()

    def parting(self, end: LinkEnd) -> None:
        """The peer began the end, or sent what is no handshake."""
        if end in self._handshaking:
            end.cut()
        else:
            self._links.parting(end)

    def lost(self, end: LinkEnd) -> None:
        """A TCP connection is gone."""
        end = cast("ServerEnd", end)
        self._ends.discard(end)
        self._refuse(end, _why_no_handshake(end))

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        """The library's hook between the upgrade request and our answer to it."""
        end = cast("ServerEnd", connection)
        host = str((end.remote_address or ("",))[0])
        refusal = judge(self._policy, request.headers, host, sum(each.is_admitted for each in self._ends))
        if refusal is None:
            end.is_admitted = True
            return None
        self._refuse(end, f"{refusal.status.value}: {refusal.text}")
        response = end.respond(refusal.status, f"{refusal.text}\n")
        if refusal.status == HTTPStatus.UNAUTHORIZED:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _refuse(self, end: ServerEnd, reason: str) -> None:
        """Report, once, a connection that does not become a link."""
        self._handshaking.pop(end, None)
        if not end.is_settled:
            end.is_settled = True
            self._on_refused(show_peer(end.remote_address), reason)

    async def _handle(self, connection: ServerConnection) -> None:
        end = cast("ServerEnd", connection)
        self._handshaking.pop(end, None)
        end.is_settled = True
        await self._links.carry(end, show_peer(end.remote_address))


def _why_no_handshake(end: ServerEnd) -> str:
    error = end.protocol.handshake_exc
    return f"no WebSocket handshake: {error}" if error is not None else "no WebSocket handshake in time"
