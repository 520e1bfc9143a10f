"""Days in a title: until when, or when, something must happen, as a span of days with its words."""

from __future__ import annotations

import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

import msgspec

from pairing.facts import Fact

__all__ = ["Span", "days", "same_span", "without_dates"]

MAX_REMEMBERED: Final = 8_192
"""Titles whose reading is kept: one is compared with several."""

MAX_DATES: Final = 8
"""Dates read from one text."""

_NAMES: Final = (
    "january", "february", "march", "april", "may", "june",
    "july", "august", "september", "october", "november", "december",
)  # fmt: skip
_MONTHS: Final = {
    **{name: number for number, name in enumerate(_NAMES, 1)},
    **{name[:3]: number for number, name in enumerate(_NAMES, 1)},
    "sept": 9,
}
# "May" and "March" are also words, so a bare one counts only with a capital and a word of time before it.
_MONTH: Final = rf"(?:{'|'.join(sorted(_MONTHS, key=len, reverse=True))})\.?"
_YEAR: Final = r"(?:19|20)\d\d"
_BEFORE: Final = r"before|prior to|until"
_BY: Final = r"by (?:the )?end of|by|through|no later than|on or before"
_PATTERN: Final = re.compile(
    rf"(?:\b(?P<word>{_BEFORE}|{_BY}|after|since|in|on|during|for|between|from|as of)\s+(?P<the>the\s+)?)?"
    rf"(?:"
    rf"\b(?P<iso>{_YEAR}-\d\d-\d\d)(?P<hour>T[\d:.]+Z?)?"
    rf"|\b(?P<month>{_MONTH})\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?:\s*(?:-|\u2013|to|and)\s*"
    rf"(?:(?P<month2>{_MONTH})\s+)?(?P<day2>\d{{1,2}})(?:st|nd|rd|th)?)?(?!\d)(?:,?\s+(?P<year>{_YEAR}))?"
    rf"|\b(?P<day3>\d{{1,2}})(?:st|nd|rd|th)? (?P<month3>{_MONTH})(?:,?\s+(?P<year3>{_YEAR}))?"
    rf"|\b(?P<bare>{_MONTH})(?:,?\s+(?P<year4>{_YEAR}))?(?!\w)"
    rf"|\b(?P<only>{_YEAR})\b(?![-\u2013]\d)(?P<noun>(?=\s+(?-i:[A-Z])))?"
    rf"|\b(?P<quarter>Q[1-4])(?:\s+(?P<year5>{_YEAR}))?\b"
    rf")",
    re.IGNORECASE,
)
_LEAP: Final = 2_000
"""A year with every day, for days whose year is not said."""


class Span(msgspec.Struct, frozen=True):
    """The days from ``start`` to before ``end``, either None where the words leave it open; ``year`` False: not said.

    ``edition`` marks a bare year that names what is meant ("the 2025 election") and no span of time.
    """

    start: date | None
    end: date | None
    year: bool = True
    edition: bool = False
    vague: bool = False

    def in_year(self, year: int) -> Span:
        """The same days of that year."""
        start, end = (_moved(day, year) for day in (self.start, self.end))
        return msgspec.structs.replace(self, start=start, end=end, year=True)


@lru_cache(maxsize=MAX_REMEMBERED)
def days(text: str) -> tuple[Fact[Span], ...]:
    """Every span of days that a text names."""
    found = []
    for match in list(_PATTERN.finditer(text))[:MAX_DATES]:
        span = _span(match)
        if span is not None:
            found.append(Fact(span, match[0].strip(), ""))
    return tuple(found)


@lru_cache(maxsize=MAX_REMEMBERED)
def without_dates(text: str) -> str:
    """The text without the days that it names."""
    return _PATTERN.sub(lambda match: match[0] if _span(match) is None else " ", text)


def same_span(mine: Span, other: Span) -> bool | None:
    """Whether two spans are the same days; None where a year is not said, or the words are vague."""
    if mine.vague or other.vague:
        return None
    if mine.year and other.year:
        if (mine.start, mine.end) == (other.start, other.end):
            return True if mine.edition == other.edition else None
        # "the 2025 election" bounds nothing by itself: "by June 30, 2025" may or may not be within its rules.
        return None if mine.edition != other.edition and _meet(mine, other) else False
    if mine.edition or other.edition:
        return None
    ends = [(day.month, day.day) if day else None for span in (mine, other) for day in (span.start, span.end)]
    return None if ends[:2] == ends[2:] else False


def _meet(mine: Span, other: Span) -> bool:
    latest = max((span.start for span in (mine, other) if span.start), default=date.min)
    return latest <= min((span.end for span in (mine, other) if span.end), default=date.max)


def _span(match: re.Match[str]) -> Span | None:
    word = " ".join((match["word"] or "").lower().split()).removesuffix(" the")
    if match["iso"]:
        first = _day(match["iso"])
        return (
            None if first is None else _bounded(word, first, first + timedelta(1), year=True, hour=bool(match["hour"]))
        )
    if match["only"]:
        start, end = date(int(match["only"]), 1, 1), date(int(match["only"]) + 1, 1, 1)
        if not word or word in {"for", "from"} or match["the"] or match["noun"] is not None:
            return Span(start, end, edition=True)
        return _bounded(word, start, end, year=True)
    said = next((match[key] for key in ("year", "year3", "year4", "year5") if match[key]), None)
    year = int(said) if said else _LEAP
    try:
        start, end = _within(match, year)
    except (ValueError, KeyError):
        return None
    if match["bare"] and not said and (not word or not match["bare"][0].isupper()):
        return None
    return _bounded(word, start, end, year=said is not None, whole=bool(match["bare"] or match["quarter"]))


def _within(match: re.Match[str], year: int) -> tuple[date, date]:
    """The first day that is named and the day after the last."""
    if match["quarter"]:
        first = 3 * (int(match["quarter"][1]) - 1) + 1
        return date(year, first, 1), _after(year, first + 2)
    if match["bare"]:
        month = _month(match["bare"])
        return date(year, month, 1), _after(year, month)
    start = date(year, _month(match["month"] or match["month3"]), int(match["day"] or match["day3"]))
    if not match["day2"]:
        return start, start + timedelta(1)
    last = date(year, _month(match["month2"] or match["month"]), int(match["day2"]))
    return start, last + timedelta(1)


def _bounded(word: str, start: date, end: date, *, year: bool, whole: bool = False, hour: bool = False) -> Span:
    """What a word of time makes of the days from ``start`` to before ``end``; an hour makes days a vague measure."""
    if hour:
        return Span(start, end, year, vague=True)
    if word in {"before", "prior to", "until"}:
        return Span(None, start, year)
    if word in {"by", "through", "no later than", "on or before"}:
        # "by March" is its first day to some and its last to others.
        return Span(None, end, year, vague=whole and word == "by")
    if word.startswith("by "):
        return Span(None, end, year)
    if word == "after":
        return Span(end, None, year)
    if word == "since" or (word == "from" and end - start == timedelta(1)):
        return Span(start, None, year)
    return Span(start, end, year)


def _month(name: str) -> int:
    return _MONTHS[name.lower().rstrip(".")]


def _after(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1)


def _day(iso: str) -> date | None:
    try:
        return date.fromisoformat(iso)
    except ValueError:
        return None


def _moved(day: date | None, year: int) -> date | None:
    if day is None:
        return None
    try:
        return day.replace(year=year + day.year - _LEAP)
    except ValueError:
        return None
