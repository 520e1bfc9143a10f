"""A source of made-up frames played as a feed, in the clock's own time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from protocol.terms import Platform
from transport.feeds.mirror import Mirror
from transport.feeds.port import Deliver, FeedClock, Report, no_report
from venues.capture import CaptureLine, CapturePlayer

POLL_US: Final = 20_000
"""How often the source is asked what has happened."""


class FrameSource(Protocol):
    """Makes up what venues send, as lines of a capture (``simulation/market.py`` is one)."""

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The venues that it imitates."""

    def frames(self, now_us: int) -> Sequence[CaptureLine]:
        """What the venues sent since the last call, up to this unix time."""


class SimulatedFeed:
    """Delivers what the source makes up, through the venues' own decoders, until cancelled."""

    def __init__(self, source: FrameSource, clock: FeedClock, report: Report = no_report) -> None:
        self._source = source
        self._clock = clock
        self._report = report
        self._player = CapturePlayer()
        self._mirror = Mirror()

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """The venues of the source."""
        return self._source.platforms

    async def run(self, deliver: Deliver) -> None:
        """Deliver until cancelled; see :class:`~transport.feeds.port.FeedPort`."""
        deliver = self._mirror.before(deliver)
        # From here on the monotonic clock counts: a step of the machine's time must not stop the market.
        offset = self._clock.unix_us() - self._clock.mono_us()
        while True:
            for line in self._source.frames(offset + self._clock.mono_us()):
                self._deliver(line, deliver)
            await self._clock.sleep_us(POLL_US)

    def resync(self) -> None:
        """See :class:`~transport.feeds.port.FeedPort`."""
        self._mirror.tell_again()

    def _deliver(self, line: CaptureLine, deliver: Deliver) -> None:
        played = self._player.play(line)
        for text in (played.error, played.note):
            if text is not None:
                self._report(line.venue, text)
        if played.batch is not None:
            deliver(played.batch)
