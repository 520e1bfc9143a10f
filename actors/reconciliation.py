"""A venue's account against the ledger: what differs, and what may be the reason. Pure, and nothing is changed by it.

Two things hold a difference back: a market that moved since the venue was asked is not compared, and what a leg of
unknown fate could have filled is no difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum
from typing import Final, NamedTuple

import msgspec

from actors.holdings_messages import LedgerHeld, UnknownLeg
from protocol.holdings import Holdings, ListedOrder, SettledMarket
from protocol.terms import Action, Platform, Side
from protocol.units import CONTRACT, USD, Money, Quantity, quantity_to_wire, show_money

PAYOUT: Final = USD // CONTRACT
"""What 1/100 contract of the right side pays."""

ROUNDING: Final = Money(10_000)
"""A cent: venues round what they show."""

NAMED: Final = 3
"""So many orders are named in a sentence."""


class DriftKind(StrEnum):
    """What is not the same."""

    POSITION = "position"
    ORDER = "order"
    FILL = "fill"
    CASH = "cash"


class Difference(msgspec.Struct, frozen=True):
    """One of them, for a person. ``what``: a market, an order's id, or nothing."""

    kind: DriftKind
    what: str
    venue: str
    ledger: str
    reason: str
    fix: str


class Tolerated(msgspec.Struct, frozen=True):
    """A market that differs by no more than legs of unknown fate can explain."""

    market: str
    contracts: Quantity
    legs: tuple[str, ...]


class CashBase(NamedTuple):
    """An earlier moment at which nothing was under way: what the venue had, what the ledger had counted by then."""

    venue: int
    ledger: int
    paid_out: int


class Comparison(msgspec.Struct, frozen=True):
    """What came of it. ``strangers``: orders that the ledger does not know and that did or may do something.

    ``base``: what cash is to be compared with the next time.
    """

    differences: tuple[Difference, ...]
    tolerated: tuple[Tolerated, ...]
    moving: frozenset[str]
    strangers: tuple[ListedOrder, ...]
    base: CashBase | None


def compare(
    platform: Platform,
    venue: Holdings,
    ledger: LedgerHeld,
    *,
    base: CashBase | None = None,
    earlier: Iterable[ListedOrder] = (),
) -> Comparison:
    """Everything that differs. ``earlier``: strangers of before, which the venue need not list again."""
    # Both ends know of orders that the other may not have heard of yet.
    ledger = msgspec.structs.replace(
        ledger, moving=ledger.moving | set(venue.moving), settled=ledger.settled and not venue.moving
    )
    strangers = tuple(_strangers(venue, ledger, earlier))
    differences: list[Difference] = [_stranger(platform, order) for order in strangers]
    differences += _fills(venue, ledger)
    tolerated: list[Tolerated] = []
    for row in _rows(venue, ledger):
        if not row.delta:
            continue
        names = [leg.leg_id for leg in row.unknown]
        if row.least <= row.delta <= row.most:
            tolerated.append(Tolerated(row.market, Quantity(row.delta), tuple(names)))
        else:
            differences.append(_position(row, strangers))
    now = _cash_now(venue, ledger)
    if now is not None and base is not None and base.paid_out == now.paid_out:
        differences += _cash(base, now)
        now = base
    return Comparison(tuple(differences), tuple(tolerated), ledger.moving, strangers, now or base)


def settled_now(venue: Holdings, ledger: LedgerHeld) -> list[SettledMarket]:
    """Markets that the venue has paid out and that are held by the ledger alone, contract for contract.

    Where the two counts differ, or may yet, it is for a person to judge, as any other difference.
    """
    there = {held.market for held in venue.positions if held.contracts}
    unsure = {leg.market for leg in ledger.unknown} | ledger.moving | set(venue.moving) | there
    found: list[SettledMarket] = []
    for one in {one.market: one for one in venue.settled if one.market not in unsure}.values():
        yes, no = (int(ledger.held.get((one.market, side), 0)) for side in Side)
        same = (yes - no == one.yes - one.no) if venue.nets else (yes, no) == (one.yes, one.no)
        if same and (yes or no):
            found.append(one)
    return found


# -- positions --------------------------------------------------------------------------------------------------------


class _Row(NamedTuple):
    """One market, or one side of it; its unknown legs explain a difference from ``least`` to ``most``."""

    market: str
    side: Side | None
    venue: int
    ledger: int
    unknown: tuple[UnknownLeg, ...]
    least: int
    most: int

    @property
    def delta(self) -> int:
        return self.venue - self.ledger


def _rows(venue: Holdings, ledger: LedgerHeld) -> Iterator[_Row]:
    """Every market that is not moving: as one where the venue nets its sides, else side by side."""
    there: dict[tuple[str, Side], int] = {}
    for held in venue.positions:
        there[held.market, held.side] = there.get((held.market, held.side), 0) + held.contracts
    unknown = {(leg.market, leg.side) for leg in ledger.unknown}
    for market in sorted({market for market, _ in {*there, *ledger.held, *unknown}} - ledger.moving):
        legs = tuple(leg for leg in ledger.unknown if leg.market == market)
        sides = {side: (there.get((market, side), 0), int(ledger.held.get((market, side), 0))) for side in Side}
        if venue.nets:
            (yes, our_yes), (no, our_no) = sides[Side.YES], sides[Side.NO]
            yield _row(market, None, yes - no, our_yes - our_no, legs)
            continue
        for side, (theirs, ours) in sides.items():
            yield _row(market, side, theirs, ours, tuple(leg for leg in legs if leg.side is side))


def _row(market: str, side: Side | None, theirs: int, ours: int, legs: tuple[UnknownLeg, ...]) -> _Row:
    least = most = 0
    for leg in legs:
        adds = leg.action is Action.BUY
        if side is None and leg.side is Side.NO:
            adds = not adds
        least -= 0 if adds else leg.left
        most += leg.left if adds else 0
    return _Row(market, side, theirs, ours, legs, least, most)


def _position(row: _Row, strangers: tuple[ListedOrder, ...]) -> Difference:
    others = [order for order in strangers if order.market == row.market and order.filled]
    if others:
        reason = f"orders there that the ledger does not know: {_names(others)}"
        fix = "find out whose they are; what is held by them arb neither counts nor closes: close it at the venue"
    elif not row.venue:
        reason = "the market has settled, or it was closed by hand at the venue"
        fix = "if it has settled: arb ledger paid-out PAIR; if not, what the ledger means to hold is not hedged"
    elif not row.ledger:
        reason = "traded by hand or by another program on this account, or before this ledger began"
        fix = "nothing, if it is yours: arb neither counts nor closes it; else close it at the venue"
    else:
        reason = "traded by hand or by another program on this account, or a fill that nobody has told of"
        fix = "compare the market's fills at the venue with arb ledger legs; close there what nobody means to hold"
    if row.unknown:
        reason += f"; unknown legs do not explain it ({', '.join(leg.leg_id for leg in row.unknown[:NAMED])})"
    what = row.market if row.side is None else f"{row.market} {row.side.value}"
    return Difference(DriftKind.POSITION, what, _held(row.venue, row.side), _held(row.ledger, row.side), reason, fix)


def _held(contracts: int, side: Side | None) -> str:
    word = side or (Side.YES if contracts > 0 else Side.NO)
    shown = abs(contracts) if side is None else contracts
    return f"{quantity_to_wire(Quantity(shown))} {word.value}" if contracts else "nothing"


# -- orders and fills -------------------------------------------------------------------------------------------------


def _strangers(venue: Holdings, ledger: LedgerHeld, earlier: Iterable[ListedOrder]) -> Iterator[ListedOrder]:
    """Orders that are not in the ledger, and have filled something or may yet."""
    listed = {order.order_id: order for order in venue.orders}
    # Of one that was seen before and is not listed any more nothing rests; what it has filled stays filled.
    before = {
        order.order_id: msgspec.structs.replace(order, left=Quantity(0))
        for order in earlier
        if order.order_id not in listed
    }
    for order in (before | listed).values():
        if order.client_id not in ledger.orders and (order.filled or order.left):
            yield order


def _stranger(platform: Platform, order: ListedOrder) -> Difference:
    done = f"{quantity_to_wire(order.filled)} filled"
    rests = f", {quantity_to_wire(order.left)} in the book" if order.left else ""
    return Difference(
        kind=DriftKind.ORDER,
        what=order.client_id or order.order_id,
        venue=f"an order on {order.market}: {done}{rests}",
        ledger="no such order",
        reason="placed by hand or by another program, or by a trader that died before anybody heard of it",
        fix=(
            f"see order {order.order_id} at {platform}"
            + (" and cancel it there, if nobody wants it" if order.left else "")
            + "; what it holds is not hedged by arb"
        ),
    )


def _fills(venue: Holdings, ledger: LedgerHeld) -> Iterator[Difference]:
    """Orders of ours that the venue says filled something else."""
    for order in venue.orders:
        ours = ledger.orders.get(order.client_id)
        if ours is not None and ours != order.filled and order.market not in ledger.moving:
            yield Difference(
                kind=DriftKind.FILL,
                what=order.client_id,
                venue=f"{quantity_to_wire(order.filled)} filled",
                ledger=f"{quantity_to_wire(ours)} filled",
                reason="a fill that was told wrongly, or changed by the venue after it was told",
                fix=f"see arb ledger fills and order {order.order_id} at the venue; report it: this must not happen",
            )


def _names(orders: list[ListedOrder]) -> str:
    more = f" and {len(orders) - NAMED} more" if len(orders) > NAMED else ""
    return ", ".join(order.client_id or order.order_id for order in orders[:NAMED]) + more


# -- cash -------------------------------------------------------------------------------------------------------------


def _cash_now(venue: Holdings, ledger: LedgerHeld) -> CashBase | None:
    """What is to be compared; None while something is under way, and where the venue does not say."""
    if not venue.accounts or not ledger.settled:
        return None
    counted = int(ledger.cash)
    if venue.nets:
        # A venue that nets pays $1 for each YES and NO of one market at once.
        markets = {market for market, _ in ledger.held}
        both = (min(ledger.held.get((market, side), 0) for side in Side) for market in markets)
        counted += sum(max(0, contracts) for contracts in both) * PAYOUT
    return CashBase(sum(amount for _, amount in venue.accounts), counted, ledger.paid_out)


def _cash(base: CashBase, now: CashBase) -> Iterator[Difference]:
    moved, counted = now.venue - base.venue, now.ledger - base.ledger
    if abs(moved - counted) > ROUNDING:
        yield Difference(
            kind=DriftKind.CASH,
            what="",
            venue=f"{show_money(Money(moved))} more or less than at the first look",
            ledger=f"{show_money(Money(counted))} by its fills",
            reason="money paid in or out, a market that settled, an order that the ledger does not know, or a fee",
            fix="nothing, if you know of it: it is compared anew at the next start; else see the account's history",
        )
