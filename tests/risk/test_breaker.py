"""Breakers: each trips at its number and not before, says it, and is mended as its policy says."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest

from actors.risk.breaker import MAX_STANDING, POLICIES, Breaker, BreakerRules, Breakers, Effect
from actors.risk.facts import BreakerCleared, BreakerTripped, RiskFact
from actors.risk.state import RiskState
from actors.risk.watch import Match, Watch, match_of
from protocol.terms import KALSHI, POLYMARKET, PairId
from tests.risk.kit import SECOND, T0, usd

PAIR = PairId("pair_0")

RULES = BreakerRules(
    daily_loss=usd(100),
    errors_in_row=3,
    error_percent=50,
    error_samples=4,
    mismatches_in_row=2,
    naked=usd(25),
    unknown_legs=3,
    feed_age_us=2 * SECOND,
    clock_offset_us=SECOND,
    disk_free_bytes=1_000_000,
    cool_down_us=60 * SECOND,
)


def watched(rules: BreakerRules = RULES) -> tuple[Breakers, Watch]:
    breakers = Breakers(rules)
    return breakers, Watch(breakers)


def ids(breakers: Breakers) -> list[str]:
    return [trip.reason_id for trip in breakers.standing.values()]


Say = Callable[[Watch, int], None]


def lost(amount: str) -> Say:
    return lambda watch, now: watch.lost(usd(amount), now)


LEVELS: list[tuple[Breaker, Say, Say, str]] = [
    (Breaker.DAILY_LOSS, lost("99.999999"), lost("100"), "lost today: $100.00, and at most $100.00 may be"),
    (
        Breaker.UNKNOWN,
        lambda watch, now: watch.unknown(3, now),
        lambda watch, now: watch.unknown(4, now),
        "4 legs are unknown, and at most 3 may be",
    ),
    (
        Breaker.FEED_AGE,
        lambda watch, now: watch.feed_age(KALSHI, 2 * SECOND, now),
        lambda watch, now: watch.feed_age(KALSHI, 2 * SECOND + 1, now),
        "the feed of kalshi is silent for 2000 ms, and at most 2000 ms may be",
    ),
    (
        Breaker.CLOCK,
        lambda watch, now: watch.clock("t0", -SECOND, now),
        lambda watch, now: watch.clock("t0", -SECOND - 1, now),
        "the clock of t0 is off by 1000 ms, and at most 1000 ms may be",
    ),
    (
        Breaker.DISK,
        lambda watch, now: watch.disk(1_000_000, now),
        lambda watch, now: watch.disk(999_999, now),
        "999,999 bytes are free on the disk of the ledger, and 1,000,000 must be",
    ),
]


@pytest.mark.parametrize(("breaker", "good", "bad", "text"), LEVELS)
def test_a_number_trips_at_its_limit_and_not_before(breaker: Breaker, good: Say, bad: Say, text: str) -> None:
    breakers, watch = watched()
    good(watch, T0)
    assert not breakers.standing
    bad(watch, T0)
    bad(watch, T0 + 1)
    (trip,) = breakers.standing.values()
    assert (trip.breaker, trip.text, trip.effect) == (breaker, text, POLICIES[breaker].effect)
    assert trip.reason_id == f"{breaker}-1"
    assert len(breakers.take_facts()) == 1


@pytest.mark.parametrize(("breaker", "good", "bad", "_text"), LEVELS)
def test_it_stands_until_a_person_saw_it_or_it_was_good_for_a_while(
    breaker: Breaker, good: Say, bad: Say, _text: str
) -> None:
    breakers, watch = watched()
    bad(watch, T0)
    bad(watch, T0 + 50 * SECOND)
    breakers.tick(T0 + 60 * SECOND)
    assert ids(breakers)
    good(watch, T0 + 61 * SECOND)
    breakers.tick(T0 + 110 * SECOND)
    if POLICIES[breaker].person:
        assert ids(breakers)
        assert not breakers.acknowledge("another-1", T0)
        assert breakers.acknowledge(f"{breaker}-1", T0 + 111 * SECOND)
    assert not breakers.standing
    assert [type(fact) for fact in breakers.take_facts()] == [BreakerTripped, BreakerCleared]


def test_after_an_acknowledgement_it_trips_again_only_where_it_got_worse_by_as_much() -> None:
    breakers, watch = watched()
    lost("120")(watch, T0)
    assert breakers.acknowledge("daily-loss-1", T0)
    lost("219.99")(watch, T0)
    assert not breakers.standing
    lost("220")(watch, T0)
    assert ids(breakers) == ["daily-loss-2"]
    assert breakers.acknowledge("daily-loss-2", T0)
    # A new day begins at zero, and with the whole limit.
    lost("0")(watch, T0)
    lost("100")(watch, T0)
    assert ids(breakers) == ["daily-loss-3"]


def test_naked_money_is_dangerous_only_where_it_lasts() -> None:
    breakers, watch = watched()
    watch.naked(usd("25.01"), T0)
    watch.naked(usd(25), T0 + 29 * SECOND)
    watch.naked(usd("25.01"), T0 + 31 * SECOND)
    watch.naked(usd("25.01"), T0 + 61 * SECOND)
    assert not breakers.standing
    watch.naked(usd("25.01"), T0 + 61 * SECOND + 1)
    assert ids(breakers) == ["naked-1"]
    assert breakers.demands is RiskState.REDUCING


def test_errors_in_a_row_are_counted_over_venues_and_one_success_ends_them() -> None:
    breakers, watch = watched(BreakerRules(errors_in_row=3))
    for number, (platform, error) in enumerate(
        [(KALSHI, True), (POLYMARKET, True), (KALSHI, False), (KALSHI, True), (POLYMARKET, True)]
    ):
        watch.answered(platform, error=error, now_us=T0 + number)
    assert not breakers.standing
    watch.answered(KALSHI, error=True, now_us=T0 + 9)
    assert ids(breakers) == ["errors-in-a-row-1"]


def test_the_error_rate_is_a_venues_own_within_its_window() -> None:
    breakers, watch = watched(BreakerRules(error_percent=50, error_samples=4, error_window_us=10 * SECOND))
    for error in (True, True, False, False):
        watch.answered(KALSHI, error=error, now_us=T0)
        watch.answered(POLYMARKET, error=False, now_us=T0)
    assert not breakers.standing
    watch.answered(KALSHI, error=True, now_us=T0 + 10 * SECOND)
    assert not breakers.standing
    for second in (11, 12, 13):
        watch.answered(KALSHI, error=second != 13, now_us=T0 + second * SECOND)
    assert [(trip.breaker, trip.what) for trip in breakers.standing.values()] == [(Breaker.ERROR_RATE, KALSHI)]


def test_a_pair_that_mismatches_in_a_row_is_set_aside_for_a_time() -> None:
    breakers, watch = watched()
    watch.matched(PAIR, Match.MISMATCH, T0)
    watch.matched(PAIR, Match.PARTIAL, T0)
    watch.matched(PAIR, Match.NOTHING, T0)
    watch.matched(PairId("pair_1"), Match.FULL, T0)
    assert breakers.set_aside(PAIR) is None
    watch.matched(PAIR, Match.MISMATCH, T0)
    assert breakers.set_aside(PAIR) is not None
    assert breakers.set_aside(PairId("pair_1")) is None
    assert breakers.demands is RiskState.ACTIVE
    assert not list(breakers.beyond(RiskState.ACTIVE))
    breakers.tick(T0 + RULES.set_aside_us - 1)
    assert breakers.set_aside(PAIR) is not None
    breakers.tick(T0 + RULES.set_aside_us)
    assert breakers.set_aside(PAIR) is None


def test_a_full_match_ends_the_row() -> None:
    breakers, watch = watched()
    for match in (Match.MISMATCH, Match.FULL, Match.MISMATCH):
        watch.matched(PAIR, match, T0)
    assert not breakers.standing


@pytest.mark.parametrize(
    ("fills", "match"),
    [
        ([(10, 10), (10, 10)], Match.FULL),
        ([(10, 7), (10, 7)], Match.PARTIAL),
        ([(10, 10), (10, 7)], Match.MISMATCH),
        ([(10, 0), (10, 0)], Match.NOTHING),
        ([(10, 10), (10, 0)], Match.MISMATCH),
    ],
)
def test_how_the_legs_of_a_trade_match(fills: list[tuple[int, int]], match: Match) -> None:
    assert match_of(fills) is match


def test_what_is_switched_off_never_trips() -> None:
    breakers, watch = watched(BreakerRules())
    for _ in range(100):
        watch.answered(KALSHI, error=True, now_us=T0)
        watch.matched(PAIR, Match.MISMATCH, T0)
    for _, _, bad, _ in LEVELS:
        bad(watch, T0)
    watch.naked(usd(1_000_000), T0)
    assert not breakers.standing


def test_pairs_set_aside_have_a_limit() -> None:
    breakers, watch = watched()
    for number in range(MAX_STANDING + 1):
        for _ in range(2):
            watch.matched(PairId(f"pair_{number}"), Match.MISMATCH, T0)
    assert len(breakers.standing) == MAX_STANDING
    assert breakers.set_aside(PAIR) is None


def test_facts_give_the_same_breakers_again_and_survive_being_written() -> None:
    breakers, watch = watched()
    lost("120")(watch, T0)
    watch.unknown(9, T0)
    for _ in range(2):
        watch.matched(PAIR, Match.MISMATCH, T0)
    assert breakers.acknowledge("daily-loss-1", T0 + 1)
    facts = breakers.take_facts()
    assert breakers.take_facts() == ()
    text = msgspec.json.encode(facts)
    again = Breakers(RULES)
    for fact in msgspec.json.decode(text, type=list[RiskFact]):
        assert isinstance(fact, BreakerTripped | BreakerCleared)
        again.fold(fact)
    assert again.standing == breakers.standing
    # What was acknowledged stays so, and ids go on.
    Watch(again).lost(usd(219), T0)
    assert ids(again) == ["unknown-legs-2", "mismatch-3"]
    Watch(again).lost(usd(220), T0)
    assert ids(again)[-1] == "daily-loss-4"


def test_every_breaker_has_a_policy() -> None:
    assert set(POLICIES) == set(Breaker)
    assert [each for each, policy in POLICIES.items() if policy.effect is Effect.SET_ASIDE] == [
        Breaker.MISMATCH,
        Breaker.ASIDE,
    ]
