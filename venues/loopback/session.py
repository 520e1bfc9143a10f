"""One connection as an exchange sees it: commands in, frames out in their order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import Generic, TypeVar

EventT = TypeVar("EventT")
RecordedT = TypeVar("RecordedT")


class Session(ABC, Generic[EventT, RecordedT]):
    """What a client follows. ``broken`` is set when the connection is to end without a word."""

    def __init__(self) -> None:
        self.broken = False
        self._out: list[str] = []

    @property
    @abstractmethod
    def follows(self) -> bool:
        """Whether it waits for a book."""

    @abstractmethod
    def command(self, text: str | bytes, now_us: int) -> list[str]:
        """The frames that a text brings. Never raises for what it holds."""

    @abstractmethod
    def hear(self, event: EventT, now_us: int) -> list[str]:
        """The frames that something on the exchange brings."""

    @abstractmethod
    def play(self, recorded: RecordedT, now_us: int) -> list[str]:
        """The frames that one of a recording brings."""

    @abstractmethod
    def overflow(self, now_us: int) -> list[str]:
        """What a reader is told that was too slow, instead of all that waits."""

    def _taken(self) -> list[str]:
        out, self._out = self._out, []
        return out


@dataclass(slots=True, eq=False)
class Listener(Generic[EventT, RecordedT]):
    """One connection, and the frames that wait to be sent on it."""

    session: Session[EventT, RecordedT]
    waiting: list[str] = field(default_factory=list)
