"""The rules of the markets that we trade, fetched before they are needed where that is possible."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from actors.ports import Readiness
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

AHEAD_US: Final = 25_000_000
"""What somebody is going to trade is read again when he asks this much later: it may have closed."""

STALE_US: Final = 900_000_000
"""Rules that could not be read again for so long are none any more, for who asks ahead."""


class MarketRulesKept:
    """Answers at once, with what is known; asks for the rest behind the order's back."""

    def __init__(self, reads: KalshiReads, clock: FeedClock, tasks: Tasks) -> None:
        self._reads = reads
        self._clock = clock
        self._tasks = tasks
        self._known: dict[str, MarketRules] = {}
        self._asked_us: dict[str, int] = {}
        self._read_us: dict[str, int] = {}
        self._said: dict[str, str | None] = {}
        self.news: Callable[[Readiness], None] = lambda _: None
        """Hears of a market that was stated before and is ready no more, or is again."""

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
        now = self._clock.mono_us()
        self._note_asked(rules.ticker, now)
        self._known[rules.ticker] = rules
        self._read_us[rules.ticker] = now
        self._tell(rules.ticker, self._against(rules.ticker))

    def doubt(self, ticker: str) -> None:
        """The venue did not take an order as these rules have it: ask again, at once where somebody was told of it."""
        self._forget(ticker)
        if ticker in self._said:
            self._tell(ticker, "its rules are being read again, as an order was refused")
            self._note_asked(ticker, self._clock.mono_us())
            self._tasks.start(self._fetch(ticker), f"rules of {ticker}")

    async def prefetch(self, tickers: Sequence[str]) -> None:
        """Learn these now. Raises :class:`ReadFailed`."""
        for rules in await self._reads.markets(list(dict.fromkeys(tickers))):
            self.take(rules)

    async def stated(self, tickers: Sequence[str], within_s: float) -> list[Readiness]:
        """Whether an order could leave for each of these, by rules that were read lately or are read now."""
        now, failed, wrong = self._clock.mono_us(), "it was not read in time", dict[str, str]()
        old = [ticker for ticker in dict.fromkeys(tickers) if now - self._read_us.get(ticker, -AHEAD_US) >= AHEAD_US]
        try:
            async with asyncio.timeout(within_s):
                await self._read(old, wrong)
        except TimeoutError:
            pass
        except ReadFailed as error:
            failed = str(error)
        for ticker in tickers:
            if ticker in wrong:
                self._forget(ticker)
            if ticker not in self._said and len(self._said) >= MAX_MARKETS:
                del self._said[next(iter(self._said))]
            self._said[ticker] = wrong.get(ticker) or self._against(ticker, failed)
        return [(ticker, self._said[ticker]) for ticker in tickers]

    async def shards(self, tickers: Sequence[str]) -> list[tuple[str, str]]:
        """On which shard each of these is now, where the venue says so. Raises :class:`ReadFailed`."""
        await self._read(list(dict.fromkeys(tickers)), {})
        known = (self._known.get(ticker) for ticker in tickers)
        return [(rules.ticker, str(rules.shard)) for rules in known if rules is not None and rules.shard is not None]

    async def _read(self, tickers: Sequence[str], wrong: dict[str, str]) -> None:
        """Learn these; ``wrong`` gets those that make no sense or are not there. Raises :class:`ReadFailed`."""
        if not tickers:
            return
        try:
            await self.prefetch(tickers)
        except ReadFailed as error:
            if not error.unreadable:
                raise
            if len(tickers) == 1:
                wrong[tickers[0]] = str(error)
                return
            # One that cannot be read is not to keep the others back: it is found by halves.
            middle = len(tickers) // 2
            await self._read(tickers[:middle], wrong)
            await self._read(tickers[middle:], wrong)
        else:
            now = self._clock.mono_us()
            missing = [ticker for ticker in tickers if now - self._read_us.get(ticker, -AHEAD_US) >= AHEAD_US]
            wrong.update(dict.fromkeys(missing, "kalshi does not list it"))

    def _against(self, ticker: str, failed: str = "its rules are not known yet") -> str | None:
        """Why no order could leave for it."""
        rules = self._known.get(ticker)
        if rules is None or self._clock.mono_us() - self._read_us.get(ticker, 0) >= STALE_US:
            return failed
        return None if rules.trades else f"it is {rules.status}"

    def _tell(self, ticker: str, why: str | None) -> None:
        if ticker in self._said and self._said[ticker] != why:
            self._said[ticker] = why
            self.news((ticker, why))

    def _forget(self, ticker: str) -> None:
        for known in (self._known, self._asked_us, self._read_us):
            known.pop(ticker, None)

    def _note_asked(self, ticker: str, now: int) -> None:
        if ticker not in self._asked_us and len(self._asked_us) >= MAX_MARKETS:
            self._forget(next(iter(self._asked_us)))
        self._asked_us[ticker] = now

    async def _fetch(self, ticker: str) -> None:
        try:
            self.take(await self._reads.market(ticker))
        except ReadFailed:
            return
