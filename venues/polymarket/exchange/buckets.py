"""Rate limits: each signer's orders a second, and what one address may ask in ten seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from venues.polymarket.exchange.refusal import Refusal

SECOND_US: Final = 1_000_000
ORDERS_A_SECOND: Final = 40
ORDERS_AT_ONCE: Final = 60
"""Those of the tier "standard"."""

PER_ADDRESS: Final[Mapping[str, int]] = MappingProxyType({"/order": 500, "/book": 150, "/books": 50})
"""Requests a second that one address may make, ten seconds' worth at once."""


@dataclass(slots=True)
class Bucket:
    """Filled at ``rate`` tokens a second, holds ``most``. Counted in tokens times microseconds."""

    rate: int
    most: int
    level: int
    t_us: int = 0

    @classmethod
    def full(cls, rate: int, most: int) -> Bucket:
        """A full one."""
        return cls(rate, most, most * SECOND_US)

    def take(self, cost: int, now_us: int) -> bool:
        """Whether there were that many tokens; if so they are gone."""
        # A clock that was set back fills nothing, and takes nothing away.
        self.level = min(self.most * SECOND_US, self.level + self.rate * max(now_us - self.t_us, 0))
        self.t_us = now_us
        if self.level < cost * SECOND_US:
            return False
        self.level -= cost * SECOND_US
        return True


class Buckets:
    """``limited`` False lets everything pass."""

    def __init__(self, *, limited: bool = True) -> None:
        self.limited = limited
        self._signers: dict[str, Bucket] = {}
        self._paths = {path: Bucket.full(rate, rate * 10) for path, rate in PER_ADDRESS.items()}

    def orders(self, signer: str, count: int, now_us: int) -> dict[str, str]:
        """Pay for orders; the headers that tell what is left. Raises :class:`Refusal` 429."""
        bucket = self._signers.setdefault(signer, Bucket.full(ORDERS_A_SECOND, ORDERS_AT_ONCE))
        taken = bucket.take(count, now_us)
        headers = {"Poly-RateLimit-Remaining": str(bucket.level // SECOND_US), "Poly-RateLimit-Tier": "standard"}
        if self.limited and not taken:
            raise too_many(headers)
        return headers

    def address(self, path: str, now_us: int) -> None:
        """Pay for a request. Raises :class:`Refusal` 429."""
        bucket = self._paths.get(path)
        if bucket is not None and not bucket.take(1, now_us) and self.limited:
            raise too_many({})


def too_many(headers: Mapping[str, str]) -> Refusal:
    """429, without ``Retry-After``."""
    return Refusal(429, "Too Many Requests", headers=headers)
