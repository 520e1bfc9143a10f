"""When what closes an excess is tried again after it was refused: ever less often, and not never. Pure.

A refusal that is sent again at every change of a book is refused again: it helps nobody, uses up the venue's orders a
second, and fills log and ledger. So each order that would close a trade has an episode, from its first refusal until
the venue takes such an order, whatever it fills.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, NamedTuple

import msgspec

from protocol.terms import Action, Platform, Side, TradeId
from protocol.units import CENT, Price

FIRST_US: Final = 1_000_000
LAST_US: Final = 60_000_000

MATERIAL: Final = Price(2 * CENT)
"""A limit that has moved by so much since the refusal is another order: it need not wait, but for :data:`FIRST_US`."""

PERSISTS: Final = 3
"""A purchase that was refused so often in a row is given up for a sale where one is possible."""

MAX_TEXT: Final = 200
MAX_REASONS: Final = 16
_NUMBER: Final = re.compile(r"\d+")


class Line(NamedTuple):
    """One order of an attempt, whatever its size and limit; ``path`` is who executes it."""

    platform: Platform
    market: str
    side: Side
    action: Action
    path: str


Limits = Mapping[Line, Price]
"""An attempt: what is ordered, and at which limits."""


class Episode(msgspec.Struct):
    """Refusals of one line: ``reasons`` that were given, numbers left out, each as it was said first."""

    limit: Price
    reasons: dict[str, str] = {}
    text: str = ""
    in_row: int = 0
    at_us: int = 0
    until_us: int = 0


class ClosingBackoff:
    """Guarantees: at most one attempt a second of what was just refused, and one a minute of what stays refused.

    The wait doubles from :data:`FIRST_US` to :data:`LAST_US`. A reason that was not given before in the episode begins
    again with the shortest; reasons that take turns do not.
    """

    def __init__(self) -> None:
        """Nothing refused."""
        self._episodes: dict[TradeId, dict[Line, Episode]] = {}

    def refused(self, trade_id: TradeId, line: Line, limit: Price, why: str, now_us: int) -> None:
        """One order of an attempt was refused."""
        episode = self._episodes.setdefault(trade_id, {}).setdefault(line, Episode(limit))
        reason = _NUMBER.sub("#", why)[:MAX_TEXT]
        known = reason in episode.reasons or len(episode.reasons) >= MAX_REASONS
        episode.in_row = episode.in_row + 1 if known else 1
        if not known:
            episode.reasons[reason] = why[:MAX_TEXT]
        episode.text = episode.reasons.get(reason, episode.text)
        episode.limit, episode.at_us = limit, now_us
        episode.until_us = now_us + min(LAST_US, FIRST_US << min(episode.in_row - 1, 20))

    def taken(self, trade_id: TradeId, line: Line) -> None:
        """The venue took such an order, whatever it filled: the episode is over."""
        episodes = self._episodes.get(trade_id)
        if episodes is not None and episodes.pop(line, None) is not None and not episodes:
            del self._episodes[trade_id]

    def holds(self, trade_id: TradeId, limits: Limits, now_us: int) -> str | None:
        """Why this is not sent now; the same text throughout an episode."""
        episodes = self._episodes.get(trade_id)
        if episodes is None:
            return None
        for line, limit in limits.items():
            episode = episodes.get(line)
            if episode is None or now_us >= episode.until_us:
                continue
            if abs(limit - episode.limit) < MATERIAL or now_us - episode.at_us < FIRST_US:
                return f"refused: {episode.text}: tried again, ever less often"
        return None

    def persists(self, trade_id: TradeId, limits: Limits) -> bool:
        """Whether another way is better by now."""
        return any(episode.in_row >= PERSISTS for episode in self._of(trade_id, limits))

    def until_us(self, trade_id: TradeId, limits: Limits) -> int:
        """When all of it may be tried again."""
        return max((episode.until_us for episode in self._of(trade_id, limits)), default=0)

    def again(self, trade_id: TradeId, limits: Limits) -> bool:
        """Whether some of this was refused before."""
        return bool(self._of(trade_id, limits))

    def forget(self, trade_id: TradeId) -> None:
        """The trade is over."""
        self._episodes.pop(trade_id, None)

    def forget_all(self) -> None:
        """A person asks to try again."""
        self._episodes.clear()

    def _of(self, trade_id: TradeId, limits: Limits) -> list[Episode]:
        episodes = self._episodes.get(trade_id, {})
        return [episodes[line] for line in limits if line in episodes]
