"""Counters, recent notes and what observers hear. Nothing that decides ever asks it anything."""

from __future__ import annotations

from collections import Counter, deque
from typing import Any, Final

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import Describe, Description, Directory, Note, OpportunityNote, TradeMoved, TradeSent
from actors.ports import Observer

RECENT_PROBLEMS: Final = 50


class TelemetrySetup(msgspec.Struct, frozen=True):
    """Who listens."""

    observers: tuple[Observer, ...]


class Telemetry(GuardedActor):
    """Guarantees: every note reaches every observer in order; memory is bounded."""

    def __init__(self) -> None:
        """Nothing counted."""
        super().__init__()
        self.observers: tuple[Observer, ...] = ()
        self.counters: Counter[str] = Counter()
        self.problems: deque[dict[str, Any]] = deque(maxlen=RECENT_PROBLEMS)

    @handles(TelemetrySetup)
    def setup(self, message: TelemetrySetup, _sender: Address) -> None:
        """Take the observers."""
        self.observers = message.observers

    @handles(Directory)
    def directory(self, _message: Directory, _sender: Address) -> None:
        """It talks to no actor."""

    @handles(Note)
    def noted(self, message: Note, _sender: Address) -> None:
        """Count it, keep it when it is a problem, pass it on."""
        if message.count is not None:
            self.counters[message.count] += 1
        if message.level in {"warning", "error"}:
            entry = {
                "t": self.turn.unix_us,
                "level": message.level,
                "component": message.component,
                "text": message.text,
            }
            self.problems.append(entry | {"leg_id": message.leg_id, "pair_id": message.pair_id})
        self.publish(message)

    @handles(TradeSent)
    def trade_sent(self, message: TradeSent, _sender: Address) -> None:
        """Legs left."""
        self.counters["trades_sent"] += 1
        self.counters["legs_sent"] += len(message.legs)
        self.publish(message)

    @handles(TradeMoved)
    def trade_moved(self, message: TradeMoved, _sender: Address) -> None:
        """A trade has a new state."""
        self.counters[f"trades_{message.state}"] += 1
        self.publish(message)

    @handles(OpportunityNote)
    def opportunity(self, message: OpportunityNote, _sender: Address) -> None:
        """An opportunity opened or closed."""
        self.counters[f"opportunities_{message.event}"] += 1
        self.publish(message)

    def publish(self, message: object) -> None:
        """Tell every observer."""
        for observer in self.observers:
            observer.observe(message)

    @handles(Describe)
    def describe(self, _message: Describe, sender: Address) -> None:
        """Counters and the last problems."""
        data = {"counters": dict(sorted(self.counters.items())), "problems": list(self.problems)}
        self.send(sender, Description("telemetry", data))
