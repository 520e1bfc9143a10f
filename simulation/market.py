"""Two venues that follow one hidden probability, each in its own time: the feed of ``--feed sim``.

Every pair has a hidden probability that drifts, and now and then jumps on news. Both venues see the drift; news reaches
one of them at once and the other some tenths of a second to seconds later, so that for a while one quotes the old
price beside the other's new one: an arbitrage comes, and goes. Small independent errors of the makers, changing sizes,
trades and an occasional lost connection make the rest of the noise.

Pure and seeded: time is what the caller says, and the same seed gives the same frames, however often it asks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random
from typing import Final

from market.pair import Pair
from protocol.terms import KALSHI, POLYMARKET, Platform
from protocol.units import Quantity
from simulation.frames import KalshiWire, PolymarketWire, Wire
from simulation.market_pairs import DEFAULT_PAIRS
from simulation.quotes import Quotes
from venues.capture import CONNECTED, DISCONNECTED, CaptureLine

STEP_US: Final = 50_000
"""The market's own grain of time."""

MAX_CATCH_UP_US: Final = 10_000_000
"""When nobody asked for longer, the time before is skipped, not made up for."""

_STEP_S: Final = STEP_US / 1_000_000
# All rates are per second, of one market on one venue unless said otherwise.
_DRIFT: Final = 0.018
_PULL: Final = 0.02
_NEWS_RATE: Final = 1 / 10
_NEWS_CENTS: Final = (3.0, 7.0)
_FIRST_LAG_S: Final = (0.05, 0.3)
_SECOND_LAG_S: Final = (0.7, 3.0)
_REQUOTE_RATE: Final = 0.8
_RESIZE_RATE: Final = 0.9
_TRADE_RATE: Final = 0.15
_ERROR_CENTS: Final = 0.35
_DROP_RATE: Final = 1 / 150
_DOWN_S: Final = (0.5, 3.0)
_RANGE: Final = (0.06, 0.94)


class _Hidden:
    """The probability of one pair, in logits, and where it started."""

    def __init__(self, rng: Random) -> None:
        self.home = self.x = _logit(rng.uniform(0.2, 0.8))

    def drift(self, rng: Random) -> float:
        """Move a little; answers with by how much."""
        step = rng.gauss(0.0, _DRIFT * math.sqrt(_STEP_S)) + _PULL * (self.home - self.x) * _STEP_S
        self.x += step
        return step

    def news(self, rng: Random) -> float:
        """Jump by some cents, rather back than further away; answers with by how much."""
        chance_up = 0.5 + 0.25 * (1 if self.x < self.home else -1)
        cents = rng.uniform(*_NEWS_CENTS) * (1 if rng.random() < chance_up else -1)
        low, high = _RANGE
        step = _logit(min(max(_probability(self.x) + cents / 100, low), high)) - self.x
        self.x += step
        return step


class _Market:
    """One pair on one venue: what its makers believe, the news on its way to them, and their quotes."""

    def __init__(self, pair: Pair, hidden: _Hidden, rng: Random, size_step: Quantity) -> None:
        self.pair = pair
        self.belief = hidden.x
        self.error = 0.0
        self.news: list[tuple[int, float]] = []
        self.quotes = Quotes(rng, size_step)
        self.quotes.requote(self.value)

    @property
    def value(self) -> float:
        """What the makers think it is worth, in dollars."""
        low, high = _RANGE
        return min(max(_probability(self.belief) + self.error, low), high)

    def hear(self, t: int) -> bool:
        """Take in the news that has arrived; whether there was any."""
        arrived = [step for due, step in self.news if due <= t]
        self.news = [(due, step) for due, step in self.news if due > t]
        self.belief += sum(arrived)
        return bool(arrived)


class _Venue:
    """One venue: its markets and its connection. ``back_at`` is when a lost connection comes back."""

    def __init__(self, platform: Platform, wire: Wire, markets: list[_Market]) -> None:
        self.platform = platform
        self.wire = wire
        self.markets = markets
        self.back_at: int | None = 0

    def frames(self, t: int, rng: Random) -> list[CaptureLine]:
        """What happens in one step."""
        if self.back_at is None and rng.random() < _DROP_RATE * _STEP_S:
            self.back_at = t + int(rng.uniform(*_DOWN_S) * 1_000_000)
            return [CaptureLine(t, self.platform, event=DISCONNECTED)]
        texts = [text for market in self.markets for text in self._moved(market, t, rng)]
        if self.back_at is None:
            return [CaptureLine(t, self.platform, frame=text) for text in texts]
        if t < self.back_at:
            return []
        self.back_at = None
        opening = self.wire.opening(t // 1_000, [(market.pair, market.quotes) for market in self.markets])
        up = CaptureLine(t, self.platform, event=CONNECTED)
        return [up, *(CaptureLine(t, self.platform, frame=text) for text in opening)]

    def _moved(self, market: _Market, t: int, rng: Random) -> list[str]:
        quotes, changes = market.quotes, []
        if market.hear(t) or rng.random() < _REQUOTE_RATE * _STEP_S:
            market.error += 0.5 * (rng.gauss(0.0, _ERROR_CENTS / 100) - market.error)
            changes = quotes.requote(market.value)
        elif rng.random() < _RESIZE_RATE * _STEP_S:
            changes = [quotes.resize()]
        texts = self.wire.changed(t // 1_000, market.pair, quotes, changes)
        if rng.random() < _TRADE_RATE * _STEP_S:
            size = Quantity(rng.randint(1, 20) * 100)
            texts.append(self.wire.traded(t // 1_000, market.pair, quotes.best_ask, size))
        return texts


class SimulatedMarket:
    """Makes up what Kalshi and Polymarket send about ``pairs``, each of which needs all three instruments."""

    def __init__(self, seed: int, pairs: Sequence[Pair] = DEFAULT_PAIRS) -> None:
        for pair in pairs:
            if pair.kalshi_market_ticker is None or pair.poly_yes_token is None or pair.poly_no_token is None:
                raise ValueError(f"pair {pair.pair_id}: the simulated market needs a ticker and both tokens")
        self.pairs = tuple(pairs)
        self._rng = Random(seed)
        self._hidden = [_Hidden(self._rng) for _ in self.pairs]
        # Kalshi shows whole contracts here, Polymarket hundredths, as they mostly do.
        self._venues = (
            _Venue(KALSHI, KalshiWire(), self._markets(Quantity(100))),
            _Venue(POLYMARKET, PolymarketWire(), self._markets(Quantity(1))),
        )
        self._next: int | None = None

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The venues that it imitates."""
        return tuple(venue.platform for venue in self._venues)

    def frames(self, now_us: int) -> list[CaptureLine]:
        """What the venues sent since the last call, up to ``now_us`` (unix); the first call connects both."""
        if self._next is None or now_us - self._next > MAX_CATCH_UP_US:
            self._next = now_us
        lines: list[CaptureLine] = []
        while self._next <= now_us:
            lines.extend(self._step(self._next))
            self._next += STEP_US
        return lines

    def _markets(self, size_step: Quantity) -> list[_Market]:
        return [
            _Market(pair, hidden, self._rng, size_step) for pair, hidden in zip(self.pairs, self._hidden, strict=True)
        ]

    def _step(self, t: int) -> list[CaptureLine]:
        for index, hidden in enumerate(self._hidden):
            markets = [venue.markets[index] for venue in self._venues]
            drift = hidden.drift(self._rng)
            for market in markets:
                market.belief += drift
            # One piece of news at a time: two in a row would leave the later venue absurdly far behind.
            if self._rng.random() < _NEWS_RATE * _STEP_S and not any(market.news for market in markets):
                step = hidden.news(self._rng)
                self._rng.shuffle(markets)
                for market, lag_s in zip(markets, (_FIRST_LAG_S, _SECOND_LAG_S), strict=True):
                    market.news.append((t + int(self._rng.uniform(*lag_s) * 1_000_000), step))
        return [line for venue in self._venues for line in venue.frames(t, self._rng)]


def _logit(probability: float) -> float:
    return math.log(probability / (1.0 - probability))


def _probability(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit))
