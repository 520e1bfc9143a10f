"""The paper venues' own files, added up once more: plain SQL and integers, nothing of the product's code.

Units are the file's: a price is 1/10,000 dollar, a quantity 1/100 contract, so that their product is micro-dollars.
"""

from __future__ import annotations

import sqlite3
import tomllib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

DOLLAR_FOR_A_HUNDREDTH: Final = 10_000
"""What 1/100 contract of the right side pays, in micro-dollars."""


class Fill(NamedTuple):
    """One fill, in the order in which the venue booked it."""

    leg_id: str
    pair_id: str
    platform: str
    side: str
    sign: int
    quantity: int
    cost: int
    fee: int


@dataclass(slots=True)
class Held:
    """One contract at one venue: what is held at which average cost, and what went in and out."""

    contracts: int = 0
    cost: int = 0
    spent: int = 0
    received: int = 0
    fees: int = 0
    realised: int = 0

    def order(self, contracts: int, money: int, fees: int) -> None:
        """Buy (more than zero contracts) or sell: the sold part of the cost is rounded down, the last takes all."""
        self.fees += fees
        if contracts > 0:
            self.contracts += contracts
            self.cost += money
            self.spent += money
            return
        assert 0 < -contracts <= self.contracts, "sold what was not held"
        sold = self.cost * -contracts // self.contracts
        self.contracts += contracts
        self.cost -= sold
        self.received += money
        self.realised += money - sold


@dataclass(frozen=True, slots=True)
class Sums:
    """One pair over both venues."""

    net: int
    realised: int
    fees: int
    locked_in: int
    at_risk: int
    matched: int
    excess: int


def markets(pairs: Path) -> dict[str, str]:
    """Each market that a venue knows, and the pair that it belongs to."""
    found: dict[str, str] = {}
    for pair in tomllib.loads(pairs.read_text())["pairs"]:
        for name in ("kalshi_market_ticker", "poly_yes_token", "poly_no_token"):
            found[pair[name]] = pair["pair_id"]
    return found


def fills(home: Path, pairs: Path) -> Iterator[Fill]:
    """Every fill that the venues of this home have booked."""
    pair_of = markets(pairs)
    query = "SELECT leg_id, market, action, side, price, quantity, fee FROM fills ORDER BY seq"
    for file in sorted(home.glob("paper-*.db")):
        platform = file.stem.removeprefix("paper-")
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as books:
            for leg_id, market, action, side, price, quantity, fee in books.execute(query):
                sign = {"buy": 1, "sell": -1}[action]
                yield Fill(leg_id, pair_of[market], platform, side, sign, quantity, price * quantity, fee)


def by_order(found: Iterator[Fill]) -> dict[str, Fill]:
    """The fills of one order are one: orders in the sequence of their first fills."""
    orders: dict[str, Fill] = {}
    for fill in found:
        so_far = orders.get(fill.leg_id, fill._replace(quantity=0, cost=0, fee=0))
        orders[fill.leg_id] = fill._replace(
            quantity=so_far.quantity + fill.quantity, cost=so_far.cost + fill.cost, fee=so_far.fee + fill.fee
        )
    return orders


def positions(orders: Mapping[str, Fill]) -> dict[tuple[str, str, str], Held]:
    """What is held by pair, platform and side."""
    held: defaultdict[tuple[str, str, str], Held] = defaultdict(Held)
    for order in orders.values():
        held[order.pair_id, order.platform, order.side].order(order.sign * order.quantity, order.cost, order.fee)
    return dict(held)


def profit(held: Mapping[tuple[str, str, str], Held]) -> dict[str, Sums]:
    """What each pair brought, has locked in, and may lose."""
    return {
        pair: _profit([(side, one) for (name, _, side), one in held.items() if name == pair]) for pair, _, _ in held
    }


def _profit(held: list[tuple[str, Held]]) -> Sums:
    contracts = {side: sum(one.contracts for which, one in held if which == side) for side in ("yes", "no")}
    cost = {side: sum(one.cost for which, one in held if which == side) for side in ("yes", "no")}
    matched = min(contracts.values())
    of_matched = sum(cost[side] * matched // count for side, count in contracts.items() if count)
    realised, fees = sum(one.realised for _, one in held), sum(one.fees for _, one in held)
    sums = Sums(
        net=realised - fees,
        realised=realised,
        fees=fees,
        locked_in=matched * DOLLAR_FOR_A_HUNDREDTH - of_matched,
        at_risk=sum(cost.values()) - of_matched,
        matched=matched,
        excess=max(contracts.values()) - matched,
    )
    # Once more by cash alone, which knows nothing of an average: what went in and out, and what the matched pay.
    cash = sum(one.received - one.spent - one.fees for _, one in held)
    assert cash + matched * DOLLAR_FOR_A_HUNDREDTH == sums.net + sums.locked_in - sums.at_risk
    return sums


def usd(micro: int) -> Decimal:
    """Micro-dollars as dollars."""
    return Decimal(micro) / 1_000_000


def contracts(hundredths: int) -> Decimal:
    """Hundredths as contracts."""
    return Decimal(hundredths) / 100
