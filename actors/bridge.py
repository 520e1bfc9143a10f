"""The bridge: connection id to session, wire JSON to message, both ways. Nothing else is decided here.

The same actor stands at both ends. New connections are offered to the owner (the router on the controller, the
uplink on the trader), who attaches a session.
"""

from __future__ import annotations

from typing import Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import (
    Attach,
    CloseLink,
    Directory,
    Incoming,
    IncomingInvalid,
    LinkClosed,
    LinkGarbage,
    LinkOpened,
    LinkText,
    Note,
    NotWritten,
    Outgoing,
)
from actors.ports import LinkPort
from protocol.codec import Garbage, Invalid, UnknownType, decode, encode
from protocol.wire import Pong

MAX_BAD_FRAMES: Final = 10
"""A connection is closed (1008) when it has sent this many more bad frames than good ones."""

POLICY_VIOLATION: Final = 1008
INTERNAL_ERROR: Final = 1011

HEARD: Final = Pong()
"""Stands for a frame that says nothing to us but proves that the other end lives."""


class BridgeSetup(msgspec.Struct, frozen=True):
    """The sockets, and the role in the directory that takes new connections."""

    port: LinkPort
    owner: str


class Bridge(GuardedActor):
    """Guarantees: a session hears of its connection's end exactly once, after the last message before it."""

    def __init__(self) -> None:
        """No connections."""
        super().__init__()
        self.port: LinkPort
        self.owner = ""
        self.roles: dict[str, Address] = {}
        self.sessions: dict[int, Address] = {}
        self.bad_frames: dict[int, int] = {}

    @handles(BridgeSetup)
    def setup(self, message: BridgeSetup, _sender: Address) -> None:
        """Take the port."""
        self.port, self.owner = message.port, message.owner

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn who is who. With a new owner the sessions are gone: the other ends must come back to it."""
        before, self.roles = self.roles, dict(message.roles)
        if before and before[self.owner] != self.roles[self.owner]:
            for conn_id in list(self.sessions):
                self.end(conn_id, INTERNAL_ERROR, f"the {self.owner} was restarted", drop=False)

    @handles(LinkOpened)
    def opened(self, message: LinkOpened, _sender: Address) -> None:
        """Offer the connection to the owner."""
        self.bad_frames[message.conn_id] = 0
        self.note(f"#{message.conn_id} connected: {message.peer}", count="links_opened")
        self.send(self.roles[self.owner], message)

    @handles(Attach)
    def attach(self, message: Attach, _sender: Address) -> None:
        """From now on this session has the connection."""
        if message.conn_id in self.bad_frames:
            self.sessions[message.conn_id] = message.session
        else:
            self.send(message.session, LinkClosed(message.conn_id, "gone before the hello"))

    @handles(LinkText)
    def text(self, message: LinkText, _sender: Address) -> None:
        """Decode and hand on; count what makes no sense."""
        session = self.sessions.get(message.conn_id)
        if session is None:
            return
        decoded = decode(message.text)
        if not isinstance(decoded, (Garbage, UnknownType, Invalid)):
            if self.bad_frames[message.conn_id]:
                self.bad_frames[message.conn_id] -= 1
            self.send(session, Incoming(decoded, len(message.text)))
            return
        match decoded:
            case Garbage(reason=reason):
                self.send(session, Incoming(HEARD))
                self.bad(message.conn_id, reason)
            case UnknownType(wire_type=wire_type):
                self.note(f"#{message.conn_id} ignored a message of unknown type {wire_type!r}", count="unknown_types")
                self.send(session, Incoming(HEARD))
            case Invalid():
                self.send(session, IncomingInvalid(decoded))
                self.bad(message.conn_id, f"{decoded.wire_type}: {decoded.reason}")

    @handles(LinkGarbage)
    def garbage(self, message: LinkGarbage, _sender: Address) -> None:
        """A frame that is not even text."""
        session = self.sessions.get(message.conn_id)
        if session is not None:
            self.send(session, Incoming(HEARD))
            self.bad(message.conn_id, message.reason)

    def bad(self, conn_id: int, reason: str) -> None:
        """Log and count a bad frame; close a connection that keeps sending them."""
        self.bad_frames[conn_id] += 1
        self.note(f"#{conn_id} sent what does not parse: {reason}", level="warning", count="bad_frames")
        if self.bad_frames[conn_id] >= MAX_BAD_FRAMES:
            self.note(f"#{conn_id} closed: {MAX_BAD_FRAMES} frames that do not parse", level="error")
            self.end(conn_id, POLICY_VIOLATION, "too many frames that do not parse", drop=False)

    @handles(LinkClosed)
    def closed(self, message: LinkClosed, _sender: Address) -> None:
        """The socket is gone; tell the session, once."""
        if self.bad_frames.pop(message.conn_id, None) is not None:
            self.note(f"#{message.conn_id} disconnected: {message.reason}", count="links_closed")
        session = self.sessions.pop(message.conn_id, None)
        if session is not None:
            self.send(session, message)

    @handles(Outgoing)
    def outgoing(self, message: Outgoing, sender: Address) -> None:
        """Write; where nothing could be written and it was an order, say so."""
        said = message.message
        text = said if isinstance(said, str) else encode(said)
        written = message.conn_id in self.sessions and self.port.send(message.conn_id, text)
        if not written and message.leg_id is not None:
            self.send(sender, NotWritten(message.leg_id))

    @handles(CloseLink)
    def close(self, message: CloseLink, _sender: Address) -> None:
        """A session wants its connection ended; it is told at once, whatever the socket still does."""
        self.end(message.conn_id, message.code, message.reason, drop=message.drop)

    def end(self, conn_id: int, code: int, reason: str, *, drop: bool) -> None:
        """End the connection and tell its session now: an unregistered trader must not wait for a handshake."""
        if drop:
            self.port.drop(conn_id, reason)
        else:
            self.port.close(conn_id, code, reason)
        session = self.sessions.pop(conn_id, None)
        if session is not None:
            self.send(session, LinkClosed(conn_id, reason))

    def note(self, text: str, *, level: str = "info", count: str | None = None) -> None:
        """Log under the seed's prefix."""
        self.send(self.roles["telemetry"], Note("WS", text, level, count=count))
