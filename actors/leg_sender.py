"""How a leg leaves: its id, its path, its deadline, and that none leaves by halves. The middle of the executor."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import msgspec

from actors.facts import AnyFact, LegSent, Purpose
from actors.messages import ApprovedLeg, LegOrder, PathInfo, SendLegs
from actors.ports import GatePort, IdSource
from actors.recovery import Rebuilt
from actors.risk.approval import Approval
from actors.risk.plan import NO_RISK_PLAN, RiskPlan
from actors.risk_desk import RiskDesk
from actors.trade import Trade, TradeLeg
from market.opportunity import Opportunity, OpportunityLeg
from market.pair import Pair
from protocol.leg import Leg
from protocol.terms import Action, PairId, Platform, TradeId
from protocol.units import USD, Money, Quantity
from protocol.wire import Book

MAX_MARKET_ID: Final = 65_536

IsOpen = Callable[[int], bool]
"""Whether a frame could be written to this connection now, as far as this end of it knows."""


def always_open(_conn_id: int) -> bool:
    """For links without sockets."""
    return True


DEFAULT_UNWIND_LOSS: Final = Money(5 * USD)


class ExecutorSetup(msgspec.Struct, frozen=True):
    """What the executor may do, and what it takes up from the ledger.

    ``local``: platforms executed in this process. ``first``: the platform whose leg leaves before the others, which
    are then sized from what it really filled; None sends all together. ``rebuild`` is called at every (re)start.
    ``is_open`` is asked of every connection before anything leaves. ``facts`` is the ledger that risk takes up;
    ``free_disk`` says how many bytes are free where it lies.
    """

    local: Mapping[Platform, PathInfo]
    ids: IdSource
    gate: GatePort
    leg_timeout_us: int
    order_ttl_ms: int
    max_unwind_loss: Money = DEFAULT_UNWIND_LOSS
    first: Platform | None = None
    pairs: Mapping[PairId, Pair] = {}
    rebuild: Callable[[], Rebuilt] | None = None
    dry_run: bool = True
    is_open: IsOpen = always_open
    risk: RiskPlan = NO_RISK_PLAN
    facts: Callable[[], Iterable[AnyFact]] = tuple
    free_disk: Callable[[], int | None] | None = None


class LegSender(RiskDesk):
    """Guarantees: nothing leaves that risk has not approved; the legs handed in together leave together or not at all.

    A connection that died may be told of only after this turn: one leg would be written, or is local, and the other
    would find its socket dead. So the socket is asked first (:meth:`path`), in the turn that writes, and nothing can
    happen to it in between. What no end of a connection can know yet (a peer that fell silent) is left to the time-out.
    """

    def __init__(self) -> None:
        """No paths."""
        super().__init__()
        self.config: ExecutorSetup
        self.remote: dict[Platform, PathInfo] = {}
        self.out_of_service: dict[Platform, str] = {}
        """Local platforms whose trader takes no leg any more, and why."""
        self.outages: dict[Platform, str] = {}
        """Local platforms whose venue no order reaches now, and why."""

    def out_here(self, platform: Platform) -> bool:
        """Whether it is executed here, for money, at a venue that is out of reach."""
        local = self.config.local.get(platform)
        return local is not None and local.real and platform in self.outages

    def path(self, platform: Platform, action: Action = Action.BUY) -> PathInfo | None:
        """Local first, else a connected trader whose connection can be written to, else none.

        A trader that reduces is a path for sales alone: it takes those of what it holds.
        """
        found = self.config.local.get(platform) or self.remote.get(platform)
        if found is None or platform in self.out_of_service or self.out_here(platform):
            return None
        if found.halted and not (found.reducing and action is Action.SELL):
            return None
        dead = found.conn_id is not None and not self.config.is_open(found.conn_id)
        return None if dead else found

    def new_leg(
        self,
        trade_id: TradeId,
        seen: Opportunity,
        plan: OpportunityLeg,
        quantity: Quantity,
        index: int,
        purpose: Purpose = Purpose.OPEN,
    ) -> TradeLeg:
        """A leg on its platform's path. A closing leg has an id of its own making, so that none is ever used twice."""
        ids = self.config.ids
        leg_id = ids.leg_id(trade_id, index) if purpose is Purpose.OPEN else ids.leg_id(ids.trade_id(), 0)
        path = self.path(plan.platform, plan.action)
        local = plan.platform in self.config.local
        leg = Leg(
            leg_id=leg_id,
            trade_id=trade_id,
            pair_id=seen.pair_id,
            market_id=seen.market_id % MAX_MARKET_ID,
            platform=plan.platform,
            market=plan.market,
            action=plan.action,
            side=plan.side,
            limit=plan.limit,
            quantity=quantity,
            expires_at_ms=self.turn.unix_us // 1_000 + self.config.order_ttl_ms,
            description=seen.description,
        )
        name = "local" if local else f"remote:{path.trader if path else '?'}"
        return TradeLeg(leg, plan, name, None if local or path is None else path.conn_id, purpose=purpose)

    def send_legs(self, trade: Trade, legs: Sequence[TradeLeg], books: Sequence[Book], approval: Approval) -> None:
        """The remote ones in one message, so that none can leave by halves. Raises where this was not approved."""
        self.risk.sent(approval, [leg.leg for leg in legs], self.turn.unix_us)
        by_market = {(book.platform, book.market): book for book in books}
        arb_type = trade.opportunity.arb_type.value
        remote = []
        for leg in legs:
            book = by_market.get((leg.plan.platform, leg.plan.market))
            if leg.conn_id is None:
                order = ApprovedLeg(leg.leg, book, arb_type, approval=approval)
                self.send(self.roles[f"trader:{leg.plan.platform}"], order)
            else:
                remote.append(LegOrder(leg.leg, book, arb_type, leg.conn_id))
        if remote:
            self.send(self.roles["router"], SendLegs(tuple(remote), approval))
        self.book.waiting[trade.trade_id] = None
        self.config.gate.set_busy(busy=True)
        self.sweep_soon()

    def sent_fact(self, leg: TradeLeg) -> LegSent:
        """That a leg left, as the ledger keeps it."""
        order = leg.leg
        return LegSent(
            t=self.turn.unix_us,
            leg_id=order.leg_id,
            trade_id=order.trade_id or TradeId(""),
            pair_id=order.pair_id or PairId(""),
            market_id=order.market_id,
            platform=order.platform,
            market=order.market,
            action=order.action,
            side=order.side,
            limit=order.limit,
            quantity=order.quantity,
            expires_at_ms=order.expires_at_ms,
            purpose=leg.purpose,
            path=leg.path,
        )
