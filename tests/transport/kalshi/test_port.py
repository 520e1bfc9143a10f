"""The port as the trader sees it: each answer as what it proves, each order once, and a no only when it is one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, Action, Status
from tests.transport.kalshi.server import Act, Drop, Hang, Reply, Request, Server, says, serving
from tests.venues.kalshi.material import KEY_ID, TICKER, credentials, leg
from tests.venues.kalshi.test_account import FILL, ORDER
from tests.venues.kalshi.test_replies import CREATED, error
from transport.feeds.port import WallClock
from transport.kalshi.order_wire import OrderWire, WirePolicy
from transport.kalshi.port import KalshiPort, KeyRefusedByVenue, PortPolicy
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import KalshiRest
from transport.venue_rest import RestPolicy
from venues.kalshi.grid import CENTS, MarketRules
from venues.kalshi.hosts import API
from venues.kalshi.orders import CREATE

POLICY = PortPolicy(timeout_s=0.25, settle_s=(0.01, 0.01, 0.01, 0.02), clock_again_s=0.02)
WIRE = WirePolicy(timeout_s=0.25, spare=2, most=4, retry_base_s=0.01)
REST = RestPolicy(timeout_s=0.25, attempts=2, retry_base_s=0.001, budget_s=2)
LIMITS = {
    "usage_tier": "basic",
    "read": {"refill_rate": 100_000, "bucket_capacity": 100_000},
    "write": {"refill_rate": 1_000, "bucket_capacity": 1_000},
    "grants": [],
}
MARKET = {
    "ticker": TICKER,
    "status": "active",
    "exchange_index": 3,
    "price_ranges": [{"start": "0.00", "end": "1.00", "step": "0.01"}],
}


def ahead(seconds: float) -> str:
    return (datetime.fromtimestamp(WallClock().unix_us() / 1e6, UTC) + timedelta(seconds=seconds)).isoformat()


@dataclass
class Kalshi:
    """What the server says; a test changes what it is about. Paths that a test forgot are a 404."""

    post: Act = field(default_factory=lambda: says(CREATED, 201))
    orders: list[dict[str, Any]] = field(default_factory=list)
    archive: list[dict[str, Any]] = field(default_factory=list)
    old_fills: list[dict[str, Any]] = field(default_factory=list)
    unlisted: dict[str, dict[str, Any]] = field(default_factory=dict)
    fills: list[dict[str, Any]] = field(default_factory=list)
    positions: list[dict[str, Any]] = field(default_factory=list)
    as_of: float = 3_600
    limits: Act = field(default_factory=lambda: says(LIMITS))
    balance: dict[str, Any] = field(default_factory=lambda: {"balance": 0, "balance_dollars": "5.00"})
    broken: str | None = None

    def __call__(self, request: Request) -> Act:
        if self.broken is not None and self.broken in request.path:
            return Reply(500, b"{}")
        if request.method == "POST":
            return self.post
        path, wanted = request.path.removeprefix(API), request.query.get("order_id")
        unlisted = self.unlisted.get(path.removeprefix("/portfolio/orders/"))
        known: dict[str, Act] = {
            "/account/limits": self.limits,
            "/exchange/user_data_timestamp": says({"as_of_time": ahead(self.as_of)}),
            "/portfolio/orders": says({"orders": self.orders, "cursor": ""}),
            "/historical/orders": says({"orders": self.archive, "cursor": ""}),
            "/historical/fills": says({"fills": self.old_fills, "cursor": ""}),
            "/historical/cutoff": says({"orders_updated_ts": ahead(-30 * 86_400)}),
            "/portfolio/positions": says({"market_positions": self.positions, "event_positions": []}),
            "/portfolio/fills": says({"fills": [one for one in self.fills if wanted in {None, one["order_id"]}]}),
            "/portfolio/balance": says(self.balance),
            "/markets": says({"markets": [MARKET], "cursor": ""}),
        }
        if path in known:
            return known[path]
        if path.startswith("/markets/"):
            return says({"market": MARKET})
        return says({"order": unlisted}) if unlisted else says({"error": {"code": "not_found"}}, 404)


Test = Callable[[Server, KalshiPort], Awaitable[None]]


def run(kalshi: Kalshi, test: Test, said: list[str] | None = None, policy: PortPolicy = POLICY) -> None:
    async def main() -> None:
        async with serving(kalshi) as server:
            clock, lines = WallClock(), said if said is not None else []

            def report(line: str) -> None:
                lines.append(line)
                server.heard.set()

            rest = KalshiRest(server.hosts, credentials(), clock, rng=Random(1), policy=REST)
            wire = OrderWire(
                server.hosts, credentials(), clock, rng=Random(2), policy=WIRE, offset=rest.offset, report=report
            )
            port = KalshiPort(wire, KalshiReads(rest), clock, policy=policy, markets=[TICKER], report=report)
            try:
                await port.start()
                await test(server, port)
            finally:
                await port.close()

    asyncio.run(main())


class Told:
    """Every outcome that the port reported, and a way to wait for the next."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome] = []
        self._queue: asyncio.Queue[Outcome] = asyncio.Queue()

    def __call__(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)
        self._queue.put_nowait(outcome)

    async def next(self) -> Outcome:
        return await asyncio.wait_for(self._queue.get(), 5)


async def placed(port: KalshiPort, order: Leg | None = None) -> Outcome:
    told = Told()
    port.place(order or leg(), told, blind=False)
    return await told.next()


async def asked(port: KalshiPort, order: Leg | None = None) -> tuple[Outcome | None, str | None]:
    told: asyncio.Future[tuple[Outcome | None, str | None]] = asyncio.get_running_loop().create_future()
    port.lookup(order or leg(), lambda outcome, why: told.set_result((outcome, why)))
    return await asyncio.wait_for(told, 5)


OID = CREATED["order_id"]
ONE_FILL = FILL | {
    "order_id": OID, "count_fp": "6.00", "yes_price_dollars": "0.4700", "no_price_dollars": "0.5300",
    "fee_cost": "0.110000",
}  # fmt: skip
FILLED = ORDER | {"order_id": OID}


# -- orders -------------------------------------------------------------------------------------------------------


def test_a_fill_is_told_at_once_and_again_with_the_fees_of_its_fills() -> None:
    kalshi = Kalshi()

    async def test(server: Server, port: KalshiPort) -> None:
        told = Told()
        port.place(leg(), told, blind=False)
        first = await told.next()
        assert (first.status, first.filled, first.final) == (Status.FILLED, 600, False)
        kalshi.fills = [ONE_FILL]
        exact = await told.next()
        assert (exact.final, exact.cost, exact.fees, exact.order_id) == (True, 2_820_000, 110_000, OID)
        (post,) = server.posts
        assert post.json["exchange_index"] == 3
        assert post.json["client_order_id"] == "coid-1"

    run(kalshi, test)


def test_the_port_is_a_live_one() -> None:
    async def test(_server: Server, port: KalshiPort) -> None:
        assert (port.platform, port.paper, port.stopped) == (KALSHI, False, None)

    run(Kalshi(), test)


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (Drop(), Status.UNKNOWN),
        (Hang(), Status.UNKNOWN),
        (Reply(500, b"{}"), Status.UNKNOWN),
        (Reply(503, b"<html>"), Status.UNKNOWN),
        (Reply(307, b"", {"Location": CREATE}), Status.UNKNOWN),
        (Reply(201, b"{"), Status.UNKNOWN),
        (Reply(409, error("order_already_exists")), Status.UNKNOWN),
        (Reply(409, error("fill_or_kill_insufficient_resting_volume")), Status.UNFILLED),
        (Reply(400, error("insufficient_balance")), Status.REJECTED),
        (Reply(404, error("market_not_found")), Status.REJECTED),
        (Reply(429, b""), Status.REJECTED),
    ],
)
def test_each_answer_is_told_as_what_it_proves_and_the_order_left_once(answer: Act, status: Status) -> None:
    async def test(server: Server, port: KalshiPort) -> None:
        outcome = await placed(port)
        assert outcome.status is status
        assert outcome.final is (status is not Status.UNKNOWN)
        assert len(server.posts) == 1

    run(Kalshi(post=answer), test)


def test_an_order_that_was_answered_500_and_filled_is_found() -> None:
    kalshi = Kalshi(post=Reply(500, b"{}"))

    async def test(server: Server, port: KalshiPort) -> None:
        assert (await placed(port)).status is Status.UNKNOWN
        kalshi.orders, kalshi.fills = [FILLED], [ONE_FILL]
        found, why = await asked(port)
        assert found is not None
        assert (found.status, found.filled, found.fees, found.final, why) == (Status.FILLED, 600, 110_000, True, None)
        assert len(server.posts) == 1

    run(kalshi, test)


def test_what_is_no_order_is_refused_and_nothing_is_sent() -> None:
    async def test(server: Server, port: KalshiPort) -> None:
        for order, status in (
            (leg(limit=50), Status.REJECTED),
            (leg(leg_id="no id"), Status.REJECTED),
            (leg(expires_at_ms=WallClock().unix_us() // 1_000 - 1), Status.EXPIRED),
        ):
            outcome = await placed(port, order)
            assert (outcome.status, outcome.final) == (status, True)
        assert server.posts == []

    run(Kalshi(), test)


def test_more_orders_than_the_tier_allows_are_refused_here() -> None:
    async def test(server: Server, port: KalshiPort) -> None:
        port._writes.resize(10)
        port._writes.drain(WallClock().mono_us())
        outcome = await placed(port)
        assert outcome.status is Status.REJECTED
        assert "rate: kalshi allows 1 orders a second" in (outcome.error or "")
        assert server.posts == []

    run(Kalshi(), test)


def test_a_closing_leg_only_reduces() -> None:
    async def test(server: Server, port: KalshiPort) -> None:
        await placed(port, leg(Action.SELL, limit=4_700))
        (post,) = server.posts
        assert (post.json["side"], post.json["reduce_only"]) == ("ask", True)

    run(Kalshi(), test)


def test_a_market_that_nobody_looked_at_is_learnt_behind_its_first_order() -> None:
    async def test(server: Server, port: KalshiPort) -> None:
        await placed(port, leg(market="KXNEW-1"))
        await server.until(lambda: any(request.path.endswith("/markets/KXNEW-1") for request in server.requests))
        assert "exchange_index" not in server.posts[0].json

    run(Kalshi(), test)


# -- the clock and the key ----------------------------------------------------------------------------------------


def test_after_a_refusal_of_our_time_nothing_leaves_until_a_signature_is_taken() -> None:
    refused = Reply(401, error("header_timestamp_expired"))
    kalshi = Kalshi(post=refused)
    said: list[str] = []

    async def test(server: Server, port: KalshiPort) -> None:
        kalshi.limits = refused
        outcome = await placed(port)
        assert outcome.status is Status.REJECTED
        assert "NTP" in (outcome.error or "")
        again = await placed(port, leg(leg_id="coid-2"))
        assert (again.status, "clock: " in (again.error or "")) == (Status.REJECTED, True)
        assert len(server.posts) == 1
        kalshi.limits, kalshi.post = says(LIMITS), says(CREATED | {"client_order_id": "coid-3"}, 201)
        await server.until(lambda: any("takes our signatures again" in line for line in said))
        assert (await placed(port, leg(leg_id="coid-3"))).status is Status.FILLED

    run(kalshi, test, said, replace(POLICY, settle_s=()))
    assert any("no order leaves any more" in line and "ms" in line for line in said)


@pytest.mark.parametrize("seconds", [-20, 0, 20])
def test_a_clock_that_is_off_is_said_before_it_matters(seconds: int) -> None:
    said: list[str] = []
    when = int((WallClock().unix_us() / 1e6 + seconds) * 1_000)

    async def test(server: Server, port: KalshiPort) -> None:
        server.date = False
        assert (await placed(port)).status is Status.FILLED
        assert (await placed(port, leg(leg_id="coid-1"))).status is Status.FILLED

    # The server's `Date` is right; what its engine says weighs more, as it is exact.
    run(Kalshi(post=says(CREATED | {"ts_ms": when}, 201)), test, said, replace(POLICY, settle_s=()))
    assert len([line for line in said if line.startswith("clock: ")]) == (1 if seconds else 0), said


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_not_taken_stops_the_start(status: int) -> None:
    async def test(_server: Server, _port: KalshiPort) -> None:
        raise AssertionError("it started")

    with pytest.raises(KeyRefusedByVenue, match=r"does not take this key: .*arb doctor kalshi") as caught:
        run(Kalshi(limits=Reply(status, error("authentication_error"))), test)
    assert KEY_ID not in str(caught.value)


def test_an_outage_at_the_start_is_lived_through_and_said() -> None:
    said: list[str] = []

    async def test(_server: Server, port: KalshiPort) -> None:
        assert (await placed(port)).status is Status.FILLED

    run(Kalshi(broken="/account/limits"), test, said, replace(POLICY, settle_s=()))
    assert any("not everything could be learnt" in line for line in said)


# -- questions ----------------------------------------------------------------------------------------------------


def test_no_such_order_is_said_when_the_reads_are_past_it() -> None:
    async def test(_server: Server, port: KalshiPort) -> None:
        assert (await placed(port)).status is Status.UNKNOWN
        assert await asked(port) == (None, None)

    run(Kalshi(post=Drop()), test)


@pytest.mark.parametrize("expires", [True, False])
def test_an_order_of_an_earlier_start_is_denied_by_its_deadline_or_its_first_question(expires: bool) -> None:
    kalshi = Kalshi()
    deadline = WallClock().unix_us() // 1_000 - 60_000 if expires else None

    async def test(_server: Server, port: KalshiPort) -> None:
        assert await asked(port, leg(expires_at_ms=deadline)) == (None, None)

    run(kalshi, test)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"as_of": -1.0}, "lists lag behind"),
        ({"as_of": 0.1}, "lists lag behind"),
        ({"broken": "/exchange/user_data_timestamp"}, "500"),
        ({"broken": "/portfolio/orders"}, "incomplete"),
        ({"broken": "/portfolio/fills"}, "incomplete"),
        ({"broken": "/portfolio/positions", "as_of": 60.0}, "incomplete"),
        ({"fills": [ONE_FILL | {"order_id": "stranger"}]}, "404"),
        ({"as_of": 60.0, "positions": [{"ticker": TICKER, "position_fp": "6.00"}]}, "no fill says why"),
    ],
)
def test_silence_is_no_no_while_something_is_not_explained(change: dict[str, Any], why: str) -> None:
    kalshi = Kalshi(post=Drop())

    async def test(_server: Server, port: KalshiPort) -> None:
        assert (await placed(port)).status is Status.UNKNOWN
        for name, value in change.items():
            setattr(kalshi, name, value)
        for position in kalshi.positions:
            position["last_updated_ts"] = ahead(0)
        outcome, failed = await asked(port)
        assert outcome is None
        assert why in (failed or "")

    run(kalshi, test)


def test_a_fill_of_an_order_that_the_list_lacks_finds_it() -> None:
    kalshi = Kalshi(post=Drop(), fills=[ONE_FILL], unlisted={str(OID): FILLED})

    async def test(_server: Server, port: KalshiPort) -> None:
        assert (await placed(port)).status is Status.UNKNOWN
        found, _ = await asked(port)
        assert found is not None
        assert (found.status, found.filled, found.final) == (Status.FILLED, 600, True)

    run(kalshi, test)


def test_another_s_fill_is_explained_by_another_s_order() -> None:
    other = ORDER | {"order_id": "theirs", "client_order_id": "a person's"}
    kalshi = Kalshi(post=Drop(), fills=[ONE_FILL | {"order_id": "theirs"}], unlisted={"theirs": other})

    async def test(_server: Server, port: KalshiPort) -> None:
        assert (await placed(port)).status is Status.UNKNOWN
        assert await asked(port) == (None, None)

    run(kalshi, test)


def test_an_accepted_order_is_never_denied() -> None:
    """A reply that contradicted itself told the order's id: however long the lists lack it, it is there."""
    kalshi = Kalshi(post=says(CREATED | {"remaining_count": "3.00"}, 201))

    async def test(_server: Server, port: KalshiPort) -> None:
        assert (await placed(port)).status is Status.UNKNOWN
        outcome, failed = await asked(port)
        assert (outcome, "was accepted" in (failed or "")) == (None, True)
        kalshi.fills = [ONE_FILL]
        outcome, _ = await asked(port)
        assert outcome is not None
        assert (outcome.status, outcome.filled, outcome.final) == (Status.UNKNOWN, 600, False)

    run(kalshi, test)


def test_a_very_old_order_is_looked_for_in_the_archive() -> None:
    kalshi = Kalshi(archive=[FILLED], old_fills=[ONE_FILL])
    long_ago = WallClock().unix_us() // 1_000 - 40 * 86_400_000

    async def test(_server: Server, port: KalshiPort) -> None:
        found, _ = await asked(port, leg(expires_at_ms=long_ago))
        assert found is not None
        assert (found.status, found.final) == (Status.FILLED, True)

    run(kalshi, test)


def test_one_question_at_a_time_for_a_leg() -> None:
    async def test(server: Server, port: KalshiPort) -> None:
        answers: list[tuple[Outcome | None, str | None]] = []

        def heard(outcome: Outcome | None, why: str | None) -> None:
            answers.append((outcome, why))
            server.heard.set()

        port.lookup(leg(), heard)
        port.lookup(leg(), heard)
        assert answers == [(None, "it is being asked about already")]
        await server.until(lambda: len(answers) == 2)
        assert await asked(port) is not None

    run(Kalshi(), test)


def test_an_id_that_the_venue_calls_spent_is_looked_for_everywhere() -> None:
    kalshi = Kalshi(post=Reply(409, error("order_already_exists")), archive=[FILLED], old_fills=[ONE_FILL])

    async def test(server: Server, port: KalshiPort) -> None:
        assert (await placed(port)).status is Status.UNKNOWN
        found, _ = await asked(port)
        assert found is not None
        assert (found.status, found.filled, found.final) == (Status.FILLED, 600, True)
        (listed,) = [one for one in server.requests if one.path.endswith("/portfolio/orders") and one.method == "GET"]
        assert listed.query["min_ts"] == "0"

    run(kalshi, test)


@pytest.mark.parametrize(
    ("broken", "denied"), [(None, True), ("/historical/orders", False), ("/historical/cutoff", False)]
)
def test_an_id_that_is_spent_and_in_no_list_filled_nothing(broken: str | None, denied: bool) -> None:
    """A killed order spends its id and is listed nowhere; but nowhere includes the archive."""
    kalshi = Kalshi(post=Reply(409, error("order_already_exists")))

    async def test(_server: Server, port: KalshiPort) -> None:
        assert (await placed(port)).status is Status.UNKNOWN
        kalshi.broken = broken
        outcome, failed = await asked(port)
        assert (outcome, failed is None) == (None, denied)

    run(kalshi, test)


def test_rules_that_refuse_an_order_are_asked_for_again() -> None:
    async def test(_server: Server, port: KalshiPort) -> None:
        port.markets.take(MarketRules(TICKER, CENTS, status="inactive"))
        refused = await placed(port)
        assert (refused.status, "is inactive" in (refused.error or "")) == (Status.REJECTED, True)
        assert (await placed(port)).status is Status.FILLED

    run(Kalshi(), test, policy=replace(POLICY, settle_s=()))
