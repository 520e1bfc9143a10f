"""The book of money: a trade's money is reserved whole before anything leaves, and followed until the trade is over.

What is approved is capped to what every limit leaves, and refused below what the venues accept. The money stays kept
for the trade until it is over, so that a leg that filled nothing can still be completed with it. After that only what
is held counts, at cost, and what is not proven, at its worst.

Nobody can stop a venue from filling more than it was asked for, or from telling late of a fill it had denied. That
counts from the moment it is told, over a limit where it must, and nothing is approved until there is room again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import msgspec

from actors.facts import LegAdopted, LegSent, Purpose
from actors.ledger_state import NAKED, LedgerState, LegRecord, TradeRecord
from actors.risk.approval import Approval, Cap, NotApproved, Proposal, ProposedLeg, Reason, Refused, covers, mint
from actors.risk.cash import Cash
from actors.risk.exposure import Exposure, LegMoney, PoolKey, Tally
from actors.risk.limits import ALL, Kind, Limits, Scope
from actors.risk.order_rate import OrderRate
from actors.risk.shards import Shards
from actors.risk.terms import Account, Terms, TermsOf
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import BUY, LegId, Platform, Status, TradeId
from protocol.units import Money, Quantity, quantity_to_wire, show_money

_REASONS = {
    Kind.PAIR: Reason.PER_PAIR,
    Kind.EVENT: Reason.PER_EVENT,
    Kind.VENUE: Reason.PER_VENUE,
    Kind.TOTAL: Reason.TOTAL,
}


class MoneyBook:
    """All money of one kind, real or paper: the two are never added up, and each has the limits to itself."""

    def __init__(self, limits: Limits, terms: TermsOf, shards: Shards | None = None) -> None:
        """Nothing reserved, nothing held."""
        self.limits = limits
        self.terms = terms
        self.exposure = Exposure(terms, shards)
        self.cash = Cash()
        self.rate = OrderRate(limits.orders_per_second)
        self._most = {kind: limits.most(kind) for kind in Kind}
        self._unsent: dict[TradeId, tuple[Approval, list[ProposedLeg]]] = {}

    # -- asking ----------------------------------------------------------------------------------------------

    def approve(self, proposal: Proposal, now_us: int) -> Approval | Refused:
        """Reserve the money for all legs of a new trade, for as many contracts as the limits leave, or say why not.

        Raises :class:`ValueError` for a trade that is known already: a bug.
        """
        if proposal.trade_id in self.exposure.kept or proposal.trade_id in self.exposure.of_trade:
            raise ValueError(f"trade {proposal.trade_id} was approved before: ids are never used twice")
        refused = self._too_many(proposal, now_us)
        if refused is not None:
            return refused
        sized = self._sized(proposal)
        if isinstance(sized, Refused):
            return sized
        fitting, cap, needs = sized
        self.exposure.keep(fitting.trade_id, fitting.pair_id, needs)
        return self._approved(fitting, Money(sum(needs.values())), cap)

    def approve_closing(self, proposal: Proposal, now_us: int) -> Approval | Refused:
        """Legs that close an excess, all of them or none; nothing is capped, as halves would not close it.

        A sale needs no money and is only bounded by what is held. A purchase takes what is kept for the trade first;
        what it needs beyond that must fit the limits. All of it must be there in cash: what is kept may be a promise of
        before the venue was asked, or of before somebody else spent it.
        """
        refused = self._too_fast(proposal, now_us) or self._not_held(proposal)
        if refused is not None:
            return refused
        needs = self._needs(proposal)
        kept = self.exposure.kept.get(proposal.trade_id, {})
        lines = {
            platform: Money(self.exposure.used(proposal.trade_id, platform) + need) for platform, need in needs.items()
        }
        more = {platform: Money(max(0, line - kept.get(platform, 0))) for platform, line in lines.items()}
        refused = self._over(proposal, more) or self._not_there(proposal, needs)
        if refused is not None:
            return refused
        # What was approved for the trade before and has not left will not leave any more.
        self.lapse(proposal.trade_id)
        raised = {platform: max(line, kept.get(platform, Money(0))) for platform, line in lines.items()}
        self.exposure.keep(proposal.trade_id, proposal.pair_id, raised)
        return self._approved(proposal, Money(sum(needs.values())), None)

    # -- what happens to a trade -----------------------------------------------------------------------------

    def sent(self, approval: Approval, legs: Sequence[Leg], now_us: int) -> None:
        """These orders leave now. Raises :class:`NotApproved` for what the approval does not cover, or no more."""
        if not self.gave(approval):
            raise NotApproved("this approval was not given here, or is used up")
        lines = list(self._unsent[approval.trade_id][1])
        for leg in legs:
            line = next((each for each in lines if covers(each, leg)), None)
            if line is None or leg.trade_id != approval.trade_id:
                raise NotApproved(f"leg {leg.leg_id} is not what was approved for trade {approval.trade_id}")
            lines.remove(line)
        for leg in legs:
            self.take(leg, approval.trade_id)
            self.rate.took(leg.platform, now_us)
        if lines:
            self._unsent[approval.trade_id] = (approval, lines)
        else:
            del self._unsent[approval.trade_id]

    def take(self, leg: Leg | LegSent | LegAdopted, trade_id: TradeId) -> None:
        """An order that left, or may have: one that was approved, or one that a trader or the ledger tells of."""
        if leg.pair_id is None:
            return
        key = PoolKey(leg.pair_id, leg.platform, leg.side)
        money = Money(0)
        if leg.action is BUY:
            money = self.exposure.lane(leg.pair_id, leg.platform).terms.worst(leg.limit, leg.quantity)
        self.exposure.add(LegMoney(leg.leg_id, trade_id, key, leg.action, leg.quantity, money, -1))

    def report(self, outcome: Outcome, now_us: int) -> bool:
        """What became of a leg, as far as it is known; False for one that is not here."""
        leg = self.exposure.legs.get(outcome.leg_id)
        if leg is None:
            return False
        # Before the leg is settled: where its market has moved meanwhile, either shard may have paid.
        payers = self.exposure.lane(leg.key.pair_id, leg.key.platform).payers
        paid = self.exposure.report(outcome)
        if paid is not None and paid > 0:
            self.cash.spent(payers, paid, now_us)
        return True

    def over(self, trade_id: TradeId) -> None:
        """The trade is over, or nothing of it was sent after all: nothing is kept for it any more."""
        self.exposure.let_go(trade_id)
        self.lapse(trade_id)

    def lapse(self, trade_id: TradeId) -> None:
        """What was approved for the trade and has not left will not leave; its money stays kept until it is over."""
        self._unsent.pop(trade_id, None)

    def gave(self, approval: Approval) -> bool:
        """Whether the approval is of this book and something of it has not left yet."""
        held = self._unsent.get(approval.trade_id)
        return held is not None and held[0] is approval

    def paid_out(self, trade_ids: Iterable[TradeId]) -> None:
        """The venues have paid for all that these trades held: nothing of them is at stake any more."""
        for trade_id in trade_ids:
            self.over(trade_id)
            for leg in list(self.exposure.of_trade.get(trade_id, ())):
                self.exposure.take_out(leg.leg_id)

    def move_to(self, other: MoneyBook, leg_id: LegId) -> None:
        """The leg's money turned out to be of the other kind."""
        leg = self.exposure.take_out(leg_id)
        if leg is not None:
            other.exposure.add(leg)

    @property
    def in_flight(self) -> int:
        """Trades that were approved and are not over."""
        return len(self.exposure.kept)

    def room(self, scope: Scope) -> Money | None:
        """What the limit of a scope leaves, None for no limit."""
        most = self.limits.most(scope.kind)
        return None if most is None else Money(max(0, most - self.exposure.at_stake(scope)))

    def cap(self, account: Account) -> Money | None:
        """The most that one more leg there can be worth, by every limit that is not about one pair; None: no limit.

        For whoever looks for trades: what is larger would only be capped, or refused.
        """
        left = self.cash.left(account)
        bounds = [
            self.limits.per_pair,
            self.limits.per_event,
            self.room(Scope(Kind.VENUE, account.platform)),
            self.room(ALL),
            None if left is None else Money(max(0, left - self.exposure.spoken_for(account))),
        ]
        return min((bound for bound in bounds if bound is not None), default=None)

    # -- a start ---------------------------------------------------------------------------------------------

    def rebuild(self, state: LedgerState, *, paper: bool, assumed: Iterable[Leg] = ()) -> None:
        """Take up what the ledger holds of this kind of money; once, on an empty book.

        Of a leg whose kind is not known the trade's says it. ``assumed``: legs that no fact mentions and that may have
        left all the same. For a trade that is not over its opening legs' money is kept again.
        """
        for record in sorted(state.legs.values(), key=lambda leg: leg.place):
            if record.asked is not None and is_paper(record, state) is paper:
                self._take_up(record)
        for leg in assumed:
            if leg.trade_id is not None:
                self.take(leg, leg.trade_id)
                self.report(_never_told(leg.leg_id), 0)
        for trade in (*state.open_trades(), *state.naked_trades()):
            # For one that was over before late news opened it, nothing is kept here as nothing is in a running process.
            if trade.verdict is None or trade.verdict.state == NAKED:
                self._keep_again(trade)

    def _take_up(self, record: LegRecord) -> None:
        asked = record.asked
        assert asked is not None  # noqa: S101 -- the caller has looked
        self.take(asked, record.trade_id)
        if isinstance(asked, LegSent):
            self.rate.took(asked.platform, asked.t)
        for outcome in (record.proven, record.outcome):
            if outcome is not None:
                self.report(outcome, record.t)

    def _keep_again(self, trade: TradeRecord) -> None:
        lines: Counter[Platform] = Counter()
        for leg in self.exposure.of_trade.get(trade.trade_id, ()):
            if leg.action is BUY and _opening(leg.leg_id, trade):
                lines[leg.key.platform] += leg.worst
        pair_id = trade.pair_id
        if lines and pair_id is not None:
            self.exposure.keep(trade.trade_id, pair_id, {each: Money(line) for each, line in lines.items()})

    # -- what a proposal needs -------------------------------------------------------------------------------

    def _approved(self, proposal: Proposal, money: Money, cap: Cap | None) -> Approval:
        approval = mint(proposal, money, cap)
        self._unsent[proposal.trade_id] = (approval, list(proposal.legs))
        return approval

    def _needs(self, proposal: Proposal) -> dict[Platform, Money]:
        needs: dict[Platform, Money] = {}
        for leg in proposal.legs:
            if leg.action is BUY:
                worst = self.exposure.lane(proposal.pair_id, leg.platform).terms.worst(leg.limit, leg.quantity)
                needs[leg.platform] = Money(needs.get(leg.platform, 0) + worst)
        return needs

    def _too_many(self, proposal: Proposal, now_us: int) -> Refused | None:
        most = self.limits.trades_in_flight
        if most is not None and self.in_flight >= most:
            text = f"{self.in_flight} trades are in flight, and at most {most} may be"
            return Refused(reason=Reason.IN_FLIGHT, what="trades", text=text)
        return self._too_fast(proposal, now_us)

    def _too_fast(self, proposal: Proposal, now_us: int) -> Refused | None:
        if not self.limits.orders_per_second:
            return None
        for platform, orders in Counter(leg.platform for leg in proposal.legs).items():
            free = self.rate.free(platform, now_us)
            if free is None:
                continue
            waiting = sum(line.platform == platform for _, lines in self._unsent.values() for line in lines)
            if free - waiting < orders:
                most = self.limits.orders_per_second[platform]
                text = f"{orders} orders to {platform} would be more than {most} in one second"
                return Refused(reason=Reason.ORDER_RATE, what=platform, text=text)
        return None

    def _not_held(self, proposal: Proposal) -> Refused | None:
        for leg in proposal.legs:
            if leg.action is BUY:
                continue
            key = PoolKey(proposal.pair_id, leg.platform, leg.side)
            free = self.exposure.held(key) - self.exposure.selling(key)
            if leg.quantity > free:
                asked, there = quantity_to_wire(leg.quantity), quantity_to_wire(Quantity(max(0, free)))
                text = f"to sell {asked} {leg.side} on {leg.platform}, where {there} are held and not being sold"
                return Refused(reason=Reason.NOT_HELD, what=proposal.pair_id, text=text)
        return None

    def _over(self, proposal: Proposal, needs: dict[Platform, Money]) -> Refused | None:
        """The first limit that so much more would pass; exactly at it is allowed."""
        more_of: dict[Tally[Scope], int] = {}
        for platform, need in needs.items():
            for tally in self.exposure.lane(proposal.pair_id, platform).tallies:
                if self._most[tally.what.kind] is not None:
                    more_of[tally] = more_of.get(tally, 0) + need
        for tally, more in more_of.items():
            scope, counted = tally.what, Money(tally.amount)
            most = self._most[scope.kind]
            if most is not None and more and counted + more > most:
                text = _numbers(scope, more, counted, most)
                return Refused(reason=_REASONS[scope.kind], what=str(scope), text=text)
        return self._beyond_cash(proposal, needs, self.exposure.spoken_for)

    def _not_there(self, proposal: Proposal, needs: dict[Platform, Money]) -> Refused | None:
        """Cash that the venue does not have, beside what orders that are out may take."""
        return self._beyond_cash(proposal, needs, self.exposure.out_at)

    def _beyond_cash(
        self, proposal: Proposal, needs: dict[Platform, Money], taken: Callable[[Account], Money]
    ) -> Refused | None:
        """The first account that has less than is ``taken`` and needed. A platform's need is all of one market."""
        for platform, need in needs.items():
            if not need:
                continue
            lane = self.exposure.lane(proposal.pair_id, platform)
            sources = self.cash.sources(lane.account.what)
            if sources is None:
                return _no_shard(platform, lane.terms.market or proposal.pair_id)
            for account in sources:
                there, spoken = self.cash.there(account), taken(account)
                if spoken + need > there:
                    text = _numbers(account, need, spoken, there)
                    return Refused(reason=Reason.CASH, what=str(account), text=text)
        return None

    # -- the size that fits ----------------------------------------------------------------------------------

    def _sized(self, proposal: Proposal) -> tuple[Proposal, Cap | None, dict[Platform, Money]] | Refused:
        """The proposal as large as the limits leave it, with what made it smaller, and with what it needs."""
        terms = [self.exposure.lane(proposal.pair_id, leg.platform).terms for leg in proposal.legs]
        step = max([each.step for each in terms])
        least = max([_least(proposal, leg, each) for leg, each in zip(proposal.legs, terms, strict=True)])
        low, high = -(-least // step), proposal.quantity // step
        if low > high:
            text = f"{quantity_to_wire(proposal.quantity)} contracts, and at least {quantity_to_wire(least)} must be"
            return Refused(reason=Reason.TOO_SMALL, what=proposal.pair_id, text=text)
        whole = _resized(proposal, high * step)
        needs = self._needs(whole)
        against = self._against(whole, needs)
        if against is None:
            return whole, None, needs
        smallest = _resized(proposal, low * step)
        refused = self._against(smallest, self._needs(smallest))
        if refused is not None:
            return refused
        # The largest that fits is from ``low`` on and below ``high``; what an order needs rises with its size.
        while high - low > 1:
            middle = (low + high) // 2
            tried = _resized(proposal, middle * step)
            found = self._against(tried, self._needs(tried))
            if found is None:
                low = middle
            else:
                high, against = middle, found
        fitting = _resized(proposal, low * step)
        return fitting, Cap(reason=against.reason, what=against.what, text=against.text), self._needs(fitting)

    def _against(self, proposal: Proposal, needs: dict[Platform, Money]) -> Refused | None:
        most = self.limits.contracts_per_leg
        if most is not None:
            for leg in proposal.legs:
                if leg.quantity > most:
                    asked = quantity_to_wire(leg.quantity)
                    text = f"{asked} contracts on {leg.platform}, and at most {quantity_to_wire(most)} may be"
                    return Refused(reason=Reason.CONTRACTS, what=leg.platform, text=text)
        return self._over(proposal, needs)


def is_paper(leg: LegRecord, state: LedgerState) -> bool:
    """Whether its money is paper: as a proven fill of it says, else as its trade was meant, else as a leg of that says.

    All legs of a trade are of one kind. Of an adopted trade nothing may be known but what its traders told.
    """
    if leg.proven is not None and leg.proven.filled:
        return leg.proven.paper
    return meant_on_paper(state.trades[leg.trade_id])


def meant_on_paper(trade: TradeRecord) -> bool:
    """Whether a trade's orders are for no money."""
    if trade.opened is not None:
        return trade.opened.dry_run
    filled = [each.proven.paper for each in trade.legs if each.proven is not None and each.proven.filled]
    return all(filled) if filled else any(each.outcome is not None and each.outcome.paper for each in trade.legs)


def _resized(proposal: Proposal, quantity: int) -> Proposal:
    if quantity == proposal.quantity:
        return proposal
    less = proposal.quantity - quantity
    legs = tuple(msgspec.structs.replace(leg, quantity=Quantity(leg.quantity - less)) for leg in proposal.legs)
    return msgspec.structs.replace(proposal, quantity=Quantity(quantity), legs=legs)


def _least(proposal: Proposal, leg: ProposedLeg, terms: Terms) -> Quantity:
    """The smallest trade of which the venue accepts this leg."""
    worth = -(-terms.least_notional // leg.limit)
    return Quantity(max(terms.least, worth, 1) + proposal.quantity - leg.quantity)


def _numbers(what: Scope | Account, need: int, counted: Money, most: Money) -> str:
    kind = "cash of " if isinstance(what, Account) else ""
    return f"{kind}{what}: {show_money(Money(need))} more than {show_money(counted)}, of {show_money(most)}"


def _no_shard(platform: Platform, market: str) -> Refused:
    text = f"{platform} has cash by shard, and on which shard {market} is nobody has said yet"
    return Refused(reason=Reason.NO_SHARD, what=market, text=text)


def _opening(leg_id: LegId, trade: TradeRecord) -> bool:
    """Whether it was approved to open the trade. What was adopted may have a price made up: nothing is kept for it."""
    return any(leg.leg_id == leg_id and leg.purpose is Purpose.OPEN for leg in trade.legs)


def _never_told(leg_id: LegId) -> Outcome:
    return Outcome(leg_id=leg_id, status=Status.UNKNOWN, revision=-1, final=False)
