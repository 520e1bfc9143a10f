"""The faults of both loopback exchanges, by name and at random, under live traders: the books equal the ledger."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import pytest

from protocol.terms import KALSHI, POLYMARKET, Platform
from tests.e2e import test_kalshi_faults as kalshi
from tests.e2e.both_stage import SLUG, BothWorld, both_staged
from venues.kalshi.exchange.faults import NAMES as KALSHI_NAMES
from venues.kalshi.exchange.faults import STATES as KALSHI_STATES
from venues.polymarket.exchange.faults import FRAME_FAULTS, NAMES, ORDER_FAULTS
from venues.polymarket.exchange.faults import STATES as POLYMARKET_STATES

Fields = dict[str, Any]

POST: Final[Fields] = {"method": "POST", "path": "/order"}

WALLET: Final = ("maker_not_allowed", "deposit_wallets_only")
"""What a person must mend: the trader stops for good, and is started again."""

REQUESTS: Final[dict[str, Fields]] = {
    "delay": {**POST, "ms": 300},
    "late_reply": {**POST, "ms": 1_500},
    "error_before": POST,
    "error_after": POST,
    "drop_before": POST,
    "drop_after": POST,
    "garbled_reply": POST,
    "rate_limited": POST,
    "restarting": POST,
    "unauthorized": POST,
}

ORDERS: Final[dict[str, Fields]] = {
    **{name: {} for name in ORDER_FAULTS if name not in WALLET},
    "delayed": {"ms": 400},
    "live_then_filled": {"ms": 400},
    "over_fill": {"ticks": 4},
}

READS: Final[dict[str, Fields]] = {
    "null_lookup": {"times": 3},
    "empty_page": {"method": "GET", "path": "/data/trades", "times": 2},
}

FRAMES: Final[dict[str, Fields]] = {
    name: {"channel": "market", "times": -1 if name == "silent" else 2} for name in FRAME_FAULTS
}

SOCKETS: Final[dict[str, Fields]] = {"refused_handshake": {}, "no_pongs": {"times": 2}}

STATES: Final[dict[str, Fields]] = {
    "clock_offset": {"ms": 60_000},
    "cancel_only": {},
    "post_only": {},
    "market_paused": {"market": SLUG},
    "unsettled": {},
}

POLYMARKETS: Final[dict[str, Fields]] = {
    **REQUESTS,
    **ORDERS,
    **READS,
    **FRAMES,
    **SOCKETS,
    **STATES,
    **{name: {} for name in WALLET},
}

KALSHIS: Final[dict[str, Fields]] = {
    **kalshi.ORDERS,
    **kalshi.READS,
    **{name: {"channel": "orderbook_delta", "times": -1 if name == "silent" else 1} for name in kalshi.SOCKET},
    **{name: {} for name in kalshi.HANDSHAKE},
    **kalshi.STATES,
}


class Struck(NamedTuple):
    """One fault of a schedule. ``more``: how it differs from the plain one."""

    platform: Platform
    name: str
    more: Mapping[str, Any] = MappingProxyType({})


EVERY: Final = (
    *(Struck(KALSHI, name) for name in sorted(KALSHIS)),
    *(Struck(POLYMARKET, name) for name in sorted(POLYMARKETS)),
)
OFFERS: Final = 6
MENDED: Final = 0.5
AGAIN: Final = 0.1
LOOK_US: Final = 1_000_000


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lists of a loopback exchange hold what was carried out: in life they are given ten seconds."""
    monkeypatch.setattr("transport.polymarket.lookup.STILL_US", 1_000_000)


def break_down(world: BothWorld, struck: Struck) -> None:
    if struck.platform == KALSHI:
        world.strike(struck.name, **{**KALSHIS[struck.name], **struck.more})
        if struck.name in kalshi.HANDSHAKE:
            world.server.drop_sockets()
        return
    world.strike_polymarket(struck.name, **{**POLYMARKETS[struck.name], **struck.more})
    if struck.name in READS:
        world.strike_polymarket("drop_after", **POST)
    if struck.name in SOCKETS:
        world.polymarket.drop_sockets()


async def at_rest(world: BothWorld, *, stopped: bool) -> None:
    """Nothing goes wrong any more; wait until nothing is open, trade once more, and compare everything."""
    world.mend()
    if stopped:
        await world.restart(1)
    await world.until(lambda: world.settled(0), "nothing is open")
    world.agree()
    await world.trade()
    world.agree()
    await world.compared()
    assert world.differences() == {}
    assert all(trade["yes"] == trade["no"] for trade in world.trades()), world.trades()


def drawn(rng: Random) -> Struck:
    """Any fault of either, a little later, more often, slower than the plain one."""
    platform, name, _ = rng.choice(EVERY)
    plain = (KALSHIS if platform == KALSHI else POLYMARKETS)[name]
    more: Fields = {}
    if name not in {*KALSHI_STATES, *POLYMARKET_STATES}:
        more["skip"] = rng.choice((0, 0, 0, 1, 2))
        if plain.get("times", 1) > 0:
            more["times"] = rng.choice((1, 1, 2, 3))
    if "ms" in plain and name != "clock_offset":
        more["ms"] = rng.randint(50, 1_500)
    return Struck(platform, name, more)


async def play(folder: Path, seed: int, rounds: int) -> Counter[str]:
    """Some faults a round, each of which may outlast it; now and then a trader starts again. What came of it."""
    rng, done = Random(seed), list[object]()
    try:
        async with both_staged(folder, reconcile_us=LOOK_US) as world:
            await world.trade()
            stopped = False
            for _ in range(rounds):
                for _ in range(rng.randint(1, 3)):
                    struck = drawn(rng)
                    break_down(world, struck)
                    done.append(struck)
                    stopped |= struck.name in WALLET
                await world.offers(OFFERS)
                if rng.random() < AGAIN:
                    done.append("a trader starts again")
                    await world.restart(rng.randint(0, 1))
                if rng.random() < MENDED:
                    done.append("mended")
                    world.mend()
                    if stopped:
                        await world.restart(1)
                        stopped = False
            await at_rest(world, stopped=stopped)
            return counted(world)
    except BaseException as error:
        error.add_note(f"seed {seed}: {done}")
        raise


def counted(world: BothWorld) -> Counter[str]:
    """What happened, to be added up."""
    found = Counter(trades=len(world.trades()), legs=len(world.legs()))
    found["posts"] = len(world.server.posted) + len(world.polymarket.posted)
    found["closing"] = sum(leg["purpose"] != "open" for leg in world.legs())
    found["reverted"] = sum("reverted" in (leg["error"] or "") for leg in world.legs())
    for platform, struck in ((KALSHI, world.server.service.faults), (POLYMARKET, world.polymarket.service.faults)):
        found["struck"] += sum(struck.struck.values())
        found.update({f"{platform}: {name}": times for name, times in struck.struck.items()})
    return found


def test_a_schedule_of_faults_of_both(tmp_path: Path) -> None:
    assert asyncio.run(play(tmp_path, seed=1, rounds=6))["trades"] > 1


@pytest.mark.hunt
@pytest.mark.parametrize("seed", range(100, 140))
def test_many_schedules_of_faults_of_both(tmp_path: Path, seed: int) -> None:
    assert asyncio.run(play(tmp_path, seed, rounds=15))["trades"] > 1


@pytest.mark.hunt
@pytest.mark.parametrize("name", sorted(POLYMARKETS))
def test_each_fault_of_polymarket(tmp_path: Path, name: str) -> None:
    async def one() -> None:
        async with both_staged(tmp_path, reconcile_us=LOOK_US) as world:
            await world.trade()
            break_down(world, Struck(POLYMARKET, name))
            await world.offers(OFFERS)
            await world.offers(OFFERS)
            assert name in STATES or name in SOCKETS or name == "deposit_wallets_only" or world.struck_polymarket(name)
            await at_rest(world, stopped=name in WALLET)

    asyncio.run(one())


def test_every_fault_of_both_is_in_a_list() -> None:
    assert set(POLYMARKETS) == NAMES
    assert set(KALSHIS) == KALSHI_NAMES
