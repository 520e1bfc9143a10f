"""What the tests of Polymarket's words share: a key that is worth nothing, its market, and replies of the venue."""

from __future__ import annotations

import json
from typing import Any

from protocol.leg import Leg
from protocol.terms import POLYMARKET, Action, LegId, Side
from protocol.units import Price, Quantity
from venues.polymarket.market import MarketRules, read_market

KEY = "0x" + "11" * 32
SIGNER = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
CONDITION = "0x" + "ab" * 32
YES = "71321045679252212594626385532706912750332728571942532289631379312455583992563"
NO = "52114319501245915516055106046884209969926127482827954674443846427813813222426"
V2 = "815936903326676622163643583088180723230762743286976155920815331834571255552"
ORDER_ID = "0x" + "12" * 32

MARKET: dict[str, Any] = {
    "c": CONDITION,
    "t": [{"t": YES, "o": "Yes"}, {"t": NO, "o": "No"}],
    "mos": 5,
    "mts": 0.01,
    "mbf": 1000,
    "tbf": 1000,
    "ao": True,
    "nr": False,
    "fd": {"r": 0.04, "e": 1, "to": True},
    "v": "v1",
}


def rules(**other: Any) -> MarketRules:
    told = {**MARKET, **other}
    return read_market(CONDITION, told["t"][0]["t"], json.dumps(told).encode())


def leg(
    *, action: Action = Action.BUY, limit: int = 4_700, quantity: int = 600, token: str = YES, side: Side = Side.YES
) -> Leg:
    return Leg(
        leg_id=LegId("t1.a"),
        trade_id=None,
        pair_id=None,
        market_id=1,
        platform=POLYMARKET,
        market=token,
        action=action,
        side=side,
        limit=Price(limit),
        quantity=Quantity(quantity),
    )
