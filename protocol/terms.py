"""The field's words as types: platform, action, side, ids, and what can become of a leg."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NewType

Platform = NewType("Platform", str)
"""A venue by its wire name. Open on purpose: another venue is another name, not another enum."""

KALSHI: Final = Platform("kalshi")
POLYMARKET: Final = Platform("polymarket")
PLATFORMS: Final = (KALSHI, POLYMARKET)

LegId = NewType("LegId", str)
"""Unique for ever, across restarts and controllers; at most 64 characters of ``[A-Za-z0-9_:+=/-]``."""

TradeId = NewType("TradeId", str)
PairId = NewType("PairId", str)

MAX_LEG_ID: Final = 64
"""Kalshi's limit for a client order id, which a leg id is there."""

WIRE_VERSION: Final = 2
"""The level this build speaks; a peer that does not say it stays at level 1 (the seed)."""


class Action(StrEnum):
    """What the order does with contracts."""

    BUY = "buy"
    SELL = "sell"


class Side(StrEnum):
    """The outcome whose contracts are traded; each contract of the right side pays $1."""

    YES = "yes"
    NO = "no"

    @property
    def opposite(self) -> Side:
        """The other outcome of the same market."""
        return Side.NO if self is Side.YES else Side.YES


BUY: Final = Action.BUY
SELL: Final = Action.SELL
YES: Final = Side.YES
NO: Final = Side.NO
"""The same words, for who asks hundreds of times a trade: a member of an enum takes Python 3.11 0.1 us to find."""


class Status(StrEnum):
    """What became of a leg. ``UNKNOWN`` is an outcome: nobody may read it as "not filled"."""

    FILLED = "filled"
    PARTIAL = "partial"
    UNFILLED = "unfilled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    proven: bool
    """True where the filled quantity beside this status is a fact."""

    def __init__(self, word: str) -> None:
        self.proven = word != "unknown"
