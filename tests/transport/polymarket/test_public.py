"""The public reads: an HTTP client of our own against servers that keep to the standard, and some that do not."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Awaitable, Callable
from random import Random

import pytest

from tests.transport.feed_clock import JumpingClock
from transport.polymarket import http
from transport.polymarket.http import HttpPolicy, PublicHttp, ReadFailed
from transport.polymarket.public import PublicReads
from venues.polymarket.hosts import PolymarketHosts

HASTY = HttpPolicy(timeout_s=0.3, retry_base_s=0.001)
JSON = "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n"


def plain(body: bytes, status: int = 200, more: str = "") -> bytes:
    return (JSON.format(status=status) + f"{more}Content-Length: {len(body)}\r\n\r\n").encode() + body


def chunked(*parts: bytes) -> bytes:
    body = b"".join(f"{len(part):x};x=1\r\n".encode() + part + b"\r\n" for part in parts)
    return (JSON.format(status=200) + "Transfer-Encoding: chunked\r\n\r\n").encode() + body + b"0\r\nTrailer: x\r\n\r\n"


class Server:
    """Answers request after request with what it was given; None hangs up."""

    def __init__(self, *answers: bytes | None) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, bytes]] = []
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                length = next((line[16:] for line in head.split("\r\n") if line.startswith("Content-Length: ")), "0")
                self.requests.append((head.partition("\r\n")[0], await reader.readexactly(int(length))))
                answer = self.answers.pop(0)
                if answer is None:
                    return
                writer.write(answer)
                if not answer or (b"Content-Length" not in answer and b"chunked" not in answer):
                    await writer.drain()
                    return
        except asyncio.IncompleteReadError:
            return
        finally:
            writer.close()


def run(server: Server, ask: Callable[[PublicHttp], Awaitable[object]], policy: HttpPolicy = HASTY) -> object:
    async def main() -> object:
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            client = PublicHttp(f"http://127.0.0.1:{port}/gamma", JumpingClock(), rng=Random(1), policy=policy)
            try:
                return await ask(client)
            finally:
                await client.close()

    return asyncio.run(main())


@pytest.mark.parametrize(
    "answer",
    [
        plain(b"[1]"),
        plain(gzip.compress(b"[1]"), more="Content-Encoding: gzip\r\n"),
        chunked(b"[", b"1]"),
        (JSON.format(status=200) + "\r\n").encode() + b"[1]",
    ],
    ids=["length", "gzip", "chunked", "to the end"],
)
def test_every_way_to_frame_an_answer_is_read(answer: bytes) -> None:
    server = Server(answer)
    assert run(server, lambda client: client.get("/x", [("a", "1"), ("a", "2 3")])) == b"[1]"
    assert server.requests == [("GET /gamma/x?a=1&a=2+3 HTTP/1.1", b"")]


def test_one_connection_carries_one_request_after_the_other() -> None:
    server = Server(plain(b"1"), plain(b"2"), plain(b"3", more="Connection: close\r\n"), plain(b"4"))

    async def ask(client: PublicHttp) -> list[bytes]:
        return list(await asyncio.gather(*(client.post("/books", b"[]") for _ in range(4))))

    assert run(server, ask) == [b"1", b"2", b"3", b"4"]
    assert server.connections == 2
    assert server.requests[0] == ("POST /gamma/books HTTP/1.1", b"[]")


def test_a_connection_that_was_closed_meanwhile_is_opened_again() -> None:
    server = Server(plain(b"1"), None, plain(b"2"))

    async def ask(client: PublicHttp) -> list[bytes]:
        return [await client.get("/a"), await client.get("/b")]

    assert run(server, ask) == [b"1", b"2"]


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_be_better_next_time_is_asked_again(status: int) -> None:
    assert run(Server(plain(b"no", status), plain(b"yes")), lambda client: client.get("/x")) == b"yes"


def test_a_refusal_is_final_and_says_what_the_venue_said() -> None:
    server = Server(plain(b'{"error":"no"}', 404))
    with pytest.raises(ReadFailed, match=r'polymarket answered 404 to GET /x: \{"error":"no"\}') as failed:
        run(server, lambda client: client.get("/x"))
    assert failed.value.status == 404
    assert len(server.requests) == 1


GARBAGE = [
    b"SSH-2.0 hello\r\n\r\n",
    b"HTTP/1.1 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffff\r\n",
    plain(b"no gzip", more="Content-Encoding: gzip\r\n"),
    plain(gzip.compress(b"x" * 1_000)[:-5], more="Content-Encoding: gzip\r\n"),
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
]


@pytest.mark.parametrize("answer", GARBAGE, ids=range(len(GARBAGE)))
def test_what_is_no_answer_is_said_and_not_believed(answer: bytes) -> None:
    with pytest.raises(ReadFailed, match="GET /x"):
        run(Server(*[answer] * 6), lambda client: client.get("/x"))


def test_more_than_can_be_kept_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_BODY", 1_000)
    bomb = plain(gzip.compress(b"x" * 2_000), more="Content-Encoding: gzip\r\n")
    endless = (JSON.format(status=200) + "\r\n").encode() + b"x" * 2_000
    for answer in (bomb, endless, chunked(b"x" * 600, b"x" * 600), plain(b"x" * 1_001)):
        with pytest.raises(ReadFailed, match="1000"):
            run(Server(*[answer] * 6), lambda client: client.get("/x"))


def test_who_does_not_answer_is_given_up() -> None:
    with pytest.raises(ReadFailed, match="TimeoutError"):
        run(Server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhal"), lambda client: client.get("/x"), _once(0.05))


def _once(timeout_s: float) -> HttpPolicy:
    return HttpPolicy(timeout_s=timeout_s, attempts=1)


def test_nobody_there_is_said() -> None:
    async def main() -> None:
        client = PublicHttp("http://127.0.0.1:9", JumpingClock(), rng=Random(1), policy=HASTY)
        with pytest.raises(ReadFailed, match="GET /time"):
            await client.get("/time")
        await client.close()

    asyncio.run(main())


def test_requests_are_kept_apart() -> None:
    clock = JumpingClock()

    async def main() -> None:
        server = Server(*[plain(b"1")] * 3)
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            client = PublicHttp(f"http://127.0.0.1:{port}", clock, rng=Random(1))
            for _ in range(3):
                await client.get("/x")
            await client.close()

    asyncio.run(main())
    assert clock.sleeps == [50_000, 50_000]


def reads(answer: bytes, ask: Callable[[PublicReads], Awaitable[object]]) -> object:
    async def main() -> object:
        server = Server(*[answer] * 4)
        async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            asking = PublicReads(PolymarketHosts.on_loopback(port), JumpingClock(), rng=Random(1), policy=HASTY)
            try:
                return await ask(asking)
            finally:
                await asking.close()

    return asyncio.run(main())


def test_books_are_told_apart_by_their_token_and_nonsense_is_left_out() -> None:
    level = [{"price": "0.45", "size": "10"}]
    books = [
        {"asset_id": "52", "market": "0xc", "timestamp": "7", "bids": level, "asks": []},
        {"asset_id": "71", "timestamp": 8, "bids": [], "asks": level},
        {"asset_id": "9", "bids": [{"price": "2", "size": "10"}], "asks": []},
    ]
    found = reads(plain(json.dumps(books).encode()), lambda asking: asking.books(["71", "52", "9"]))
    assert isinstance(found, dict)
    assert {token: reply.ms for token, reply in found.items()} == {"52": 7, "71": 8}
    assert found["52"].book.bids == ((4_500, 1_000),)


@pytest.mark.parametrize("body", [b"{}", b"no", b"[1]"])
def test_what_is_no_list_of_books_is_no_answer(body: bytes) -> None:
    with pytest.raises(ReadFailed, match="no list of books"):
        reads(plain(body), lambda asking: asking.books(["71"]))


def test_the_clock_and_what_is_not_there() -> None:
    assert reads(plain(b'"1795300000"\n'), lambda asking: asking.time_s()) == 1_795_300_000
    with pytest.raises(ReadFailed, match="no time"):
        reads(plain(b"soon"), lambda asking: asking.time_s())
    assert reads(plain(b"{}", 404), lambda asking: asking.market("0xc")) is None
    assert reads(plain(b"{}", 404), lambda asking: asking.condition("71")) is None
    with pytest.raises(ReadFailed, match="answered 401"):
        reads(plain(b"{}", 401), lambda asking: asking.market("0xc"))
    for ask in (PublicReads.market, PublicReads.condition):
        with pytest.raises(ReadFailed, match="no market"):
            reads(plain(b"[]"), lambda asking, ask=ask: ask(asking, "x"))  # type: ignore[misc]
    with pytest.raises(ReadFailed, match="no page of markets"):
        reads(plain(b"7"), lambda asking: asking.rows(["71"]))
