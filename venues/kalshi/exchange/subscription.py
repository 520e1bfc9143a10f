"""One subscription of one connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

SEQUENCED: Final = frozenset({"orderbook_delta", "trade", "market_lifecycle_v2"})
"""Channels whose data frames carry `seq`."""

CHANNELS: Final = SEQUENCED | {"ticker", "fill", "user_orders", "market_positions"}
"""The channels that this exchange serves."""

UNFILTERED: Final = frozenset({"market_lifecycle_v2"})
"""Channels that take no tickers."""


@dataclass(slots=True)
class Subscription:
    """``tickers`` None: every market. ``seq`` is the last that was counted."""

    sid: int
    channel: str
    tickers: dict[str, None] | None
    yes_price: bool = False
    quiet_acks: bool = False
    seq: int = 0
    recorded: int | None = None
    told: dict[str, tuple[object, ...]] = field(default_factory=dict)

    def wants(self, ticker: str) -> bool:
        """Whether it follows that market."""
        return self.tickers is None or ticker in self.tickers

    def count(self, by: int = 1) -> int:
        """The number of the next frame."""
        self.seq += by
        return self.seq
