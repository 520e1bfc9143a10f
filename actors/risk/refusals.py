"""Refusals and caps: every one is counted by its reason, and said once per episode rather than once per tick."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Final

from actors.risk.approval import Cap, Reason, Refused

QUIET_US: Final = 60_000_000
"""An episode is over when it was quiet for this long."""

MAX_SUBJECTS: Final = 10_000
"""Subjects whose episodes are remembered; the one that was quiet longest is forgotten first."""


class Refusals:
    """An episode: the same reason for the same subject again and again, until it passes or is quiet for a while."""

    def __init__(self) -> None:
        """Nothing refused yet."""
        self._refused: Counter[Reason] = Counter()
        self._capped: Counter[Reason] = Counter()
        self._episodes: dict[str, dict[tuple[str, Reason, str], int]] = {}

    def note(self, answer: Refused | Cap, subject: str, now_us: int) -> bool:
        """Count it; True where an episode begins with it, so that it is worth a line in the log."""
        counted = self._refused if isinstance(answer, Refused) else self._capped
        counted[answer.reason] += 1
        key = (type(answer).__name__, answer.reason, answer.what)
        # Popped and put back, so that the subjects stand in the order in which they were last heard of.
        episodes = self._episodes.pop(subject, {})
        last = episodes.get(key)
        episodes[key] = now_us
        self._episodes[subject] = episodes
        if len(self._episodes) > MAX_SUBJECTS:
            del self._episodes[next(iter(self._episodes))]
        return last is None or now_us - last >= QUIET_US

    def passed(self, subject: str) -> None:
        """Something of this subject was approved whole: the next refusal begins a new episode."""
        self._episodes.pop(subject, None)

    @property
    def counts(self) -> Mapping[str, Mapping[str, int]]:
        """How often by reason, for the status: plain values."""
        return {
            "refused": {reason.value: times for reason, times in self._refused.items()},
            "capped": {reason.value: times for reason, times in self._capped.items()},
        }
