"""Short ways to say legs, outcomes and the ledger's facts in tests: prices in cents, quantities in contracts."""

from __future__ import annotations

from typing import Any

from actors.facts import LegAdopted, LegSent, Purpose, Remark, ResultSeen, Settled, TradeOpened, TradeOver
from actors.risk.facts import BreakerCleared, BreakerTripped, PaidOut, RiskFact, RiskStateChanged
from market.opportunity import ArbType
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, Action, LegId, PairId, Side, Status, TradeId
from protocol.units import Money, Price, Quantity

T0 = 1_767_787_200_000_000
"""7 January 2026, 12:00 UTC, in microseconds."""

PAIR = PairId("pair_0")


def leg(leg_id: str = "t1-1", **fields: Any) -> Leg:
    values: dict[str, Any] = {
        "leg_id": LegId(leg_id),
        "trade_id": TradeId(leg_id.rpartition("-")[0]),
        "pair_id": PAIR,
        "market_id": 3,
        "platform": KALSHI,
        "market": "KXTEST-26-A",
        "action": Action.BUY,
        "side": Side.YES,
        "limit": Price(5_200),
        "quantity": Quantity(1_000),
        "expires_at_ms": T0 // 1_000 + 2_000,
    }
    return Leg(**{**values, **fields})


def outcome(leg_id: str = "t1-1", **fields: Any) -> Outcome:
    """Ten contracts for $5.20 and 17 cents of fees, unless said otherwise."""
    values: dict[str, Any] = {
        "leg_id": LegId(leg_id),
        "status": Status.FILLED,
        "filled": Quantity(1_000),
        "cost": Money(5_200_000),
        "fees": Money(170_000),
        "order_id": f"paper-{leg_id}",
    }
    return Outcome(**{**values, **fields})


def unknown(leg_id: str = "t1-1", **fields: Any) -> Outcome:
    return Outcome(leg_id=LegId(leg_id), status=Status.UNKNOWN, final=False, **fields)


def unfilled(leg_id: str = "t1-1", **fields: Any) -> Outcome:
    return Outcome(leg_id=LegId(leg_id), status=Status.UNFILLED, **fields)


def opened(trade_id: str = "t1", t: int = T0, **fields: Any) -> TradeOpened:
    values: dict[str, Any] = {
        "trade_id": TradeId(trade_id),
        "pair_id": PAIR,
        "market_id": 3,
        "arb_type": ArbType.KALSHI_YES_POLY_NO,
        "quantity": Quantity(1_000),
        "edge": Money(300_000),
        "market_t": t - 5_000,
        "dry_run": False,
    }
    return TradeOpened(t=t, **{**values, **fields})


def sent(leg_id: str = "t1-1", t: int = T0, **fields: Any) -> LegSent:
    asked = leg(leg_id)
    values: dict[str, Any] = {
        "leg_id": asked.leg_id,
        "trade_id": asked.trade_id,
        "pair_id": asked.pair_id,
        "market_id": asked.market_id,
        "platform": asked.platform,
        "market": asked.market,
        "action": asked.action,
        "side": asked.side,
        "limit": asked.limit,
        "quantity": asked.quantity,
        "expires_at_ms": asked.expires_at_ms,
        "purpose": Purpose.OPEN,
        "path": "remote:t0",
    }
    return LegSent(t=t, **{**values, **fields})


def adopted(leg_id: str = "t1-1", t: int = T0, **fields: Any) -> LegAdopted:
    told = sent(leg_id)
    names = set(LegAdopted.__struct_fields__) - {"t", "source", "arb_type"}
    values = {name: getattr(told, name) for name in names}
    return LegAdopted(t=t, **{**values, "source": "t0", **fields})


def seen(result: Outcome | None = None, t: int = T0 + 1_000, source: str = "t0") -> ResultSeen:
    result = outcome() if result is None else result
    return ResultSeen(t=t, trade_id=TradeId(result.leg_id.rpartition("-")[0]), outcome=result, source=source)


def over(trade_id: str = "t1", state: str = "hedged", t: int = T0 + 2_000, reason: str = "") -> TradeOver:
    return TradeOver(t=t, trade_id=TradeId(trade_id), state=state, reason=reason)


def settled(value: int = 10_000, t: int = T0 + 3_000, **fields: Any) -> Settled:
    """The market of a :func:`leg` was paid out: $1 for a YES, unless said otherwise."""
    asked = leg()
    values: dict[str, Any] = {"platform": asked.platform, "market": asked.market, "paper": False}
    return Settled(t=t, value=Price(value), settled_us=t, source="t0", **{**values, **fields})


def remark(text: str = "started", t: int = T0, kind: str = "start") -> Remark:
    return Remark(t=t, kind=kind, text=text)


def of_risk() -> list[RiskFact]:
    """One of each of what risk keeps."""
    return [
        RiskStateChanged(t=T0, state="halted", asked="halted", by="operator", reason="lunch"),
        BreakerTripped(
            t=T0, reason_id="clock-1", breaker="clock", what="lisbon", effect="halt", text="off", value=7, until_us=None
        ),
        BreakerCleared(t=T0, reason_id="clock-1", by="operator"),
        PaidOut(t=T0, pair_id=PairId("pair_0"), trade_ids=(TradeId("t1"),)),
        PaidOut(t=T0, pair_id=PairId("pair_0"), trade_ids=(TradeId("t1"),), value=Price(10_000)),
    ]
