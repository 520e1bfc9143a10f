"""One HTTP/1.1 connection that carries at most one request at a time, and repeats nothing.

A request is written whole, before :meth:`Connection.send` returns. A request of which the answer does not come is
`Lost`: the connection is aborted, so that nothing of it leaves later, and whoever sent it must find out what became of
it.
"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, cast

import h11

MAX_BODY: Final = 1_000_000
"""Bytes of an answer, before and after it is unpacked; those that we ask for here have some hundred."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the server said, whole. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """There is no whole answer: the request may have been executed, or not."""

    why: str


Done = Callable[[Answer | Lost], None]


class Connection(asyncio.Protocol):
    """Made by ``loop.create_connection``. Each request's ``done`` is called exactly once."""

    def __init__(self, *, on_idle: Callable[[Connection], None], on_lost: Callable[[Connection, str], None]) -> None:
        """``on_idle`` after each answer after which it can be used again, ``on_lost`` once, at the end."""
        self._on_idle = on_idle
        self._on_lost = on_lost
        self._transport: asyncio.Transport | None = None
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=65_536)
        self._done: Done | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._response: h11.Response | None = None
        self._body = bytearray()
        self._gone = False
        self.answers = 0

    @property
    def idle(self) -> bool:
        """Whether a request can be written now."""
        transport = self._transport
        return not self._gone and self._done is None and transport is not None and not transport.is_closing()

    def send(self, request: h11.Request, body: bytes, done: Done, timeout_s: float) -> None:
        """Write the request at once; the caller has asked :attr:`idle` in the same breath."""
        assert self._transport is not None and self._done is None  # noqa: S101 -- a bug of ours
        loop = asyncio.get_running_loop()
        data = self._http.send(request) or b""
        if body:
            data += self._http.send(h11.Data(data=body)) or b""
        data += self._http.send(h11.EndOfMessage()) or b""
        self._done = done
        self._deadline = loop.call_later(timeout_s, self._late, timeout_s)
        self._transport.write(data)

    def close(self) -> None:
        """End it now; what is under way is lost."""
        self._end("we closed the connection")

    # -- asyncio calls these ---------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It is there."""
        # A stream's transport, as asyncio promises; uvloop's is none by its class.
        self._transport = cast("asyncio.Transport", transport)
        self._on_idle(self)

    def data_received(self, data: bytes) -> None:
        """Bytes of an answer; without a question they are the end."""
        if self._gone:
            return
        if self._done is None:
            self._end("the server spoke without being asked")
            return
        try:
            self._http.receive_data(data)
            self._read()
        except (h11.RemoteProtocolError, zlib.error, ValueError) as error:
            self._end(f"the answer is no HTTP: {error}")

    def eof_received(self) -> bool:
        """The server has ended it; an answer without a length is whole now."""
        if not self._gone and self._done is not None:
            try:
                self._http.receive_data(b"")
                self._read()
            except (h11.RemoteProtocolError, zlib.error, ValueError):
                self._end("the server closed the connection before its answer was whole")
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """It is gone."""
        self._end(f"the connection was lost: {error}" if error else "the server closed the connection")

    # -- inside ----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        while True:
            event = self._http.next_event()
            match event:
                case h11.Response():
                    self._response = event
                case h11.Data():
                    self._body += event.data
                    if len(self._body) > MAX_BODY:
                        raise ValueError(f"longer than {MAX_BODY} bytes")
                case h11.EndOfMessage():
                    self._answered()
                    return
                case h11.ConnectionClosed():
                    self._end("the server closed the connection without an answer")
                    return
                case h11.InformationalResponse():
                    continue
                case _:
                    return

    def _answered(self) -> None:
        response, done = self._response, self._done
        assert response is not None and done is not None  # noqa: S101 -- h11's promise
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in response.headers}
        answer = Answer(response.status_code, headers, _unpacked(bytes(self._body), headers))
        self._stop_clock()
        self._done, self._response, self._body = None, None, bytearray()
        self.answers += 1
        reusable = self._http.our_state is h11.DONE and self._http.their_state is h11.DONE
        if reusable:
            self._http.start_next_cycle()
        done(answer)
        if not reusable:
            self._end("the server wants no more requests on it")
        elif self.idle:
            self._on_idle(self)

    def _late(self, timeout_s: float) -> None:
        self._deadline = None
        self._end(f"no answer within {timeout_s:g} s")

    def _stop_clock(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _end(self, why: str) -> None:
        if self._gone:
            return
        self._gone = True
        self._stop_clock()
        if self._transport is not None:
            # Not close(): that would go on writing what has not left yet.
            self._transport.abort()
        done, self._done = self._done, None
        if done is not None:
            done(Lost(why))
        self._on_lost(self, why)


def _unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """The body as it was before it was packed. Raises :class:`ValueError` or :class:`zlib.error`."""
    packed = headers.get("content-encoding", "identity").strip().lower()
    if packed in {"identity", ""}:
        return body
    if packed not in {"gzip", "deflate"}:
        raise ValueError(f"packed in a way that we did not ask for: {packed[:20]!r}")
    # 32 and the largest window: gzip or zlib, whichever it begins with.
    unpacker = zlib.decompressobj(32 + zlib.MAX_WBITS)
    whole = unpacker.decompress(body, MAX_BODY)
    if unpacker.unconsumed_tail:
        raise ValueError(f"longer than {MAX_BODY} bytes")
    return whole
