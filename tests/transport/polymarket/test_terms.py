"""The terms of markets against what the pairs claim: no book before they are known, latched where they differ."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from market.events import BooksLost, MarketHalted, TickSet
from protocol.terms import PairId, Side
from protocol.units import Price
from tests.transport.polymarket.stage import POLICY, SECOND, Heard, Reads, Stub, run
from transport.polymarket.connection import SocketPolicy
from transport.polymarket.feed import PolymarketFeed
from venues.polymarket.facts import Claim, MarketFacts

YES, NO = "71", "52"
CLAIMS = tuple(
    Claim(PairId("p"), token, side, partner, 40_000, 1, Price(1))
    for token, side, partner in ((YES, Side.YES, NO), (NO, Side.NO, YES))
)
FACTS = MarketFacts(
    condition="0xc",
    tokens=(YES, NO),
    outcomes=("Yes", "No"),
    rate_ppm=40_000,
    exponent=1,
    tick=Price(100),
    neg_risk=False,
    version="v1",
)
PATIENT = replace(POLICY, socket=SocketPolicy(silent_s=10_000))


def market(**changed: Any) -> MarketFacts:
    return msgspec.structs.replace(FACTS, **changed)


def listing(stub: Stub, **changed: Any) -> None:
    stub.facts = {YES: market(**changed), NO: market(**changed)}


def test_a_token_has_no_book_before_its_terms_are_known() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: len(stub.subscribed) == 1)
        await heard.held(lambda: not heard.usable(YES))
        assert heard.of(BooksLost) == [BooksLost("its terms are not known yet", (YES, NO))]
        stub.rest_down = False
        listing(stub)
        await heard.through(stub.clock, lambda: heard.usable(YES, NO), 4)
        assert heard.of(MarketHalted) == []
        assert heard.of(TickSet) == [TickSet(YES, Price(100)), TickSet(NO, Price(100))]

    lines = run(test, [YES, NO], PATIENT, claims=CLAIMS, before=lambda stub: setattr(stub, "rest_down", True)).lines
    assert any("terms of markets could not be asked for: no rest today" in line for line in lines)


OBJECTIONS: list[tuple[dict[str, Any], str]] = [
    ({"rate_ppm": 50_000}, "its taker fee rate is 0.05 (exponent 1), the pairs file says 0.04 (exponent 1)"),
    ({"rate_ppm": 30_000}, "its taker fee rate is 0.03 (exponent 1), the pairs file says 0.04 (exponent 1)"),
    ({"exponent": 2}, "its taker fee rate is 0.04 (exponent 2), the pairs file says 0.04 (exponent 1)"),
    ({"rate_ppm": 0, "exponent": None}, "its taker fee rate is 0, the pairs file says 0.04 (exponent 1)"),
    ({"rate_ppm": None}, "nobody says what its taker fee is"),
    ({"tokens": (YES, "9")}, "its other token is of another market"),
    ({"outcomes": ("No", "Yes")}, "it is the token of NO, the pairs file has it as YES"),
    ({"tokens": ("8", "9"), "version": "v2"}, "its market (version v2) trades other tokens"),
    ({"resolution": "proposed"}, "its result is proposed"),
]


@pytest.mark.parametrize(("changed", "reason"), OBJECTIONS)
def test_what_is_not_as_the_pair_claims_is_latched_with_both(changed: dict[str, Any], reason: str) -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.through(stub.clock, lambda: heard.usable(YES), 4)
        halted = {event.market: event.reason for event in heard.of(MarketHalted)}
        assert halted[YES] == f"{reason} (pair p)"

    run(test, [YES, NO], PATIENT, claims=CLAIMS, before=lambda stub: listing(stub, **changed))


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"neg_risk": True}, "its negRisk is True, was False"),
        ({"seconds_delay": 3}, "its secondsDelay is 3, was 0"),
        ({"game_start": datetime(2026, 1, 2, tzinfo=UTC)}, "its start is 2026-01-02 00:00:00+00:00, was 2026-01-01"),
        ({"tick": Price(10)}, "its tick size is 0.001, was 0.01"),
        ({"rate_ppm": 50_000}, "its taker fee rate is 0.05"),
    ],
)
def test_what_changes_while_it_runs_is_latched_at_the_next_look(changed: dict[str, Any], reason: str) -> None:
    first = {"seconds_delay": 0, "game_start": datetime(2026, 1, 1, tzinfo=UTC)}

    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, reads: Reads) -> None:
        await heard.through(stub.clock, lambda: heard.usable(YES, NO), 4)
        assert heard.of(MarketHalted) == []
        listing(stub, **(first | changed))
        looks = reads.looks["market"]
        stub.clock.pass_us(300 * SECOND)
        await heard.until(lambda: reads.looks["market"] == looks + 2)
        await heard.until(lambda: len(heard.of(MarketHalted)) == 2)
        assert heard.of(MarketHalted)[0].reason.startswith(reason)
        if "tick" in changed:
            assert heard.of(TickSet)[-1].tick == 10
        assert heard.usable(YES, NO)

    run(test, [YES, NO], PATIENT, claims=CLAIMS, before=lambda stub: listing(stub, **first))


def test_a_market_that_takes_no_orders_has_no_book_until_it_does() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.lost()[-1:] == ["it accepts no orders"])
        listing(stub)
        await heard.through(stub.clock, lambda: True, 1)
        assert not heard.usable(YES)
        stub.clock.pass_us(300 * SECOND)
        await heard.through(stub.clock, lambda: heard.usable(YES, NO), 4)
        listing(stub, closed="it is closed")
        stub.clock.pass_us(300 * SECOND)
        await heard.until(lambda: not heard.usable(YES) and not heard.usable(NO))

    def closed(stub: Stub) -> None:
        listing(stub, closed="it accepts no orders")

    lines = run(test, [YES, NO], PATIENT, claims=CLAIMS, before=closed).lines
    assert f"{YES} has no book: it accepts no orders" in lines


def test_a_token_of_no_market_has_no_book() -> None:
    async def test(_stub: Stub, _feed: PolymarketFeed, heard: Heard, reads: Reads) -> None:
        await heard.until(lambda: heard.lost()[-2:] == ["polymarket knows no such token"] * 2)
        assert reads.looks["condition"] == 2

    run(test, [YES, NO], PATIENT, claims=CLAIMS)


def test_a_silent_connection_without_a_book_to_bring_is_left_in_peace() -> None:
    async def test(stub: Stub, _feed: PolymarketFeed, heard: Heard, _reads: Reads) -> None:
        await heard.until(lambda: heard.lost()[-1:] == ["it is closed"] and len(stub.connections) == 1)
        for _ in range(4):
            stub.clock.pass_us(15 * SECOND)
            await heard.held(lambda: len(stub.connections) == 1, looks=5)

    run(test, [YES, NO], claims=CLAIMS, before=lambda stub: listing(stub, closed="it is closed"))
