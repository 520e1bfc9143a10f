"""What a person is asked to approve: two markets, which outcome is which, and the evidence point by point."""

from __future__ import annotations

from enum import StrEnum

import msgspec

__all__ = ["Point", "Proposal", "Verdict"]


class Verdict(StrEnum):
    """What is known of a point on which two contracts must agree."""

    AGREE = "agree"
    DIFFER = "differ"
    UNKNOWN = "unknown"


class Point(msgspec.Struct, frozen=True):
    """One such point, with the words of each venue that it was read from, and a note where one helps."""

    name: str
    verdict: Verdict
    kalshi: str = ""
    polymarket: str = ""
    note: str = ""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """Two markets that may be one contract. ``yes_token`` pays when Kalshi's YES does: found by name, not by place.

    ``category`` is league and type, such as ``nba/moneyline``; what a person lets be approved by itself is named by
    it. ``flags`` are what must not be overlooked, a sentence each.
    """

    kalshi_id: str
    polymarket_id: str
    category: str
    kalshi_yes: str
    yes_token: str
    yes_name: str
    no_token: str
    no_name: str
    points: tuple[Point, ...] = ()
    flags: tuple[str, ...] = ()
    score: float = 0.0

    @property
    def differs(self) -> bool:
        """Whether anything does: then it is no pair, whoever says so."""
        return any(point.verdict is Verdict.DIFFER for point in self.points)

    @property
    def all_agree(self) -> bool:
        """Whether every point agrees and nothing is flagged; without any point nothing is known to agree."""
        return bool(self.points) and not self.flags and all(each.verdict is Verdict.AGREE for each in self.points)

    def of(self, verdict: Verdict) -> list[Point]:
        """The points with this verdict."""
        return [point for point in self.points if point.verdict is verdict]
