"""What rules texts say beside the question: the source, the zone of times, and what happens when nothing happens."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from pairing.amounts import Interval, amounts
from pairing.dates import Span, days, without_dates
from pairing.facts import Fact
from pairing.leagues import plain
from pairing.listing import Listing

__all__ = ["conditions", "overtime", "sources", "void_rules", "zone"]

MAX_REMEMBERED: Final = 1_024
"""Rules texts whose reading is kept: one market is compared with several."""

_SENTENCE: Final = re.compile(r"[^.!?\n]*(?:\.(?=\w)[^.!?\n]*)*[.!?\n]?")
_TRIGGERS: Final = {
    "postponed": re.compile(r"\b(?:postpone[ds]?|delay(?:ed|s)?|reschedul\w+|suspended)\b", re.IGNORECASE),
    "cancelled": re.compile(
        r"\b(?:cancell?ed|cancell?ation|abandoned|forfeit\w*|no contest|walkover)\b", re.IGNORECASE
    ),
    "tie": re.compile(r"\b(?:ties?|tied|draws?)\b", re.IGNORECASE),
    "inactive": re.compile(
        r"\b(?:inactive|does not (?:play|participate|take)|scratched|withdr\w+|retire[sd]?)\b", re.IGNORECASE
    ),
}
_RESULTS: Final = (
    ("50-50", re.compile(r"\b50\s*[-/\u2013]\s*50\b|\bhalf\b", re.IGNORECASE)),
    ("fair price", re.compile(r"\b(?:fair|last|market)\b[\w ]{0,20}\bpric\w+|\bRule 6\.3\b", re.IGNORECASE)),
    ("refund", re.compile(r"\b(?:refund\w*|voided|void)\b", re.IGNORECASE)),
    ("open for a time", re.compile(r"\bwithin\s+\w+\s+(?:hours?|days?|weeks?)\b", re.IGNORECASE)),
    ("open", re.compile(r"\b(?:remain|stay)s?\s+open\b", re.IGNORECASE)),
    ("no", re.compile(r"\bresolve[sd]?\s+(?:to\s+)?[\"\u201c']?No\b", re.IGNORECASE)),
    ("other", re.compile(r"\bresolve[sd]?\s+(?:to\s+)?[\"\u201c']?other\b", re.IGNORECASE)),
)
PAID: Final = frozenset({"50-50", "refund", "no", "other"})
"""Ends of which the amount is known beforehand: two of them that differ are two contracts."""

_STEM: Final = 6
"""Letters by which forms of such a word are one."""

_ZONE: Final = re.compile(r"\b(ET|EST|EDT|Eastern(?: Time)?|UTC|GMT|PT|PST|PDT|CT|CST|CDT|CET|CEST|BST|JST|KST|SGT)\b")
_ZONES: Final = {
    **dict.fromkeys(("ET", "EST", "EDT", "Eastern", "Eastern Time"), "New York"),
    **dict.fromkeys(("UTC", "GMT"), "UTC"),
    **dict.fromkeys(("PT", "PST", "PDT"), "Los Angeles"),
    **dict.fromkeys(("CT", "CST", "CDT"), "Chicago"),
    **dict.fromkeys(("CET", "CEST"), "Berlin"),
}
_HOST: Final = re.compile(r"(?:https?://)?(?:www\.)?([\w-]+(?:\.[\w-]+)+)", re.IGNORECASE)
_SOURCE: Final = re.compile(
    r"resolution source[^.]*? (?:is|will be) (?P<what>[^.\n]+(?:\.(?=\w)[^.\n]+)*)", re.IGNORECASE
)
_OVERTIME: Final = re.compile(
    r"[^.\n]*\b(?:overtime|extra[- ]time|regulation|90 minutes|shoot-?outs?|extra innings)\b[^.\n]*", re.IGNORECASE
)
_EXCLUDED: Final = re.compile(r"\b(?:not includ\w+|exclud\w+|regulation|90 minutes|does not count)\b", re.IGNORECASE)
_COMMON: Final = frozenset(
    {
        "com",
        "org",
        "net",
        "gov",
        "co",
        "uk",
        "io",
        "the",
        "official",
        "www",
        "https",
        "http",
        "x",
        "twitter",
        "youtube",
        "wikipedia",
    }
)
"""Parts of an address that name nobody, and places where anybody speaks."""

_CONDITION: Final = re.compile(
    r"\b(?:announc|official|credibl|consensus|interim|acting|inaugurat|sworn|confirm|certif|permanent|temporar|partial"
    r"|unless|not|never|regardless|exclud|includ|only if|solely|even if|prior to|runoff|recount|round|revis|preliminar"
    r"|seasonal|adjust|averag|clos(?:ing|e)|intraday|deploy|launch|ceasefire|nominat|appoint|resign|remov|die|death"
    r"|tie|co-win|joint|shared|alphabetical)\w*",
    re.IGNORECASE,
)
"""Beginnings of words that make a rule narrower or wider than its title."""


@lru_cache(maxsize=MAX_REMEMBERED)
def void_rules(rules: str) -> Fact[frozenset[tuple[str, str]]] | None:
    """What happens on which mishap, None where the text says nothing of it.

    A sentence that names no end belongs to the one before it; a sentence may have several of both.
    """
    found: set[tuple[str, str]] = set()
    said: list[str] = []
    for sentence in _sentences(rules):
        triggers = [name for name, pattern in _TRIGGERS.items() if pattern.search(sentence)]
        results = _results(sentence) if triggers else []
        if results:
            found |= {(trigger, result) for trigger in triggers for result in results}
            said.append(sentence)
    return Fact(frozenset(found), " ".join(said), "rules") if found else None


def _results(sentence: str) -> list[str]:
    return [name for name, pattern in _RESULTS if pattern.search(sentence)]


def _sentences(rules: str) -> Iterable[str]:
    return (match[0].strip() for match in _SENTENCE.finditer(rules) if match[0].strip())


def sources(listing: Listing) -> Fact[frozenset[str]] | None:
    """The words of who decides: hosts and names, from the venue's field or, without one, from the rules."""
    said = [*listing.sources]
    if stated := _SOURCE.search(listing.rules):
        said.append(stated["what"].strip())
    words = {word for text in said for word in _source_words(text)}
    return Fact(frozenset(words), "; ".join(said), "sources, rules") if words else None


def _source_words(text: str) -> set[str]:
    hosts = [match[1] for match in _HOST.finditer(text)]
    found = {host.lower().split(".")[-2] for host in hosts}
    if not hosts:
        found |= {plain(text).replace(" ", "")}
    return found - _COMMON


@lru_cache(maxsize=MAX_REMEMBERED)
def zone(rules: str) -> Fact[str] | None:
    """The one zone of a text's times; None where it names none, or several."""
    named = {_ZONES.get(match[1], match[1]): match[0] for match in _ZONE.finditer(rules)}
    if len(named) != 1:
        return None
    ((value, text),) = named.items()
    return Fact(value, text, "rules")


@lru_cache(maxsize=MAX_REMEMBERED)
def overtime(rules: str) -> Fact[bool] | None:
    """Whether what is played after the regular time counts; None where the text does not say."""
    said = _OVERTIME.search(rules)
    if said is None:
        return None
    return Fact(_EXCLUDED.search(said[0]) is None, said[0].strip(), "rules")


@lru_cache(maxsize=MAX_REMEMBERED)
def conditions(rules: str) -> frozenset[str]:
    """The words, numbers and days by which rules bound their title: equal ones promise nothing, others forbid."""
    words = {match[0].lower()[:_STEM] for match in _CONDITION.finditer(rules)}
    numbers = {_amount(fact.value) for fact in amounts(without_dates(rules))}
    return frozenset(words | numbers | {_day_of(fact.value) for fact in days(rules)})


def _amount(interval: Interval) -> str:
    """An interval as a text in which the ends that belong to it have square brackets."""
    low, high = ("" if end is None else f"{end.normalize():f}" for end in (interval.low, interval.high))
    return f"{'[' if interval.low_in else '('}{low}..{high}{']' if interval.high_in else ')'}{interval.unit}"


def _day_of(span: Span) -> str:
    shown = [day.strftime("%Y-%m-%d" if span.year else "%m-%d") if day else "" for day in (span.start, span.end)]
    return "..".join(shown)
