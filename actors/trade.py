"""One arb from decision to verdict: a state machine as a table, and the trade it belongs to.

The table below is the whole of the machine. ``docs/trade.md`` is drawn from it, and a test holds that every pair of
state and event is either in it or refused by name.

A trade holds contracts in *slots*, one per leg of the arb. It is hedged when all slots hold the same, flat when they
hold nothing, naked while they differ and nothing is out to mend that. Naked is flagged at once; closing legs (complete
what is missing, or sell what is too much) move it to ``unwinding`` and back. A leg whose fate is unknown keeps the
trade open, however long that takes, and nothing is closed meanwhile: what is not proven to be held is never sold.
Late news is news: a higher revision of a leg moves a trade that was over.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from actors.facts import Purpose
from market.opportunity import Opportunity, OpportunityLeg
from protocol.leg import Leg
from protocol.outcome import Outcome, newer
from protocol.terms import BUY, SELL, Action, LegId, Platform, Side, TradeId
from protocol.units import CONTRACT, USD, Money, Quantity

SlotKey = tuple[Platform, str, Side]
"""What a slot holds: contracts of this side of this instrument."""


class State(StrEnum):
    """Where a trade stands."""

    PROPOSED = "proposed"
    ABORTED = "aborted"
    LEGS_OUT = "legs_out"
    SIZING = "sizing"
    SETTLING = "settling"
    UNKNOWN = "unknown"
    NAKED = "naked"
    UNWINDING = "unwinding"
    DUST = "dust"
    HEDGED = "hedged"
    FLAT = "flat"


class Event(StrEnum):
    """What can happen to a trade. The verdicts are computed from the legs' outcomes, never assumed."""

    REFUSED = "refused"
    SENT = "legs sent"
    FIRST_FILLED = "first leg proven, the others not sent yet"
    ANSWERED = "some legs answered"
    UNPROVEN = "a leg is unknown"
    EQUAL = "all proven, slots equal"
    NOTHING = "all proven, nothing held"
    UNEQUAL = "all proven, slots differ"
    CLOSING = "closing legs sent"
    TOO_SMALL = "the excess is below the venues' minimums"


_VERDICTS: Final = {
    Event.UNPROVEN: State.UNKNOWN,
    Event.EQUAL: State.HEDGED,
    Event.NOTHING: State.FLAT,
    Event.UNEQUAL: State.NAKED,
}

TRANSITIONS: Final[dict[tuple[State, Event], State]] = {
    (State.PROPOSED, Event.REFUSED): State.ABORTED,
    (State.PROPOSED, Event.SENT): State.LEGS_OUT,
    # One venue first: the others are sized from what was really filled.
    (State.LEGS_OUT, Event.FIRST_FILLED): State.SIZING,
    (State.SETTLING, Event.FIRST_FILLED): State.SIZING,
    (State.UNKNOWN, Event.FIRST_FILLED): State.SIZING,
    (State.SIZING, Event.SENT): State.LEGS_OUT,
    **{(State.SIZING, event): state for event, state in _VERDICTS.items()},
    (State.LEGS_OUT, Event.ANSWERED): State.SETTLING,
    (State.SETTLING, Event.ANSWERED): State.SETTLING,
    (State.UNWINDING, Event.ANSWERED): State.UNWINDING,
    **{(State.LEGS_OUT, event): state for event, state in _VERDICTS.items()},
    **{(State.SETTLING, event): state for event, state in _VERDICTS.items()},
    **{(State.UNKNOWN, event): state for event, state in _VERDICTS.items()},
    **{(State.UNWINDING, event): state for event, state in _VERDICTS.items()},
    # What cannot be closed now stays naked; what can is closed; what is too small to trade is dust.
    (State.NAKED, Event.CLOSING): State.UNWINDING,
    (State.NAKED, Event.TOO_SMALL): State.DUST,
    # Late news after a verdict: a fill that was proven later, or reverted.
    **{(State.HEDGED, event): state for event, state in _VERDICTS.items()},
    **{(State.FLAT, event): state for event, state in _VERDICTS.items()},
    **{(State.NAKED, event): state for event, state in _VERDICTS.items()},
    **{(State.DUST, event): state for event, state in _VERDICTS.items()},
}

OVER: Final = frozenset({State.ABORTED, State.HEDGED, State.FLAT, State.DUST})
"""Nothing is out, nothing is unknown, nothing is naked: the pair may trade again."""


class IllegalTransition(Exception):
    """The machine was asked for a step that it does not have: a bug, not an outcome."""


def step(state: State, event: Event) -> State:
    """The state after the event. Raises :class:`IllegalTransition` for a pair that is not in the table."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise IllegalTransition(f"a trade that is {state} cannot take {event!r}") from None


class TradeLeg(msgspec.Struct):
    """A leg of the trade: what was asked, on which path, and what became of it (``None``: not answered yet)."""

    leg: Leg
    plan: OpportunityLeg
    path: str
    conn_id: int | None
    outcome: Outcome | None = None
    purpose: Purpose = Purpose.OPEN
    sent_us: int = 0
    told_by: str = ""
    """Who told ``outcome``, and under which revision of his own."""
    told_revision: int = -1

    @property
    def slot(self) -> SlotKey:
        """The slot that its fills go to, or come from."""
        return self.leg.platform, self.leg.market, self.leg.side

    @property
    def waiting(self) -> bool:
        """Neither answered nor given up."""
        return self.outcome is None

    @property
    def proven(self) -> bool:
        """Its filled quantity is a fact."""
        return self.outcome is not None and self.outcome.status.proven


class Holding(msgspec.Struct, frozen=True, gc=False):
    """What a slot holds: contracts, and what they cost with fees. A sale takes its share of the cost along."""

    contracts: Quantity = Quantity(0)
    basis: Money = Money(0)


_EMPTY: Final = Holding()
_OPEN: Final = Purpose.OPEN
_PROPOSED: Final = State.PROPOSED
_ANSWERED: Final = Event.ANSWERED
_UNEQUAL: Final = Event.UNEQUAL
_EQUAL: Final = Event.EQUAL


class Sums(msgspec.Struct, frozen=True):
    """What a trade's fills come to. ``held`` is by slot, with a 0 beside a slot that has no other to match it."""

    holdings: Mapping[SlotKey, Holding]
    held: Sequence[Quantity]
    matched: Quantity
    excess: Mapping[SlotKey, Quantity]
    cost: Money
    fees: Money


Dust = Mapping[TradeId, Mapping[SlotKey, Holding]]
"""What trades left that is too small to be traded, at its share of the cost."""


class Trade:
    """One arb in flight or over. Fills come from outcomes alone; nothing is assumed from dispatch.

    ``carried`` is dust of earlier trades of the pair that this one takes in; ``given`` is dust of this one that later
    trades took in: theirs from then on, and not counted here. ``half_known``: the pair is not configured any more, and
    one of the trade's legs may be out without anybody here knowing what it was; until it is told of, nothing is proven.
    """

    def __init__(
        self,
        trade_id: TradeId,
        opportunity: Opportunity,
        legs: Sequence[TradeLeg],
        *,
        later: Sequence[OpportunityLeg] = (),
        carried: Mapping[SlotKey, Holding] | None = None,
    ) -> None:
        """A proposed trade. ``later``: legs that are sent once the first ones are proven."""
        self.trade_id = trade_id
        self.opportunity = opportunity
        self.legs: dict[LegId, TradeLeg] = {leg.leg.leg_id: leg for leg in legs}
        self.later = tuple(later)
        self.carried: dict[SlotKey, Holding] = dict(carried or {})
        self.given: dict[SlotKey, Holding] = {}
        self.half_known = False
        self.state = _PROPOSED
        self.reason = ""
        self.sent_us = 0
        self.sent_unix_us = 0
        self._slots: tuple[SlotKey, ...] | None = None
        self._sums: Sums | None = None
        """Added up when somebody asks, and kept until a leg, its outcome or dust is another one."""

    # -- steps -----------------------------------------------------------------------------------------------

    def sent(self, mono_us: int, unix_us: int) -> None:
        """The legs that are there have left."""
        first = self.state is State.PROPOSED
        self.state = step(self.state, Event.SENT)
        for leg in self.legs.values():
            if not leg.sent_us:
                leg.sent_us = mono_us
        if first:
            self.sent_us, self.sent_unix_us = mono_us, unix_us

    def send_later(self, legs: Sequence[TradeLeg], mono_us: int, unix_us: int) -> None:
        """The legs that waited for the first ones leave now."""
        self.later = ()
        for leg in legs:
            self.take_in(leg)
        self.sent(mono_us, unix_us)

    def closing(self, legs: Sequence[TradeLeg], mono_us: int) -> None:
        """Legs that close an excess have left."""
        self.state = step(self.state, Event.CLOSING)
        for leg in legs:
            leg.sent_us = mono_us
            self.take_in(leg)

    def take_in(self, leg: TradeLeg) -> None:
        """One leg more belongs to the trade."""
        self.legs[leg.leg.leg_id] = leg
        self._slots = self._sums = None

    def told(self, leg: TradeLeg, order: Leg) -> None:
        """What this leg of the trade was, which had only been assumed."""
        leg.leg = order
        self._slots = self._sums = None

    def too_small(self) -> None:
        """The excess cannot be traded: it stays as dust."""
        self.state = step(self.state, Event.TOO_SMALL)

    def refused(self, reason: str) -> None:
        """Nothing left, for certain."""
        self.state, self.reason = step(self.state, Event.REFUSED), reason

    def drop_later(self) -> None:
        """The legs that were to follow are not sent after all."""
        self.later = ()
        self.state = step(self.state, self.verdict())

    def report(self, outcome: Outcome) -> bool:
        """Apply what is known of a leg now; True when that changed anything.

        What changes something is :func:`~protocol.outcome.newer`; an older revision, and the same one again, do not.
        """
        leg = self.legs[outcome.leg_id]
        before = leg.outcome
        if before is not None and not newer(outcome, before):
            return False
        leg.outcome = outcome
        self._sums = None
        self.state = step(self.state, self.verdict())
        return True

    def verdict(self) -> Event:
        """What the outcomes known so far amount to."""
        unproven = self.half_known and len(self.slots) == 1
        for leg in self.legs.values():
            if leg.outcome is None:
                return _ANSWERED
            unproven = unproven or not leg.outcome.status.proven
        if unproven:
            return Event.UNPROVEN
        held = self.sums.held
        if self.later:
            if any(held):
                return Event.FIRST_FILLED
            self.later = ()
        if len(set(held)) > 1:
            return _UNEQUAL
        return _EQUAL if held[0] else Event.NOTHING

    def picture(self) -> Trade:
        """The trade as it is now: what becomes of it later does not show in it."""
        now = Trade.__new__(Trade)
        now.__dict__.update(self.__dict__)
        now.legs = {leg_id: msgspec.structs.replace(leg) for leg_id, leg in self.legs.items()}
        return now

    # -- what it holds ---------------------------------------------------------------------------------------

    @property
    def sums(self) -> Sums:
        """What all fills known so far come to, carried dust included."""
        if self._sums is None:
            self._sums = self._added_up(self.slots, list(self.legs.values()))
        return self._sums

    @property
    def slots(self) -> tuple[SlotKey, ...]:
        """The slots of the arb; one whose leg was never sent holds nothing, which is not the same as no slot."""
        if self._slots is None:
            opening = [leg.slot for leg in self.legs.values() if leg.purpose is _OPEN]
            planned = [(plan.platform, plan.market, plan.side) for plan in self.opportunity.legs]
            self._slots = tuple(dict.fromkeys([*opening, *planned]))
        return self._slots

    def holdings(self) -> Mapping[SlotKey, Holding]:
        """What each slot holds by all fills known so far, carried dust included."""
        return self.sums.holdings

    def opened(self) -> Sums:
        """The same by the opening legs alone: what was held before anything was closed."""
        opening = [leg for leg in self.legs.values() if leg.purpose is _OPEN]
        return self.sums if len(opening) == len(self.legs) else self._added_up(self.slots, opening)

    def _added_up(self, slots: tuple[SlotKey, ...], legs: list[TradeLeg]) -> Sums:
        held = dict.fromkeys(slots, _EMPTY)
        held.update(self.carried)
        cost = fees = 0
        # Purchases before sales: what is sold takes its share of the cost along.
        sales = [leg for leg in legs if leg.leg.action is SELL]
        for leg in sorted(legs, key=_sells) if sales else legs:
            outcome, order = leg.outcome, leg.leg
            if outcome is None:
                continue
            cost += -outcome.cost if order.action is SELL else outcome.cost
            fees += outcome.fees
            if outcome.filled:
                slot = order.platform, order.market, order.side
                held[slot] = _after(held.get(slot, _EMPTY), order.action, outcome)
        for slot, given in self.given.items():
            left = held.get(slot, _EMPTY)
            held[slot] = Holding(Quantity(left.contracts - given.contracts), Money(left.basis - given.basis))
        # What has no other slot to match it is matched by nothing.
        contracts = [holding.contracts for holding in held.values()]
        contracts = contracts if len(contracts) > 1 else [*contracts, Quantity(0)]
        least = min(contracts)
        excess = {slot: Quantity(h.contracts - least) for slot, h in held.items() if h.contracts > least}
        return Sums(held, contracts, least, excess, Money(cost), Money(fees))

    def give(self, dust: Mapping[SlotKey, Holding]) -> None:
        """A later trade of the pair has taken this in; what is left here has no dust any more."""
        self.given = merged([self.given, dust])
        self._sums = None
        if self.state is State.DUST:
            self.state = step(self.state, self.verdict())

    @property
    def waiting(self) -> bool:
        """Some leg has not been answered and not been given up."""
        return None in [leg.outcome for leg in self.legs.values()]

    @property
    def over(self) -> bool:
        """Every leg's fate is proven, and nothing is naked."""
        return self.state in OVER

    @property
    def matched(self) -> Quantity:
        """Contracts held in every slot: what pays $1 each whatever happens."""
        return self.sums.matched

    @property
    def on_paper(self) -> bool:
        """Whether what it has bought is proven to be paper."""
        done = [leg.outcome for leg in self.legs.values() if leg.outcome is not None and leg.outcome.filled]
        return bool(done) and all(outcome.paper for outcome in done)

    @property
    def excess(self) -> Mapping[SlotKey, Quantity]:
        """Contracts held beyond what is matched, by slot; empty when hedged or flat."""
        return self.sums.excess

    @property
    def cost(self) -> Money:
        """Paid less received for all fills so far, without fees."""
        return self.sums.cost

    @property
    def fees(self) -> Money:
        """Fees of all fills so far."""
        return self.sums.fees

    @property
    def edge_locked(self) -> Money | None:
        """What the trade earns (or lost) whatever happens; None while anything of it is open or in excess."""
        if self.state not in {State.HEDGED, State.FLAT}:
            return None
        return Money(self.matched * (USD // CONTRACT) - self.cost - self.fees - self._taken_in())

    @property
    def closing_loss(self) -> Money:
        """What the closing legs have lost so far; what is still in excess counts at its cost."""
        return Money(max(0, self._value(self.opened()) - self._value(self.sums)))

    def _value(self, sums: Sums) -> int:
        """What these fills are worth: $1 a matched contract, excess at cost, less all that was spent."""
        least = sums.matched
        excess = sum(_share(h.basis, h.contracts - least, h.contracts) for h in sums.holdings.values())
        return least * (USD // CONTRACT) + excess - sums.cost - sums.fees - self._taken_in()

    def _taken_in(self) -> int:
        """What the dust cost that was taken in, less what that cost that was given away."""
        return sum(h.basis for h in self.carried.values()) - sum(h.basis for h in self.given.values())


def merged(left: Iterable[Mapping[SlotKey, Holding]]) -> dict[SlotKey, Holding]:
    """The dust of several trades of a pair, slot by slot."""
    whole: dict[SlotKey, Holding] = {}
    for each in left:
        for slot, held in each.items():
            before = whole.get(slot, Holding())
            whole[slot] = Holding(Quantity(before.contracts + held.contracts), Money(before.basis + held.basis))
    return whole


def _sells(leg: TradeLeg) -> bool:
    return leg.leg.action is SELL


def _after(holding: Holding, action: Action, outcome: Outcome) -> Holding:
    """What is held after this fill."""
    if action is BUY:
        bought, basis = holding.contracts + outcome.filled, holding.basis + outcome.cost + outcome.fees
        return Holding(Quantity(bought), Money(basis))
    share = _share(holding.basis, outcome.filled, holding.contracts)
    return Holding(Quantity(holding.contracts - outcome.filled), Money(holding.basis - share))


def _share(basis: Money, part: int, whole: int) -> int:
    return basis * part // whole if whole else 0
