"""Rate limits: token buckets a second, by tier, as Kalshi has them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from venues.kalshi.exchange.refusal import Refusal
from venues.kalshi.exchange.texts import SECOND_US

TIERS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "basic": (200, 100),
        "advanced": (300, 300),
        "expert": (600, 600),
        "premier": (1000, 1000),
        "paragon": (2000, 2000),
        "prime": (4000, 4000),
        "prestige": (6000, 8000),
    }
)
"""Tokens a second for reads and for writes."""

DEFAULT_COST: Final = 10
CANCEL_COST: Final = 2
_SLOW_BALANCE: Final = frozenset({"basic", "advanced"})


@dataclass(slots=True)
class Bucket:
    """Filled at ``rate`` tokens a second, holds a second's worth. Counted in tokens times microseconds."""

    rate: int
    level: int
    t_us: int = 0

    def take(self, cost: int, now_us: int) -> bool:
        """Whether there were that many tokens; if so they are gone."""
        # A clock that was set back fills nothing, and takes nothing away.
        self.level = min(self.rate * SECOND_US, self.level + self.rate * max(now_us - self.t_us, 0))
        self.t_us = now_us
        if self.level < cost * SECOND_US:
            return False
        self.level -= cost * SECOND_US
        return True


def bucket(rate: int) -> Bucket:
    """A full one."""
    return Bucket(rate, rate * SECOND_US)


class Buckets:
    """One account's: a read bucket, a write bucket a shard, and the one of the balance."""

    def __init__(self, tier: str = "basic") -> None:
        self.tier = tier
        self.read_rate, self.write_rate = TIERS[tier]
        self._read = bucket(self.read_rate)
        self._writes: dict[int, Bucket] = {}
        self._balance = bucket(1 if tier in _SLOW_BALANCE else 5)

    def read(self, cost: int, now_us: int) -> None:
        """Pay for a read. Raises :class:`Refusal` 429."""
        if not self._read.take(cost, now_us):
            raise too_many()

    def write(self, cost: int, shards: tuple[int, ...], now_us: int) -> None:
        """Pay for a write on each of these shards. Raises :class:`Refusal` 429."""
        there = [self._writes.setdefault(shard, bucket(self.write_rate)) for shard in shards]
        # Every bucket is asked: a request that is refused has cost what it took so far.
        paid = [one.take(cost, now_us) for one in there]
        if not all(paid):
            raise too_many()

    def balance(self, now_us: int) -> None:
        """Pay for one look at the balance. Raises :class:`Refusal` 429."""
        if not self._balance.take(1, now_us):
            raise too_many()


def too_many() -> Refusal:
    """429, without ``Retry-After``: the real one has none."""
    return Refusal(429, "too_many_requests", "too many requests")
