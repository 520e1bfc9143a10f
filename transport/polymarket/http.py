"""Reads of what Polymarket tells everybody: HTTP/1.1 on one connection, one request after the other.

Of our own, on the standard library, so that a controller without a key needs nothing that is not installed anyway.
Only what may be repeated goes this way; no request carries anything about us.
"""

from __future__ import annotations

import asyncio
import ssl
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Final
from urllib.parse import urlencode, urlsplit

from transport.feeds.port import FeedClock
from transport.link.backoff import backoff

MAX_HEAD: Final = 64 * 1024
MAX_BODY: Final = 16 * 1024 * 1024
"""Bytes of an answer, before and after it is unpacked."""

_OK: Final = 200
_TOO_MANY: Final = 429
_SERVER_ERROR: Final = 500
_GZIP: Final = 16 + zlib.MAX_WBITS
_BROKEN: Final = (OSError, EOFError, TimeoutError, asyncio.LimitOverrunError, ValueError, zlib.error)

Query = Sequence[tuple[str, str]]


class ReadFailed(Exception):
    """What was asked is not known; says why. ``status`` is the HTTP status of a refusal."""

    def __init__(self, why: str, *, status: int | None = None) -> None:
        super().__init__(why)
        self.status = status


@dataclass(frozen=True, slots=True)
class HttpPolicy:
    """How patient reads are, and how far apart; tests make it hasty."""

    timeout_s: float = 5.0
    attempts: int = 3
    retry_base_s: float = 0.25
    apart_us: int = 50_000
    """Polymarket takes more than twenty requests a second of every kind that is asked here."""
    tls: ssl.SSLContext | None = None


@cache
def public_tls() -> ssl.SSLContext:
    """The authorities of this system, or those that ``SSL_CERT_FILE`` names; read once."""
    return ssl.create_default_context()


class PublicHttp:
    """One server. Raises :class:`ReadFailed` from both ways to ask. Close it."""

    def __init__(self, base: str, clock: FeedClock, *, rng: Random, policy: HttpPolicy | None = None) -> None:
        """``base`` is ``http(s)://HOST[:PORT][/PATH]``, without a slash at its end."""
        self._policy = policy or HttpPolicy()
        self._clock = clock
        self._rng = rng
        parts = urlsplit(base)
        self._secure = parts.scheme == "https"
        self._host = parts.hostname or ""
        self._port = parts.port or (443 if self._secure else 80)
        self._authority = parts.netloc
        self._prefix = parts.path
        self._connection: _Connection | None = None
        self._turn = asyncio.Lock()
        self._free_us = 0

    async def get(self, path: str, query: Query = ()) -> bytes:
        """The body of a 200."""
        target = f"{path}?{urlencode(query)}" if query else path
        return await self._tried("GET", target, b"")

    async def post(self, path: str, body: bytes) -> bytes:
        """The same of a question that is too long for a URL; it changes nothing there."""
        return await self._tried("POST", path, body)

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- inside ----------------------------------------------------------------------------------------------

    async def _tried(self, method: str, target: str, body: bytes) -> bytes:
        failed = ReadFailed("not asked")
        for attempt in range(self._policy.attempts):
            if attempt:
                pause = backoff(attempt, self._rng, base=self._policy.retry_base_s)
                await self._clock.sleep_us(int(pause * 1_000_000))
            try:
                async with self._turn:
                    await self._paced()
                    status, answer = await self._once(method, target, body)
            except _BROKEN as error:
                failed = ReadFailed(f"{method} {target[:80]}: {str(error) or type(error).__name__}")
                continue
            if status == _OK:
                return answer
            said = answer[:200].decode(errors="replace")
            failed = ReadFailed(f"polymarket answered {status} to {method} {target[:80]}: {said}", status=status)
            if status != _TOO_MANY and status < _SERVER_ERROR:
                break
        raise failed

    async def _paced(self) -> None:
        wait = self._free_us - self._clock.mono_us()
        if wait > 0:
            await self._clock.sleep_us(wait)
        self._free_us = self._clock.mono_us() + self._policy.apart_us

    async def _once(self, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        """One attempt, on the connection that there is, or a new one: the server may have closed the old one."""
        kept, self._connection = self._connection, None
        try:
            async with asyncio.timeout(self._policy.timeout_s):
                if kept is not None:
                    try:
                        return await self._asked(kept, method, target, body)
                    except (OSError, EOFError):
                        kept.close()
                kept = await self._open()
                return await self._asked(kept, method, target, body)
        finally:
            if kept is not None and self._connection is not kept:
                kept.close()

    async def _open(self) -> _Connection:
        tls = (self._policy.tls or public_tls()) if self._secure else None
        reader, writer = await asyncio.open_connection(self._host, self._port, ssl=tls, limit=MAX_HEAD)
        return _Connection(reader, writer)

    async def _asked(self, connection: _Connection, method: str, target: str, body: bytes) -> tuple[int, bytes]:
        head = [
            f"{method} {self._prefix}{target} HTTP/1.1",
            f"Host: {self._authority}",
            "User-Agent: arb",
            "Accept: application/json",
            "Accept-Encoding: gzip",
        ]
        if body:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        connection.writer.write("\r\n".join([*head, "", ""]).encode() + body)
        await connection.writer.drain()
        status, headers, answer = await _answer(connection.reader)
        if headers.get("connection", "").lower() != "close" and _is_framed(headers):
            self._connection = connection
        return status, answer


class _Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def close(self) -> None:
        """Nothing is on its way that anybody waits for."""
        self.writer.transport.abort()


def _is_framed(headers: Mapping[str, str]) -> bool:
    return "content-length" in headers or "transfer-encoding" in headers


async def _answer(reader: asyncio.StreamReader) -> tuple[int, Mapping[str, str], bytes]:
    """Status, headers (their names in lower case) and body. Raises one of ``_BROKEN``."""
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise ValueError(f"no HTTP answer: {lines[0][:80]!r}")
    headers = {
        name.strip().lower(): value.strip()
        for name, colon, value in (line.partition(":") for line in lines[1:])
        if colon
    }
    body = await _body(reader, headers)
    if headers.get("content-encoding", "").lower() == "gzip":
        body = _unpacked(body)
    return int(rest[:3]), headers, body


async def _body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunks(reader)
    length = headers.get("content-length")
    if length is None:
        return await _to_the_end(reader)
    if not length.isdigit() or int(length) > MAX_BODY:
        raise ValueError(f"an answer of {length[:20]} bytes, the limit is {MAX_BODY}")
    return await reader.readexactly(int(length))


async def _to_the_end(reader: asyncio.StreamReader) -> bytes:
    body = b""
    while part := await reader.read(MAX_HEAD):
        body += part
        if len(body) > MAX_BODY:
            raise ValueError(f"an answer of more than {MAX_BODY} bytes")
    return body


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    total = 0
    while True:
        size = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        total += size
        if size < 0 or total > MAX_BODY:
            raise ValueError(f"an answer of more than {MAX_BODY} bytes")
        if not size:
            break
        parts.append(await reader.readexactly(size))
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass
    return b"".join(parts)


def _unpacked(body: bytes) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    whole = stream.decompress(body, MAX_BODY)
    if not stream.eof:
        raise ValueError(f"an answer that is cut off, or of more than {MAX_BODY} bytes")
    return whole
