"""When to ping and when to give a link up: PROTOCOL's rule as a small pure machine, the same at both ends.

An end that has sent nothing for one interval pings. An end that has received nothing *at all* for three drops
the link. Time comes in from outside (monotonic microseconds).
"""

from __future__ import annotations

from typing import Final

DEFAULT_INTERVAL_US: Final = 5_000_000
MISSED_INTERVALS: Final = 3


class Keepalive:
    """The two ages of a link."""

    def __init__(self, now_us: int, interval_us: int = DEFAULT_INTERVAL_US) -> None:
        """A link that opened now."""
        self.interval_us = interval_us
        self.sent_us = now_us
        self.received_us = now_us

    @property
    def limit_us(self) -> int:
        """Silence longer than this means that the link is dead."""
        return self.interval_us * MISSED_INTERVALS

    def silent(self, now_us: int) -> bool:
        """True when nothing at all has been received for the limit."""
        return now_us - self.received_us >= self.limit_us

    def must_ping(self, now_us: int) -> bool:
        """True when nothing has been sent for one interval."""
        return now_us - self.sent_us >= self.interval_us

    def next_check_us(self, now_us: int) -> int:
        """How long until one of the two can become true; at least a millisecond, so that no timer spins."""
        ping = self.sent_us + self.interval_us
        dead = self.received_us + self.limit_us
        return max(1_000, min(ping, dead) - now_us)
