"""What a trader says of a leg, written without the model, is to the letter what the model would write."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from actors.leg_answers import leg_result, seed_fields
from actors.messages import LegReported
from protocol.codec import decode, encode
from protocol.leg import Leg
from protocol.leg_frame import AckFrame
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, PairId, Side, Status, TradeId
from protocol.units import DOLLAR, MAX_QUANTITY, Money, Price, Quantity
from protocol.wire import LegAck, LegResult

TEXTS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)
IDS = st.from_regex(r"\A[A-Za-z0-9-]{1,64}\Z").map(LegId)
LEGS = st.builds(
    Leg,
    leg_id=IDS,
    trade_id=st.none() | TEXTS.map(TradeId),
    pair_id=st.none() | TEXTS.map(PairId),
    market_id=st.integers(0, 65_535),
    platform=st.sampled_from([KALSHI, POLYMARKET]),
    market=TEXTS,
    action=st.sampled_from(Action),
    side=st.sampled_from(Side),
    limit=st.integers(1, DOLLAR - 1).map(Price),
    quantity=st.integers(1, MAX_QUANTITY).map(Quantity),
)
OUTCOMES = st.builds(
    Outcome,
    leg_id=IDS,
    status=st.sampled_from(Status),
    filled=st.integers(0, 10**6).map(Quantity),
    cost=st.integers(0, 10**12).map(Money),
    fees=st.integers(-(10**9), 10**9).map(Money),
    order_id=st.none() | TEXTS,
    error=st.none() | TEXTS,
    revision=st.integers(-1, 10**6),
    final=st.booleans(),
    paper=st.booleans(),
    latency_ns=st.none() | st.integers(0, 2**60),
)


def modelled(leg: Leg, outcome: Outcome, arb_type: str | None, level: int) -> LegResult:
    """The same through the model."""
    fields: dict[str, Any] = seed_fields(leg.platform, outcome)
    if level > 1:
        fields |= {
            "status": outcome.status,
            "cost": outcome.cost,
            "fees": outcome.fees,
            "revision": max(0, outcome.revision),
            "final": outcome.final,
            "paper": outcome.paper,
            "trader_id": "trader-1",
            "trade_id": leg.trade_id,
            "pair_id": leg.pair_id,
            "market_id": leg.market_id,
            "action": leg.action,
            "side": leg.side,
            "price": leg.limit,
            "contracts": leg.quantity,
            "latency_ns": outcome.latency_ns,
            "arb_type": arb_type,
        }
        fields["kalshi_market_ticker" if leg.platform == KALSHI else "poly_token"] = leg.market
    return LegResult.model_construct(**fields)


@given(LEGS, OUTCOMES, st.none() | TEXTS, st.sampled_from([1, 2]))
def test_a_result_is_the_one_that_the_model_would_write(
    leg: Leg, outcome: Outcome, arb_type: str | None, level: int
) -> None:
    frame = leg_result(leg, LegReported(outcome, None, "t", leg, arb_type), level, "trader-1")
    assert encode(frame) == encode(modelled(leg, outcome, arb_type, level))


@given(IDS, st.integers(0, 2**60))
def test_an_ack_is_the_one_that_the_model_would_write(leg_id: LegId, revision: int) -> None:
    said = LegAck(leg_id=leg_id, revision=revision)
    assert encode(AckFrame(leg_id, revision)) == encode(said)
    assert decode(encode(AckFrame(leg_id, revision))) == said
