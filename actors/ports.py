"""What the actors ask of the outside: small interfaces that `transport/` implements and `simulation/` imitates.

Every method returns at once. What comes of it arrives later as a message, never as a return value, except where
the answer is known on the spot (``send``). A port never calls an actor from inside one of these methods.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from actors.base import Address
from protocol.holdings import HoldingsReport
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import LegId, Platform, TradeId
from protocol.units import Money
from protocol.wire import Book

CashReport = Callable[[Sequence[tuple[str, Money]] | None, str | None], None]
"""Accounts by shard with what each has, or why they could not be asked."""

ShardsReport = Callable[[Sequence[tuple[str, Money]] | None, Sequence[tuple[str, str]], str | None], None]
"""The same, with markets and the shard that each is on."""


Readiness = tuple[str, str | None]
"""A market, and why no order could leave for it now; None where one could."""


class LinkPort(Protocol):
    """The sockets of one end of the wire, by connection id."""

    def send(self, conn_id: int, text: str) -> bool:
        """Write a text frame now; False when the connection is not there, and then nothing was written."""

    def close(self, conn_id: int, code: int, reason: str) -> None:
        """Close politely, in bounded time."""

    def drop(self, conn_id: int, reason: str) -> None:
        """End the connection at once, without waiting for the other end."""


class TimerPort(Protocol):
    """Calls back after a delay; the owner of the callback is the clock actor."""

    def call_later(self, delay_us: int, token: int) -> None:
        """Have the clock actor told ``TimerDue(token)`` after this long."""


class VenuePort(Protocol):
    """One venue that executes legs."""

    @property
    def platform(self) -> Platform:
        """The venue's wire name."""

    @property
    def paper(self) -> bool:
        """True where fills are simulated."""

    def place(self, leg: Leg, report: Callable[[Outcome], None], *, blind: bool) -> None:
        """Send the leg's order to the venue, once, and call ``report`` with what became of it.

        ``blind`` concerns paper venues: fill as asked where no book is known.
        """

    def lookup(self, leg: Leg, report: Callable[[Outcome | None, str | None], None]) -> None:
        """Ask what the venue knows of the leg's order, by client id or order hash.

        ``report(outcome, None)``: it knows; ``report(None, None)``: it knows no such order; ``report(None, why)``: it
        could not be asked.
        """

    def cash(self, report: CashReport) -> None:
        """Ask what there is to be spent, of the account and of each shard that has cash of its own.

        ``report(accounts, None)``: by shard's name (empty where there is none), each as it was at some moment after
        this call; an empty list where the venue does not say. ``report(None, why)``: it could not be asked.
        """

    def see(self, book: Book) -> None:
        """Take this as the market's book now (paper venues; others ignore it)."""


@runtime_checkable
class WatchedVenue(Protocol):
    """A venue that can be out of reach, and says so."""

    def watch(self, report: Callable[[str | None], None]) -> None:
        """Call ``report`` with why no order can leave, and with None when one can again; now, and at each change."""


@runtime_checkable
class ShardedVenue(Protocol):
    """What a :class:`VenuePort` has besides, where markets lie on shards and each is paid from the cash of its own."""

    def cash_and_shards(self, markets: Sequence[str], report: ShardsReport) -> None:
        """As :meth:`VenuePort.cash`; besides, on which shard these markets are now, of those that it can say."""


@runtime_checkable
class WarmVenue(VenuePort, Protocol):
    """A :class:`VenuePort` with more, where an order needs rules of its market that must be read before."""

    def learn(self, markets: Sequence[str], report: Callable[[Sequence[Readiness]], None]) -> None:
        """Read the rules of these ahead, and say in bounded time of each whether an order could leave now."""

    def watch_markets(self, report: Callable[[Readiness], None]) -> None:
        """Call ``report`` whenever that changes for a market that was said before."""


@runtime_checkable
class HoldingsPort(Protocol):
    """What a :class:`VenuePort` has besides, where its account can be compared with the ledger."""

    def holdings(self, since_us: int, report: HoldingsReport) -> None:
        """Ask what the account holds, with the orders made from ``since_us`` on (unix microseconds).

        ``report(holdings, None)``: the whole of it, as it was at one moment after this call, with everything that this
        port had sent before; markets with an order under way meanwhile are named. ``report(None, why)``: incomplete,
        or not comparable now.
        """


class BeaconPort(Protocol):
    """UDP datagrams out."""

    def announce(self, payload: bytes) -> None:
        """Send the payload to every address that the configuration or Tailscale names."""


class Observer(Protocol):
    """What listens to telemetry: the log, a live view. It must not raise and must not block."""

    def observe(self, note: object) -> None:
        """Take one note or trade record."""


class GatePort(Protocol):
    """Hears whether legs are in flight, so that a replay can let recorded time stand still meanwhile."""

    def set_busy(self, *, busy: bool) -> None:
        """Legs are out, or none is any more."""


class DiscoveryPort(Protocol):
    """Hears where the controller is."""

    def found(self, url: str, how: str) -> None:
        """A controller announced itself; ``how`` says in words which way it was found."""


class StatusPort(Protocol):
    """Hands a status document to whoever asked."""

    def answer(self, query_id: int, document: dict[str, object]) -> None:
        """The whole document, plain JSON values."""


class LifePort(Protocol):
    """Hears who is who in the tree, and that the process may end."""

    def who(self, roles: Mapping[str, Address]) -> None:
        """Who has which role now; said again whenever an actor was replaced."""

    def stopped(self, how: str, left_open: int, *, failed: bool) -> None:
        """Nothing more will be done; so many legs or trades have no proven outcome."""


class IdSource(Protocol):
    """Ids that are unique for ever; injected, because actors make none themselves."""

    def trade_id(self) -> TradeId:
        """A new trade id."""

    def leg_id(self, trade_id: TradeId, index: int) -> LegId:
        """The id of that leg of the trade."""

    def of_this_start(self, leg_id: LegId) -> bool:
        """Whether only this start of this controller can have given such an id."""
