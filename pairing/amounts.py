"""Thresholds in a title: which values of a number make YES true, as an interval with its words."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final

import msgspec

from pairing.facts import Fact

__all__ = ["Interval", "amounts", "same_amounts", "without_amounts"]

MAX_REMEMBERED: Final = 8_192
"""Titles whose reading is kept: one is compared with several."""

MAX_AMOUNTS: Final = 16
"""Numbers read from one text; a title with more is nobody's question."""

_SCALE: Final = {
    "k": 10**3, "thousand": 10**3, "m": 10**6, "million": 10**6, "mm": 10**6,
    "b": 10**9, "bn": 10**9, "billion": 10**9, "t": 10**12, "trillion": 10**12,
}  # fmt: skip
_NUMBER: Final = (
    r"(?P<{0}sign>[-+])?(?P<{0}cur>[$€£])?(?P<{0}n>\d+(?:,\d{{3}})*(?:\.\d+)?)"
    r"(?:\s?(?P<{0}s>thousand|million|billion|trillion|mm|bn|[kmbt])\b)?"
    r"\s?(?P<{0}u>%|percent\b|bps\b|basis points\b|cents?\b|¢|°)?"
)
_A: Final = _NUMBER.format("a")
_B: Final = _NUMBER.format("b")
_DIGIT: Final = re.compile(r"\d")
_START: Final = r"(?<![\w.,])"
_END: Final = r"(?![\w])"
_ABOVE: Final = r"over|above|more than|greater than|exceeds?|higher than|>"
_LEAST: Final = (
    r"(?:greater|higher|more) than or equal to|(?:reach(?:es)?|meets?|match(?:es)?|equals?|equal to|at) or"
    r" (?:exceeds?|above|over|higher than|greater than|more than|surpass(?:es)?)"
    r"|not less than|at or above|at least|no less than|no fewer than|≥|>=|hits?|reach(?:es)?"
)
_BELOW: Final = r"under|below|less than|fewer than|lower than|<"
_MOST: Final = (
    r"(?:less|lower|fewer) than or equal to|(?:equal to|at) or (?:below|under|less than)"
    r"|at most|no more than|up to|≤|<="
)
_OR_MORE: Final = r"\+|\s?(?:or|and) (?:more|above|higher|greater|over|better)\b"
_OR_LESS: Final = r"\s?(?:or|and) (?:less|fewer|below|lower|under)\b"

_PATTERNS: Final = tuple(
    (kind, re.compile(pattern, re.IGNORECASE))
    for kind, pattern in (
        ("between", rf"(?:\b(?:between|from)\s+)?{_START}{_A}\s*(?:-|\u2013|\u2014|\bto\b|\band\b)\s*{_B}{_END}"),
        ("least", rf"{_START}{_A}(?:{_OR_MORE})"),
        ("most", rf"{_START}{_A}(?:{_OR_LESS})"),
        ("least", rf"(?:(?<!\w)(?:{_LEAST}))\s*{_A}{_END}"),
        ("most", rf"(?:(?<!\w)(?:{_MOST}))\s*{_A}{_END}"),
        ("above", rf"(?:(?<!\w)(?:{_ABOVE}))\s*{_A}{_END}"),
        ("below", rf"(?:(?<!\w)(?:{_BELOW}))\s*{_A}{_END}"),
        ("exactly", rf"(?:\bexactly\s+)?{_START}{_A}{_END}"),
    )
)


class Interval(msgspec.Struct, frozen=True):
    """From ``low`` to ``high``, either end None where open-ended, and whether the end itself belongs to it.

    ``bare`` marks a number without a word beside it: it may name something, or be exactly or at least meant.
    """

    low: Decimal | None
    high: Decimal | None
    low_in: bool = True
    high_in: bool = True
    unit: str = ""
    bare: bool = False

    def whole(self) -> Interval:
        """The same set of whole numbers, with both ends in it."""
        low, high = self.low, self.high
        if low is not None:
            floor = low // 1
            low = floor if low == floor and self.low_in else floor + 1
        if high is not None:
            floor = high // 1
            high = floor - 1 if high == floor and not self.high_in else floor
        return Interval(low, high, unit=self.unit, bare=self.bare)


@lru_cache(maxsize=MAX_REMEMBERED)
def amounts(text: str) -> tuple[Fact[Interval], ...]:
    """The thresholds of a text from which dates were taken out (:func:`pairing.dates.without_dates`)."""
    return _take(text)[0]


def without_amounts(text: str) -> str:
    """The text without its thresholds."""
    return _take(text)[1]


@lru_cache(maxsize=MAX_REMEMBERED)
def _take(text: str) -> tuple[tuple[Fact[Interval], ...], str]:
    found: list[Fact[Interval]] = []
    if not _DIGIT.search(text):
        return (), text
    for kind, pattern in _PATTERNS:
        while len(found) < MAX_AMOUNTS and (match := pattern.search(text)):
            found.append(Fact(_interval(kind, match), match[0].strip(), ""))
            text = f"{text[: match.start()]} {text[match.end() :]}"
    return tuple(found), text


def _interval(kind: str, match: re.Match[str]) -> Interval:
    low, unit = _value(match, "a")
    match kind:
        case "between":
            high, other = _value(match, "b")
            # "100-120k" and "$5-10": what stands at one end holds for both.
            if not match["as"] and match["bs"]:
                low *= _SCALE[match["bs"].lower()]
            # "from 10 to 5" is a way and no bracket.
            return Interval(min(low, high), max(low, high), unit=unit or other, bare=low > high)
        case "least":
            return Interval(low, None, unit=unit)
        case "above":
            return Interval(low, None, low_in=False, unit=unit)
        case "most":
            return Interval(None, low, unit=unit)
        case "below":
            return Interval(None, low, high_in=False, unit=unit)
        case _:
            return Interval(low, low, unit=unit, bare=not match[0].lower().startswith("exactly"))


def _value(match: re.Match[str], which: str) -> tuple[Decimal, str]:
    value = Decimal(match[f"{which}n"].replace(",", "")) * _SCALE.get((match[f"{which}s"] or "").lower(), 1)
    # A hyphen is a sign only where no range is meant, which the patterns have seen to.
    if match[f"{which}sign"] == "-":
        value = -value
    unit = (match[f"{which}u"] or "").strip().lower()
    currency = match[f"{which}cur"] or ""
    if unit in {"¢", "cent", "cents"}:
        return value / 100, "$"
    if unit in {"%", "percent"}:
        return value, "%"
    return value, currency or unit


_WHOLE_THINGS: Final = re.compile(
    r"\b(?:seats?|goals?|points?|runs?|wins?|games?|weeks?|days?|times?|votes|senators?|orders?|oscars?|medals?"
    r"|assists?|rebounds?|touchdowns?|people|members|countries|states|score|metascore)\b",
    re.IGNORECASE,
)
_HAIR: Final = Decimal("0.011")


def same_amounts(mine: frozenset[Interval], other: frozenset[Interval], texts: str) -> bool | None:
    """Whether two sets of thresholds are the same values; None where that turns on what is counted.

    ``above 9`` is ``10 or more`` only of things that come whole, which ``texts`` must name. A missing unit on one
    side ("70" and "70%") is not known to be the same.
    """
    if mine == other:
        return True
    if _bare(mine) == _bare(other):
        return None
    if {i.whole() for i in mine} == {i.whole() for i in other}:
        return True if _WHOLE_THINGS.search(texts) else None
    if {i.whole() for i in _bare(mine)} == {i.whole() for i in _bare(other)}:
        return None
    # At its very end two brackets may differ by nothing that is ever measured; of whole things they differ by one.
    return None if _nearly(mine, other) and not _WHOLE_THINGS.search(texts) else False


def _bare(intervals: frozenset[Interval]) -> frozenset[Interval]:
    return frozenset(msgspec.structs.replace(interval, unit="", bare=False) for interval in intervals)


def _nearly(mine: frozenset[Interval], other: frozenset[Interval]) -> bool:
    """``25%-29.99%`` and ``25%-30%``: whether they are one bracket, only the rules can say."""
    if len(mine) != 1 or len(other) != 1:
        return False
    (one,), (two,) = mine, other
    ends = ((one.low, two.low), (one.high, two.high))
    return all(a == b or (a is not None and b is not None and abs(a - b) <= _HAIR) for a, b in ends)
