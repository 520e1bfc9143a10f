"""The rules of the markets that we trade, fetched before they are needed where that is possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from transport.feeds.port import FeedClock
from transport.kalshi.reads import KalshiReads
from transport.kalshi.tasks import Tasks
from transport.venue_rest import ReadFailed
from venues.kalshi.grid import MarketRules, unknown_market

MAX_MARKETS: Final = 20_000
FRESH_US: Final = 600_000_000
"""Rules are asked for again when an order needs them this much later: grids change."""

AGAIN_US: Final = 5_000_000
"""A market whose rules could not be had is asked for again after this long."""


class MarketRulesKept:
    """Answers at once, with what is known; asks for the rest behind the order's back."""

    def __init__(self, reads: KalshiReads, clock: FeedClock, tasks: Tasks) -> None:
        self._reads = reads
        self._clock = clock
        self._tasks = tasks
        self._known: dict[str, MarketRules] = {}
        self._asked_us: dict[str, int] = {}

    def rules(self, ticker: str) -> MarketRules:
        """The market's rules; of a market that nobody asked about yet those that hold everywhere."""
        now = self._clock.mono_us()
        known = self._known.get(ticker)
        asked = self._asked_us.get(ticker)
        if asked is None or now - asked >= (AGAIN_US if known is None else FRESH_US):
            self._note_asked(ticker, now)
            self._tasks.start(self._fetch(ticker), f"rules of {ticker}")
        return known or unknown_market(ticker)

    def take(self, rules: MarketRules) -> None:
        """These hold now."""
        self._note_asked(rules.ticker, self._clock.mono_us())
        self._known[rules.ticker] = rules

    def doubt(self, ticker: str) -> None:
        """The venue did not take an order as these rules have it: ask again with the next one."""
        self._known.pop(ticker, None)
        self._asked_us.pop(ticker, None)

    async def prefetch(self, tickers: Sequence[str]) -> None:
        """Learn these now. Raises :class:`ReadFailed`."""
        for rules in await self._reads.markets(list(dict.fromkeys(tickers))):
            self.take(rules)

    async def shards(self, tickers: Sequence[str]) -> list[tuple[str, str]]:
        """On which shard each of these is now, where the venue says so. Raises :class:`ReadFailed`."""
        await self.prefetch(tickers)
        known = (self._known.get(ticker) for ticker in tickers)
        return [(rules.ticker, str(rules.shard)) for rules in known if rules is not None and rules.shard is not None]

    def _note_asked(self, ticker: str, now: int) -> None:
        if ticker not in self._asked_us and len(self._asked_us) >= MAX_MARKETS:
            self.doubt(next(iter(self._asked_us)))
        self._asked_us[ticker] = now

    async def _fetch(self, ticker: str) -> None:
        try:
            self.take(await self._reads.market(ticker))
        except ReadFailed:
            return
