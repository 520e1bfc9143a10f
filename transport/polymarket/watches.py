"""Orders of which the last word is not said: looked at until each trade of them is CONFIRMED or FAILED.

The user channel only says when to look (:meth:`Watches.hint`); what is told comes from the lists. So a frame that is
lost costs a moment, and a trade that FAILED beside others that did not is found like any other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from protocol.outcome import Outcome
from protocol.terms import Action, LegId
from transport.feeds.port import FeedClock
from transport.kalshi.tasks import Tasks
from transport.polymarket.lookup import Asked, find
from transport.polymarket.markets import MarketRulesKept
from transport.polymarket.reads import PolymarketReads
from transport.venue_rest import ReadFailed

WAITS_S: Final = (0.25, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0, 5.0)
"""Between two looks, at first; from then on the last of them."""

LONG_S: Final = 60.0
"""So often where it has taken long."""

LONG_LOOKS: Final = 120

Tell = Callable[[Outcome], None]


@dataclass(slots=True)
class Watch:
    """One order, and who hears of it."""

    asked: Asked
    tell: Tell
    last: Outcome | None = None
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def open(self) -> bool:
        """Whether the order itself may still do something."""
        return self.last is None or not self.last.status.proven


class Watches:
    """By leg id. Everything that is told is news to whoever hears it, or is the same again."""

    def __init__(
        self,
        reads: PolymarketReads,
        markets: MarketRulesKept,
        clock: FeedClock,
        tasks: Tasks,
        *,
        waits_s: tuple[float, ...] = WAITS_S,
    ) -> None:
        self._reads = reads
        self._markets = markets
        self._clock = clock
        self._tasks = tasks
        self._waits_s = waits_s
        self._all: dict[LegId, Watch] = {}
        self.settled: Callable[[Asked, Outcome], None] = lambda _asked, _outcome: None
        """Called when the last word on an order was said."""

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Watch]:
        return iter(self._all.values())

    @property
    def any_open(self) -> bool:
        """Whether an order of ours may still do something."""
        return any(watch.open for watch in self._all.values())

    def buys(self, token: str) -> bool:
        """Whether shares of the token were bought, or may have been, and have not settled."""
        return any(one.asked.leg.action is Action.BUY and one.asked.leg.market == token for one in self)

    def begin(self, asked: Asked, last: Outcome | None, tell: Tell) -> Watch:
        """Look at it from now on; a leg that is watched already only has another one who hears of it."""
        known = self._all.get(asked.leg.leg_id)
        if known is not None:
            known.tell, known.asked, known.last = tell, asked, last or known.last
            known.woken.set()
            return known
        watch = self._all[asked.leg.leg_id] = Watch(asked, tell, last)
        if not self._tasks.start(self._run(watch), f"settlement of {asked.leg.leg_id}"):
            # The trader's own questions go on all the same.
            del self._all[asked.leg.leg_id]
        return watch

    def hint(self, order_id: str | None) -> None:
        """Something happened to this order, or to any."""
        for watch in self._all.values():
            if order_id is None or watch.asked.order_id.lower() == order_id:
                watch.woken.set()

    def end(self, leg_id: LegId) -> None:
        """The last word was said elsewhere."""
        watch = self._all.pop(leg_id, None)
        if watch is not None:
            watch.woken.set()

    async def _run(self, watch: Watch) -> None:
        leg_id = watch.asked.leg.leg_id
        looks = 0
        while self._all.get(leg_id) is watch:
            await self._wait(watch, looks)
            looks += 1
            if self._all.get(leg_id) is not watch:
                return
            try:
                rules = await self._markets.learn(watch.asked.leg.market)
                found = await find(self._reads, rules, watch.asked, self._clock.unix_us())
            except ReadFailed:
                continue
            if found is None:
                # That there is none is for the trader to ask, twice.
                continue
            watch.last = found
            watch.tell(found)
            if found.final and found.status.proven:
                self._all.pop(leg_id, None)
                self.settled(watch.asked, found)

    async def _wait(self, watch: Watch, looks: int) -> None:
        wait = LONG_S if looks > LONG_LOOKS else self._waits_s[min(looks, len(self._waits_s) - 1)]
        try:
            # Not `wait_for`: where it is woken in the same moment it loses a cancellation (Python 3.11).
            async with asyncio.timeout(wait):
                await watch.woken.wait()
        except TimeoutError:
            return
        watch.woken.clear()
