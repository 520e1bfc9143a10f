"""What people and programs ask of the ledger's state: positions, pairs, trades, profit and loss.

Profit and loss is told in parts that add up to the micro-dollar::

    net  = realised - fees
    cash = received - spent - fees, where received counts what settled markets have paid
    cash + $1 for each matched contract = net + locked in - cost of the contracts that are not matched

*Matched* are contracts of YES and NO of one pair: together they pay $1 whatever happens. *Locked in* is that dollar
less what the matched contracts cost; their fees are part of ``fees`` already. Where one side has more, the matched
part of its cost is ``cost * matched / held``, rounded down.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from actors.ledger_holding import share
from actors.ledger_settled import payout
from actors.ledger_state import LedgerState, LegRecord, TradeRecord
from protocol.terms import Action, PairId, Platform, Side
from protocol.units import CONTRACT, USD, Money, Quantity

PAYOUT: Final = USD // CONTRACT
"""What 1/100 contract of the right side pays."""


SETTLING: Final = "settling"
"""The state of a pair of which one venue has paid, and not all."""


class PositionView(NamedTuple):
    """One contract at one venue: what is held at which cost, and what it has brought so far."""

    paper: bool
    pair_id: PairId
    platform: Platform
    side: Side
    contracts: Quantity
    cost: Money
    spent: Money
    received: Money
    fees: Money
    realised: Money


class PairView(NamedTuple):
    """One pair over all venues.

    Where one venue has paid and another is to, the state is ``settling``: nothing is matched or at risk any more, and
    ``locked_in`` is what the rest is worth by the first one's word, less what it cost.

    ``excess`` contracts of ``excess_side`` have no partner; with the shorts they are what can lose money, at most
    ``at_risk``. ``state``: ``even``, or why there is an excess: ``open`` (a trade is under way), ``naked`` (a trade
    could not be evened out), ``dust`` (every trade is over, and called so little even).
    """

    paper: bool
    pair_id: PairId
    yes: Quantity
    no: Quantity
    matched: Quantity
    locked_in: Money
    excess: Quantity
    excess_side: Side | None
    at_risk: Money
    cost: Money
    spent: Money
    received: Money
    fees: Money
    realised: Money
    state: str


class TradeView(NamedTuple):
    """One trade: contracts held through it, and the money that its legs moved.

    ``earned`` is what it brings whatever happens, known where its two sides are even: money in less money out and
    fees, plus $1 for each matched contract.
    """

    record: TradeRecord
    paper: bool
    yes: Quantity
    no: Quantity
    spent: Money
    received: Money
    fees: Money
    earned: Money | None


class Totals(NamedTuple):
    """Sums over pairs, paper or real."""

    realised: Money = Money(0)
    fees: Money = Money(0)
    locked_in: Money = Money(0)
    spent: Money = Money(0)
    received: Money = Money(0)
    cost: Money = Money(0)
    naked: Money = Money(0)
    """At risk in pairs that are ``naked``."""
    dust: Money = Money(0)
    """At risk in pairs that are ``dust``."""
    open: Money = Money(0)
    """At risk in pairs with a trade under way."""

    @property
    def net(self) -> Money:
        """Realised, after fees."""
        return Money(self.realised - self.fees)


# -- positions and pairs ----------------------------------------------------------------------------------------------


def positions(state: LedgerState) -> list[PositionView]:
    """Every contract that was ever traded, by pair; also those of which nothing is held any more."""
    return [
        PositionView(
            *key, book.holding.contracts, book.holding.cost, book.spent, book.received, book.fees, book.realised
        )
        for key, book in sorted(state.books.items())
    ]


def pairs(state: LedgerState) -> list[PairView]:
    """Every pair that was ever traded, real before paper."""
    held: defaultdict[tuple[bool, PairId], list[PositionView]] = defaultdict(list)
    for position in positions(state):
        held[position.paper, position.pair_id].append(position)
    words = dict.fromkeys(_books_of(state.naked_trades()), "naked")
    words |= dict.fromkeys(_books_of(state.open_trades()), "open")
    return [
        _settling(view, state) if view.cost and state.settlements else view
        for key, found in sorted(held.items())
        for view in [_pair(key, found, words.get(key, "dust"))]
    ]


def _settling(pair: PairView, state: LedgerState) -> PairView:
    """The pair as it is when its question is answered: what is still held is worth what the answer says."""
    value = state.worth(pair.pair_id, paper=pair.paper)
    if value is None:
        return pair
    worth = pair.yes * payout(value, Side.YES) + pair.no * payout(value, Side.NO)
    return pair._replace(
        matched=Quantity(0),
        locked_in=Money(worth - pair.cost),
        excess=Quantity(0),
        excess_side=None,
        at_risk=Money(0),
        state=SETTLING,
    )


def _books_of(trades: Iterable[TradeRecord]) -> set[tuple[bool, PairId]]:
    """Pairs, paper or real, that these trades have moved."""
    return {(leg.key.paper, leg.key.pair_id) for trade in trades for leg in trade.legs if leg.key is not None}


def _pair(key: tuple[bool, PairId], held: Sequence[PositionView], excess_is: str) -> PairView:
    yes, yes_cost = _long(held, Side.YES)
    no, no_cost = _long(held, Side.NO)
    matched = min(yes, no)
    matched_cost = sum(share(cost, matched, count) for count, cost in ((yes, yes_cost), (no, no_cost)) if count)
    excess_cost = yes_cost + no_cost - matched_cost
    # A short loses $1 a contract at worst, less what was received for it (its cost is negative).
    shorts = [position for position in held if position.contracts < 0]
    short_risk = sum(-position.contracts * PAYOUT + position.cost for position in shorts)
    excess = abs(yes - no)
    return PairView(
        *key,
        yes=Quantity(_total(held, Side.YES)),
        no=Quantity(_total(held, Side.NO)),
        matched=Quantity(matched),
        locked_in=Money(matched * PAYOUT - matched_cost),
        excess=Quantity(excess),
        excess_side=None if not excess else Side.YES if yes > no else Side.NO,
        at_risk=Money(excess_cost + short_risk),
        cost=Money(sum(position.cost for position in held)),
        spent=Money(sum(position.spent for position in held)),
        received=Money(sum(position.received for position in held)),
        fees=Money(sum(position.fees for position in held)),
        realised=Money(sum(position.realised for position in held)),
        state=excess_is if excess or shorts else "even",
    )


def _long(held: Iterable[PositionView], side: Side) -> tuple[int, int]:
    """Contracts and cost of what is held of this side, shorts aside."""
    found = [position for position in held if position.side is side and position.contracts > 0]
    return sum(position.contracts for position in found), sum(position.cost for position in found)


def _total(held: Iterable[PositionView], side: Side) -> int:
    return sum(position.contracts for position in held if position.side is side)


# -- trades -----------------------------------------------------------------------------------------------------------


def trades(state: LedgerState) -> Iterator[TradeView]:
    """Every trade, in the order in which the ledger learnt of it."""
    return map(_trade, state.trades.values())


def _trade(record: TradeRecord) -> TradeView:
    held, spent, received, fees = {Side.YES: 0, Side.NO: 0}, 0, 0, 0
    for leg in record.legs:
        if leg.asked is None or leg.proven is None:
            continue
        buying = leg.asked.action is Action.BUY
        held[leg.asked.side] += leg.proven.filled if buying else -leg.proven.filled
        spent += leg.proven.cost if buying else 0
        received += 0 if buying else leg.proven.cost
        fees += leg.proven.fees
    yes, no = held[Side.YES], held[Side.NO]
    earned = received - spent - fees + yes * PAYOUT
    return TradeView(
        record=record,
        paper=any(leg.proven is not None and leg.proven.paper for leg in record.legs),
        yes=Quantity(yes),
        no=Quantity(no),
        spent=Money(spent),
        received=Money(received),
        fees=Money(fees),
        earned=Money(earned) if yes == no and not any(leg.unproven for leg in record.legs) else None,
    )


# -- profit and loss --------------------------------------------------------------------------------------------------


class Flow(NamedTuple):
    """What legs brought and cost in a span of time."""

    realised: Money
    fees: Money
    legs: int

    def and_settled(self, gain: Money) -> Flow:
        """The same with what settlements realised."""
        return self._replace(realised=Money(self.realised + gain))

    @property
    def net(self) -> Money:
        """Realised, after fees."""
        return Money(self.realised - self.fees)


def flow(state: LedgerState, legs: Iterable[LegRecord]) -> Flow:
    """The sum over these legs, each counted with what is known of it now."""
    counted = [leg for leg in legs if leg.fill is not None]
    return Flow(
        Money(sum(state.realised_by(leg) for leg in counted)),
        Money(sum(leg.proven.fees for leg in counted if leg.proven is not None)),
        len(counted),
    )


def totals(found: Iterable[PairView]) -> Totals:
    """The sum over these pairs."""
    found = list(found)

    def at_risk(state: str) -> Money:
        return Money(sum(pair.at_risk for pair in found if pair.state == state))

    return Totals(
        realised=Money(sum(pair.realised for pair in found)),
        fees=Money(sum(pair.fees for pair in found)),
        locked_in=Money(sum(pair.locked_in for pair in found)),
        spent=Money(sum(pair.spent for pair in found)),
        received=Money(sum(pair.received for pair in found)),
        cost=Money(sum(pair.cost for pair in found)),
        naked=at_risk("naked"),
        dust=at_risk("dust"),
        open=at_risk("open"),
    )


def exposure(state: LedgerState) -> Money:
    """What is at risk now, paper aside: everything unmatched, whatever it is called."""
    return Money(sum(pair.at_risk for pair in pairs(state) if not pair.paper))
