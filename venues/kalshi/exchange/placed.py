"""What an order came to at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from protocol.units import Money, Quantity
from venues.kalshi.exchange.order import Order
from venues.kalshi.exchange.texts import MILLISECOND_US, average_text, count_text, fee_average_text


@dataclass(frozen=True, slots=True)
class Placed:
    """The reply to a create, and to its part of a batch."""

    order_id: str
    client_order_id: str
    filled: Quantity
    left: Quantity
    cost: Money
    fees: Money
    t_us: int

    @classmethod
    def of(cls, order: Order, now_us: int) -> Placed:
        """From the order as it is now, in YES dollars."""
        filled = Quantity(order.filled)
        return cls(
            order.order_id,
            order.client_order_id,
            filled,
            order.left,
            Money(order.yes_cost),
            Money(order.taker_fees),
            now_us,
        )

    def document(self) -> dict[str, Any]:
        """``CreateOrderV2Response``."""
        document: dict[str, Any] = {
            "order_id": self.order_id,
            "client_order_id": self.client_order_id,
            "fill_count": count_text(self.filled),
            "remaining_count": count_text(self.left),
            "ts_ms": self.t_us // MILLISECOND_US,
        }
        if self.filled:
            document["average_fill_price"] = average_text(self.cost, self.filled)
            document["average_fee_paid"] = fee_average_text(self.fees, self.filled)
        return document
