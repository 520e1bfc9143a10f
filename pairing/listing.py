"""A market as its venue lists it: what a person, or the judgement, needs to know what it pays on.

Nothing is interpreted here: texts are the venue's own, times are instants in UTC, amounts are our units.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Final

import msgspec

from protocol.terms import Platform
from protocol.units import Money, Price, Quantity

__all__ = ["Fees", "LeftOut", "Listing", "ListingError", "Outcome", "Strike", "Unreadable", "terms_digest"]

MAX_RULES: Final = 65_536
"""Characters of a rules text; a longer one is not read, for nobody would read it either."""


class ListingError(ValueError):
    """A market that cannot be used; the text names the field."""


class LeftOut(StrEnum):
    """Why a market is no candidate, whatever it says."""

    COMBO = "a combination of several markets"
    NOT_BINARY = "not a question with two outcomes"
    NO_BOOK = "without an order book"
    CLOSED = "closed, or not yet open"


class Outcome(msgspec.Struct, frozen=True):
    """One of the two things that can come true. ``token`` is Polymarket's; Kalshi names a market and a side.

    ``price`` is what the listing says of it (a bid, or the middle), for one look only; never traded on.
    """

    name: str
    token: str | None = None
    price: Price | None = None


class Strike(msgspec.Struct, frozen=True):
    """Kalshi's own words for a threshold: ``kind`` such as ``greater``, and the ends that it has."""

    kind: str
    floor: Decimal | None = None
    cap: Decimal | None = None


class Fees(msgspec.Struct, frozen=True):
    """What is known of a taker's fee: None where the listing does not say (then the dearest is assumed)."""

    kind: str = ""
    rate_ppm: int | None = None
    multiplier_ppm: int | None = None
    exponent: int = 1
    waived_until: datetime | None = None


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """One market. ``outcomes[0]`` is what the *listing* puts first, which says nothing about any other listing's.

    For Kalshi ``outcomes`` are YES and NO of ``market_id`` (a ticker); for Polymarket the tokens of ``market_id`` (a
    condition). ``derived`` marks a market that was not listed but follows from its event's name.
    """

    platform: Platform
    market_id: str
    event_id: str
    title: str
    outcomes: tuple[Outcome, ...]
    series: str = ""
    slug: str = ""
    event_title: str = ""
    event_subtitle: str = ""
    subtitle: str = ""
    category: str = ""
    tags: tuple[str, ...] = ()
    rules: str = ""
    sources: tuple[str, ...] = ()
    status: str = ""
    open_time: datetime | None = None
    close_time: datetime | None = None
    expected_expiry: datetime | None = None
    latest_expiry: datetime | None = None
    game_start: datetime | None = None
    can_close_early: bool | None = None
    early_close_condition: str = ""
    settlement_timer_s: int | None = None
    strike: Strike | None = None
    sports_type: str = ""
    line: Decimal | None = None
    fees: Fees = Fees()
    tick: Price | None = None
    min_quantity: Quantity | None = None
    min_notional: Money | None = None
    neg_risk: bool = False
    neg_risk_augmented: bool = False
    is_other: bool = False
    version: str = ""
    shard: int | None = None
    seconds_delay: int | None = None
    left_out: LeftOut | None = None
    derived: bool = False

    @property
    def key(self) -> tuple[Platform, str]:
        """What it is known by among the listings of both venues."""
        return self.platform, self.market_id


class Unreadable(msgspec.Struct, frozen=True):
    """A market that was listed and could not be read: where it stands, and why."""

    where: str
    reason: str


_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


def terms_digest(listing: Listing) -> str:
    """A hash over what an approval rests on: rules, outcomes, sources, fees, times of close and expiry, early close.

    Prices, sizes and the status change all day and are not in it.
    """
    terms = {
        "id": [listing.platform, listing.market_id, listing.event_id],
        "texts": [listing.title, listing.subtitle, listing.event_title, listing.rules],
        "outcomes": [[outcome.name, outcome.token] for outcome in listing.outcomes],
        "sources": listing.sources,
        "times": [listing.close_time, listing.expected_expiry, listing.latest_expiry, listing.game_start],
        "close": [listing.can_close_early, listing.early_close_condition, listing.settlement_timer_s],
        "fees": listing.fees,
        "strike": [listing.strike, listing.line],
        "flags": [listing.neg_risk, listing.neg_risk_augmented, listing.is_other, listing.derived],
    }
    return sha256(_ENCODER.encode(terms)).hexdigest()
