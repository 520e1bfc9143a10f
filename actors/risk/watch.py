"""What feeds the breakers: answers of venues, matches of trades, numbers of the whole, each against its rule."""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Final

from actors.risk.breaker import Breaker, BreakerRules, Breakers, money_text
from protocol.outcome import Outcome
from protocol.terms import PairId, Platform, Status
from protocol.units import Money

MAX_ANSWERS: Final = 10_000
"""Answers of one venue that the rate looks back on."""

_ERRORS: Final = frozenset({Status.REJECTED, Status.EXPIRED, Status.UNKNOWN})


class Match(StrEnum):
    """How the legs of a trade came out against each other, before anything was closed."""

    FULL = "full"
    PARTIAL = "partial"
    MISMATCH = "mismatch"
    NOTHING = "nothing"


def is_error(outcome: Outcome) -> bool:
    """Whether the answer counts as an error. That nothing was there to be filled is none."""
    return outcome.status in _ERRORS


def match_of(fills: list[tuple[int, int]]) -> Match:
    """Judge a trade by what was asked and what was filled of each opening leg."""
    filled = {done for _, done in fills}
    if filled == {0}:
        return Match.NOTHING
    if len(filled) > 1:
        return Match.MISMATCH
    return Match.FULL if all(asked == done for asked, done in fills) else Match.PARTIAL


class Watch:
    """Counters in front of the breakers. They begin anew at a restart; what stands by then is in the ledger."""

    def __init__(self, breakers: Breakers) -> None:
        """Nothing seen yet."""
        self._breakers = breakers
        self._in_row = 0
        self._answers: dict[Platform, deque[tuple[int, bool]]] = {}
        self._mismatches: dict[PairId, int] = {}
        self._naked_since_us: int | None = None

    @property
    def rules(self) -> BreakerRules:
        """Where each breaker trips."""
        return self._breakers.rules

    def answered(self, platform: Platform, *, error: bool, now_us: int) -> None:
        """A venue answered to an order, once per leg."""
        self._in_row = self._in_row + 1 if error else 0
        most = self.rules.errors_in_row
        if most is not None and self._in_row >= most:
            text = f"{self._in_row} orders in a row ended in an error"
            self._breakers.trip(Breaker.ERRORS_IN_ROW, "", self._in_row, text, now_us)
            self._in_row = 0
        self._rate(platform, error, now_us)

    def _rate(self, platform: Platform, error: bool, now_us: int) -> None:  # noqa: FBT001 -- what was said
        most = self.rules.error_percent
        if most is None:
            return
        answers = self._answers.setdefault(platform, deque(maxlen=MAX_ANSWERS))
        answers.append((now_us, error))
        while answers[0][0] <= now_us - self.rules.error_window_us:
            answers.popleft()
        errors = sum(bad for _, bad in answers)
        if len(answers) >= self.rules.error_samples and errors * 100 > most * len(answers):
            percent = errors * 100 // len(answers)
            text = f"{errors} of {len(answers)} orders to {platform} ended in an error, and at most {most} % may"
            self._breakers.trip(Breaker.ERROR_RATE, platform, percent, text, now_us)
            answers.clear()

    def matched(self, pair_id: PairId, match: Match, now_us: int) -> None:
        """The opening legs of a trade are proven. Only a full match ends a row of mismatches, no partial one does."""
        if match is Match.FULL:
            self._mismatches.pop(pair_id, None)
        most = self.rules.mismatches_in_row
        if match is not Match.MISMATCH or most is None:
            return
        row = self._mismatches[pair_id] = self._mismatches.get(pair_id, 0) + 1
        if row >= most:
            del self._mismatches[pair_id]
            text = f"the fills of {row} trades in a row differed"
            self._breakers.trip(Breaker.MISMATCH, pair_id, row, text, now_us)

    def lost(self, today: Money, now_us: int) -> None:
        """What is lost today."""
        most = self.rules.daily_loss
        if most is not None:
            self._breakers.level(
                Breaker.DAILY_LOSS, "", today, max(1, most), money_text("lost today", today, most), now_us
            )

    def naked(self, amount: Money, now_us: int) -> None:
        """What is held without a partner; only what lasts is dangerous."""
        most = self.rules.naked
        if most is None:
            return
        if amount <= most:
            self._naked_since_us = None
            self._breakers.level(Breaker.NAKED, "", amount, most + 1, "", now_us)
            return
        since = self._naked_since_us = now_us if self._naked_since_us is None else self._naked_since_us
        if now_us - since > self.rules.naked_us:
            text = f"{money_text('naked', amount, most)} for longer than {self.rules.naked_us // 1_000_000} s"
            self._breakers.level(Breaker.NAKED, "", amount, most + 1, text, now_us)

    def unknown(self, legs: int, now_us: int) -> None:
        """How many legs' fates are unknown."""
        most = self.rules.unknown_legs
        if most is not None:
            text = f"{legs} legs are unknown, and at most {most} may be"
            self._breakers.level(Breaker.UNKNOWN, "", legs, most + 1, text, now_us)

    def feed_age(self, platform: Platform, age_us: int, now_us: int) -> None:
        """How long a feed has been silent."""
        most = self.rules.feed_age_us
        if most is not None:
            text = f"the feed of {platform} is silent for {age_us // 1_000} ms, and at most {most // 1_000} ms may be"
            self._breakers.level(Breaker.FEED_AGE, platform, age_us, most + 1, text, now_us)

    def clock(self, who: str, offset_us: int, now_us: int) -> None:
        """How far the clock of a trader (or of this machine, against its time server) is off, either way."""
        most = self.rules.clock_offset_us
        if most is not None:
            off = abs(offset_us)
            text = f"the clock of {who} is off by {off // 1_000} ms, and at most {most // 1_000} ms may be"
            self._breakers.level(Breaker.CLOCK, who, off, most + 1, text, now_us)

    def disk(self, free_bytes: int, now_us: int) -> None:
        """What is free where the ledger lies."""
        least = self.rules.disk_free_bytes
        if least is not None:
            text = f"{free_bytes:,} bytes are free on the disk of the ledger, and {least:,} must be"
            self._breakers.level(Breaker.DISK, "", least - free_bytes, 1, text, now_us)
