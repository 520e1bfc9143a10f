"""A recording on the sockets of an exchange: its frames in its own time, or faster."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import closing
from fractions import Fraction
from pathlib import Path

from transport.feeds.capture_file import CaptureReader
from transport.feeds.pace import Pace
from transport.feeds.port import FeedClock, WallClock
from transport.loopback.server import AnyServer
from venues.capture import CONNECTED, CaptureLine


class Player:
    """Plays the venue's lines of a capture file to whoever is subscribed, at ``speed`` times real time; 0: no pauses.

    It waits for somebody to follow a book before the first frame, and after each connection of the recording. Where
    the recording's connection ended, every socket breaks.
    """

    def __init__(
        self, server: AnyServer, path: Path, *, speed: Fraction | int = 1, clock: FeedClock | None = None
    ) -> None:
        self.path = path
        self.frames = 0
        self._server = server
        self._clock = WallClock() if clock is None else clock
        self._pace = Pace(Fraction(speed), self._clock)

    def list_markets(self) -> int:
        """List every market of the recording, before anybody asks; how many. Raises ``CaptureError``."""
        tape = self._server.service.tape
        with closing(self._lines()) as lines:
            read = (tape.read(line.frame) for line in lines if line.frame)
            return int(tape.list_markets(one for one in read if one is not None))

    async def run(self) -> None:
        """Play to the end. Raises ``CaptureError`` where the file is damaged, after what came before."""
        with closing(self._lines()) as lines:
            for line in lines:
                await self._line(line)

    async def _line(self, line: CaptureLine) -> None:
        if line.frame is None:
            await self._event(connected=line.event == CONNECTED)
            return
        await self._pace.reach(line.t)
        service = self._server.service
        recorded = service.tape.read(line.frame)
        if recorded is None:
            return
        self.frames += 1
        service.play(recorded, self._server.now_us())
        for socket in tuple(self._server.sockets):
            socket.flush()
            await socket.room()

    async def _event(self, *, connected: bool) -> None:
        server = self._server
        server.service.tape.restart()
        if not connected:
            for socket in tuple(server.sockets):
                await socket.hang_up()
            return
        with self._pace.standing_still():
            async with server.followed:
                await server.followed.wait_for(lambda: any(one.session.follows for one in server.service.listeners))

    def _lines(self) -> Generator[CaptureLine, None, None]:
        with closing(iter(CaptureReader(self.path))) as lines:
            for line in lines:
                if line.venue == self._server.service.platform:
                    yield line
