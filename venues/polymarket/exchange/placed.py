"""What an order came to at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from venues.polymarket.exchange.amounts import amount_text
from venues.polymarket.exchange.order import Order


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """The reply to ``POST /order``. Amounts are empty where nothing was matched; fees are in neither of them."""

    order_id: str
    status: str
    making: str = ""
    taking: str = ""
    trades: tuple[str, ...] = ()
    problem: str = ""
    success: bool = True

    @classmethod
    def of(cls, order: Order, status: str | None = None) -> Placed:
        """From the order as it is now; another ``status`` tells nothing of its amounts."""
        if status is not None or not order.filled:
            return cls(order_id=order.order_id, status=status or order.status.lower())
        amounts = (amount_text(order.paid), amount_text(order.filled))
        making, taking = amounts if order.buys else amounts[::-1]
        return cls(order_id=order.order_id, status="matched", making=making, taking=taking, trades=tuple(order.trades))

    def document(self) -> dict[str, Any]:
        """As it is sent. Hashes of transactions are left out, as they are since July 2026."""
        return {
            "errorMsg": self.problem,
            "orderID": self.order_id,
            "takingAmount": self.taking,
            "makingAmount": self.making,
            "status": self.status,
            "tradeIDs": list(self.trades),
            "success": self.success,
        }
