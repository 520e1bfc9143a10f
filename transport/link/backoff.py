"""How long to wait before the next attempt to connect. Pure: the dice are handed in."""

from __future__ import annotations

from random import Random
from typing import Final

BASE_S: Final = 0.25
CAP_S: Final = 5.0
_MAX_DOUBLINGS: Final = 30


def backoff(attempt: int, rng: Random, *, base: float = BASE_S, cap: float = CAP_S) -> float:
    """Seconds before attempt ``attempt + 1``: uniform from 0 to ``min(cap, base * 2**attempt)`` ("full jitter").

    Full jitter, and not a fixed delay with some noise, because all traders lose a restarted controller at the
    same instant: spread over the whole interval they do not come back as one crowd.
    """
    return rng.random() * ceiling(attempt, base=base, cap=cap)


def ceiling(attempt: int, *, base: float = BASE_S, cap: float = CAP_S) -> float:
    """The longest that :func:`backoff` can say: never falls as ``attempt`` grows, never above ``cap``."""
    # Bounded before it is raised to a power: after a weekend without a controller, 2.0**attempt would overflow.
    doublings = min(max(attempt, 0), _MAX_DOUBLINGS)
    return min(cap, base * 2.0**doublings)


def patience(rng: Random, *, cap: float = CAP_S) -> float:
    """Seconds to wait when the other end refused us by name: near ``cap``, for only a person can change its mind."""
    return cap * (0.5 + 0.5 * rng.random())
