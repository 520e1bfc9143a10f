"""Each fault of the loopback Kalshi, under live traders: its own books equal the ledger after each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any, Final

import pytest

from tests.e2e.kalshi_stage import TICKER, World, staged
from venues.kalshi.exchange.faults import NAMES
from venues.kalshi.orders import CREATE

POST: Final[dict[str, Any]] = {"method": "POST", "path": CREATE}

ORDERS: Final[dict[str, dict[str, Any]]] = {
    "delay": {**POST, "ms": 300},
    "late_reply": {**POST, "ms": 1_500},
    "error_before": POST,
    "error_after": POST,
    "drop_before": POST,
    "drop_after": POST,
    "garbled_reply": POST,
    "rate_limited": POST,
    "spent_id": {},
    "insufficient_balance": {},
    "unfunded_shard": {},
    "timestamp_expired": POST,
}
"""What strikes one order: it is made all the same, or proven not to be there."""

READS: Final[dict[str, dict[str, Any]]] = {
    "short_page": {"method": "GET", "path": "/portfolio/fills"},
    "lost_cursor": {"method": "GET", "path": "/portfolio/orders", "times": 3},
    "lag": {"ms": 1_200},
}
"""What strikes the reads by which an order without an answer is proven."""

SOCKET: Final = ("gap", "duplicate", "garbled_frame", "silent", "channel_error", "buffer_overflow", "socket_drop")
"""What strikes a frame of the books."""

HANDSHAKE: Final = ("refused_handshake", "no_pings", "slow_command")
"""What strikes a connection, which is therefore lost first."""

STATES: Final[dict[str, dict[str, Any]]] = {
    "clock_offset": {"ms": 60_000},
    "maintenance": {},
    "trading_paused": {},
    "market_paused": {"ticker": TICKER},
}
"""What lasts until it is mended."""

SLOW: Final = {"error_before", "drop_before", "spent_id", "maintenance", "lag", "trading_paused", "market_paused"}
"""Seconds each, for "no such order" is said twice, a second apart; the other twenty-two are in every run."""


def faults(names: Iterable[str]) -> list[Any]:
    return [pytest.param(name, marks=[pytest.mark.hunt] if name in SLOW else []) for name in names]


def played(folder: Path, strike: Callable[[World], Awaitable[None]]) -> None:
    """Trade, be struck, trade again; the books agree each time."""

    async def play() -> None:
        async with staged(folder) as world:
            await world.trade()
            world.agree()
            await strike(world)
            world.agree()
            world.mend()
            await world.trade()
            world.agree()

    asyncio.run(play())


@pytest.mark.parametrize("name", faults(ORDERS))
def test_an_order_survives(tmp_path: Path, name: str) -> None:
    async def strike(world: World) -> None:
        world.strike(name, **ORDERS[name])
        await world.trade()
        assert world.struck(name)

    played(tmp_path, strike)


@pytest.mark.parametrize("name", faults(READS))
def test_a_question_survives(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    # A list of two has a second page, too, the cursor of which can be lost.
    monkeypatch.setattr("transport.kalshi.rest.PAGE", 1)

    async def strike(world: World) -> None:
        world.strike(name, **READS[name])
        world.strike("drop_after", **POST)
        await world.trade()
        assert world.struck("drop_after")
        assert name == "lag" or world.struck(name) == READS[name].get("times", 1)

    played(tmp_path, strike)


@pytest.mark.parametrize("name", faults(SOCKET))
def test_the_books_survive(tmp_path: Path, name: str) -> None:
    async def strike(world: World) -> None:
        world.strike(name, channel="orderbook_delta", times=-1 if name == "silent" else 1)
        world.move("777")
        assert world.struck(name)
        if name == "silent":
            await world.until(lambda: world.feed.feed.connections > 1, "the silence is noticed")
            world.mend()
        await world.trade()

    played(tmp_path, strike)


@pytest.mark.parametrize("name", faults(HANDSHAKE))
def test_a_new_connection_survives(tmp_path: Path, name: str) -> None:
    async def strike(world: World) -> None:
        world.strike(name)
        world.server.drop_sockets()
        await world.until(lambda: not world.ready, "the books are lost")
        await world.trade()

    played(tmp_path, strike)


@pytest.mark.parametrize("name", faults(STATES))
def test_the_exchange_may_stop(tmp_path: Path, name: str) -> None:
    async def strike(world: World) -> None:
        world.strike(name, **STATES[name])
        before = len(world.trades())
        await world.offers(5)
        world.mend()
        await world.until(lambda: len(world.trades()) == before or world.settled(before + 1), "it is settled")
        world.agree()

    played(tmp_path, strike)


def test_every_fault_of_the_exchange_is_in_one_of_the_lists() -> None:
    assert {*ORDERS, *READS, *SOCKET, *HANDSHAKE, *STATES} == NAMES
