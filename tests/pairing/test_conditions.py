"""Alike titles with unlike rules."""

from __future__ import annotations

import pytest

from pairing.candidates import judge
from pairing.judgement import Verdict
from pairing.rules import overtime, sources, void_rules, zone
from tests.pairing.kit import LEAGUES, gamma_question, kalshi_question, states

TITLE = "Will Ann Lee be the next Prime Minister of Rome by May 3, 2026?"


@pytest.mark.parametrize(
    "more",
    [
        "An interim Prime Minister does not count.",
        "An official announcement is enough.",
        "It must be announced by April 30, 2026.",
        "She must stay for 10 days.",
        "This is so regardless of whether she takes the oath.",
    ],
)
def test_a_condition_on_one_side_only_is_not_known_to_be_met(more: str) -> None:
    rules = f"{TITLE} Times are ET. If it is cancelled, this resolves to No."
    kalshi = kalshi_question(TITLE, rules=rules)
    assert judge(kalshi, gamma_question(TITLE, rules=rules), LEAGUES).verdict is Verdict.SAME
    judgement = judge(kalshi, gamma_question(TITLE, rules=f"{rules} {more}"), LEAGUES)
    assert states(judgement)["conditions"] == "unknown"
    assert judgement.verdict is not Verdict.SAME


@pytest.mark.parametrize(
    ("mine", "other", "state"),
    [
        ("more than $1 trillion", "exceeds $1 trillion", "agree"),
        ("more than $1 trillion", "reaches or exceeds $1 trillion", "unknown"),
        ("at least $1 trillion", "reaches or exceeds $1 trillion", "agree"),
    ],
)
def test_the_end_of_a_threshold_in_the_rules_counts(mine: str, other: str, state: str) -> None:
    title = "Will Ann Lee be a trillionaire before January 1, 2027?"
    one, two = (f"If her wealth {said} ET. If cancelled, No." for said in (mine, other))
    judgement = judge(kalshi_question(title, rules=one), gamma_question(title, rules=two), LEAGUES)
    assert states(judgement)["conditions"] == state


@pytest.mark.parametrize(
    ("rules", "found"),
    [
        ("If the game is postponed, this market will remain open.", {("postponed", "open")}),
        ("If the game is canceled entirely, this will resolve 50-50.", {("cancelled", "50-50")}),
        ("If cancelled, the market settles at a fair market price.", {("cancelled", "fair price")}),
        ("If postponed and not played within two weeks, No.", {("postponed", "open for a time")}),
        ("A walkover resolves to No.", {("cancelled", "no")}),
        ("If the score is tied, this market resolves 50/50.", {("tie", "50-50")}),
    ],
)
def test_void_rules_are_read(rules: str, found: set[tuple[str, str]]) -> None:
    fact = void_rules(rules)
    assert fact is not None
    assert fact.value == found
    assert fact.text == rules


def test_rules_that_say_nothing_of_mishaps_have_no_void_rule() -> None:
    assert void_rules("If the Celtics win, this resolves to Celtics.") is None


@pytest.mark.parametrize(
    ("rules", "counts"),
    [
        ("including any overtime periods", True),
        ("Only regulation time counts", False),
        ("the first 90 minutes plus stoppage time", False),
        ("overtime is not included", False),
        ("who wins", None),
    ],
)
def test_overtime(rules: str, counts: bool | None) -> None:
    fact = overtime(rules)
    assert (None if fact is None else fact.value) is counts


def test_one_zone_is_known_and_two_are_none() -> None:
    fact = zone("by 11:59 PM ET")
    assert fact is not None
    assert fact.value == "New York"
    assert zone("by 11:59 PM ET, which is 5 AM CET") is None


def test_sources_are_hosts_and_names() -> None:
    fact = sources(gamma_question(TITLE))
    assert fact is not None
    assert fact.value == {"apnews"}
