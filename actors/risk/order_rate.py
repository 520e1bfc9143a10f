"""Orders a second, exactly: never more than so many in any window of one second, wherever it begins."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final

from protocol.terms import Platform

SECOND_US: Final = 1_000_000


class OrderRate:
    """When orders left, by platform, as far back as one second.

    A window rather than a bucket: a bucket that is full lets twice as many through within one second.
    """

    def __init__(self, most: Mapping[Platform, int]) -> None:
        """``most`` orders a second; a platform that is not named has no limit."""
        self.most = most
        self._left: dict[Platform, deque[int]] = {}

    def free(self, platform: Platform, now_us: int) -> int | None:
        """How many more may leave at this moment; None is no limit."""
        most = self.most.get(platform)
        if most is None:
            return None
        left = self._left.get(platform, deque())
        while left and left[0] <= now_us - SECOND_US:
            left.popleft()
        return max(0, most - len(left))

    def took(self, platform: Platform, now_us: int) -> None:
        """An order left, allowed or not: what happened counts. A clock that was set back frees nothing early."""
        most = self.most.get(platform)
        if most is None:
            return
        left = self._left.setdefault(platform, deque())
        left.append(max(now_us, left[-1]) if left else now_us)
        while len(left) > max(most, 1):
            left.popleft()
