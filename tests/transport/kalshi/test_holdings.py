"""What the account holds, from a Kalshi on loopback: whole and of one moment, or a reason why not."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from random import Random

import msgspec
import pytest

from protocol.holdings import HeldContracts, Holdings
from protocol.leg import Leg
from protocol.terms import KALSHI, Action, LegId, Side, Status, TradeId
from protocol.units import Price, Quantity
from tests.transport.kalshi.test_port import REST, WIRE, Told
from tests.venues.kalshi.material import pem
from tests.venues.kalshi_exchange.kit import RAIN, SECOND, SNOW, Member, ed25519, new_service, serving
from transport.feeds.port import WallClock
from transport.kalshi.order_wire import OrderWire
from transport.kalshi.port import KalshiPort, PortPolicy
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import KalshiRest
from venues.kalshi.account import read_settlements
from venues.kalshi.exchange.changes import MarketChange, change_market
from venues.kalshi.exchange.faults import Fault
from venues.kalshi.exchange.service import KalshiService
from venues.kalshi.hosts import Hosts
from venues.kalshi.keys import read_key
from venues.kalshi.signing import Credentials
from venues.loopback.faults import FOREVER

POLICY = PortPolicy(timeout_s=0.25, settle_s=(0.1, 0.2, 0.3, 0.4, 0.5, 0.5))
"""Long enough for the doubt about a clock that is read off a Date header."""

HOUR_US = 3_600 * SECOND
Test = Callable[[KalshiService, KalshiPort], Awaitable[None]]


def run(test: Test, service: KalshiService | None = None) -> None:
    """The port of ann, at an exchange of its own."""
    world = service or new_service()

    async def main() -> None:
        async with serving(world) as server:
            clock, origin = WallClock(), f"http://127.0.0.1:{server.port}"
            hosts, ann = Hosts(origin, ""), Credentials("ed", read_key(pem(ed25519())))
            rest = KalshiRest(hosts, ann, clock, rng=Random(1), policy=REST)
            wire = OrderWire(hosts, ann, clock, rng=Random(2), policy=WIRE, offset=rest.offset)
            port = KalshiPort(wire, KalshiReads(rest), clock, policy=POLICY, markets=[RAIN])
            try:
                await port.start()
                await test(world, port)
            finally:
                await port.close()

    asyncio.run(main())


async def asked(port: KalshiPort) -> tuple[Holdings | None, str | None]:
    told: asyncio.Future[tuple[Holdings | None, str | None]] = asyncio.get_running_loop().create_future()
    port.holdings(WallClock().unix_us() - HOUR_US, lambda held, why: told.set_result((held, why)))
    return await asyncio.wait_for(told, 20)


async def begun(port: KalshiPort) -> None:
    """The market is learnt anew, which takes longer than to begin a question."""
    await port.markets.prefetch([SNOW])


async def held(port: KalshiPort) -> Holdings:
    found, why = await asked(port)
    assert found is not None, why
    return found


def by_hand(service: KalshiService, **changes: object) -> dict[str, object]:
    """An order of ann's own, with another client."""
    return Member(service, "ann", now_us=WallClock().unix_us()).order(**changes)


def offer(service: KalshiService, ticker: str = RAIN, price: str = "0.4700", count: str = "50.00") -> None:
    """Bob offers YES."""
    bob = Member(service, "bob", now_us=WallClock().unix_us())
    bob.order(ticker=ticker, side="ask", price=price, count=count, time_in_force="good_till_canceled")


def our_leg(number: int, contracts: int = 3) -> Leg:
    return Leg(
        leg_id=LegId(f"arb-{number}"),
        trade_id=TradeId("t"),
        pair_id=None,
        market_id=0,
        platform=KALSHI,
        market=RAIN,
        action=Action.BUY,
        side=Side.YES,
        limit=Price(4_700),
        quantity=Quantity(contracts * 100),
    )


async def place(port: KalshiPort, number: int) -> None:
    told = Told()
    port.place(our_leg(number), told, blind=False)
    assert (await told.next()).status is Status.FILLED


def test_what_we_bought_and_what_was_ordered_by_hand_are_both_there() -> None:
    async def test(service: KalshiService, port: KalshiPort) -> None:
        offer(service)
        await place(port, 1)
        by_hand(service, client_order_id="by-hand", count="2.00", price="0.4700")
        by_hand(service, ticker=SNOW, client_order_id="rests", count="5.00", price="0.0100",
                time_in_force="good_till_canceled")  # fmt: skip
        found = await held(port)
        assert found.positions == (HeldContracts(RAIN, Side.YES, Quantity(500)),)
        orders = {order.client_id: (order.market, order.filled, order.left) for order in found.orders}
        assert orders == {"arb-1": (RAIN, 300, 0), "by-hand": (RAIN, 200, 0), "rests": (SNOW, 0, 500)}
        assert found.nets
        assert [shard for shard, _ in found.accounts] == ["0", "3"]

    run(test)


def test_reads_that_lag_behind_our_order_are_not_compared() -> None:
    async def test(service: KalshiService, port: KalshiPort) -> None:
        offer(service)
        assert (await held(port)).positions == ()
        service.set_lag(30 * SECOND)
        await place(port, 1)
        assert await asked(port) == (None, "kalshi's reads lag behind its orders")
        service.set_lag(0)
        assert len((await held(port)).positions) == 1

    run(test)


def test_the_market_of_an_order_that_left_meanwhile_is_named() -> None:
    async def test(service: KalshiService, port: KalshiPort) -> None:
        offer(service)
        service.break_down(Fault(name="delay", ms=100, path="/portfolio/balance"), WallClock().unix_us())
        asking = asyncio.create_task(asked(port))
        await begun(port)
        await place(port, 1)
        found, why = await asking
        assert found is not None, why
        assert found.moving == (RAIN,)
        again = await held(port)
        assert (again.moving, again.positions) == ((), (HeldContracts(RAIN, Side.YES, Quantity(300)),))

    run(test)


@pytest.mark.parametrize(
    "path", ["/portfolio/orders", "/portfolio/fills", "/portfolio/positions", "/portfolio/balance"]
)
def test_a_list_that_is_incomplete_is_no_answer(path: str) -> None:
    async def test(service: KalshiService, port: KalshiPort) -> None:
        service.break_down(Fault(name="error_before", times=FOREVER, path=path), WallClock().unix_us())
        found, why = await asked(port)
        assert found is None
        assert path in str(why) or "503" in str(why)

    run(test)


def test_a_page_that_is_cut_short_without_a_word_is_noticed() -> None:
    async def test(service: KalshiService, port: KalshiPort) -> None:
        for ticker in (RAIN, SNOW):
            offer(service, ticker, "0.5500")
            by_hand(service, ticker=ticker, client_order_id=f"mine-{ticker}", count="2.00", price="0.5500")
        assert len((await held(port)).positions) == 2
        service.break_down(Fault(name="short_page", path="/portfolio/positions"), WallClock().unix_us())
        assert await asked(port) == (None, "the account moved while it was read")

    run(test)


def test_an_order_whose_fills_are_listed_and_which_is_not_is_asked_for() -> None:
    async def test(service: KalshiService, port: KalshiPort) -> None:
        offer(service)
        by_hand(service, client_order_id="by-hand", count="2.00", price="0.4700")
        found, why = await asked(port)
        assert found is not None, why
        port._begun_us = 0
        service.set_lag(60 * SECOND, "orders")
        assert [(order.client_id, order.filled) for order in (await held(port)).orders] == [("by-hand", 200)]

    run(test)


def test_a_market_that_was_paid_out_is_told_with_what_was_held_and_what_it_was_worth() -> None:
    async def test(service: KalshiService, port: KalshiPort) -> None:
        by_hand(service, count="6", exchange_index=None)
        by_hand(service, ticker=SNOW, price="0.061", count="2")
        ends = (
            MarketChange(ticker=RAIN, status="finalized", result="yes"),
            MarketChange(ticker=SNOW, status="finalized", result="no"),
        )
        for end in ends:
            change_market(service.exchange, service.exchange.markets[end.ticker], end, WallClock().unix_us())
        found = await held(port)
        assert found.positions == ()
        assert {(one.market, one.yes, one.no, one.value) for one in found.settled} == {
            (RAIN, 600, 0, 10_000),
            (SNOW, 200, 0, 0),
        }

    run(test)


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({}, 10_000),
        ({"market_result": "no", "revenue": 50}, 0),
        ({"market_result": "scalar", "value": 25, "revenue": 188}, None),
        ({"market_result": "scalar", "value": 25, "revenue": 187}, 2_500),
        ({"revenue": 599}, None),
        ({"market_result": "void"}, None),
    ],
)
def test_a_settlement_whose_numbers_do_not_agree_is_none(changes: dict[str, object], value: int | None) -> None:
    plain = {"ticker": "T", "market_result": "yes", "yes_count_fp": "6.00", "no_count_fp": "0.50", "revenue": 600}
    body = {"settlements": [plain | {"settled_time": "2026-11-22T20:00:00Z"} | changes]}
    (found,), _ = read_settlements(msgspec.json.encode(body))
    assert (None if found.settled is None else found.settled.value) == value
