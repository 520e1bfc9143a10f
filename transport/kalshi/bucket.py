"""Kalshi's way to count requests: tokens that come back at a steady rate. Pure; times are monotonic microseconds."""

from __future__ import annotations

from typing import Final

DEFAULT_COST: Final = 10
CHEAP_COST: Final = 2
"""Of ``GET /portfolio/orders/{id}`` and of cancelling."""

BASIC_READ: Final = 200
BASIC_WRITE: Final = 100
"""What every account has; more is known once the venue has said which tier this one is of."""


class TokenBucket:
    """So many tokens a second, and at most ``capacity`` of them."""

    def __init__(self, rate: int, capacity: int | None = None) -> None:
        self._level = 0.0
        self._at_us: int | None = None
        self.rate = 0
        self.capacity = 0
        self.resize(rate, capacity)

    def resize(self, rate: int, capacity: int | None = None) -> None:
        """Another tier; what is in it stays, up to what fits."""
        if rate <= 0:
            raise ValueError("a bucket must fill")
        self.rate = rate
        self.capacity = max(capacity or rate, 1)
        self._level = float(self.capacity) if self._at_us is None else min(self._level, self.capacity)

    def take(self, cost: int, now_us: int) -> bool:
        """Take so many tokens, or none."""
        self._fill(now_us)
        if self._level < min(cost, self.capacity):
            return False
        self._level -= cost
        return True

    def wait_us(self, cost: int, now_us: int) -> int:
        """How long until so many are there; 0: now."""
        self._fill(now_us)
        missing = min(cost, self.capacity) - self._level
        return 0 if missing <= 0 else int(missing / self.rate * 1_000_000) + 1

    def drain(self, now_us: int) -> None:
        """The venue says that there are none."""
        self._fill(now_us)
        self._level = min(self._level, 0.0)

    def _fill(self, now_us: int) -> None:
        if self._at_us is not None and now_us > self._at_us:
            self._level = min(self.capacity, self._level + (now_us - self._at_us) / 1_000_000 * self.rate)
        self._at_us = now_us if self._at_us is None else max(now_us, self._at_us)
