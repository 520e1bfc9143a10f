"""What a venue sends, written down as it comes: a capture file that is whole whenever the recording ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final, Self

from transport.feeds.capture_file import CaptureWriter
from transport.feeds.port import FeedClock
from venues.capture import CaptureLine

FLUSH_US: Final = 1_000_000
"""A machine that goes down loses no more than what came within this time."""


class Recorder:
    """Give :meth:`take` to a feed; :meth:`run` keeps what came on the disk. Close it: then the file is complete.

    Raises :class:`OSError` (:class:`FileExistsError` over another file). A disk that refuses a line ends :meth:`run`,
    and nothing is written after it: the file holds everything up to there.
    """

    def __init__(self, path: Path, clock: FeedClock) -> None:
        """Make the file."""
        self.frames = 0
        self.connections = 0
        self._clock = clock
        self._writer = CaptureWriter(path)
        self._trouble: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._trouble.cancel()
        self._writer.close()

    def take(self, line: CaptureLine) -> None:
        """One line, in the order in which it came."""
        if self._trouble.done():
            return
        try:
            self._writer.write(line)
        except OSError as error:
            self._trouble.set_exception(error)
            return
        self.frames += line.frame is not None
        self.connections += line.event == "connected"

    async def run(self) -> None:
        """Flush from time to time until cancelled. Raises :class:`OSError` when the disk takes no more."""
        while not self._trouble.done():
            await self._clock.sleep_us(FLUSH_US)
            if not self._trouble.done():
                self._writer.flush()
        self._trouble.result()
