"""What lies on each shard of our account, as it was said last: an order on a shard without cash is not sent."""

from __future__ import annotations

from typing import Final

from protocol.units import Money
from transport.feeds.port import FeedClock
from venues.kalshi.account import Balance
from venues.kalshi.grid import MarketRules

FRESH_US: Final = 60_000_000
"""A statement that is older says nothing any more, and a new one is asked for behind the next order."""

AGAIN_US: Final = 10_000_000
"""Between two such questions of our own."""


class ShardFunds:
    """Guarantees: no order is held back by a word that is old, nor where the shard has anything at all.

    That less is there than the order costs is Kalshi's own to say, and it says so in plain words. Of a shard without
    anything it says that there is no such market, or no such user.
    """

    def __init__(self, clock: FeedClock) -> None:
        """Nothing said yet."""
        self._clock = clock
        self._on: dict[int, Money] = {}
        self._said_us: int | None = None
        self._asked_us: int | None = None

    def take(self, balance: Balance) -> None:
        """The account has this now."""
        self._on = {one.exchange_index: one.cash for one in balance.balance_breakdown}
        self._said_us = self._clock.mono_us()

    def asked(self) -> None:
        """A new word is asked for."""
        self._asked_us = self._clock.mono_us()

    @property
    def stale(self) -> bool:
        """Whether a new word should be asked for now."""
        now = self._clock.mono_us()
        last = max((each for each in (self._said_us, self._asked_us) if each is not None), default=None)
        return (self._said_us is None or now - self._said_us > FRESH_US) and (last is None or now - last > AGAIN_US)

    def against(self, rules: MarketRules) -> str | None:
        """Why nothing can be bought on this market, as far as is known."""
        if not self._on or self._said_us is None or rules.shard is None:
            return None
        if self._clock.mono_us() - self._said_us > FRESH_US or self._on.get(rules.shard, 0) > 0:
            return None
        there = [shard for shard, cash in sorted(self._on.items()) if cash > 0]
        where = f"is on shard {', '.join(map(str, there))}" if there else "is on no shard"
        return f"cash: {rules.ticker} is on shard {rules.shard} of kalshi, which has none; what there is {where}"

    def accounts(self, balance: Balance) -> list[tuple[str, Money]]:
        """The account by shard, or as a whole where Kalshi does not tell them apart."""
        shards = [(str(one.exchange_index), one.cash) for one in balance.balance_breakdown]
        return shards or [("", balance.cash)]
