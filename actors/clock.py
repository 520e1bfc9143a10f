"""Timers as messages. The only actor that talks to the timer port."""

from __future__ import annotations

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import Directory, StartTimer, TimerDue, TimerFired
from actors.ports import TimerPort


class ClockSetup(msgspec.Struct, frozen=True):
    """The port that counts the time."""

    port: TimerPort


class Clock(GuardedActor):
    """Keeps who asked for which timer; a timer of an actor that is gone fires into nothing."""

    def __init__(self) -> None:
        """No timers yet."""
        super().__init__()
        self.port: TimerPort
        self.waiting: dict[int, tuple[Address, str]] = {}
        self.next_token = 0

    @handles(ClockSetup)
    def setup(self, message: ClockSetup, _sender: Address) -> None:
        """Take the port."""
        self.port = message.port

    @handles(Directory)
    def directory(self, _message: Directory, _sender: Address) -> None:
        """Nobody to look up."""

    @handles(StartTimer)
    def start(self, message: StartTimer, sender: Address) -> None:
        """Remember the asker and start the port's timer."""
        self.next_token += 1
        self.waiting[self.next_token] = (sender, message.key)
        self.port.call_later(max(0, message.after_us), self.next_token)

    @handles(TimerDue)
    def due(self, message: TimerDue, _sender: Address) -> None:
        """Tell the asker; a token that is not waiting was fired already."""
        waiting = self.waiting.pop(message.token, None)
        if waiting is not None:
            self.send(waiting[0], TimerFired(waiting[1]))
