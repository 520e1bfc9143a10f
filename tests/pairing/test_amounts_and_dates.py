"""Numbers as intervals and days as spans."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pairing.amounts import Interval, amounts, same_amounts
from pairing.dates import Span, days, same_span, without_dates


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("above 75", Interval(Decimal(75), None, low_in=False)),
        ("75 or more", Interval(Decimal(75), None)),
        ("at least 75%", Interval(Decimal(75), None, unit="%")),
        ("<60", Interval(None, Decimal(60), high_in=False)),
        ("60 or less", Interval(None, Decimal(60))),
        ("between 70\u201379%", Interval(Decimal(70), Decimal(79), unit="%")),
        ("from $1,000 to $2,000", Interval(Decimal(1000), Decimal(2000), unit="$")),
        ("100-120k", Interval(Decimal(100_000), Decimal(120_000))),
        ("$1.5m", Interval(Decimal(1_500_000), Decimal(1_500_000), unit="$", bare=True)),
        ("69\u00a2", Interval(Decimal("0.69"), Decimal("0.69"), unit="$", bare=True)),
        ("reaches or exceeds $1 trillion", Interval(Decimal(10**12), None, unit="$")),
        ("exceeds $1 trillion", Interval(Decimal(10**12), None, low_in=False, unit="$")),
        ("greater than or equal to 5", Interval(Decimal(5), None)),
        ("no more than 5", Interval(None, Decimal(5))),
        ("at or below 5", Interval(None, Decimal(5))),
        ("90+", Interval(Decimal(90), None)),
    ],
)
def test_an_amount(text: str, interval: Interval) -> None:
    assert [fact.value for fact in amounts(text)] == [interval]


@pytest.mark.parametrize(
    ("mine", "other", "about", "same"),
    [
        ("above 9", "10 or more", "seats", True),
        ("above 9", "10 or more", "degrees", None),
        ("above 9", "9 or more", "seats", False),
        ("5", "exactly 5", "wins", None),
        ("70", "70%", "", None),
        ("25-29.99%", "25-30%", "", None),
        ("above 70", "70-79", "", False),
        ("above 3.5", "4 or more", "goals", True),
    ],
)
def test_two_amounts(mine: str, other: str, about: str, same: bool | None) -> None:
    one, two = (frozenset(fact.value for fact in amounts(text)) for text in (mine, other))
    assert same_amounts(one, two, about) is same
    assert same_amounts(two, one, about) is same


@pytest.mark.parametrize(
    ("mine", "other", "same"),
    [
        ("before Jan 1, 2026", "by December 31, 2025", True),
        ("before March 1, 2026", "by March 31, 2026", False),
        ("before March 1", "by March 31", False),
        ("before March 1", "by Feb 29", None),
        ("before March 1, 2026", "before March 1", None),
        ("before 2026", "by end of 2025", True),
        ("in 2025", "in 2026", False),
        ("in Q1 2026", "in March 2026", False),
        ("by March 2026", "by March 31, 2026", None),
        ("between September 1-15, 2025", "September 1 to 15, 2025", True),
        ("the 2025 election", "in 2025", None),
        ("on May 3, 2026", "by May 3, 2026", False),
        ("since May 3, 2026", "after May 3, 2026", False),
        ("from May 3, 2026", "on May 3, 2026", False),
        ("3 May 2026", "May 3rd, 2026", True),
        ("before 2026-05-03", "before May 3, 2026", True),
        ("before 2026-05-03T14:00:00Z", "before May 3, 2026", None),
    ],
)
def test_two_days(mine: str, other: str, same: bool | None) -> None:
    (one,), (two,) = days(mine), days(other)
    assert same_span(one.value, two.value) is same
    assert same_span(two.value, one.value) is same


@pytest.mark.parametrize("text", ["It may rain", "a march in Rome", "Democrats 66", "February 30, 2026"])
def test_what_is_no_day(text: str) -> None:
    assert [fact for fact in days(text) if not fact.value.edition] == []


@given(st.dates(date(1950, 1, 1), date(2049, 12, 31)))
def test_any_day_is_read_as_it_is_written(day: date) -> None:
    (fact,) = days(f"on {day:%B} {day.day}, {day.year}")
    assert fact.value.start == day
    assert without_dates(f"x on {day:%b} {day.day}, {day.year}").strip() == "x"


def test_a_year_can_be_given_to_days_without_one() -> None:
    (fact,) = days("by March 31")
    assert fact.value.in_year(2027) == Span(None, date(2027, 4, 1))


@given(st.text(max_size=60))
def test_any_text_is_read(text: str) -> None:
    assert len(days(text)) <= 8
    assert len(amounts(without_dates(text))) <= 16
