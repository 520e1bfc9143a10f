"""Figure: from a leg handed to Kalshi's port to the bytes of its POST written, beside the bare signature.

The port is the real one with its connections, on uvloop; the server is a loopback of a few lines in the same process.
What is timed is `place`, which returns when the bytes are written; then the same from the `execute_leg` frame on,
through a whole trader with its journal (`kalshi_trader.py`).
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from random import Random
from time import perf_counter_ns
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from bench.figure import Figure, Row, percentile, row
from bench.kalshi_trader import legs
from bench.sizes import Sizes
from cli.processes import loop_factory
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, Action, LegId, Side
from protocol.units import Price, Quantity
from transport.feeds.port import WallClock
from transport.kalshi.order_wire import OrderWire
from transport.kalshi.port import KalshiPort, PortPolicy
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import KalshiRest
from venues.kalshi.grid import CENTS, MarketRules
from venues.kalshi.hosts import Hosts
from venues.kalshi.keys import SigningKey, read_key
from venues.kalshi.orders import CREATE
from venues.kalshi.signing import Credentials, signed_text

AIM: Final = 5.0
"""Times the bare Ed25519 signature, at the median."""

_TICKER: Final = "KXBENCH-26-T1"
_BODY: Final = b'{"order_id":"o","fill_count":"0.00","remaining_count":"0.00","ts_ms":1795300000000}'
_ANSWER: Final = b"HTTP/1.1 201 Created\r\nContent-Length: %d\r\n\r\n" % len(_BODY) + _BODY
_PRIVATE: Final = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def measure(sizes: Sizes) -> Figure:
    """Both kinds of key in turn, round after round."""
    keys = {
        "Ed25519": read_key(Ed25519PrivateKey.generate().private_bytes(*_PRIVATE)),
        "RSA-2048": read_key(generate_private_key(65_537, 2_048).private_bytes(*_PRIVATE)),
    }
    signed: dict[str, list[list[int]]] = {name: [] for name in keys}
    placed: dict[str, list[list[int]]] = {name: [] for name in keys}
    whole: dict[str, list[list[int]]] = {name: [] for name in keys}
    for _ in range(sizes.rounds):
        for name, key in keys.items():
            signed[name].append(_signatures(key, sizes.ticks))
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                placed[name].append(runner.run(_orders(key, sizes.warm_up, sizes.ticks)))
            with asyncio.Runner(loop_factory=loop_factory()) as runner:
                whole[name].append(runner.run(_whole(key, sizes.warm_up, sizes.ticks)))
    rows: list[Row] = []
    for name in keys:
        rows += _percentiles(f"{name}: the bare signature (floor)", signed[name])
        rows += _percentiles(f"{name}: leg handed over, to the bytes of its POST written", placed[name])
        pairs = zip(placed[name], signed[name], strict=True)
        ratios = [percentile(one, 0.5) / percentile(floor, 0.5) for one, floor in pairs]
        rows.append(row(f"{name}: leg to wire / signature: p50", "x", ratios))
    for name in keys:
        rows += _percentiles(f"{name}: execute_leg received, to the bytes of its POST written", whole[name])
    reached = rows[4].spread.middle <= AIM
    aim = f"leg to wire at most {AIM:g} times the bare Ed25519 signature, p50"
    return Figure(name="kalshi_order", aim=aim, reached=reached, rows=tuple(rows), conditions={"orders": sizes.ticks})


def _percentiles(what: str, rounds: list[list[int]]) -> list[Row]:
    return [
        row(f"{what}: {name}", "us", [percentile(samples, share) / 1_000 for samples in rounds])
        for name, share in (("p50", 0.5), ("p99", 0.99))
    ]


def _signatures(key: SigningKey, count: int) -> list[int]:
    samples = []
    for number in range(count):
        text = signed_text(1_795_300_000_000 + number, "POST", CREATE)
        began = perf_counter_ns()
        key.sign(text)
        samples.append(perf_counter_ns() - began)
    return samples


@asynccontextmanager
async def _connected(key: SigningKey) -> AsyncIterator[KalshiPort]:
    """A port, connected and never told that it has begun: what is learnt at a start is no part of this."""
    server = await asyncio.start_server(_serve, "127.0.0.1", 0)
    hosts = Hosts(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", "")
    clock, credentials = WallClock(), Credentials("bench", key)
    rest = KalshiRest(hosts, credentials, clock, rng=Random(1))
    wire = OrderWire(hosts, credentials, clock, rng=Random(1), offset=rest.offset)
    port = KalshiPort(wire, KalshiReads(rest), clock, policy=PortPolicy(learn_s=0))
    port.markets.take(MarketRules(_TICKER, CENTS, shard=0))
    await wire.start(5)
    try:
        yield port
    finally:
        await port.close()
        server.close()
        await server.wait_closed()


async def _orders(key: SigningKey, warm_up: int, count: int) -> list[int]:
    async with _connected(key) as port:
        gc.collect()
        return [await _order(port, number) for number in range(-warm_up, count)][warm_up:]


async def _whole(key: SigningKey, warm_up: int, count: int) -> list[int]:
    async with _connected(key) as port:
        return await legs(port, _TICKER, warm_up, count)


async def _order(port: KalshiPort, number: int) -> int:
    leg = Leg(
        leg_id=LegId(f"bench-{number + 1_000_000}"),
        trade_id=None,
        pair_id=None,
        market_id=0,
        platform=KALSHI,
        market=_TICKER,
        action=Action.BUY,
        side=Side.YES,
        limit=Price(4_700),
        quantity=Quantity(600),
        expires_at_ms=2**48,
    )
    told: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    port._writes.resize(10**9)  # noqa: SLF001 -- the account's rate is not what is measured
    began = perf_counter_ns()
    port.place(leg, told.set_result, blind=False)
    took = perf_counter_ns() - began
    outcome = await told
    if outcome.order_id is None:
        raise RuntimeError(f"no order: {outcome.error}")
    return took


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await reader.readline():
        length = 0
        while (line := await reader.readline()) not in {b"\r\n", b""}:
            name, _, value = line.partition(b":")
            length = int(value) if name.lower() == b"content-length" else length
        await reader.readexactly(length)
        writer.write(_ANSWER)
    writer.close()
