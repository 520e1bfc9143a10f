"""One end of a WebSocket: the library's connection, and what it otherwise tells nobody.

The library's ``recv`` reports a peer that said goodbye only when the TCP connection is gone too, which a peer can
put off for ever. So both ends watch asyncio's own protocol callbacks, the only methods overridden here.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, Protocol, cast

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.connection import Connection
from websockets.asyncio.server import ServerConnection
from websockets.protocol import State

from transport.link.reason import describe_end

LIBRARY_LOG: Final = logging.getLogger("arb.link.websockets")
"""Silent: at DEBUG the library writes every header, tokens included; what it would say above, callbacks say."""
LIBRARY_LOG.setLevel(logging.CRITICAL + 1)


class Watch(Protocol):
    """Who is told of an end's life. Every end made is lost once; ``parting`` may come several times, or never."""

    def made(self, end: LinkEnd) -> None:
        """The TCP (or TLS) connection is up; the WebSocket handshake has not begun."""

    def parting(self, end: LinkEnd) -> None:
        """The peer closed, sent an end of file, or broke the protocol; frames read before may wait in the queue.

        An end whose handshake failed is parting too.
        """

    def lost(self, end: LinkEnd) -> None:
        """The TCP connection is gone."""


class LinkEnd(Connection):
    """Common to both ends. ``wire`` is the transport, there from ``made`` on."""

    watch: Watch
    wire: asyncio.Transport
    cause: Exception | None = None  # the socket's error, set when the connection is lost
    is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio's callback."""
        self.wire = cast("asyncio.Transport", transport)  # asyncio's types are wider than what it promises
        super().connection_made(transport)
        self.watch.made(self)

    def data_received(self, data: bytes) -> None:
        """Asyncio's callback."""
        super().data_received(data)
        if self.state is not State.OPEN and (self.state is not State.CONNECTING or self.protocol.handshake_exc):
            self.watch.parting(self)

    def eof_received(self) -> None:
        """Asyncio's callback."""
        super().eof_received()
        self.watch.parting(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Asyncio's callback."""
        self.cause = exc
        self.is_lost = True
        super().connection_lost(exc)
        self.watch.lost(self)

    def cut(self) -> None:
        """Close the TCP connection now; unsent bytes are lost. Nothing happens when it is gone already."""
        # asyncio's transport does not promise that abort() may be called after connection_lost(), and raises then.
        if not self.is_lost:
            self.wire.abort()

    @property
    def is_answered(self) -> bool:
        """Whether the peer has said its goodbye, or will say nothing more."""
        return self.protocol.close_rcvd is not None or self.state is State.CLOSED

    def why_ended(self) -> str:
        """Why this end is closing or closed, as far as is known now."""
        protocol = self.protocol
        return describe_end(
            protocol.close_rcvd,
            protocol.close_sent,
            peer_first=bool(protocol.close_rcvd_then_sent),
            cause=self.cause,
        )


class ServerEnd(LinkEnd, ServerConnection):
    """The controller's end."""

    is_admitted = False  # set when its request passed
    is_settled = False  # set when it became a link, or its refusal was reported

    def __init__(self, *args: Any, watch: Watch, **options: Any) -> None:
        self.watch = watch
        super().__init__(*args, **options)


class ClientEnd(LinkEnd, ClientConnection):
    """The trader's end."""

    def __init__(self, *args: Any, watch: Watch, **options: Any) -> None:
        self.watch = watch
        super().__init__(*args, **options)
