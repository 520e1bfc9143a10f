"""The rules of the markets that we trade: known before an order needs them, or there is no order.

An order is written at once or never, so nothing can be asked for on its way. What `markets` names, what is held and
what is open is learnt at the start, what the controller's pairs name when it says so, and all of it again every few
minutes; an order of any other market is refused once, and asks for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from actors.ports import Readiness
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
AHEAD_AT_ONCE: Final = 4
"""So many reads ahead of any order run at a time: those for one that is being refused do not wait for them."""


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
        self._ahead_turns = asyncio.Semaphore(AHEAD_AT_ONCE)
        self._why: dict[str, str] = {}
        self._said: dict[str, str | None] = {}
        self.news: Callable[[Readiness], None] = lambda _: None
        """Hears of a market that was stated before and is ready no more, or is again."""

    def __len__(self) -> int:
        return len(self._known)

    def rules(self, token: str) -> MarketRules | None:
        """The rules of the token's market; None where they are not known, and then they are asked for."""
        known = self._held(token)
        if known is None:
            self._ask(token)
        return known

    def _held(self, token: str) -> MarketRules | None:
        known = self._known.get(token)
        return known[0] if known is not None and self._clock.mono_us() - known[1] < STALE_US else None

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

    async def stated(self, tokens: Sequence[str], within_s: float) -> list[Readiness]:
        """Whether an order could leave for each of these, by rules that are known or are read now."""
        missing = [token for token in dict.fromkeys(tokens) if self._held(token) is None]
        try:
            async with asyncio.timeout(within_s):
                await asyncio.gather(*(self._ahead(token) for token in missing))
        except TimeoutError:
            pass
        for token in tokens:
            if token not in self._said and len(self._said) >= MAX_MARKETS:
                del self._said[next(iter(self._said))]
            self._said[token] = self._against(token)
        return [(token, self._said[token]) for token in tokens]

    async def keep_fresh(self) -> None:
        """Read all of them again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._fresh_s)
            done: set[str] = set()
            for token in list(self._known):
                if token not in done:
                    await self._try(token)
                    known = self._known.get(token)
                    done.update(() if known is None else known[0].tokens)

    # -- inside ----------------------------------------------------------------------------------------------

    async def _ahead(self, token: str) -> None:
        async with self._ahead_turns:
            # Its market's other token may have been read while this one waited.
            if self._held(token) is None:
                try:
                    await self._fetch(token)
                except ReadFailed as error:
                    self._note_why(token, error)

    def _against(self, token: str) -> str | None:
        """Why no order could leave for it."""
        rules = self._held(token)
        if rules is None:
            return self._why.get(token, "it was not read in time")
        return None if rules.accepting else "its market takes no orders"

    def _tell(self, token: str) -> None:
        if token in self._said and self._said[token] != (why := self._against(token)):
            self._said[token] = why
            self.news((token, why))

    def _note_why(self, token: str, error: ReadFailed) -> None:
        if len(self._why) >= MAX_MARKETS:
            self._why.clear()
        self._why[token] = str(error)

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
            self._note_why(token, error)

    async def _fetch(self, token: str) -> MarketRules:
        rules = await self._reads.market(token)
        now = self._clock.mono_us()
        while len(self._known) >= MAX_MARKETS:
            del self._known[next(iter(self._known))]
        for one in rules.tokens:
            self._known[one] = (rules, now)
            self._why.pop(one, None)
            self._tell(one)
        return rules
