"""Legs whose fate is not proven, and when to ask about each again: at once, then less and less often, for ever."""

from __future__ import annotations

from actors.backoff import wait_us
from protocol.terms import LegId


class Unproven:
    """Leg ids with the number of times asked, and when the next time is. Times are monotonic microseconds."""

    def __init__(self) -> None:
        """Nothing to ask about."""
        self.since: dict[LegId, int] = {}
        self.asked: dict[LegId, int] = {}
        self.next_us: dict[LegId, int] = {}

    def __len__(self) -> int:
        """How many legs."""
        return len(self.since)

    def add(self, leg_id: LegId, now_us: int) -> None:
        """Ask about it from now on; a leg that is there already keeps its count."""
        if leg_id not in self.since:
            self.since[leg_id] = now_us
            self.asked[leg_id] = 0
            self.next_us[leg_id] = now_us

    def proven(self, leg_id: LegId) -> None:
        """No more questions."""
        if self.since.pop(leg_id, None) is not None:
            del self.asked[leg_id], self.next_us[leg_id]

    def hurry(self, now_us: int) -> None:
        """Somebody new can be asked: ask about everything now."""
        for leg_id in self.next_us:
            self.next_us[leg_id] = now_us
            self.asked[leg_id] = 0

    def hurry_one(self, leg_id: LegId, now_us: int) -> None:
        """Somebody waits for this one."""
        if leg_id in self.next_us:
            self.next_us[leg_id] = now_us

    def again(self, leg_id: LegId, at_us: int) -> None:
        """Ask about this one then, whenever its next time would have been."""
        if leg_id in self.next_us:
            self.next_us[leg_id] = at_us

    def due(self, now_us: int) -> list[LegId]:
        """The legs to ask about now, oldest first; each is scheduled for its next time."""
        if not self.next_us:
            return []
        due = [leg_id for leg_id, at in self.next_us.items() if at <= now_us]
        for leg_id in due:
            self.next_us[leg_id] = now_us + wait_us(self.asked[leg_id])
            self.asked[leg_id] += 1
        return due

    def next_in_us(self, now_us: int) -> int | None:
        """How long until the next question, None when there is none."""
        return None if not self.next_us else max(0, min(self.next_us.values()) - now_us)
