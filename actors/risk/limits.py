"""The limits on what may be at stake, as one frozen value. None is no limit; exactly at a limit is allowed."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from protocol.terms import PairId, Platform
from protocol.units import Money, Quantity


class Kind(StrEnum):
    """What a limit on exposure is about."""

    PAIR = "pair"
    EVENT = "event"
    VENUE = "venue"
    TOTAL = "total"


class Scope(NamedTuple):
    """One thing whose exposure is limited: this pair, this event, this venue, or everything."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        """``pair pair_0``, ``in total``: for people."""
        return f"{self.kind} {self.name}" if self.name else "in total"


ALL: Final = Scope(Kind.TOTAL, "")
"""The scope of the limit in total."""


def scopes(pair_id: PairId, event: str, platform: Platform) -> tuple[Scope, ...]:
    """Everything that money on this platform for this pair counts against."""
    return Scope(Kind.PAIR, pair_id), Scope(Kind.EVENT, event), Scope(Kind.VENUE, platform), ALL


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Dollars of exposure at cost with fees, by scope; contracts of a leg; trades in flight; orders a second.

    A trade is in flight from its approval until it is over. ``orders_per_second`` holds for every window of one
    second; a venue that is not named has no limit. Raises :class:`ValueError` for a negative limit.
    """

    per_pair: Money | None = None
    per_event: Money | None = None
    per_venue: Money | None = None
    total: Money | None = None
    contracts_per_leg: Quantity | None = None
    trades_in_flight: int | None = None
    orders_per_second: Mapping[Platform, int] = {}

    def __post_init__(self) -> None:
        given = {name: getattr(self, name) for name in self.__struct_fields__ if name != "orders_per_second"}
        given |= {f"orders_per_second of {platform}": most for platform, most in self.orders_per_second.items()}
        for name, most in given.items():
            if most is not None and most < 0:
                raise ValueError(f"{name} must not be negative; leave it out for no limit")

    def most(self, kind: Kind) -> Money | None:
        """The most money at stake in one scope of this kind."""
        match kind:
            case Kind.PAIR:
                return self.per_pair
            case Kind.EVENT:
                return self.per_event
            case Kind.VENUE:
                return self.per_venue
            case Kind.TOTAL:
                return self.total


NO_LIMITS: Final = Limits()
