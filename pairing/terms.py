"""What of a market an approval rests on, field by field, so that a person sees what its venue has changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

import msgspec

from pairing.listing import Fees, Listing, Outcome, Strike

__all__ = ["Change", "changes"]


class Change(msgspec.Struct, frozen=True):
    """One field as it was approved and as it is now."""

    field: str
    old: str
    new: str


def changes(old: Listing, new: Listing) -> tuple[Change, ...]:
    """What differs; nothing exactly where :func:`pairing.listing.terms_digest` is the same."""
    found = []
    for field, read in _TERMS.items():
        before, after = read(old), read(new)
        if before != after:
            found.append(Change(field, _text(before), _text(after)))
    return tuple(found)


_TERMS: Final[Mapping[str, Callable[[Listing], object]]] = {
    "platform": lambda listing: str(listing.platform),
    "market": lambda listing: listing.market_id,
    "event": lambda listing: listing.event_id,
    "title": lambda listing: listing.title,
    "subtitle": lambda listing: listing.subtitle,
    "event title": lambda listing: listing.event_title,
    "outcomes": lambda listing: [(outcome.name, outcome.token) for outcome in listing.outcomes],
    "rules": lambda listing: listing.rules,
    "sources": lambda listing: listing.sources,
    "close time": lambda listing: listing.close_time,
    "expected expiry": lambda listing: listing.expected_expiry,
    "latest expiry": lambda listing: listing.latest_expiry,
    "game start": lambda listing: listing.game_start,
    "early close": lambda listing: listing.can_close_early,
    "early close condition": lambda listing: listing.early_close_condition,
    "settlement timer (s)": lambda listing: listing.settlement_timer_s,
    "fees": lambda listing: listing.fees,
    "strike": lambda listing: listing.strike,
    "line": lambda listing: listing.line,
    "negative risk": lambda listing: listing.neg_risk,
    "negative risk, augmented": lambda listing: listing.neg_risk_augmented,
    "is Other": lambda listing: listing.is_other,
    "made from its event": lambda listing: listing.derived,
}


def _text(value: object) -> str:
    match value:
        case None | "" | () | []:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case datetime():
            return value.isoformat(" ").replace("+00:00", " UTC")
        case Fees():
            return _fees(value)
        case Strike():
            return f"{value.kind} {value.floor if value.floor is not None else ''}..{value.cap or ''}"
        case [*items]:
            return ", ".join(_item(item) for item in items)
        case _:
            return str(value)


def _item(item: object) -> str:
    match item:
        case (str(name), None):
            return name
        case (str(name), str(token)):
            return f"{name} = token {token}"
        case Outcome():
            return item.name
        case _:
            return str(item)


def _fees(fees: Fees) -> str:
    """Only what is said of them; rates and multipliers as the venues write them."""
    parts = [fees.kind or "of a kind not said"]
    if fees.rate_ppm is not None:
        parts.append(f"rate {fees.rate_ppm / 1_000_000:g}")
    if fees.multiplier_ppm is not None:
        parts.append(f"multiplier {fees.multiplier_ppm / 1_000_000:g}")
    if fees.exponent != 1:
        parts.append(f"exponent {fees.exponent}")
    if fees.waived_until is not None:
        parts.append(f"waived until {_text(fees.waived_until)}")
    return ", ".join(parts)
