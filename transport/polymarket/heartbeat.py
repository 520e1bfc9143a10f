"""The dead man's switch: while an order of ours may be open, Polymarket hears from us, or cancels all we have.

Once it was begun the venue cancels every order of the key after ten seconds of silence. So it is begun with the first
order, and left to run out when nothing is open any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import msgspec

from transport.polymarket.rest import PolymarketRest
from transport.venue_rest import ReadFailed
from venues.polymarket.account import read_heartbeat
from venues.polymarket.replies import UNREADABLE

PATH: Final = "/v1/heartbeats"
EVERY_S: Final = 5.0
REFUSED: Final = 400

_encode: Final = msgspec.json.Encoder().encode


class Heartbeat:
    """Beats while ``wanted()``. :meth:`wake` begins at once; a beat that fails is said once, and tried again."""

    def __init__(
        self,
        rest: PolymarketRest,
        wanted: Callable[[], bool],
        report: Callable[[str], None],
        *,
        every_s: float = EVERY_S,
    ) -> None:
        self._rest = rest
        self._wanted = wanted
        self._report = report
        self._every_s = every_s
        self._woken = asyncio.Event()
        self._next_id = ""
        self._failing = False
        self.beats = 0

    def wake(self) -> None:
        """An order leaves."""
        self._woken.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._woken.wait()
            self._woken.clear()
            while self._wanted():
                await self._beat()
                await asyncio.sleep(self._every_s)

    async def _beat(self) -> None:
        # A refusal names the id that is expected: it is said at once.
        if not await self._said():
            await self._said()

    async def _said(self) -> bool:
        """One beat; False where it was refused for its id, and another one is known."""
        try:
            answer = await self._rest.post(PATH, _encode({"heartbeat_id": self._next_id}))
            self._next_id = read_heartbeat(answer)
        except ReadFailed as error:
            return not self._refused(error)
        except UNREADABLE:
            # It was heard; by which id it goes on is told with the next.
            self._next_id = ""
        self.beats += 1
        if self._failing:
            self._failing = False
            self._report("the heartbeat is heard again")
        return True

    def _refused(self, error: ReadFailed) -> bool:
        """Whether it was for the id alone."""
        before = self._next_id
        if error.status == REFUSED:
            try:
                self._next_id = read_heartbeat(error.body)
            except UNREADABLE:
                self._next_id = ""
        if self._next_id != before:
            return True
        if not self._failing:
            self._failing = True
            self._report(f"the heartbeat is not heard: {error}; polymarket cancels what is open after ten seconds")
        return False
