"""The opportunities in a recording, without a clock, a trader or a trade: the engine of ``arb replay``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from market.pair import Pair
from market.rules import Rules
from market.scan import Finding, Scan
from market.tracker import OpportunityEvent, OpportunityTracker
from protocol.terms import Platform
from transport.feeds.capture_file import CaptureReader
from transport.feeds.port import Report, no_report
from venues.capture import CaptureLine, CapturePlayer


class OfflineReplay:
    """Iterate once to get what opens, changes and closes, in order; ``t`` is the time of the line that did it.

    Each line is applied whole before the pairs that it touches are looked at. With ``max_silence_us`` the books of a
    platform are unusable from exactly that long after its last data until its next: what closes for it closes at
    that time, before the line that shows it is applied. A recording has no heartbeats, so without it there is no limit.
    What is open when the recording ends stays open: nothing says that it closed.

    Raises :class:`~transport.feeds.capture_file.CaptureError` at the fault in a damaged or truncated file, after the
    events of everything before it. ``lines`` counts what was read, ``faults`` the frames that made no sense or came
    after a gap, ``clamped`` the lines whose time ran backwards.
    """

    def __init__(
        self,
        path: Path,
        pairs: Iterable[Pair],
        rules: Rules,
        max_silence_us: int | None = None,
        report: Report = no_report,
    ) -> None:
        if max_silence_us is not None and max_silence_us <= 0:
            raise ValueError(f"the longest silence allowed must be above 0, not {max_silence_us}")
        self.faults = 0
        self._reader = CaptureReader(path)
        self._scan = Scan(pairs, rules)
        self._tracker = OpportunityTracker()
        self._player = CapturePlayer()
        self._max_silence_us = max_silence_us
        self._silent_at: dict[Platform, int] = {}
        self._report = report

    @property
    def lines(self) -> int:
        """Lines read so far."""
        return self._reader.lines

    @property
    def clamped(self) -> int:
        """Lines whose time ran backwards."""
        return self._reader.clamped

    def __iter__(self) -> Iterator[OpportunityEvent]:
        """See the class."""
        for line in self._reader:
            yield from self._silenced(line.t)
            yield from self._seen(self._played(line), line.t)

    def _played(self, line: CaptureLine) -> list[Finding]:
        played = self._player.play(line)
        if played.error is not None:
            self.faults += 1
        for text in (played.error, played.note):
            if text is not None:
                self._report(line.venue, f"line {self.lines} of the recording: {text}")
        batch = played.batch
        if batch is None:
            return []
        if batch.is_data and self._max_silence_us is not None:
            self._silent_at[line.venue] = line.t + self._max_silence_us
        return self._scan.apply(batch)

    def _silenced(self, t: int) -> Iterator[OpportunityEvent]:
        """The platforms that fell silent up to ``t``, in the order in which they did."""
        for at, platform in sorted((at, platform) for platform, at in self._silent_at.items() if at <= t):
            del self._silent_at[platform]
            yield from self._seen(self._scan.silence(platform, at), at)

    def _seen(self, findings: list[Finding], t: int) -> Iterator[OpportunityEvent]:
        for watch, found in findings:
            event = self._tracker.see(watch.pair.pair_id, found, t)
            if event is not None:
                yield event


def replay_offline(
    path: Path,
    pairs: Iterable[Pair],
    rules: Rules,
    max_silence_us: int | None = None,
    report: Report = no_report,
) -> OfflineReplay:
    """The opportunities in the recording at ``path``; see :class:`OfflineReplay`."""
    return OfflineReplay(path, pairs, rules, max_silence_us, report)
