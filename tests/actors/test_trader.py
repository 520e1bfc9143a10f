"""The trader by itself: at most one order per id, every leg answered, and protections no controller can change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.leg_checks import TraderRules, exposure, refusal
from actors.leg_words import describe_leg, in_words, same_facts
from actors.messages import Configured, DoLeg, Drained, LegReported, StopTrading, VenueSaid
from protocol.leg import Leg
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Action, LegId, Platform, Status
from protocol.units import DOLLAR, USD, Money, Price, Quantity
from simulation.boxes import TraderBox
from simulation.doubles import Say, ScriptedVenue, inbox
from tests.actors.kit import a_leg, outcome

RULES = TraderRules(frozenset(PLATFORMS), Money(100 * USD))
AGREED = frozenset(PLATFORMS)


# -- refusals as a pure function -----------------------------------------------------------------------------------


def why_not(leg: Leg, agreed: frozenset[Platform] | None = AGREED, now_ms: int = 0) -> str | None:
    found = refusal(leg, RULES, agreed, now_ms)
    if found is None:
        return None
    refused = found.outcome
    assert refused.leg_id == leg.leg_id
    assert refused.status in {Status.REJECTED, Status.EXPIRED}
    assert (refused.filled, refused.cost) == (0, 0)
    return refused.error


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({}, None),
        ({"platform": Platform("limitless")}, "platform:"),
        ({"market": ""}, "kalshi_market_ticker:"),
        ({"market": "", "platform": POLYMARKET}, "poly_token:"),
        ({"limit": Price(0)}, "price:"),
        ({"limit": DOLLAR}, "price:"),
        ({"quantity": Quantity(0)}, "contracts:"),
        ({"quantity": Quantity(-1)}, "contracts:"),
        ({"quantity": Quantity(19_231)}, "max_leg_notional"),
        ({"quantity": Quantity(19_230)}, None),
        ({"expires_at_ms": 1_000}, None),
        ({"expires_at_ms": 999}, "expires_at_ms:"),
    ],
)
def test_what_is_refused_is_refused_by_the_name_of_the_field(fields: dict[str, Any], why: str | None) -> None:
    said = why_not(a_leg(**fields), now_ms=999)
    assert said is None if why is None else why in (said or "")


def test_nothing_is_executed_before_the_hello() -> None:
    assert "no init" in (why_not(a_leg(), agreed=None) or "")


def test_a_platform_must_be_ours_and_agreed() -> None:
    assert "this trader executes polymarket" in (why_not(a_leg(), agreed=frozenset({POLYMARKET})) or "")
    assert "executes nothing" in (why_not(a_leg(), agreed=frozenset()) or "")
    other = Platform("limitless")
    assert "not executed here" in (why_not(a_leg(platform=other), agreed=AGREED | {other}) or "")


@given(st.sampled_from(Action), st.integers(1, DOLLAR - 1).map(Price), st.integers(1, 10**8).map(Quantity))
def test_exposure_is_the_most_an_order_can_lose(action: Action, limit: Price, quantity: Quantity) -> None:
    pays_nothing, pays_the_dollar = 0, DOLLAR
    worst = min(
        (outcome - limit) * quantity if action is Action.BUY else (limit - outcome) * quantity
        for outcome in (pays_nothing, pays_the_dollar)
    )
    assert exposure(action, limit, quantity) == -worst


# -- the actor -----------------------------------------------------------------------------------------------------


@pytest.fixture
def box(venue: ScriptedVenue) -> Iterator[TraderBox]:
    """A trader whose hello is done, and whose Kalshi is real and answers when told to."""
    with TraderBox(dry_run=False, live={KALSHI: venue}) as made:
        made.tell("trader", Configured(AGREED, dry_run=False, blind_paper=False))
        yield made


def ask(box: TraderBox, leg: Leg) -> list[LegReported]:
    """Ask for a leg as an actor would; what it is told appears in the list."""
    asker, answers = inbox(box.host)
    box.host.tell(asker, Say(box.address("trader"), DoLeg(leg)))
    return answers


def test_a_leg_is_placed_and_its_asker_told(box: TraderBox, venue: ScriptedVenue) -> None:
    answers = ask(box, a_leg())
    assert [leg.leg_id for leg in venue.placed] == ["l1"]
    assert answers == []
    venue.answer(outcome("l1", Status.FILLED, 10))
    (answer,) = answers
    assert (answer.outcome.status, answer.outcome.filled, answer.outcome.revision) == (Status.FILLED, 1_000, 0)


def test_an_asker_with_a_new_address_gets_the_later_news(box: TraderBox, venue: ScriptedVenue) -> None:
    first = ask(box, a_leg())
    second = ask(box, a_leg())
    venue.answer(outcome("l1", Status.FILLED, 10))
    assert len(venue.placed) == 1
    assert (len(first), len(second)) == (0, 1)


def test_latency_is_measured_by_the_turns_clock(box: TraderBox, venue: ScriptedVenue) -> None:
    answers = ask(box, a_leg())
    box.pass_time(0.25)
    venue.answer(outcome("l1", Status.FILLED, 10))
    assert answers[0].outcome.latency_ns == 250_000_000


def test_a_word_on_a_leg_that_was_never_taken_is_dropped(box: TraderBox, venue: ScriptedVenue) -> None:
    answers = ask(box, a_leg())
    venue._reports[LegId("l1")](outcome("other", Status.FILLED, 10))
    box.tell("trader", VenueSaid(outcome("other", Status.FILLED, 10)))
    assert answers == []
    assert box.status()["state"] == "ACTIVE"


def test_a_stop_is_answered_once(box: TraderBox, venue: ScriptedVenue) -> None:
    ask(box, a_leg())
    asker, drained = inbox(box.host)
    box.host.tell(asker, Say(box.address("trader"), StopTrading("enough")))
    assert drained == []
    venue.answer(outcome("l1", Status.UNFILLED))
    venue.answer(outcome("l1", Status.FILLED, 10))
    assert drained == [Drained(0)]


def test_one_timer_watches_all_legs_at_the_venues_and_none_when_there_are_none(
    box: TraderBox, venue: ScriptedVenue
) -> None:
    ask(box, a_leg("l1"))
    ask(box, a_leg("l2"))
    assert len(box.clock.timers) == 1
    for leg_id in ("l1", "l2"):
        venue.answer(outcome(leg_id, Status.FILLED, 10))
    box.pass_time(1)
    assert box.clock.timers == []


def test_what_was_not_executed_as_asked_is_a_warning(box: TraderBox, venue: ScriptedVenue) -> None:
    for leg_id, status in (("l1", Status.UNFILLED), ("l2", Status.REJECTED), ("l3", Status.UNKNOWN)):
        ask(box, a_leg(leg_id))
        venue.answer(outcome(leg_id, status))
    levels = [note.level for note in box.memory.notes if getattr(note, "count", None) == "legs_answered"]
    assert levels == ["info", "warning", "warning"]


def test_a_fill_after_a_final_word_is_still_news(box: TraderBox, venue: ScriptedVenue) -> None:
    answers = ask(box, a_leg())
    venue.answer(outcome("l1", Status.UNFILLED))
    venue.answer(outcome("l1", Status.PARTIAL, 3))
    assert [(answer.outcome.filled, answer.outcome.revision) for answer in answers] == [(0, 0), (300, 1)]


def test_legs_at_two_venues_do_not_wait_for_each_other(box: TraderBox, venue: ScriptedVenue) -> None:
    slow = ask(box, a_leg("l1"))
    quick = ask(box, a_leg("l2", platform=POLYMARKET, market="222"))
    assert (len(slow), len(quick)) == (0, 1)
    assert [leg.leg_id for leg in venue.placed] == ["l1"]


# -- words ---------------------------------------------------------------------------------------------------------


def test_a_leg_in_words_is_short_enough_for_a_log() -> None:
    assert describe_leg(a_leg()) == "buy 10 yes at 52c on kalshi KXTEST-26-A"
    assert len(describe_leg(a_leg(market="7" * 77))) < 60


def test_an_outcome_in_words_is_exact() -> None:
    said = outcome("l1", Status.PARTIAL, 4, fees=Money(70_000))
    assert in_words(said) == "4 filled for $1.8 and $0.07 fees"
    assert in_words(outcome("l1", Status.UNFILLED)) == "nothing filled"
    assert in_words(outcome("l1", Status.REJECTED, error="no")) == "no"


def test_the_same_facts_are_no_news_and_any_other_is() -> None:
    held = outcome("l1", Status.PARTIAL, 4)
    assert same_facts(held, outcome("l1", Status.PARTIAL, 4, revision=9, latency_ns=5, error="again"))
    for other in (
        outcome("l1", Status.PARTIAL, 5),
        outcome("l1", Status.UNKNOWN, 4),
        outcome("l1", Status.PARTIAL, 4, fees=Money(1)),
        outcome("l1", Status.PARTIAL, 4, final=False),
    ):
        assert not same_facts(held, other)
