"""The rules of the markets that we trade: known before an order needs them, or there is no order.

An order is written at once or never, so nothing can be asked for on its way. What `markets` or the pairs name, what is
held and what is open is learnt at the start, and all of it again every few minutes; an order of any other market is
refused once, and asks for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final

from transport.feeds.port import FeedClock
from transport.kalshi.tasks import Tasks
from transport.polymarket.reads import PolymarketReads
from transport.venue_rest import ReadFailed
from venues.polymarket.market import MarketRules

MAX_MARKETS: Final = 20_000

FRESH_S: Final = 240.0
"""So often all of them are asked for again: ticks change."""

STALE_US: Final = 900_000_000
"""Rules that could not be read again for so long are none any more."""

AGAIN_US: Final = 2_000_000
AT_ONCE: Final = 8


class MarketRulesKept:
    """Answers at once with what is known, and never with a guess. Tokens of one market share their rules."""

    def __init__(self, reads: PolymarketReads, clock: FeedClock, tasks: Tasks, *, fresh_s: float = FRESH_S) -> None:
        self._reads = reads
        self._clock = clock
        self._tasks = tasks
        self._fresh_s = fresh_s
        self._known: dict[str, tuple[MarketRules, int]] = {}
        self._asked_us: dict[str, int] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._why: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._known)

    def rules(self, token: str) -> MarketRules | None:
        """The rules of the token's market; None where they are not known, and then they are asked for."""
        now = self._clock.mono_us()
        known = self._known.get(token)
        if known is not None and now - known[1] < STALE_US:
            return known[0]
        self._ask(token)
        return None

    def why(self, token: str) -> str:
        """Why they are not known."""
        return self._why.get(token, "they are being asked for")

    def doubt(self, token: str) -> None:
        """The venue did not take an order as these rules have it: they hold until newer ones are here, soon."""
        self._ask(token)

    async def learn(self, token: str) -> MarketRules:
        """The rules, asked for where they are not known. Raises :class:`ReadFailed`."""
        known = self._known.get(token)
        return known[0] if known is not None else await self._fetch(token)

    async def prefetch(self, tokens: Iterable[str]) -> None:
        """Learn these; one that cannot be had now is asked for again when an order needs it."""
        missing = [token for token in dict.fromkeys(tokens) if token not in self._known][:MAX_MARKETS]
        await asyncio.gather(*(self._try(token) for token in missing))

    async def keep_fresh(self) -> None:
        """Read all of them again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._fresh_s)
            done: set[str] = set()
            for token in list(self._known):
                if token not in done:
                    await self._try(token)
                    done.update(self._known[token][0].tokens)

    # -- inside ----------------------------------------------------------------------------------------------

    def _ask(self, token: str) -> None:
        now = self._clock.mono_us()
        asked = self._asked_us.get(token)
        if asked is not None and now - asked < AGAIN_US:
            return
        if len(self._asked_us) >= MAX_MARKETS:
            self._asked_us.clear()
        self._asked_us[token] = now
        self._tasks.start(self._try(token), "the rules of a market")

    async def _try(self, token: str) -> None:
        try:
            async with self._turns:
                await self._fetch(token)
        except ReadFailed as error:
            self._why[token] = str(error)

    async def _fetch(self, token: str) -> MarketRules:
        rules = await self._reads.market(token)
        now = self._clock.mono_us()
        while len(self._known) >= MAX_MARKETS:
            del self._known[next(iter(self._known))]
        for one in rules.tokens:
            self._known[one] = (rules, now)
            self._why.pop(one, None)
        return rules
