"""Numbers as words: exact, with their unit, and nothing where there is none."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.words import cents, count, duration, milliseconds, number, text, usd


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "$0.00"),
        ("57.6", "$57.60"),
        (Decimal("-0.0175"), "-$0.0175"),
        (1234567, "$1,234,567.00"),
        ("1.500000", "$1.50"),
        (None, ""),
        ("nonsense", "$0.00"),
        ("NaN", "$0.00"),
    ],
)
def test_dollars(value: object, shown: str) -> None:
    assert usd(value) == shown


@given(micro=st.integers(-(10**15), 10**15))
def test_dollars_lose_nothing(micro: int) -> None:
    amount = Decimal(micro) / 1_000_000
    assert Decimal(usd(amount).replace("$", "").replace(",", "")) == amount


@pytest.mark.parametrize(
    ("value", "shown"), [(12345, "12,345"), ("10.50", "10.5"), (100, "100"), (Decimal("1E+2"), "100"), (None, "")]
)
def test_counts(value: object, shown: str) -> None:
    assert count(value) == shown


def test_cents() -> None:
    assert (cents("52.50"), cents(52), cents(None)) == ("52.5c", "52c", "")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0 s"),
        (59.9, "59 s"),
        (60, "1 m 00 s"),
        (3_599, "59 m 59 s"),
        (3_725, "1 h 02 m"),
        (86_400 * 3 + 4 * 3_600, "3 d 04 h"),
        (None, ""),
    ],
)
def test_durations(value: object, shown: str) -> None:
    assert duration(value) == shown


def test_milliseconds() -> None:
    assert (milliseconds(999), milliseconds(1_000), milliseconds("61000")) == ("999 ms", "1 s", "1 m 01 s")


def test_text() -> None:
    assert (text(None), text(0), text("a\nb")) == ("", "0", "a?b")


@pytest.mark.parametrize("value", ["", "x", None, [], {}, "inf", float("nan"), object()])
def test_what_is_no_number_counts_as_nothing(value: object) -> None:
    assert number(value) == 0
