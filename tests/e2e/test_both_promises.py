"""What Polymarket is known for, live on both loopback exchanges: each ends flat or flagged, and the books agree."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import pytest

from protocol.terms import KALSHI, POLYMARKET
from protocol.units import CENT, CONTRACT, Price, Quantity
from tests.e2e.both_stage import BothWorld, both_staged
from tests.e2e.kalshi_stage import TICKER

POST: Final[dict[str, Any]] = {"method": "POST", "path": "/order"}
LOOK_US: Final = 300_000
OFTEN: Final = 20
Leg = dict[str, Any]


def played(folder: Path, strike: Callable[[BothWorld], Awaitable[None]]) -> None:
    """Be struck, trade again; the books agree each time, and reconciliation finds nothing."""

    async def play() -> None:
        async with both_staged(folder, reconcile_us=LOOK_US) as world:
            await world.until(lambda: world.ready, "both ways and both books")
            await strike(world)
            world.mend()
            world.agree()
            await world.trade()
            world.agree()
            await world.compared()
            assert world.differences() == {}

    asyncio.run(play())


def legs_of(world: BothWorld, trade: dict[str, Any]) -> tuple[list[Leg], list[Leg]]:
    """Its legs at Kalshi and at Polymarket, in the order in which they were sent."""
    mine = [leg for leg in world.legs() if leg["trade_id"] == trade["trade_id"]]
    return tuple([leg for leg in mine if leg["platform"] == name] for name in (KALSHI, POLYMARKET))  # type: ignore[return-value]


def test_more_shares_than_were_asked_for_are_hedged_too(tmp_path: Path) -> None:
    async def strike(world: BothWorld) -> None:
        world.strike_polymarket("over_fill", ticks=4)
        await world.trade()
        first = world.trades()[0]
        kalshi, (bought,) = legs_of(world, first)
        assert bought["filled"] > bought["contracts"]
        assert [leg["action"] for leg in kalshi] == ["buy", "buy"]
        assert sum(Decimal(leg["filled"]) for leg in kalshi) == bought["filled"]
        assert first["state"] == "hedged"

    played(tmp_path, strike)


def test_a_fill_that_the_chain_takes_back_leaves_no_hedge(tmp_path: Path) -> None:
    async def strike(world: BothWorld) -> None:
        # It fails only when we say so: long after Kalshi has filled.
        world.strike_polymarket("unsettled")
        await world.offers(OFTEN)
        await world.until(lambda: world.trades()[0]["state"] == "hedged", "it is hedged, as far as anybody knows")
        exchange, now = world.polymarket.service.exchange, world.polymarket.now_us()
        (ghost,) = exchange.settlement.unfinished
        for status in ("RETRYING", "FAILED"):
            exchange.settlement.step(ghost, status, now)
        world.polymarket.flush()
        await world.until(lambda: world.trades()[0]["state"] == "flat" and world.settled(1), "the hedge is sold")
        (hedge, sale), (bought,) = legs_of(world, world.trades()[0])
        assert (bought["filled"], bought["cost_usd"], bought["fees_usd"]) == (0, 0, 0)
        assert "reverted by the chain" in bought["error"]
        assert hedge["filled"] == sale["filled"] > 0
        assert sale["action"] == "sell"

    played(tmp_path, strike)


@pytest.mark.parametrize("name", ["delayed", "live_then_filled"])
def test_an_order_that_is_delayed_and_then_filled(tmp_path: Path, name: str) -> None:
    async def strike(world: BothWorld) -> None:
        world.strike_polymarket(name, ms=300)
        await world.offers(OFTEN)
        await world.until(lambda: any(leg["status"] == "unknown" for leg in world.legs()), "nobody knows yet")
        await world.until(lambda: world.settled(1), "it is known")
        _, (bought,) = legs_of(world, world.trades()[0])
        assert bought["filled"] == bought["contracts"]
        assert world.trades()[0]["state"] == "hedged"

    played(tmp_path, strike)


@pytest.mark.parametrize(
    "name", ["drop_after", *(pytest.param(name, marks=pytest.mark.hunt) for name in ("error_after", "late_reply"))]
)
def test_an_order_whose_reply_is_lost(tmp_path: Path, name: str) -> None:
    async def strike(world: BothWorld) -> None:
        world.strike_polymarket(name, ms=1_500, **POST)
        await world.offers(OFTEN)
        await world.until(lambda: world.settled(1), "it is known")
        assert world.struck_polymarket(name) == 1
        _, (bought,) = legs_of(world, world.trades()[0])
        assert bought["filled"] == bought["contracts"]
        assert world.trades()[0]["state"] == "hedged"

    played(tmp_path, strike)


def test_an_order_that_filled_and_is_denied_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # So long its trades may be listed without all of them being there; ten seconds in life.
    monkeypatch.setattr("transport.polymarket.lookup.STILL_US", 500_000)

    async def strike(world: BothWorld) -> None:
        world.strike_polymarket("null_lookup", times=-1)
        world.strike_polymarket("drop_after", **POST)
        await world.offers(OFTEN)
        await world.until(lambda: world.settled(1), "it is known")
        assert world.struck_polymarket("null_lookup") > 1
        _, (bought,) = legs_of(world, world.trades()[0])
        assert bought["filled"] == bought["contracts"]
        assert world.trades()[0]["state"] == "hedged"

    played(tmp_path, strike)


def test_what_was_bought_is_sold_when_it_has_settled_and_not_below_the_first_attempt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def strike(world: BothWorld) -> None:
        world.strike("insufficient_balance", times=2)
        world.strike_polymarket("unsettled")
        await world.offers(OFTEN)
        # Kalshi has become so dear that the way out is a sale, of shares that are not there yet.
        exchange = world.server.service.exchange
        bids, asks = ([(Price(cents * CENT), Quantity(900 * CONTRACT))] for cents in (45, 90))
        exchange.set_book(exchange.markets[TICKER], bids, asks, world.server.now_us())
        world.server.flush()
        await world.until(lambda: sales(world), "a sale is refused")
        (refused,) = sales(world)
        assert "unsettled: polymarket refuses it (400): not enough balance" in refused["error"]
        await world.until(lambda: "stays open: what was bought has not settled yet" in caplog.text, "it is flagged")
        world.polymarket.service.mend("unsettled")
        await world.until(lambda: world.settled(1) and world.trades()[0]["state"] == "flat", "it is sold")
        _, (bought, *_, sold) = legs_of(world, world.trades()[0])
        assert (sold["filled"], sold["limit"]) == (bought["filled"], refused["limit"])

    played(tmp_path, strike)


def sales(world: BothWorld) -> list[Leg]:
    """Legs at Polymarket that sell, and of which something became."""
    return [leg for leg in world.legs() if (leg["platform"], leg["action"]) == (POLYMARKET, "sell") and leg["final"]]
