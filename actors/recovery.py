"""Trades rebuilt: from the ledger's facts at a start, and from a trader's word on a leg that the ledger never knew."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from actors.facts import AnyFact, LegAdopted, LegSent, Purpose, ResultSeen, TradeOpened, TradeOver
from actors.ports import IdSource
from actors.trade import OVER, Holding, SlotKey, State, Trade, TradeLeg, merged, step
from market.opportunity import ArbType, Opportunity, OpportunityLeg
from market.pair import Pair
from protocol.leg import Leg
from protocol.outcome import Outcome, newer
from protocol.terms import BUY, KALSHI, NO, POLYMARKET, YES, LegId, PairId, Platform, Side, Status, TradeId
from protocol.units import CENT, DOLLAR, Money, Price, Quantity

Pairs = Mapping[PairId, Pair]

FORGOTTEN = "unknown: the process ended before the answer"

ADOPTED = "adopted"
"""Path of a leg that a trader told of, and of which it is not known who had it."""

ASSUMED = "assumed"
"""Path of an opening leg that no fact mentions: it may have left all the same."""


_OPEN: Final = Purpose.OPEN
_YES_ON_KALSHI: Final = frozenset({ArbType.KALSHI_YES_POLY_NO, ArbType.KALSHI_ONLY})
_NO_ON_KALSHI: Final = frozenset({ArbType.POLY_YES_KALSHI_NO, ArbType.KALSHI_ONLY})


def arb_legs(pair: Pair, arb_type: ArbType) -> tuple[OpportunityLeg, ...]:
    """The two legs of an arb of this type on this pair, without prices."""
    yes_on = KALSHI if arb_type in _YES_ON_KALSHI else POLYMARKET
    no_on = KALSHI if arb_type in _NO_ON_KALSHI else POLYMARKET
    return _plan(pair, yes_on, YES), _plan(pair, no_on, NO)


def _plan(pair: Pair, platform: Platform, side: Side) -> OpportunityLeg:
    token = pair.poly_yes_token if side is YES else pair.poly_no_token
    market = pair.kalshi_market_ticker if platform == KALSHI else token
    return _bare(platform, market or "", side)


@lru_cache(maxsize=1024)
def _bare(platform: Platform, market: str, side: Side) -> OpportunityLeg:
    return OpportunityLeg(
        platform=platform,
        market=market,
        action=BUY,
        side=side,
        limit=Price(DOLLAR - CENT),
        cost=Money(0),
        fees=Money(0),
        book_version=-1,
    )


class Rebuilt(msgspec.Struct, frozen=True):
    """What a start takes up: every trade as it stands, the highest revision recorded of each leg, and the dust."""

    trades: Mapping[TradeId, Trade]
    revisions: Mapping[LegId, int]
    dust: Mapping[PairId, Mapping[TradeId, Mapping[SlotKey, Holding]]]


class _Told:
    """The facts, sorted by what they are about."""

    def __init__(self) -> None:
        self.opened: dict[TradeId, TradeOpened] = {}
        self.legs: dict[TradeId, dict[LegId, LegSent | LegAdopted]] = {}
        self.seen: dict[LegId, ResultSeen] = {}
        self.given: dict[TradeId, dict[SlotKey, Holding]] = {}
        self.closed: set[TradeId] = set()
        # Trades that once had a verdict: all their legs that left were recorded by then, whatever news came since.
        self.complete: set[TradeId] = set()

    def take(self, fact: AnyFact) -> None:
        match fact:
            case TradeOpened():
                self.opened[fact.trade_id] = fact
                for trade_id, platform, market, side, contracts, basis in fact.gave:
                    given = {(platform, market, side): Holding(contracts, basis)}
                    self.given[trade_id] = merged([self.given.get(trade_id, {}), given])
            case LegSent() | LegAdopted():
                self.legs.setdefault(fact.trade_id, {})[fact.leg_id] = fact
                self.closed.discard(fact.trade_id)
            case ResultSeen(outcome=outcome):
                held = self.seen.get(outcome.leg_id)
                if held is None or newer(outcome, held.outcome):
                    self.seen[outcome.leg_id] = fact
                    self.closed.discard(fact.trade_id)
            case TradeOver(state=state):
                self.complete.add(fact.trade_id)
                if state in OVER:
                    self.closed.add(fact.trade_id)
            case _:
                pass


def rebuild(facts: Iterable[AnyFact], pairs: Pairs, ids: IdSource) -> Rebuilt:
    """All trades of the ledger as they stand.

    A leg without a result is unknown. An opening leg that the facts do not mention may have left all the same, in the
    moment before the crash: it is there as unknown too, so that it is asked about.
    """
    told = _Told()
    for fact in facts:
        told.take(fact)
    opened, legs, closed = told.opened, told.legs, told.closed
    trades: dict[TradeId, Trade] = {}
    dust: dict[PairId, dict[TradeId, dict[SlotKey, Holding]]] = {}
    for trade_id in dict.fromkeys([*opened, *legs]):
        sent = legs.get(trade_id, {})
        seen = _opportunity(opened.get(trade_id), list(sent.values()), pairs)
        if seen is None:
            continue
        known = [_leg(fact, told.seen.get(fact.leg_id)) for fact in sent.values()]
        carried = _carried(opened.get(trade_id))
        given = told.given.get(trade_id)
        trade = _trade(trade_id, seen, known, ids, carried=carried, given=given, complete=trade_id in told.complete)
        if carried and not opened[trade_id].gave:
            dust.pop(seen.pair_id, None)
        if trade_id in closed and trade.state is State.NAKED:
            trade.too_small()
            dust.setdefault(seen.pair_id, {})[trade_id] = excess_of(trade)
        trades[trade_id] = trade
    return Rebuilt(trades, {leg_id: fact.outcome.revision for leg_id, fact in told.seen.items()}, dust)


def excess_of(trade: Trade) -> dict[SlotKey, Holding]:
    """The trade's dust: what each slot holds beyond what is matched, at its share of the cost.

    Less than nothing (a purchase taken back after its sale) is dust as well: the next trade buys so much more.
    """
    held = trade.holdings()
    matched = max(0, min(holding.contracts for holding in held.values()))
    dust: dict[SlotKey, Holding] = {}
    for slot, holding in held.items():
        extra = Quantity(holding.contracts - matched)
        if holding.contracts < 0:
            dust[slot] = holding
        elif extra > 0:
            dust[slot] = Holding(extra, Money(holding.basis * extra // holding.contracts))
    return dust


def _carried(opened: TradeOpened | None) -> dict[SlotKey, Holding]:
    if opened is None:
        return {}
    return {
        (platform, market, side): Holding(contracts, basis)
        for platform, market, side, contracts, basis in opened.carried
    }


def adopt(told: Leg, arb_type: str | None, pairs: Pairs, ids: IdSource) -> Trade | None:
    """The trade of a leg that the ledger does not know, its other legs unknown; None where it cannot be told."""
    if told.trade_id is None or told.pair_id is None:
        return None
    pair = pairs.get(told.pair_id)
    if pair is None:
        return None
    plans = arb_legs(pair, _arb_type(arb_type, told))
    seen = Opportunity(
        pair_id=told.pair_id,
        market_id=told.market_id,
        arb_type=_arb_type(arb_type, told),
        quantity=told.quantity,
        legs=plans,
        cost=Money(0),
        fees=Money(0),
        edge=Money(0),
        t=0,
        description=told.description,
    )
    return _trade(told.trade_id, seen, [adopted_leg(told)], ids)


def could_be_ours(told: Leg, pair: Pair, ids: IdSource) -> bool:
    """Whether a trade of this pair could have such a leg: one of its instruments, under the id of that leg.

    Nothing is opened by selling.
    """
    sides = {(plan.platform, plan.market, plan.side) for each in ArbType for plan in arb_legs(pair, each)}
    if (told.platform, told.market, told.side) not in sides:
        return False
    if told.trade_id is None or not told.leg_id.startswith(told.trade_id):
        return True
    # The legs of a trade are numbered as arb_legs() has them; another number is that of the other leg.
    others = ids.leg_id(told.trade_id, 1 if told.side is YES else 0)
    return told.action is BUY and told.leg_id != others


def adopted_leg(told: Leg) -> TradeLeg:
    """A leg as a trader tells of it. An opening leg's id begins with its trade's; others close something."""
    plan = _bare(told.platform, told.market, told.side)
    if told.trade_id is not None and told.leg_id.startswith(told.trade_id):
        purpose = Purpose.OPEN
    else:
        purpose = Purpose.COMPLETE if told.action is BUY else Purpose.UNWIND
    return TradeLeg(told, plan, ADOPTED, None, _unknown(told.leg_id), purpose)


def _arb_type(text: str | None, told: Leg) -> ArbType:
    if text in set(ArbType):
        return ArbType(text)
    kalshi_yes = (told.platform == KALSHI) == (told.side is YES)
    return ArbType.KALSHI_YES_POLY_NO if kalshi_yes else ArbType.POLY_YES_KALSHI_NO


def _opportunity(opened: TradeOpened | None, legs: Sequence[LegSent | LegAdopted], pairs: Pairs) -> Opportunity | None:
    pair_id = opened.pair_id if opened is not None else legs[0].pair_id
    pair = pairs.get(pair_id)
    opening = [leg for leg in legs if _opens(leg)] or list(legs)
    plans = tuple(dict.fromkeys(_bare(leg.platform, leg.market, leg.side) for leg in opening))
    if pair is not None and (opened is not None or len(plans) == 1):
        arb_type = opened.arb_type if opened is not None else _adopted_arb_type(opening)
        plans = arb_legs(pair, arb_type)
    else:
        arb_type = opened.arb_type if opened is not None else _adopted_arb_type(legs)
    if not plans:
        return None
    return Opportunity(
        pair_id=pair_id,
        market_id=opened.market_id if opened is not None else legs[0].market_id,
        arb_type=arb_type,
        quantity=opened.quantity if opened is not None else legs[0].quantity,
        legs=plans,
        cost=Money(0),
        fees=Money(0),
        edge=opened.edge if opened is not None else Money(0),
        t=opened.market_t if opened is not None else 0,
        description=opened.description if opened is not None else "",
    )


def _opens(fact: LegSent | LegAdopted) -> bool:
    purpose = fact.purpose if isinstance(fact, LegSent) else adopted_leg(_as_leg(fact)).purpose
    return purpose is _OPEN


def _adopted_arb_type(legs: Sequence[LegSent | LegAdopted]) -> ArbType:
    """As it was written down when a leg was adopted; guessed from the first leg where it was not."""
    told = next((leg.arb_type for leg in legs if isinstance(leg, LegAdopted) and leg.arb_type is not None), None)
    return _arb_type(told, _as_leg(legs[0]))


def _as_leg(fact: LegSent | LegAdopted) -> Leg:
    return Leg(
        leg_id=fact.leg_id,
        trade_id=fact.trade_id,
        pair_id=fact.pair_id,
        market_id=fact.market_id,
        platform=fact.platform,
        market=fact.market,
        action=fact.action,
        side=fact.side,
        limit=fact.limit,
        quantity=fact.quantity,
        expires_at_ms=fact.expires_at_ms if isinstance(fact, LegSent) else None,
    )


def _leg(fact: LegSent | LegAdopted, seen: ResultSeen | None) -> TradeLeg:
    order = _as_leg(fact)
    if isinstance(fact, LegSent):
        plan = _bare(fact.platform, fact.market, fact.side)
        leg = TradeLeg(order, plan, fact.path, None, None, fact.purpose)
    else:
        leg = adopted_leg(order)
    if seen is not None:
        leg.outcome, leg.told_by, leg.told_revision = seen.outcome, seen.source, seen.outcome.revision
    elif leg.outcome is None:
        leg.outcome = _unknown(fact.leg_id)
    return leg


def _trade(
    trade_id: TradeId,
    seen: Opportunity,
    legs: list[TradeLeg],
    ids: IdSource,
    *,
    carried: Mapping[SlotKey, Holding] | None = None,
    given: Mapping[SlotKey, Holding] | None = None,
    complete: bool = False,
) -> Trade:
    """The trade in the state that its outcomes give; unless ``complete``, opening legs not told of are unknown."""
    there = () if complete else {leg.slot for leg in legs if leg.purpose is _OPEN}
    for index, plan in enumerate(() if complete else seen.legs):
        if (plan.platform, plan.market, plan.side) not in there:
            legs.append(_missing(trade_id, seen, plan, ids.leg_id(trade_id, index)))
    trade = Trade(trade_id, seen, legs, carried=carried)
    if given:
        trade.give(given)
    trade.half_known = not complete
    if trade.half_known and len(trade.slots) == 1:
        trade.reason = "its pair is not configured any more, and one of its legs is not known: add the pair"
    trade.state = step(State.LEGS_OUT, trade.verdict())
    return trade


def _missing(trade_id: TradeId, seen: Opportunity, plan: OpportunityLeg, leg_id: LegId) -> TradeLeg:
    leg = Leg(
        leg_id=leg_id,
        trade_id=trade_id,
        pair_id=seen.pair_id,
        market_id=seen.market_id,
        platform=plan.platform,
        market=plan.market,
        action=plan.action,
        side=plan.side,
        limit=plan.limit,
        quantity=Quantity(seen.quantity),
    )
    return TradeLeg(leg, plan, ASSUMED, None, _unknown(leg_id))


def _unknown(leg_id: LegId) -> Outcome:
    return Outcome(leg_id=leg_id, status=Status.UNKNOWN, error=FORGOTTEN, revision=-1, final=False)
