"""In which markets the traders can order: asked at every new path and from time to time, and told to the guard.

A venue's order needs rules of its market (grid, fees, which contract settles it) that a trader reads before it, never
on its way. So each trader that says so is told the markets of our pairs, and a trade for money waits until both sides
are ready: the first arb of a market is no half of one.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

import msgspec

from actors.base import Address, handles
from actors.cash_desk import CashDesk
from actors.market_messages import MarketsAsked, MarketsSaid
from actors.messages import PairFree, StartTimer, TimerFired
from protocol.terms import KALSHI, POLYMARKET, PairId, Platform
from protocol.wire import MAX_STATED_MARKETS

MARKETS: Final = "markets"
EVERY_US: Final = 5_000_000
"""So often what is not ready is asked for again, at first."""

EAGER: Final = 3
"""So many times. What is not ready by then is rather closed than late, and is asked for with all the others."""

ALL_EVERY: Final = 6
"""Every so many times all markets are: one may have closed."""

PATIENCE_US: Final = 30_000_000
"""A question that was not answered by then is put again."""

SHOWN: Final = 5


class Asking(msgspec.Struct):
    """One path that states its markets: what was asked of it last, and what is still to be asked."""

    conn_id: int | None
    trader: str
    left: deque[str]
    number: int = 0
    """Of the question that is out; 0: none."""
    asked_us: int = 0
    eager: int = EAGER


class MarketDesk(CashDesk):
    """Guarantees: what one path has stated never counts for another one."""

    def __init__(self) -> None:
        """Nobody states anything."""
        super().__init__()
        self.market_number = 0
        self.market_ticks = 0
        self.market_asking: dict[Platform, Asking] = {}
        self.market_pairs: dict[Platform, dict[str, list[PairId]]] = {}
        self.market_timer = False

    # -- asking ----------------------------------------------------------------------------------------------

    def begin_markets(self) -> None:
        """The paths may be others now: begin with those that are new."""
        if not self.market_pairs:
            self.market_pairs = self._markets_of_pairs()
        paths = {p: path for p, path in self.all_paths.items() if path.markets and path.real}
        for platform in list(self.market_asking.keys() - paths.keys()):
            del self.market_asking[platform]
            self.risk.readiness.end(platform)
        for platform, path in sorted(paths.items()):
            asking = self.market_asking.get(platform)
            if asking is None or (asking.conn_id, asking.trader) != (path.conn_id, path.trader):
                self.risk.readiness.begin(platform)
                everything = deque(self.market_pairs.get(platform, {}))
                self.market_asking[platform] = Asking(path.conn_id, path.trader, everything)
                self._ask_next(platform)
        self._tick_markets_soon()

    def _markets_of_pairs(self) -> dict[Platform, dict[str, list[PairId]]]:
        """By platform and market the pairs. All YES tokens go first: who has read one knows the NO token by it."""
        found: dict[Platform, dict[str, list[PairId]]] = {KALSHI: {}, POLYMARKET: {}}
        for pair in self.pairs.values():
            if pair.kalshi_market_ticker is not None:
                found[KALSHI].setdefault(pair.kalshi_market_ticker, []).append(pair.pair_id)
        yes = [(pair.poly_yes_token, pair.pair_id) for pair in self.pairs.values()]
        no = [(pair.poly_no_token, pair.pair_id) for pair in self.pairs.values()]
        for token, pair_id in (*yes, *no):
            if token is not None:
                found[POLYMARKET].setdefault(token, []).append(pair_id)
        return found

    def _ask_next(self, platform: Platform) -> None:
        """The next question, unless one is out."""
        asking = self.market_asking[platform]
        if asking.number or not asking.left:
            return
        markets = tuple(asking.left.popleft() for _ in range(min(MAX_STATED_MARKETS, len(asking.left))))
        self.market_number += 1
        asking.number, asking.asked_us = self.market_number, self.turn.mono_us
        role = f"trader:{platform}" if asking.conn_id is None else "router"
        self.send(self.roles[role], MarketsAsked(asking.number, platform, markets, asking.conn_id))

    def _tick_markets_soon(self) -> None:
        if self.market_asking and not self.market_timer:
            self.market_timer = True
            self.send(self.roles["clock"], StartTimer(EVERY_US, MARKETS))

    @handles(TimerFired)
    def timer(self, message: TimerFired, sender: Address) -> None:
        """Ask again for what is not ready, and sometimes for all."""
        if message.key != MARKETS:
            super().timer(message, sender)
            return
        self.market_timer = False
        self.market_ticks += 1
        for platform, asking in self.market_asking.items():
            if asking.number and self.turn.mono_us - asking.asked_us >= PATIENCE_US:
                asking.number = 0
            if not (asking.left or asking.number):
                self._begin_round(platform, asking)
            self._ask_next(platform)
        self._tick_markets_soon()

    def _begin_round(self, platform: Platform, asking: Asking) -> None:
        everything = self.market_pairs.get(platform, {})
        if self.market_ticks % ALL_EVERY == 0:
            asking.left.extend(everything)
        elif asking.eager:
            asking.eager -= 1
            asking.left.extend(self.risk.readiness.unready(platform, everything))

    # -- answers ---------------------------------------------------------------------------------------------

    @handles(MarketsSaid)
    def markets_said(self, message: MarketsSaid, _sender: Address) -> None:
        """Take it, where it is of the path that executes now; pairs that can be traded from now on are looked at."""
        platform = message.platform
        asking = self.market_asking.get(platform)
        if asking is None or asking.conn_id != message.conn_id or message.number not in {0, asking.number}:
            return
        pairs, free = self.market_pairs.get(platform, {}), dict[PairId, None]()
        told: list[tuple[str, str | None]] = [(market, None) for market in message.ready]
        for market, why in (*told, *message.unready):
            if market in pairs and self.risk.readiness.tell(platform, market, why):
                free.update(dict.fromkeys(pairs[market]))
        if message.number:
            # A trader that is slow is not asked ever faster: the next question follows the answer.
            asking.number = 0
            self._ask_next(platform)
        for pair_id in free:
            if self.may_look_again(pair_id):
                self.send(self.roles["scanner"], PairFree(pair_id, recheck=True))

    def may_look_again(self, pair_id: PairId) -> bool:
        """Whether nothing is under way there that an offer would disturb."""
        return pair_id not in self.book.pair_in_use

    # -- for people ------------------------------------------------------------------------------------------

    def risk_record(self) -> dict[str, Any]:
        """The section of the status, with the markets that are not ready."""
        record = super().risk_record()
        return {**record, "markets": self.market_record()} if self.market_asking else record

    def market_record(self) -> dict[str, Any]:
        """By platform whose path states it: who, of how many markets, and which of them are not traded and why."""
        said: dict[str, Any] = {}
        for platform, asking in sorted(self.market_asking.items()):
            everything = self.market_pairs.get(platform, {})
            unready = self.risk.readiness.unready(platform, everything)
            first = dict(list(unready.items())[:SHOWN])
            said[platform] = {"by": asking.trader, "of": len(everything), "unready": len(unready), "first": first}
        return said
