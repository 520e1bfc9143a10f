"""What a measurement comes to: rows of numbers, each with its spread over the rounds, and whether the aim was met."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median
from typing import Any

import msgspec


class Spread(msgspec.Struct, frozen=True):
    """Least, middle and most of several rounds: a busy machine shows in the distance between them."""

    least: float
    middle: float
    most: float


class Row(msgspec.Struct, frozen=True):
    """One number: what it is, in which unit, over how many rounds."""

    what: str
    unit: str
    spread: Spread
    rounds: int


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement of `docs/performance.md`. ``reached`` is None where there is no aim or nothing was measured."""

    name: str
    aim: str
    reached: bool | None = None
    skipped: str | None = None
    rows: tuple[Row, ...] = ()
    conditions: dict[str, Any] = {}


def row(what: str, unit: str, rounds: Sequence[float]) -> Row:
    """The row of one value a round. Raises :class:`ValueError` where there is none."""
    if not rounds:
        raise ValueError(f"{what}: nothing was measured")
    return Row(what, unit, Spread(min(rounds), median(rounds), max(rounds)), len(rounds))


def percentile(samples: Sequence[int], share: float) -> int:
    """The smallest sample that at least this share of all samples does not exceed. Raises on none."""
    ordered = sorted(samples)
    return ordered[max(0, min(len(ordered) - 1, -int(-share * len(ordered) // 1) - 1))]
