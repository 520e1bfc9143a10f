"""What the tests of `arb ledger` share: a ledger with some facts, how to run the command, a controller that answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from actors.facts import AnyFact
from cli import ledger as ledger_module
from cli import ledger_rebuild
from protocol.terms import POLYMARKET, PairId, Side
from protocol.units import Money, Quantity
from tests.fact_kit import T0, opened, outcome, over, remark, seen, sent, unknown

HOUR = 3_600_000_000
DAY = 24 * HOUR
LATER = PairId("nba_mvp_2026_shai")


def filled(leg_id: str, contracts: int, cost: int, fees: int = 0, t: int = T0, **fields: Any) -> AnyFact:
    amounts = {"filled": Quantity(contracts), "cost": Money(cost), "fees": Money(fees)}
    return seen(outcome(leg_id, **{**amounts, **fields}), t=t)


FACTS: list[AnyFact] = [
    remark(),
    opened(),
    sent("t1-1"),
    sent("t1-2", platform=POLYMARKET, side=Side.NO),
    filled("t1-1", 1_000, 5_200_000, 170_000),
    filled("t1-2", 1_000, 4_500_000, 30_000),
    over(),
    opened("t2", t=T0 + DAY, pair_id=LATER, dry_run=True),
    sent("t2-1", t=T0 + DAY, pair_id=LATER),
    sent("t2-2", t=T0 + DAY, pair_id=LATER, platform=POLYMARKET, side=Side.NO),
    sent("t2-3", t=T0 + DAY, pair_id=LATER),
    filled("t2-1", 500, 2_512_345, 1, t=T0 + DAY, paper=True),
    seen(unknown("t2-2", error="no answer"), t=T0 + DAY),
]


class Said:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line, parse_float=Decimal) for line in self.out.splitlines()]


Run = Callable[..., Said]


def controller_says(monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any] | Exception) -> None:
    def ask(*_: object) -> dict[str, Any]:
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(ledger_rebuild, "ask", ask)
    monkeypatch.setattr(ledger_module, "ask", ask)


def as_sent(value: dict[str, Any]) -> dict[str, Any]:
    """As it comes out of the status socket."""
    encoded = msgspec.json.Encoder(decimal_format="number").encode(value)
    return dict(json.loads(encoded, parse_float=Decimal))
