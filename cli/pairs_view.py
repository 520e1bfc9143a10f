"""Candidates for a person: both questions, which token is YES, and every point with the words it was read from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import msgspec

from cli.output import Style, cut, printable
from pairing.candidates import Candidate
from pairing.judgement import AGREE, DIFFER, UNKNOWN, Point, Verdict
from pairing.listing import Listing
from pairing.lockup import edge_at, edge_per_year, lockup
from protocol.units import CONTRACT, notional

_MARGIN: Final = "   "
_LABEL: Final = len("Polymarket")


def lines(
    number: int, candidate: Candidate, now: datetime, width: int, style: Style, *, evidence: bool
) -> Iterator[str]:
    """The lines of one candidate, none wider than ``width``."""
    kalshi, polymarket, judgement = candidate.kalshi, candidate.polymarket, candidate.judgement
    verdict = _verdict(candidate.verdict, style)
    room = width - len(f"{number}. ") - len(candidate.verdict.value) - 2
    name = cut(printable(kalshi.market_id), room)
    yield f"{style.strong(f'{number}. {name}')}{' ' * (room - len(name) + 2)}{verdict}"
    yield from _side("Kalshi", kalshi, _question(kalshi), width)
    yield from _side("Polymarket", polymarket, polymarket.title, width)
    yield from _wrapped("YES is", _yes(candidate), width)
    yield from _wrapped("money", _held(candidate, now), width)
    agreed = judgement.of(AGREE)
    if agreed and not evidence:
        yield from _wrapped("agree", ", ".join(point.name for point in agreed), width)
    for point in judgement.points:
        if point.state is not AGREE or evidence:
            yield from _point(point, width, style, evidence=evidence)
    for flag in judgement.flags:
        yield from _wrapped("flag", flag.text, width)


def _verdict(verdict: Verdict, style: Style) -> str:
    match verdict:
        case Verdict.SAME:
            return style.strong(verdict.value)
        case Verdict.DIFFERENT:
            return style.alarm(verdict.value)
        case Verdict.UNSURE:
            return style.faint(verdict.value)


def _question(kalshi: Listing) -> str:
    name = kalshi.outcomes[0].name
    return kalshi.title if name in kalshi.title else f"{kalshi.title} \u00b7 {name}"


def _side(label: str, listing: Listing, question: str, width: int) -> Iterator[str]:
    yield from _wrapped(label, printable(question), width)
    if listing.close_time is not None:
        yield from _wrapped("", f"closes {listing.close_time:%Y-%m-%d %H:%M} UTC", width)


def _yes(candidate: Candidate) -> str:
    yes = candidate.judgement.yes
    if yes is None:
        return "not known"
    kalshi = candidate.kalshi.outcomes[0].name
    others = [outcome.name for place, outcome in enumerate(candidate.polymarket.outcomes) if place != yes]
    return printable(f"{kalshi} = {candidate.polymarket.outcomes[yes].name} (NO is {', '.join(others)})")


def _held(candidate: Candidate, now: datetime) -> str:
    """Until when a pair holds its money, and the listed edge by the year."""
    times = lockup(candidate.kalshi, candidate.polymarket)
    until = times.expected or times.latest
    if until is None:
        return "until when is not known"
    said = f"held until about {until:%Y-%m-%d %H:%M} UTC"
    if times.early:
        said += "; Kalshi may close early"
    share = yearly(candidate, now)
    return said if share is None else f"{said}; listed prices: {share * 100:.1f} % a year before fees"


def yearly(candidate: Candidate, now: datetime) -> Decimal | None:
    """The edge at the listed prices by the year, None where prices or times are not known or there is none."""
    until = lockup(candidate.kalshi, candidate.polymarket).expected
    yes = candidate.judgement.yes
    prices = None if yes is None else edge_at(candidate.kalshi, candidate.polymarket, yes)
    if until is None or prices is None or prices[0] <= 0 or prices[1] <= 0:
        return None
    edge, cost = (notional(price, CONTRACT) for price in prices)
    return edge_per_year(edge, cost, until - now)


def _point(point: Point, width: int, style: Style, *, evidence: bool) -> Iterator[str]:
    said = f"{point.name}: {point.why}" if point.why else point.name
    mark = style.alarm if point.state is DIFFER else str
    first, *rest = _wrapped(point.state.value, printable(said), width)
    yield mark(first)
    yield from rest
    if evidence or point.state is not UNKNOWN:
        for who, words in (("K", point.kalshi), ("P", point.polymarket)):
            if words:
                yield from _wrapped("", f"{who}  {printable(words)}", width)


def _wrapped(label: str, text: str, width: int) -> Iterator[str]:
    head = f"{_MARGIN}{label.ljust(_LABEL)}  "
    indent = " " * (len(_MARGIN) + _LABEL + 2)
    yield from textwrap.wrap(text, width, initial_indent=head, subsequent_indent=indent) or [head.rstrip()]


def as_json(candidate: Candidate, now: datetime) -> dict[str, Any]:
    """The candidate as one JSON object: what `arb pairs find --json` prints on a line."""
    yes = candidate.judgement.yes
    outcomes = candidate.polymarket.outcomes
    return {
        "verdict": candidate.verdict,
        "event_key": candidate.event_key,
        "kalshi_market_ticker": candidate.kalshi.market_id,
        "kalshi_title": _question(candidate.kalshi),
        "polymarket_condition": candidate.polymarket.market_id,
        "polymarket_slug": candidate.polymarket.slug,
        "polymarket_title": candidate.polymarket.title,
        "yes_outcome": None if yes is None else outcomes[yes].name,
        "poly_yes_token": None if yes is None else outcomes[yes].token,
        "poly_no_token": None if yes is None or len(outcomes) != 2 else outcomes[1 - yes].token,  # noqa: PLR2004 -- YES, NO
        "likeness": candidate.likeness,
        "lockup": msgspec.to_builtins(lockup(candidate.kalshi, candidate.polymarket)),
        "listed_edge_per_year": yearly(candidate, now),
        "points": [msgspec.to_builtins(point) for point in candidate.judgement.points],
        "flags": [msgspec.to_builtins(flag) for flag in candidate.judgement.flags],
    }


def totals(candidates: Iterable[Candidate]) -> str:
    """How many there are of each verdict, as one sentence."""
    counts = dict.fromkeys(Verdict, 0)
    for candidate in candidates:
        counts[candidate.verdict] += 1
    return ", ".join(f"{count:,} {verdict.value}" for verdict, count in counts.items())
