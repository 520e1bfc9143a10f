"""What the controller's ledger holds: facts, appended and never changed. All state is derived from them.

A fact says what happened, in our units, with everything that is needed to derive state from it alone. ``t`` is unix
microseconds of the controller. Facts are written in the order in which they happened; folding them in that order
gives the same state at every start.
"""

from __future__ import annotations

from enum import StrEnum

from actors.fact import Fact
from actors.risk.facts import RiskFact
from market.opportunity import ArbType
from protocol.outcome import Outcome
from protocol.terms import Action, LegId, PairId, Platform, Side, TradeId
from protocol.units import Money, Price, Quantity


class Purpose(StrEnum):
    """Why a leg was sent."""

    OPEN = "open"
    COMPLETE = "complete"
    UNWIND = "unwind"


class TradeOpened(Fact, frozen=True):
    """A trade was decided on; its legs leave in the same turn. ``edge`` is what was seen, not what was earned.

    ``carried`` is dust of earlier trades of the pair that this one takes in: slot, contracts, and their cost. ``gave``
    says which of them gave how much of it, and is empty in ledgers of before that was written down. ``dry_run``: it was
    meant on paper, by either end's wish or because no venue of it trades for money.
    """

    trade_id: TradeId
    pair_id: PairId
    market_id: int
    arb_type: ArbType
    quantity: Quantity
    edge: Money
    market_t: int
    dry_run: bool
    description: str = ""
    carried: tuple[tuple[Platform, str, Side, Quantity, Money], ...] = ()
    gave: tuple[tuple[TradeId, Platform, str, Side, Quantity, Money], ...] = ()


class LegSent(Fact, frozen=True):
    """A leg left for its path. ``path`` is ``local`` or ``remote:<trader>``."""

    leg_id: LegId
    trade_id: TradeId
    pair_id: PairId
    market_id: int
    platform: Platform
    market: str
    action: Action
    side: Side
    limit: Price
    quantity: Quantity
    expires_at_ms: int | None
    purpose: Purpose
    path: str


class ResultSeen(Fact, frozen=True):
    """What became of a leg as of this revision. Of one leg the highest revision holds; each is recorded once."""

    trade_id: TradeId
    outcome: Outcome
    source: str


class LegAdopted(Fact, frozen=True):
    """A result told of a leg that the ledger did not know (a crash between the sending and the writing).

    ``arb_type`` is what its trade was taken for; None in ledgers of before it was written down.
    """

    leg_id: LegId
    trade_id: TradeId
    pair_id: PairId
    market_id: int
    platform: Platform
    market: str
    action: Action
    side: Side
    limit: Price
    quantity: Quantity
    source: str
    arb_type: ArbType | None = None


class TradeOver(Fact, frozen=True):
    """A trade came to its verdict (``hedged``, ``flat``, ``naked``); later facts may reopen it."""

    trade_id: TradeId
    state: str
    reason: str = ""


class Settled(Fact, frozen=True):
    """A venue's word that a market has settled and was paid: each contract of YES brought ``value``, NO the rest of $1.

    Said of one account, paper or real. ``settled_us`` is the venue's time of it.
    """

    platform: Platform
    market: str
    value: Price
    paper: bool
    settled_us: int
    source: str


class Remark(Fact, frozen=True):
    """Something an operator must be able to find later: a start, a new ledger accepted, a halt."""

    kind: str
    text: str


AnyFact = TradeOpened | LegSent | ResultSeen | LegAdopted | TradeOver | Settled | Remark | RiskFact
