"""A recording played as a feed: in its own time, or faster."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import closing
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from market.events import FeedEnded
from protocol.terms import PLATFORMS, Platform
from transport.feeds.capture_file import CaptureError, CaptureReader
from transport.feeds.mirror import Mirror
from transport.feeds.pace import Pace
from transport.feeds.port import Deliver, FeedClock, Report, no_report
from venues.capture import CaptureLine, CapturePlayer


class ReplayFeed:
    """Plays a capture file, every line in order, at ``speed`` times real time; 0 means as fast as it can.

    ``hold`` is awaited after each delivered batch; while it lasts, recorded time stands still. A fault in the file
    ends the feed as its end does, after all that came before it was played: ``FeedEnded.reason`` says so, and ``error``
    holds it. A frame that makes no sense is reported, and the play goes on. Raises :class:`ValueError` for a negative
    speed.
    """

    def __init__(
        self,
        path: Path,
        clock: FeedClock,
        speed: Fraction | Decimal | int = 1,
        hold: Callable[[], Awaitable[None]] | None = None,
        report: Report = no_report,
    ) -> None:
        self.path = path
        self.lines = 0
        self.error: CaptureError | None = None
        self._pace = Pace(Fraction(speed), clock)
        self._hold = hold
        self._report = report
        self._mirror = Mirror()

    @property
    def platforms(self) -> tuple[Platform, ...]:
        """Every venue that a recording can hold."""
        return PLATFORMS

    async def run(self, deliver: Deliver) -> None:
        """Play to the end; see :class:`~transport.feeds.port.FeedPort`."""
        deliver = self._mirror.before(deliver)
        reason = "the recording ended"
        try:
            await self._play(deliver)
        except CaptureError as error:
            self.error = error
            reason = str(error)
        for platform in self.platforms:
            deliver(FeedEnded(platform, reason, failed=self.error is not None))

    def resync(self) -> None:
        """See :class:`~transport.feeds.port.FeedPort`: a recording is not played again, what it said so far is."""
        self._mirror.tell_again()

    async def _play(self, deliver: Deliver) -> None:
        player = CapturePlayer()
        with closing(iter(CaptureReader(self.path))) as lines:
            for line in lines:
                await self._pace.reach(line.t)
                self.lines += 1
                if self._deliver(player, line, deliver) and self._hold is not None:
                    with self._pace.standing_still():
                        await self._hold()

    def _deliver(self, player: CapturePlayer, line: CaptureLine, deliver: Deliver) -> bool:
        played = player.play(line)
        for text in (played.error, played.note):
            if text is not None:
                self._report(line.venue, f"line {self.lines} of the recording: {text}")
        if played.batch is None:
            return False
        deliver(played.batch)
        return True
