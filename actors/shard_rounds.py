"""Which markets' shards are asked for next, where a venue keeps its cash by shard: all of them, round by round."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from protocol.wire import MAX_ASKED_MARKETS


class ShardRounds:
    """Guarantees: every market is asked about again and again, none twice before each other was."""

    def __init__(self, markets: Iterable[str]) -> None:
        """Nothing asked."""
        self._ring = deque(dict.fromkeys(markets))
        self._left = len(self._ring)
        """So many were not asked about since :meth:`begin`."""

    def begin(self) -> None:
        """Somebody else is asked now: a round begins."""
        self._left = len(self._ring)

    @property
    def unfinished(self) -> bool:
        """Whether this round has more to ask."""
        return self._left > 0

    def take(self) -> tuple[str, ...]:
        """The next ones, as many as a question holds."""
        count = min(MAX_ASKED_MARKETS, len(self._ring))
        taken = tuple(self._ring[index] for index in range(count))
        self._ring.rotate(-count)
        self._left = max(0, self._left - count)
        return taken
