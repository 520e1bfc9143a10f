"""Contracts and cash by account and market, as the ledger's facts have them: kept up to date fact by fact. Pure.

Only proven fills count, paper and real apart, as in `ledger_state.py`. What a person said is paid out is held no more;
what a venue said has settled neither, and what it brought is cash.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from actors.facts import AnyFact, LegAdopted, LegSent, ResultSeen
from actors.holdings_messages import LedgerAsked, LedgerHeld, UnknownLeg
from actors.ledger_settled import payout
from actors.ledger_state import LedgerState, LegRecord
from actors.risk.facts import PaidOut
from protocol.terms import BUY, LegId, Platform, Side, TradeId
from protocol.units import Money, Quantity


class Account(NamedTuple):
    """Paper or real money at one venue."""

    paper: bool
    platform: Platform


class Counted(msgspec.Struct, frozen=True, gc=False):
    """What is counted of one leg."""

    account: Account
    market: str
    side: Side
    contracts: int
    cash: int


class LedgerSums:
    """Tell it every fact right after the state has taken it in."""

    def __init__(self, state: LedgerState) -> None:
        """Everything that the state has so far."""
        self._state = state
        self._bought: defaultdict[Account, defaultdict[tuple[str, Side], int]] = defaultdict(lambda: defaultdict(int))
        self._gone: defaultdict[Account, defaultdict[tuple[str, Side], int]] = defaultdict(lambda: defaultdict(int))
        """Of that, what a person said is paid out."""
        self._cash: defaultdict[Account, int] = defaultdict(int)
        self._moved: dict[tuple[Platform, str], int] = {}
        self._counted: dict[LegId, Counted] = {}
        self._paid: set[TradeId] = set()
        self._paid_out = 0

    def add(self, fact: AnyFact) -> None:
        """Count what the fact has changed."""
        match fact:
            case LegSent() | LegAdopted():
                self._count(self._state.legs[fact.leg_id], fact.t)
            case ResultSeen():
                self._count(self._state.legs[fact.outcome.leg_id], fact.t)
            case PaidOut():
                self._pay(fact)
            case _:
                pass

    def _count(self, leg: LegRecord, t: int) -> None:
        asked = leg.asked
        if asked is None:
            return
        now = _counted(leg)
        before = self._counted.pop(leg.leg_id, None)
        if before is not None:
            self._put(before, -1, leg.trade_id)
        if now is not None:
            self._counted[leg.leg_id] = now
            self._put(now, 1, leg.trade_id)
        if now != before or leg.outcome is None:
            key = asked.platform, asked.market
            self._moved[key] = max(t, self._moved.get(key, t))

    def _put(self, counted: Counted, sign: int, trade_id: TradeId) -> None:
        self._cash[counted.account] += sign * counted.cash
        key = counted.market, counted.side
        self._bought[counted.account][key] += sign * counted.contracts
        if trade_id in self._paid:
            self._gone[counted.account][key] += sign * counted.contracts

    def _pay(self, fact: PaidOut) -> None:
        """What these trades held is held no more."""
        self._paid_out += 1
        for trade_id in fact.trade_ids:
            trade = self._state.trades.get(trade_id)
            if trade_id in self._paid or trade is None:
                continue
            for leg in trade.legs:
                counted = self._counted.get(leg.leg_id)
                if counted is not None:
                    self._gone[counted.account][counted.market, counted.side] += counted.contracts
            self._paid.add(trade_id)

    # -- answers -----------------------------------------------------------------------------------------------------

    def told(self, asked: LedgerAsked, waiting: Iterable[AnyFact] = ()) -> LedgerHeld:
        """The ledger's side of a comparison; ``waiting``: facts that are on their way into it."""
        account, since = Account(asked.paper, asked.platform), asked.since_us
        moved = [key for key, t in self._moved.items() if t >= since]
        soon, sent = self._waiting(waiting)
        # A leg that has no result yet may be of either kind of money: it moves both.
        moving = {market for platform, market in (*moved, *soon) if platform == account.platform}
        known = [LegId(each) for each in asked.ids if each in self._state.legs or each in sent]
        held, brought = self._held(account)
        unknown = tuple(self._unknown(account))
        return LedgerHeld(
            held=held,
            moving=frozenset(moving),
            unknown=unknown,
            orders={leg_id: self._filled(leg_id) for leg_id in known},
            cash=Money(self._cash[account] + brought),
            settled=not unknown and not moving and all(leg.closed for leg in self._open(account)),
            paid_out=self._paid_out,
        )

    def _held(self, account: Account) -> tuple[dict[tuple[str, Side], Quantity], int]:
        """What is held, and what markets that have settled have brought."""
        held: dict[tuple[str, Side], Quantity] = {}
        brought = 0
        settled, gone = self._state.settlements.markets, self._gone[account]
        for key, bought in self._bought[account].items():
            end = settled.get((account.paper, account.platform, key[0]))
            if end is not None:
                brought += bought * payout(end.value, key[1])
            elif bought != gone[key]:
                held[key] = Quantity(bought - gone[key])
        return held, brought

    def _waiting(self, facts: Iterable[AnyFact]) -> tuple[set[tuple[Platform, str]], set[str]]:
        """Markets and legs that facts are about which are not in the ledger yet."""
        markets: set[tuple[Platform, str]] = set()
        legs: set[str] = set()
        for fact in facts:
            match fact:
                case LegSent() | LegAdopted():
                    markets.add((fact.platform, fact.market))
                    legs.add(fact.leg_id)
                case ResultSeen():
                    legs.add(fact.outcome.leg_id)
                    leg = self._state.legs.get(fact.outcome.leg_id)
                    if leg is not None and leg.asked is not None:
                        markets.add((leg.asked.platform, leg.asked.market))
                case _:
                    pass
        return markets, legs

    def _open(self, account: Account) -> Iterator[LegRecord]:
        """Legs of the account without a final word; of one that has no result the trade says whether it is paper."""
        for leg in self._state.open_legs():
            if leg.asked is not None and leg.asked.platform == account.platform and self._of(leg, account):
                yield leg

    def _of(self, leg: LegRecord, account: Account) -> bool:
        if leg.proven is not None:
            return leg.proven.paper is account.paper
        trade = self._state.trades.get(leg.trade_id)
        # What was meant for money may still have gone to paper, at a trader that is in a dry run itself.
        return account.paper or trade is None or trade.opened is None or not trade.opened.dry_run

    def _unknown(self, account: Account) -> Iterator[UnknownLeg]:
        for leg in self._open(account):
            asked = leg.asked
            if asked is not None and leg.unproven:
                counted = 0 if leg.proven is None else leg.proven.filled
                left = Quantity(max(0, asked.quantity - counted))
                yield UnknownLeg(leg.leg_id, asked.market, asked.side, asked.action, left)

    def _filled(self, leg_id: str) -> Quantity | None:
        leg = self._state.legs.get(LegId(leg_id))
        return None if leg is None or leg.unproven or leg.outcome is None else leg.outcome.filled


def _counted(leg: LegRecord) -> Counted | None:
    if leg.asked is None or leg.proven is None:
        return None
    found, sign = leg.proven, 1 if leg.asked.action is BUY else -1
    return Counted(
        Account(found.paper, leg.asked.platform),
        leg.asked.market,
        leg.asked.side,
        sign * found.filled,
        -sign * found.cost - found.fees,
    )


def sums_of(state: LedgerState, facts: Iterable[AnyFact]) -> LedgerSums:
    """Have the state and the sums take in all of these facts."""
    sums = LedgerSums(state)
    for fact in facts:
        state.add(fact)
        sums.add(fact)
    return sums
