"""Stand-ins for the ends of the system: an inbox, traders that answer by script, ports that remember.

They speak the actors' own messages, so that a test of one actor reads like the conversation it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from actors.base import Address, GuardedActor, handles
from actors.messages import Connected, Directory, IsConnected, LegOrder, LegReported, TestRegister, TestUnregister
from actors.ports import CashReport
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform, Status, TradeId
from protocol.units import Money, Quantity, notional
from protocol.wire import Book
from transport.host import ActorHost


class InboxSetup(msgspec.Struct, frozen=True):
    """Where the inbox puts what it receives, and an answer to give, if any."""

    received: list[Any]
    reply: Callable[[Any], Any | None] | None = None


class Say(msgspec.Struct, frozen=True):
    """To an inbox: send this there, so that the answer comes back to the inbox."""

    to: Address
    message: object


class Inbox(GuardedActor):
    """Keeps every message; answers its sender where the setup says so, and asks others when told to :class:`Say`."""

    def __init__(self) -> None:
        """Empty."""
        super().__init__()
        self.received: list[Any] | None = None
        self.reply: Callable[[Any], Any | None] | None = None

    def receiveMessage(self, message: object, sender: Address) -> None:  # noqa: N802 -- thespian's name
        """Keep anything that is not about the inbox itself."""
        if isinstance(message, InboxSetup):
            self.received, self.reply = message.received, message.reply
        elif isinstance(message, Say):
            self.send(message.to, message.message)
        elif self.received is not None:
            self.received.append(message)
            answer = None if self.reply is None else self.reply(message)
            if answer is not None:
                self.send(sender, answer)


def inbox(host: ActorHost, reply: Callable[[Any], Any | None] | None = None) -> tuple[Address, list[Any]]:
    """A new inbox and the list that it fills."""
    received: list[Any] = []
    address = host.system.createActor(Inbox)
    host.tell(address, InboxSetup(received, reply))
    return address, received


def filled(leg: Leg, quantity: Quantity | None = None, *, fees: Money = Money(0)) -> Outcome:
    """The outcome of a leg filled at its limit: whole, or this much of it."""
    done = leg.quantity if quantity is None else quantity
    status = Status.FILLED if done >= leg.quantity else (Status.PARTIAL if done else Status.UNFILLED)
    return Outcome(leg_id=leg.leg_id, status=status, filled=done, cost=notional(leg.limit, done), fees=fees)


class SimulatedTraderSetup(msgspec.Struct, frozen=True):
    """``answer`` decides what becomes of each leg; None leaves it unanswered."""

    answer: Callable[[Leg], Outcome | None]
    received: list[Leg]


class SimulatedTrader(GuardedActor):
    """A trader that answers every leg by script; ``ControllerBox.simulate`` puts one behind the router."""

    def __init__(self) -> None:
        """No script."""
        super().__init__()
        self.config: SimulatedTraderSetup
        self.executor: Address | None = None

    @handles(SimulatedTraderSetup)
    def setup(self, message: SimulatedTraderSetup, _sender: Address) -> None:
        """Take the script."""
        self.config = message

    @handles(Directory)
    def directory(self, message: Directory, _sender: Address) -> None:
        """Learn whom to answer."""
        self.executor = message.roles["executor"]

    @handles(LegOrder)
    def order(self, message: LegOrder, _sender: Address) -> None:
        """Answer by script."""
        self.config.received.append(message.leg)
        outcome = self.config.answer(message.leg)
        if outcome is not None and self.executor is not None:
            self.send(self.executor, LegReported(outcome))


class RouterHandle:
    """The router as the seed's tests use it."""

    def __init__(self, host: ActorHost, router: Address) -> None:
        """Over a running host."""
        self.host = host
        self.router = router

    def is_connected(self, platform: Platform) -> bool:
        """Whether a leg for this platform would find a trader."""
        answer = self.host.ask(self.router, IsConnected(platform))
        while answer is not None and not isinstance(answer, Connected):
            # Something that an actor told the test earlier; nobody has listened to it.
            answer = self.host.system.listen(None)
        return answer is not None and bool(answer.traders)

    def test_register(
        self, platform: Platform, inbox_address: Address | None = None, *, level: int = 2, dry_run: bool = False
    ) -> list[Any]:
        """Pretend that a trader is connected; what is sent to it appears in the list that is returned.

        With an inbox of your own that one receives it, and the list stays empty.
        """
        received: list[Any] = []
        if inbox_address is None:
            inbox_address, received = inbox(self.host)
        self.host.tell(self.router, TestRegister(platform, inbox_address, level, dry_run))
        return received

    def test_unregister(self, platform: Platform) -> None:
        """End the pretence, as if the connection had died."""
        self.host.tell(self.router, TestUnregister(platform))


@dataclass
class ScriptedVenue:
    """A venue port that remembers each order and answers when the test says so, or at once by ``script``.

    It calls itself live unless told otherwise: what must see no order in a dry run.
    """

    platform: Platform
    paper: bool = False
    script: Callable[[Leg], Outcome | None] | None = None
    knows: Callable[[Leg], Outcome | None] | None = None
    placed: list[Leg] = field(default_factory=list)
    asked: list[Leg] = field(default_factory=list)
    accounts: Sequence[tuple[str, Money]] | None = ()
    """Its cash by shard; None: it does not answer by itself."""
    cash_asked: list[CashReport] = field(default_factory=list)
    books: list[Book] = field(default_factory=list)
    _reports: dict[LegId, Callable[[Outcome], None]] = field(default_factory=dict)

    def place(self, leg: Leg, report: Callable[[Outcome], None], *, blind: bool) -> None:  # noqa: ARG002 -- the port's
        """Remember the order, and answer it if the script has an answer."""
        self.placed.append(leg)
        self._reports[leg.leg_id] = report
        outcome = None if self.script is None else self.script(leg)
        if outcome is not None:
            report(outcome)

    def lookup(self, leg: Leg, report: Callable[[Outcome | None, str | None], None]) -> None:
        """Say what the test says that the venue knows; without a word from the test it cannot be asked."""
        self.asked.append(leg)
        if self.knows is None:
            report(None, "cannot be asked")
        else:
            report(self.knows(leg), None)

    def cash(self, report: CashReport) -> None:
        """Say what the test says that is there; it is answered again when the test calls what is in ``cash_asked``."""
        self.cash_asked.append(report)
        if self.accounts is not None:
            report(self.accounts, None)

    def see(self, book: Book) -> None:
        """Remember the book."""
        self.books.append(book)

    def answer(self, outcome: Outcome) -> None:
        """Say what became of an order that was placed; as often as the test likes."""
        self._reports[outcome.leg_id](outcome)


@dataclass
class CountingIds:
    """Ids that count: ``t1``, ``t1-1``, ``t1-2``, ``t2`` and so on."""

    count: int = 0

    def trade_id(self) -> TradeId:
        """A new trade id."""
        self.count += 1
        return TradeId(f"t{self.count}")

    def leg_id(self, trade_id: TradeId, index: int) -> LegId:
        """The id of the trade's leg."""
        return LegId(f"{trade_id}-{index + 1}")

    def of_this_start(self, leg_id: LegId) -> bool:  # noqa: ARG002 -- the port's signature
        """Every start of this one gives the same ids: none is told apart."""
        return False


@dataclass
class MemoryLink:
    """A link port without sockets: what would be written is kept by connection."""

    written: dict[int, list[str]] = field(default_factory=dict)
    ended: list[tuple[int, str]] = field(default_factory=list)
    broken: set[int] = field(default_factory=set)
    full: set[int] = field(default_factory=set)
    """Connections that look open until they are written to."""

    def is_open(self, conn_id: int) -> bool:
        """Whether a frame would be kept."""
        return conn_id not in self.broken

    def send(self, conn_id: int, text: str) -> bool:
        """Keep the frame, unless the connection is broken."""
        if conn_id in self.broken or conn_id in self.full:
            return False
        self.written.setdefault(conn_id, []).append(text)
        return True

    def close(self, conn_id: int, code: int, reason: str) -> None:
        """Remember the close."""
        self.ended.append((conn_id, f"{code} {reason}"))

    def drop(self, conn_id: int, reason: str) -> None:
        """Remember the drop."""
        self.ended.append((conn_id, reason))


@dataclass
class Remembering:
    """Implements the gate, observer, status, life and discovery ports by remembering what it heard."""

    busy: list[bool] = field(default_factory=list)
    notes: list[Any] = field(default_factory=list)
    documents: list[dict[str, Any]] = field(default_factory=list)
    ends: list[tuple[str, int, bool]] = field(default_factory=list)
    urls: list[tuple[str, str]] = field(default_factory=list)
    announced: list[bytes] = field(default_factory=list)
    roles: Mapping[str, Address] = field(default_factory=dict)

    def set_busy(self, *, busy: bool) -> None:
        """The gate."""
        self.busy.append(busy)

    def observe(self, note: object) -> None:
        """The observer."""
        self.notes.append(note)

    def answer(self, _query_id: int, document: dict[str, Any]) -> None:
        """The status port."""
        self.documents.append(document)

    def who(self, roles: Mapping[str, Address]) -> None:
        """The life port."""
        self.roles = roles

    def stopped(self, how: str, left_open: int, *, failed: bool) -> None:
        """The life port."""
        self.ends.append((how, left_open, failed))

    def found(self, url: str, how: str) -> None:
        """The discovery port."""
        self.urls.append((url, how))

    def announce(self, payload: bytes) -> None:
        """The beacon port."""
        self.announced.append(payload)
