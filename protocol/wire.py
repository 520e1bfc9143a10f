"""The wire's messages, as pydantic models: what `docs/wire.md` says, and nothing else.

A field that is not known is ignored, so that either end may learn new words first. Prices and quantities are
held in our integer units and written as JSON numbers (cents, contracts); no float is made on either way.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, ClassVar, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, StrictBool, StrictInt

from protocol.terms import MAX_LEG_ID, Action, LegId, PairId, Platform, Side, Status, TradeId
from protocol.units import (
    CENT,
    DOLLAR,
    MAX_QUANTITY,
    Money,
    Price,
    Quantity,
    money_from_dollars,
    money_to_dollars,
    price_from_cents,
    price_to_cents,
    quantity_from_text,
    quantity_from_wire,
    quantity_to_wire,
)

MAX_TEXT = 2_000
MAX_NAME = 200
MAX_PLATFORMS = 32
MAX_LEVELS = 1_000
MAX_ACCOUNTS = 64
MAX_ASKED_MARKETS = 200
MAX_STATED_MARKETS = 100
"""Markets of one question, each a name: the longest of them and their answers fit into a frame."""
MAX_HELD = 2_000
MAX_SETTLED = 200
MAX_LISTED = 1_000
MAX_INT = 2**63 - 1

WirePrice = Annotated[Price, BeforeValidator(price_from_cents), PlainSerializer(price_to_cents)]
WireQuantity = Annotated[Quantity, BeforeValidator(quantity_from_wire), PlainSerializer(quantity_to_wire)]
WireMoney = Annotated[Money, BeforeValidator(money_from_dollars), PlainSerializer(money_to_dollars)]
WireInt = Annotated[StrictInt, Field(ge=-MAX_INT, le=MAX_INT)]
WireCount = Annotated[StrictInt, Field(ge=0, le=MAX_INT)]


def _filled(value: object) -> Quantity:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError("filled must be a number")
    quantity = quantity_from_text(value)
    if not 0 <= quantity <= MAX_QUANTITY:
        raise ValueError(f"filled must be from 0 to {MAX_QUANTITY // 100}")
    return quantity


def _average(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError("avg_price must be a number of cents")
    if not ((isinstance(value, int) or value.is_finite()) and 0 <= value <= DOLLAR // CENT):
        raise ValueError("avg_price must be from 0 to 100 cents")
    return Decimal(value)


def _worth(value: object) -> Price:
    """Cents from 0 to 100, the ends included, with 2 decimals at most."""
    cents = _average(value)
    if cents * CENT != int(cents * CENT):
        raise ValueError("cents have at most 2 decimals")
    return Price(int(cents * CENT))


def _json_number(value: Decimal) -> int | Decimal:
    whole = int(value)
    return whole if whole == value else value


def _paid(value: object) -> Money:
    money = money_from_dollars(value)
    if money < 0:
        raise ValueError("must not be negative")
    return money


def _stamp(value: object) -> int | Decimal:
    """Unix seconds; the seed does not say that they are whole, and a ping is not worth a connection."""
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError("timestamp must be a number of seconds")
    if not (Decimal(value).is_finite() and -MAX_INT <= value <= MAX_INT):
        raise ValueError("timestamp is out of any sensible range")
    return value


WireFilled = Annotated[Quantity, BeforeValidator(_filled), PlainSerializer(quantity_to_wire)]
WireAverage = Annotated[Decimal, BeforeValidator(_average), PlainSerializer(_json_number)]
WireWorth = Annotated[Price, BeforeValidator(_worth), PlainSerializer(price_to_cents)]
WirePaid = Annotated[Money, BeforeValidator(_paid), PlainSerializer(money_to_dollars)]
WireStamp = Annotated[int | Decimal, BeforeValidator(_stamp)]

Name = Annotated[str, Field(max_length=MAX_NAME)]
Text = Annotated[str, Field(max_length=MAX_TEXT)]
Platforms = Annotated[list[Annotated[Platform, Field(max_length=MAX_NAME)]], Field(max_length=MAX_PLATFORMS)]
WireLegId = Annotated[LegId, Field(min_length=1, max_length=MAX_LEG_ID, pattern=r"^[A-Za-z0-9_:+=/.-]+$")]


class WireMessage(BaseModel):
    """Base of every message: frozen, tagged by ``type``, unknown fields ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    wire_type: ClassVar[str] = ""

    def wire_dict(self) -> dict[str, Any]:
        """The message as plain JSON values, ``type`` first; fields that were never set are left out."""
        return {"type": self.wire_type, **self.model_dump(mode="python", exclude_unset=True)}


class Init(WireMessage):
    """Controller to trader, first on every connection: what it wants executed, and whether for real.

    ``state_follows``: a :class:`Halt` or :class:`Resume` comes right after the ack, and no leg is taken before it.
    ``rehearsal``: what is called live here is a rehearsal; only ends that both say so trade with each other.
    """

    wire_type: ClassVar[str] = "init"
    platforms: Platforms
    dry_run: StrictBool
    protocol: WireInt | None = None
    controller_id: Name | None = None
    session_id: Name | None = None
    heartbeat_ms: Annotated[StrictInt, Field(ge=10, le=3_600_000)] | None = None
    at_us: WireInt | None = None
    state_follows: StrictBool | None = None
    rehearsal: StrictBool | None = None


class InitAck(WireMessage):
    """Trader to controller: which of those platforms it executes, or why none.

    ``cash``: it answers `cash_query`; ``holdings``: `holdings_query`. ``markets``: of these platforms it states which
    markets it can order in, and answers `markets_query`.
    """

    wire_type: ClassVar[str] = "init_ack"
    success: StrictBool
    platforms: Platforms = []
    error: Text | None = None
    protocol: WireInt | None = None
    trader_id: Name | None = None
    unacked: WireCount | None = None
    dry_run: StrictBool | None = None
    paper: Platforms | None = None
    max_leg_notional: WirePaid | None = None
    relays: Platforms | None = None
    cash: StrictBool | None = None
    rehearsal: StrictBool | None = None
    holdings: StrictBool | None = None
    markets: Platforms | None = None


class ExecuteLeg(WireMessage):
    """Controller to trader: one order on one platform."""

    wire_type: ClassVar[str] = "execute_leg"
    market_id: Annotated[StrictInt, Field(ge=0, le=65_535)]
    leg_id: WireLegId
    platform: Annotated[Platform, Field(max_length=MAX_NAME)]
    action: Action
    side: Side
    price: WirePrice
    contracts: WireQuantity
    kalshi_market_ticker: Name | None = None
    poly_token: Name | None = None
    pair_id: Annotated[PairId, Field(max_length=MAX_NAME)] | None = None
    trade_id: Annotated[TradeId, Field(max_length=MAX_NAME)] | None = None
    description: Text | None = None
    expires_at_ms: WireCount | None = None
    arb_type: Name | None = None


class LegResult(WireMessage):
    """Trader to controller: what became of a leg.

    A seed peer sends ``filled``/``avg_price``/``order_id``; the known Rust peer sends none of the three.
    ``cost`` and ``fees`` are dollars, exact to the micro-dollar; ``avg_price`` is rounded and for people.
    """

    wire_type: ClassVar[str] = "leg_result"
    leg_id: WireLegId
    platform: Annotated[Platform, Field(max_length=MAX_NAME)]
    success: StrictBool
    filled: WireFilled | None = None
    avg_price: WireAverage | None = None
    order_id: Name | None = None
    error: Text | None = None
    status: Status | None = None
    cost: WirePaid | None = None
    fees: WireMoney | None = None
    revision: WireCount | None = None
    final: StrictBool | None = None
    paper: StrictBool | None = None
    trader_id: Name | None = None
    trade_id: Annotated[TradeId, Field(max_length=MAX_NAME)] | None = None
    pair_id: Annotated[PairId, Field(max_length=MAX_NAME)] | None = None
    market_id: WireInt | None = None
    action: Action | None = None
    side: Side | None = None
    price: WirePrice | None = None
    contracts: WireQuantity | None = None
    latency_ns: WireInt | None = None
    kalshi_market_ticker: Name | None = None
    poly_token: Name | None = None
    arb_type: Name | None = None


class LegAck(WireMessage):
    """Controller to trader, level 2: this revision is recorded durably; the result may be forgotten, the id never."""

    wire_type: ClassVar[str] = "leg_ack"
    leg_id: WireLegId
    revision: WireCount


class LegQuery(WireMessage):
    """Controller to trader, level 2: what became of this leg? Answered with a :class:`LegResult`.

    ``trader_id`` is the trader that the leg was sent to. That one's own journal decides whether it was ever received;
    any other trader of the platform asks the venue, whose account they share. Either way the id is tombstoned: an
    original that arrives later is refused. ``paper``: it was for no money; without that only a live venue can deny it.
    """

    wire_type: ClassVar[str] = "leg_query"
    leg_id: WireLegId
    platform: Annotated[Platform, Field(max_length=MAX_NAME)]
    market_id: Annotated[StrictInt, Field(ge=0, le=65_535)] | None = None
    action: Action | None = None
    side: Side | None = None
    price: WirePrice | None = None
    contracts: WireQuantity | None = None
    kalshi_market_ticker: Name | None = None
    poly_token: Name | None = None
    pair_id: Annotated[PairId, Field(max_length=MAX_NAME)] | None = None
    trade_id: Annotated[TradeId, Field(max_length=MAX_NAME)] | None = None
    expires_at_ms: WireCount | None = None
    trader_id: Name | None = None
    arb_type: Name | None = None
    revision: Annotated[WireInt, Field(ge=-1)] | None = None
    paper: StrictBool | None = None


class Halt(WireMessage):
    """Controller to trader, level 2: take no leg that opens exposure, and with ``everything`` no leg at all.

    Answered with a :class:`HaltAck` once nothing that was taken before can leave any more. It holds for the connection
    and after it: only a :class:`Resume` ends it. ``number`` counts up with every halt and resume of a controller's run;
    an ack echoes it, so that an old one answers nothing new.
    """

    wire_type: ClassVar[str] = "halt"
    reason: Text
    number: WireCount | None = None
    everything: StrictBool | None = None


class HaltAck(WireMessage):
    """Trader to controller, level 2: halted, and nothing is left on the way to a venue.

    ``open_legs``: orders that are at a venue without a final word; they left before.
    """

    wire_type: ClassVar[str] = "halt_ack"
    number: WireCount | None = None
    open_legs: WireCount | None = None


class Resume(WireMessage):
    """Controller to trader, level 2: take legs again, within the trader's own limits."""

    wire_type: ClassVar[str] = "resume"
    reason: Text
    number: WireCount | None = None


class ResumeAck(WireMessage):
    """Trader to controller, level 2: legs are taken again, or why not (``error``): its own operator's halt holds."""

    wire_type: ClassVar[str] = "resume_ack"
    number: WireCount | None = None
    success: StrictBool = True
    error: Text | None = None


class Ping(WireMessage):
    """Keepalive; the known Rust peer refuses one without ``timestamp`` (unix seconds), so we always send it."""

    wire_type: ClassVar[str] = "ping"
    timestamp: WireStamp | None = None
    sent_us: WireInt | None = None


class Pong(WireMessage):
    """Answer to :class:`Ping`; echoes its timestamp.

    At level 2 it echoes ``sent_us`` too and says in ``at_us`` what the answering end's clock showed (unix
    microseconds), so that the asker can measure how far the two clocks are apart.
    """

    wire_type: ClassVar[str] = "pong"
    timestamp: WireStamp | None = None
    sent_us: WireInt | None = None
    at_us: WireInt | None = None


class StatusReport(WireMessage):
    """Either end, level 2: a snapshot of the sender, for the other end's operator.

    ``halted``: it takes no leg; where it is ``reducing`` too, none but a sale of what it holds itself. ``venues``: the
    platforms that no order of its can reach now, and why; it takes no leg for these.
    """

    wire_type: ClassVar[str] = "status"
    platforms: Platforms = []
    dry_run: StrictBool | None = None
    dry_run_by: Name | None = None
    halted: StrictBool | None = None
    journal_depth: WireCount | None = None
    clock_offset_ms: WireInt | None = None
    venues: dict[Name, Text] | None = None
    open_legs: WireCount | None = None
    reducing: StrictBool | None = None


class CashQuery(WireMessage):
    """Controller to trader, level 2: what is there to be spent? Answered with a :class:`Cash` for each platform.

    ``markets``: on which shards are these? Asked where an account has several.
    """

    wire_type: ClassVar[str] = "cash_query"
    number: WireCount
    platforms: Platforms
    markets: Annotated[list[Name], Field(max_length=MAX_ASKED_MARKETS)] = []


class Cash(WireMessage):
    """Trader to controller, level 2: what the accounts of a platform had at some moment after ``number`` was read.

    ``accounts``: a shard's name (perhaps empty) and dollars, each; none where the venue does not say what it has.
    ``error``: why it could not be asked. ``shards``: of markets that were asked about, each with its shard's name.
    """

    wire_type: ClassVar[str] = "cash"
    number: WireCount
    platform: Annotated[Platform, Field(max_length=MAX_NAME)]
    paper: StrictBool
    accounts: Annotated[list[tuple[Name, WireMoney]], Field(max_length=MAX_ACCOUNTS)] = []
    shards: Annotated[list[tuple[Name, Name]], Field(max_length=MAX_ASKED_MARKETS)] = []
    error: Text | None = None


class MarketsQuery(WireMessage):
    """Controller to trader, level 2: read the rules of these markets, and say of which of them they are known."""

    wire_type: ClassVar[str] = "markets_query"
    number: WireCount
    platform: Annotated[Platform, Field(max_length=MAX_NAME)]
    markets: Annotated[list[Name], Field(max_length=MAX_STATED_MARKETS)]


class Markets(WireMessage):
    """Trader to controller, level 2: in which markets it can order now (``ready``), and why not in others.

    ``number``: of the query that it answers, 0 for news of markets that were asked about before.
    """

    wire_type: ClassVar[str] = "markets"
    number: WireCount
    platform: Annotated[Platform, Field(max_length=MAX_NAME)]
    ready: Annotated[list[Name], Field(max_length=MAX_STATED_MARKETS)] = []
    unready: Annotated[list[tuple[Name, Text]], Field(max_length=MAX_STATED_MARKETS)] = []


class HoldingsQuery(WireMessage):
    """Controller to trader, level 2: what do the accounts hold? Answered with a :class:`Holdings` for each platform.

    ``since_us``: orders that were made from then on are wanted, unix microseconds. ``parts``: an answer may come in so
    many frames (none: in one).
    """

    wire_type: ClassVar[str] = "holdings_query"
    number: WireCount
    platforms: Platforms
    since_us: WireCount | None = None
    parts: WireCount | None = None


WireHeld = tuple[Name, Side, WireFilled]
WireSettled = tuple[Name, WireFilled, WireFilled, WireWorth, WireCount]
WireListed = tuple[Name, Name, Name, WireFilled, WireFilled, WireCount]


class Holdings(WireMessage):
    """Trader to controller, level 2: an account of a platform, whole, at some moment after ``number`` was read.

    ``positions``: market, side, contracts. ``orders``: client id, venue's id, market, contracts filled, contracts in
    the book, unix microseconds; what rests, and all from ``listed_from_us`` on (none: they are not listed). ``nets``:
    YES and NO of a market cancel each other out. ``moving``: markets with an order under way meanwhile. ``settled``:
    market, YES and NO contracts held, cents that a YES was paid, unix microseconds; the newest.
    ``error``: why it cannot be said now; then nothing else is. ``part`` of ``parts``: the account comes in several
    frames, from 1 on, each with some of the lists; it is whole with the last.
    """

    wire_type: ClassVar[str] = "holdings"
    number: WireCount
    platform: Annotated[Platform, Field(max_length=MAX_NAME)]
    paper: StrictBool
    positions: Annotated[list[WireHeld], Field(max_length=MAX_HELD)] | None = None
    orders: Annotated[list[WireListed], Field(max_length=MAX_LISTED)] = []
    accounts: Annotated[list[tuple[Name, WireMoney]], Field(max_length=MAX_ACCOUNTS)] = []
    nets: StrictBool | None = None
    listed_from_us: WireCount | None = None
    moving: Annotated[list[Name], Field(max_length=MAX_HELD)] = []
    settled: Annotated[list[WireSettled], Field(max_length=MAX_SETTLED)] = []
    part: WireCount | None = None
    parts: WireCount | None = None
    error: Text | None = None


BookLevel = tuple[WirePrice, WireQuantity]
BookSide = Annotated[list[BookLevel], Field(max_length=MAX_LEVELS)]


class Book(WireMessage):
    """Level 2: one market's book, best level first, in cents and contracts of ``side``.

    Trader to controller it relays market data; controller to trader it precedes a paper leg, so that a paper
    venue fills against exactly the book that the controller decided on. ``t`` is unix microseconds. A relayed one has
    its place in a stream (see ``protocol/book_wire.py``): ``sub``, ``seq``, and in ``at`` when the trader's feed was
    last heard; ``top`` stands there when a side is in doubt.
    """

    wire_type: ClassVar[str] = "book"
    platform: Annotated[Platform, Field(max_length=MAX_NAME)]
    market: Name
    side: Side = Side.YES
    bids: BookSide
    asks: BookSide
    t: WireInt
    seq: WireCount | None = None
    fee_rate: Text | None = None
    fee_exponent: WireInt | None = None
    sub: WireCount | None = None
    at: WireInt | None = None
    top: tuple[WirePrice | None, WirePrice | None] | None = None


MESSAGES: Final[tuple[type[WireMessage], ...]] = (
    Init,
    InitAck,
    ExecuteLeg,
    LegResult,
    LegAck,
    LegQuery,
    Halt,
    HaltAck,
    Resume,
    ResumeAck,
    Ping,
    Pong,
    StatusReport,
    CashQuery,
    Cash,
    HoldingsQuery,
    MarketsQuery,
    Markets,
    Holdings,
    Book,
)
