"""The open connections of one end, and all that can be done to them: what server and client share.

Order of things on a connection: ``on_open``, the texts in the order they came, ``on_close`` once. ``on_close`` comes

- as soon as the peer closed, sent an end of file or broke the protocol, after the texts that came before it and
  without waiting for its TCP connection (that is aborted ``close_s`` later if the peer keeps it);
- when the connection is lost;
- on the next turn of the loop after :meth:`Links.drop`, with nothing delivered in between;
- after :meth:`Links.close`, when the peer answered it or ``close_s`` is over. What it sends until then is delivered,
  for it may be the fill of an order, unless the code says that the peer broke the rules.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from websockets.asyncio.server import broadcast
from websockets.exceptions import ConnectionClosed
from websockets.frames import CloseCode
from websockets.protocol import State

from transport.link.callbacks import LinkCallbacks
from transport.link.end import LinkEnd
from transport.link.policy import LinkLimits
from transport.link.reason import shorten_close_reason

_FRIENDLY: Final = frozenset({CloseCode.NORMAL_CLOSURE, CloseCode.GOING_AWAY, CloseCode.SERVICE_RESTART})


@dataclass(slots=True, eq=False)
class _Link:
    conn_id: int
    end: LinkEnd
    is_closing: bool = False  # set by close(): the end is then no news to us
    is_deaf: bool = False  # set by close() with a code that blames the peer
    linger: asyncio.TimerHandle | None = None  # set when the peer began the end: aborts what is left of it


class Links:
    """Connections by number. What can be done to them is synchronous and never raises, but for :meth:`drain`."""

    def __init__(self, callbacks: LinkCallbacks, limits: LinkLimits) -> None:
        self._callbacks = callbacks
        self._limits = limits
        self._open: dict[int, _Link] = {}
        self._by_end: dict[LinkEnd, _Link] = {}
        self._numbers = itertools.count(1)
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def open_ids(self) -> tuple[int, ...]:
        """The connections that are open now, oldest first."""
        return tuple(self._open)

    def is_open(self, conn_id: int) -> bool:
        """Whether a frame could be written now, as far as this end knows: a peer may be gone without a word."""
        link = self._open.get(conn_id)
        return link is not None and not link.is_closing and link.end.state is State.OPEN

    async def carry(self, end: LinkEnd, peer: str) -> None:
        """Deliver what ``end`` brings, from ``on_open`` to ``on_close``; returns when its TCP connection is gone."""
        link = _Link(next(self._numbers), end)
        self._open[link.conn_id] = self._by_end[end] = link
        if end.state is not State.OPEN:
            self.parting(end)  # the peer's goodbye was faster than we: it came with the last of the handshake
        try:
            self._tell(link, self._callbacks.on_open, peer)
            while True:
                frame = await end.recv()
                if link.conn_id not in self._open:
                    break  # dropped: what was still in the queue is for nobody
                if link.is_deaf:
                    continue
                if isinstance(frame, str):
                    self._tell(link, self._callbacks.on_text, frame)
                else:
                    self._tell(link, self._callbacks.on_garbage, f"binary frame of {len(frame)} bytes")
        except ConnectionClosed:
            pass
        except asyncio.CancelledError:
            self.drop(link.conn_id, "the link was stopped")
            raise
        finally:
            self._gone(link)
            if link.linger is not None:
                link.linger.cancel()
            del self._by_end[end]

    def send(self, conn_id: int, text: str) -> bool:
        """Write ``text`` as one frame, now. False when the connection is not open (any more).

        True says that the frame is with the operating system or in this process's bounded buffer, not that the
        peer has it. A peer that leaves more than ``max_unsent_bytes`` unread is dropped, and the answer is False.
        """
        link = self._open.get(conn_id)
        if link is None or not self.is_open(conn_id):
            return False
        try:
            # The library's one public way to send without a task; it never waits, so the buffer is watched here.
            broadcast((link.end,), text, raise_exceptions=True)
        except ExceptionGroup as group:
            self.drop(conn_id, f"write failed: {group.exceptions[0].__cause__ or group.exceptions[0]}")
            return False
        unsent = link.end.wire.get_write_buffer_size()
        if unsent > self._limits.max_unsent_bytes:
            self.drop(conn_id, f"slow reader: {unsent} bytes unsent")
            return False
        return True

    def close(self, conn_id: int, code: int = CloseCode.NORMAL_CLOSURE, reason: str = "") -> None:
        """Say goodbye: nothing more can be sent, ``on_close`` follows within ``close_s``."""
        link = self._open.get(conn_id)
        if link is None or link.is_closing:
            return
        link.is_closing = True
        link.is_deaf = code not in _FRIENDLY
        task = asyncio.get_running_loop().create_task(self._say_goodbye(link, code, reason))
        self._closing.add(task)
        task.add_done_callback(self._closing.discard)

    def drop(self, conn_id: int, reason: str) -> None:
        """Cut the connection: unsent bytes are lost, nothing more is delivered, ``on_close`` follows at once."""
        link = self._open.pop(conn_id, None)
        if link is None:
            return
        # Not called from here: the owner may be in the middle of handling a message when it drops or sends.
        asyncio.get_running_loop().call_soon(self._report, self._callbacks.on_close, conn_id, reason)
        link.end.cut()

    async def drain(self, conn_id: int, within: float) -> bool:
        """Whether the peer's end has read all that was sent so far; False when ``within`` seconds did not show it.

        Asks with a WebSocket ping, which the peer's library answers in order. An empty write buffer would prove
        less: the bytes may be in TLS's own buffer, or in the kernel of a machine that is about to forget them.
        """
        link = self._open.get(conn_id)
        if link is None:
            return False
        try:
            async with asyncio.timeout(within):
                await (await link.end.ping())
        except (TimeoutError, ConnectionClosed):
            return False
        return True

    async def settle(self) -> None:
        """Wait until the goodbyes that were begun are over; at most ``close_s``."""
        if self._closing:
            await asyncio.wait(tuple(self._closing))

    def parting(self, end: LinkEnd) -> None:
        """The peer began the end: report it once the texts before it are delivered, and bound what is left."""
        link = self._by_end.get(end)
        if link is None or link.linger is not None or (link.is_closing and not end.is_answered):
            return
        loop = asyncio.get_running_loop()
        # `carry` was woken for those texts before we were called, so it runs before this does.
        loop.call_soon(self._gone, link)
        link.linger = loop.call_later(self._limits.close_s, end.cut)

    async def _say_goodbye(self, link: _Link, code: int, reason: str) -> None:
        try:
            # The library bounds the handshake, but not the wait for a full write buffer before it.
            async with asyncio.timeout(self._limits.close_s):
                await link.end.close(code, shorten_close_reason(reason))
        except TimeoutError:
            link.end.cut()

    def _gone(self, link: _Link) -> None:
        if self._open.pop(link.conn_id, None) is not None:
            self._report(self._callbacks.on_close, link.conn_id, link.end.why_ended())

    def _tell(self, link: _Link, callback: Callable[[int, str], None], what: str) -> None:
        if not self._report(callback, link.conn_id, what):
            self.drop(link.conn_id, "an error of our own; see the log")

    def _report(self, callback: Callable[[int, str], None], conn_id: int, what: str) -> bool:
        try:
            callback(conn_id, what)
        except Exception as error:  # noqa: BLE001 -- a bug of the owner's must not take the other connections along
            asyncio.get_running_loop().call_exception_handler(
                {"message": f"callback of link connection {conn_id} raised", "exception": error}
            )
            return False
        return True
