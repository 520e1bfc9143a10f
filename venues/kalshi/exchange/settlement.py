"""A market's end: what it resolved to, and what its members read of what it paid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from protocol.units import DOLLAR, Money, Price
from venues.kalshi.exchange.market import Market
from venues.kalshi.exchange.texts import cents, count_text, moment_text, money_text, price_text

Result = Literal["yes", "no", "scalar"]
CENT: Final = DOLLAR // 100


@dataclass(frozen=True, slots=True)
class Settlement:
    """What one member got: ``net`` contracts (NO below zero) that had cost ``cost`` brought ``revenue``."""

    market: Market
    net: int
    cost: int
    fees: int
    revenue: Money
    t_us: int

    def document(self) -> dict[str, Any]:
        """``Settlement``."""
        market, zero = self.market, money_text(0)
        value = market.settlement_value
        return {
            "ticker": market.ticker,
            "exchange_index": market.shard,
            "event_ticker": market.listing.event,
            "market_result": market.result,
            "yes_count_fp": count_text(max(self.net, 0)),
            "yes_total_cost_dollars": money_text(self.cost) if self.net > 0 else zero,
            "no_count_fp": count_text(max(-self.net, 0)),
            "no_total_cost_dollars": money_text(self.cost) if self.net < 0 else zero,
            "revenue": cents(self.revenue),
            "settled_time": moment_text(self.t_us),
            "fee_cost": money_text(self.fees),
            "value": None if value is None else value // CENT,
        }


def value_of(result: Result) -> Price | None:
    """What a YES contract pays where the result alone says it."""
    return {"yes": DOLLAR, "no": Price(0), "scalar": None}[result]


def determination(market: Market) -> dict[str, str]:
    """What the message of a determined market tells of its result, as far as one was given."""
    if market.settlement_value is None:
        return {}
    return {"result": market.result, "settlement_value": price_text(market.settlement_value)}
