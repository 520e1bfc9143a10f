"""What actors say to each other, in the units and terms of `protocol/`. Books: `pair_books.py`, `relay_messages.py`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from actors.base import Address
from actors.risk.approval import Approval
from market.opportunity import Opportunity, OpportunityLeg
from protocol.codec import Invalid, Spoken
from protocol.leg import Leg
from protocol.leg_frame import Frame
from protocol.outcome import Outcome
from protocol.terms import LegId, PairId, Platform, TradeId
from protocol.units import Money, Quantity
from protocol.wire import Book, LegResult, WireMessage


class Message(msgspec.Struct, frozen=True, gc=False):
    """Base of all messages here."""


# -- the tree ------------------------------------------------------------------------------------------------


class Directory(Message, frozen=True):
    """Who is who now, by role; sent to everyone whenever somebody was created or replaced."""

    roles: Mapping[str, Address]


class Describe(Message, frozen=True):
    """Say your part of the status; answered with :class:`Description` in the same turn."""


class Description(Message, frozen=True):
    """One actor's part of the status document, plain JSON values only."""

    section: str
    data: Mapping[str, Any]


class StatusAsked(Message, frozen=True):
    """Somebody at the status socket wants the whole document."""

    query_id: int


class FinishStatus(Message, frozen=True):
    """The supervisor's note to itself: by now everyone who can answer has."""

    query_id: int
    hops: int


class StopAsked(Message, frozen=True):
    """Stop in order: no new trades, legs in flight answered or reported, links closed."""

    reason: str


class Drained(Message, frozen=True):
    """Nothing of this actor is in flight any more."""

    left_open: int = 0


class HaltAsked(Message, frozen=True):
    """To the supervisor: nothing may leave any more, and why."""

    reason: str


class StartTimer(Message, frozen=True):
    """Tell me :class:`TimerFired` with this key after so long; a key started again is simply a second timer."""

    after_us: int
    key: str


class TimerDue(Message, frozen=True):
    """The timer port to the clock actor: this token's time has come."""

    token: int


class TimerFired(Message, frozen=True):
    """The clock actor to whoever started the timer."""

    key: str


# -- the link ------------------------------------------------------------------------------------------------


class LinkOpened(Message, frozen=True):
    """A connection is up; ``peer`` is the other end's address."""

    conn_id: int
    peer: str


class LinkText(Message, frozen=True):
    """A text frame arrived."""

    conn_id: int
    text: str


class LinkGarbage(Message, frozen=True):
    """A frame arrived that is not even text."""

    conn_id: int
    reason: str


class LinkClosed(Message, frozen=True):
    """The connection is gone, whichever way it died; said exactly once."""

    conn_id: int
    reason: str


class Attach(Message, frozen=True):
    """To the bridge: frames of this connection go to this session from now on."""

    conn_id: int
    session: Address


class Incoming(Message, frozen=True):
    """The bridge to a session: a message from the other end, and how long its text was."""

    message: Spoken
    size: int = 0


class IncomingInvalid(Message, frozen=True):
    """The bridge to a session: a known message with a wrong field; an order among them must be answered."""

    invalid: Invalid


class Outgoing(Message, frozen=True):
    """A session to the bridge: write this (text: as it is). With a ``leg_id`` a failure is answered by `NotWritten`."""

    conn_id: int
    message: WireMessage | Frame | str
    leg_id: LegId | None = None


class NotWritten(Message, frozen=True):
    """The bridge to a session: the connection was gone, nothing of this leg was written."""

    leg_id: LegId


class CloseLink(Message, frozen=True):
    """To the bridge: end this connection; at once (``drop``) where the other end may not be listening."""

    conn_id: int
    reason: str
    code: int = 1000
    drop: bool = False


# -- opportunity to trade ------------------------------------------------------------------------------------


class OpportunitySeen(Message, frozen=True):
    """Scanner to executor. The scanner says nothing more of this pair until it hears :class:`PairFree`.

    ``books`` are the books that were walked, for the legs that a paper venue will fill.
    """

    opportunity: Opportunity
    books: tuple[Book, ...] = ()


class PairFree(Message, frozen=True):
    """Executor to scanner: the pair may be offered again; with ``recheck`` look at it now, not at its next update."""

    pair_id: PairId
    recheck: bool


class Took(Message, frozen=True):
    """Executor to scanner: a leg filled, so that much of the book it was decided on is gone."""

    leg: OpportunityLeg
    filled: Quantity


class Wanted(Message, frozen=True):
    """Executor to scanner: which platforms have a path, which of those need the book sent along, and the caps.

    Whenever it differs from the last one, what stands open is offered again.
    """

    paths: frozenset[Platform]
    paper: frozenset[Platform]
    caps: Mapping[Platform, Money]


class PathInfo(Message, frozen=True):
    """How legs of one platform can be executed right now, and what that path cannot promise.

    ``halted``: none, but where ``reducing`` sales of what it holds. ``cash``, ``holdings``: it says what is there;
    ``markets``: in which markets it can order.
    """

    platform: Platform
    conn_id: int | None
    trader: str
    level: int
    paper: bool
    dry_run: bool
    max_leg_notional: Money | None = None
    halted: bool = False
    reducing: bool = False
    cash: bool = False
    holdings: bool = False
    markets: bool = False

    @property
    def real(self) -> bool:
        """True where a leg costs money."""
        return not (self.dry_run or self.paper)


class PathsChanged(Message, frozen=True):
    """Router to executor: the remote path of every platform that has one."""

    remote: Mapping[Platform, PathInfo]


class SessionLost(Message, frozen=True):
    """What was sent on this path and not yet answered has no proven outcome. ``conn_id`` None: the local trader."""

    conn_id: int | None
    reason: str


class ResultElsewhere(Message, frozen=True):
    """A session to the executor: this trader tells of a leg of an earlier connection, but not which order it was."""

    trader: str
    conn_id: int
    result: LegResult


class LegOrder(Message, frozen=True):
    """One leg on its way to a trader, with the book for a paper venue where it asked for one.

    ``conn_id``: the connection that it is meant for, and no other; None: whichever is active.
    """

    leg: Leg
    book: Book | None = None
    arb_type: str | None = None
    conn_id: int | None = None


class SendLegs(Message, frozen=True):
    """Executor to router: all of these leave now, or none does (answer: :class:`LegsNotSent`)."""

    orders: tuple[LegOrder, ...]
    approval: Approval


class LegsNotSent(Message, frozen=True):
    """These legs left nowhere, for certain."""

    leg_ids: tuple[LegId, ...]
    reason: str


class LegReported(Message, frozen=True):
    """What became of a leg, as far as it is known. The highest revision holds.

    ``conn_id`` is the link it came over (None: local), where an ack is due; ``source`` names who told it; ``told`` is
    the leg as the other end knows it, for one that the controller does not know (any more).
    """

    outcome: Outcome
    conn_id: int | None = None
    source: str = "local"
    told: Leg | None = None
    arb_type: str | None = None


class AckLeg(Message, frozen=True):
    """Executor to router or local trader: this revision is durable. ``conn_id`` None: local."""

    leg_id: LegId
    revision: int
    platform: Platform
    conn_id: int | None


class QueryLeg(Message, frozen=True):
    """What became of this leg? ``sent_to`` names the trader that it was sent to, where that is known.

    ``revision`` is the highest that the asker has: an answer that is news must have a higher one. ``paper``: it was for
    no money.
    """

    leg: Leg
    sent_to: str | None
    arb_type: str | None = None
    revision: int = -1
    paper: bool = False


class StopTrading(Message, frozen=True):
    """To whoever executes: start nothing new; answer :class:`Drained` when nothing is in flight."""

    reason: str


# -- sessions and the router ---------------------------------------------------------------------------------


class Registered(Message, frozen=True):
    """A trader session to the router: its hello is done, and this is what it executes."""

    paths: tuple[PathInfo, ...]


class Unregistered(Message, frozen=True):
    """A trader session to the router: this connection executes nothing any more."""

    conn_id: int
    reason: str


class TestRegister(Message, frozen=True):
    """Pretend that a trader for this platform is connected; what would be sent goes to ``inbox``. For tests."""

    __test__ = False

    platform: Platform
    inbox: Address
    level: int = 2
    dry_run: bool = False


class TestUnregister(Message, frozen=True):
    """End what :class:`TestRegister` began."""

    __test__ = False

    platform: Platform


class IsConnected(Message, frozen=True):
    """Ask the router whether a platform has a trader; answered with :class:`Connected`."""

    platform: Platform


class Connected(Message, frozen=True):
    """The router's answer: the traders of the platform, the active one first."""

    platform: Platform
    traders: tuple[str, ...]


# -- the trader's side ---------------------------------------------------------------------------------------


class Configured(Message, frozen=True):
    """Uplink (or controller) to the trader: the hello is done; this is what was agreed.

    ``blind_paper``: the other end sends no books, so a paper fill is as asked. ``awaits_word``: it says at once whether
    it trades, and no leg is taken before that.
    """

    platforms: frozenset[Platform]
    dry_run: bool
    blind_paper: bool
    awaits_word: bool = False


class Unconfigured(Message, frozen=True):
    """The controller is gone; no leg is taken until the next hello."""

    reason: str


class DoLeg(Message, frozen=True):
    """To the trader: execute this leg, and tell the sender what became of it."""

    leg: Leg
    book: Book | None = None
    arb_type: str | None = None


class ApprovedLeg(DoLeg, frozen=True, kw_only=True):
    """Executor to a local trader: the same, with what allows it to leave. Nothing else of the executor is taken."""

    approval: Approval


class LegAcked(Message, frozen=True):
    """To the trader: the controller has this revision of a result durably."""

    leg_id: LegId
    revision: int


class TellUnacked(Message, frozen=True):
    """Uplink to trader, after a hello: tell every result that was never acked again, oldest first."""


class ClockMeasured(Message, frozen=True):
    """Uplink to trader: the controller's clock is so far ahead of ours."""

    offset_us: int


class AskVenue(Message, frozen=True):
    """Trader to a venue actor: say what you know of this leg."""

    leg: Leg


class VenueKnows(Message, frozen=True):
    """The venue's answer: ``outcome`` where it knows the order; else ``found`` False, or why it could not say."""

    leg_id: LegId
    outcome: Outcome | None
    failed: str | None = None


class PlaceLeg(Message, frozen=True):
    """Trader to a venue actor."""

    leg: Leg
    book: Book | None = None
    blind: bool = False


class VenueSaid(Message, frozen=True):
    """A venue's port to its actor, and the venue actor to the trader."""

    outcome: Outcome


# -- telemetry -----------------------------------------------------------------------------------------------


class Note(Message, frozen=True):
    """Something worth a log line. ``component`` is the prefix, such as ``HYBRID``; ``count`` names its counter.

    ``said`` is the text, or what makes it: no order waits for its own line to be worded.
    """

    component: str
    said: str | Callable[[], str]
    level: str = "info"
    leg_id: LegId | None = None
    pair_id: PairId | None = None
    count: str | None = None

    @property
    def text(self) -> str:
        """In words."""
        return self.said if isinstance(self.said, str) else self.said()


class TradeSent(Message, frozen=True):
    """All legs of a trade have left; each leg with its path (``local`` or ``remote:<trader>``)."""

    trade_id: TradeId
    opportunity: Opportunity
    legs: tuple[tuple[Leg, str], ...]


class TradeMoved(Message, frozen=True):
    """A trade has a new state. ``make`` makes its status record as of then (plain JSON values), when it is read."""

    state: str
    make: Callable[[], Mapping[str, Any]]

    @property
    def record(self) -> Mapping[str, Any]:
        """The trade's status record."""
        return self.make()


class OpportunityNote(Message, frozen=True):
    """An opportunity opened or closed (scanner)."""

    pair_id: PairId
    event: str
    opportunity: Opportunity
