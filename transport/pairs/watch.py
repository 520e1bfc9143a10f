"""Approvals watched while a controller trades on them: a pair that is not approved any more opens nothing from then on.

The store is asked every few seconds, which costs a comparison while nothing was written to it. The venues are asked
through it, by whoever fetches: another process, or the check that is handed in, which runs in a thread of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from market.events import FeedBatch, MarketHalted
from market.pair import Pair
from protocol.terms import KALSHI, POLYMARKET, PairId, Platform
from transport.feeds.port import Deliver, FeedClock, FeedPort
from transport.pairs.errors import PairStoreError
from transport.pairs.store import PairStore

POLL_US: Final = 5_000_000
"""How often the store is asked whether somebody wrote to it."""

Check = Callable[[], None]
"""Reads the approved markets again into the store; what goes wrong with it is its own to tell."""

Report = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How often the store is asked, and how often ``check`` is called; 0: never."""

    check: Check | None = None
    check_us: int = 0
    poll_us: int = POLL_US


class WatchedFeed:
    """A feed with the approvals of its pairs beside it. Implements ``FeedPort``.

    Guarantees: once the store says that a pair is not approved, its Kalshi market (or, without one, its tokens) is
    halted in this run, and again for a scanner that was replaced. A store that cannot be read halts every pair.
    """

    def __init__(
        self,
        feed: FeedPort,
        open_store: Callable[[], PairStore],
        pairs: Sequence[Pair],
        clock: FeedClock,
        *,
        report: Report,
        rhythm: Rhythm,
    ) -> None:
        self._feed = feed
        self._open_store = open_store
        self._pairs = {pair.pair_id: pair for pair in pairs}
        self._clock = clock
        self._report = report
        self._rhythm = rhythm
        self._halted: dict[PairId, str] = {}
        self._deliver: Deliver | None = None
        self._store: PairStore | None = None
        self._version = -1

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """Those of the feed."""
        return self._feed.platforms

    def resync(self) -> None:
        """See :class:`~transport.feeds.port.FeedPort`: a new scanner knows nothing of what was halted."""
        self._feed.resync()
        for pair_id, reason in self._halted.items():
            self._halt(pair_id, reason)

    async def run(self, deliver: Deliver) -> None:
        """Run the feed, and watch until it ends."""
        self._deliver = deliver
        tasks = [asyncio.create_task(self._watch(), name="approvals")]
        if self._rhythm.check is not None and self._rhythm.check_us:
            tasks.append(asyncio.create_task(self._keep_checking(self._rhythm.check), name="approved terms"))
        try:
            await self._feed.run(deliver)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    # -- inside ----------------------------------------------------------------------------------------------

    async def _keep_checking(self, check: Check) -> None:
        while True:
            await self._clock.sleep_us(self._rhythm.check_us)
            await asyncio.to_thread(check)
            self._look()

    async def _watch(self) -> None:
        try:
            with self._open_store() as self._store:
                while True:
                    self._look()
                    await self._clock.sleep_us(self._rhythm.poll_us)
        except PairStoreError as error:
            self._all_off(str(error))
        except Exception as error:  # noqa: BLE001 -- approvals that nobody watches are none
            self._all_off(f"the approvals cannot be watched: {error!r}")
        finally:
            self._store = None

    def _look(self) -> None:
        """Halt what the store does not approve any more; costs one question where nobody has written to it."""
        if self._store is None or (now := self._store.version()) == self._version:
            return
        self._version = now
        trading = [pair_id for pair_id in self._pairs if pair_id not in self._halted]
        for pair_id, reason in self._store.not_approved(trading).items():
            self._latch(pair_id, reason)

    def _all_off(self, reason: str) -> None:
        for pair_id in [each for each in self._pairs if each not in self._halted]:
            self._latch(pair_id, reason)

    def _latch(self, pair_id: PairId, reason: str) -> None:
        self._halted[pair_id] = reason
        self._report(f"{pair_id} is not traded any more: {reason}; see `arb pairs review`")
        self._halt(pair_id, reason)

    def _halt(self, pair_id: PairId, reason: str) -> None:
        if self._deliver is None:
            return
        pair = self._pairs[pair_id]
        said = f"pair {pair_id}: {reason}"
        for platform, markets in _markets(pair):
            events = tuple(MarketHalted(market, said) for market in markets)
            self._deliver(FeedBatch(platform, self._clock.unix_us(), events, is_data=False))


def _markets(pair: Pair) -> list[tuple[Platform, tuple[str, ...]]]:
    """What must be halted so that nothing opens on the pair: no more than that, as pairs share markets."""
    if pair.kalshi_market_ticker is not None:
        return [(KALSHI, (pair.kalshi_market_ticker,))]
    tokens = tuple(token for token in (pair.poly_yes_token, pair.poly_no_token) if token is not None)
    return [(POLYMARKET, tokens)]
