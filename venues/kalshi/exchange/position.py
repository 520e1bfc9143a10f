"""What an account holds of one market: YES above zero, NO below; the one nets the other."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.units import DOLLAR, Money, Price, Quantity


def unit_cost(price: Price, *, is_bid: bool) -> Price:
    """What a contract opened at that YES price costs: YES for a bid, NO for an ask."""
    return price if is_bid else Price(DOLLAR - price)


@dataclass(slots=True)
class Position:
    """Signed contracts, what the open ones cost, what closed ones brought. Money is in micro-dollars."""

    net: int = 0
    cost: int = 0
    realized: int = 0
    fees: int = 0
    spent: int = 0
    volume: int = 0
    updated_us: int = 0

    def closable(self, quantity: Quantity, *, is_bid: bool) -> Quantity:
        """How much of an order would close what is held."""
        return Quantity(min(quantity, max(-self.net if is_bid else self.net, 0)))

    def revenue(self, price: Price, quantity: Quantity, *, is_bid: bool) -> Money:
        """What a fill moves on the balance before fees: a pair of YES and NO gives its dollar back at once."""
        unit = unit_cost(price, is_bid=is_bid)
        closing = self.closable(quantity, is_bid=is_bid)
        return Money(closing * (DOLLAR - unit) - (quantity - closing) * unit)

    def fill(self, price: Price, quantity: Quantity, *, is_bid: bool) -> Money:
        """Book a fill; answers with its :meth:`revenue`."""
        revenue = self.revenue(price, quantity, is_bid=is_bid)
        unit = unit_cost(price, is_bid=is_bid)
        closing = self.closable(quantity, is_bid=is_bid)
        if closing:
            released = self.cost * closing // abs(self.net)
            self.cost -= released
            self.realized += closing * (DOLLAR - unit) - released
        self.cost += (quantity - closing) * unit
        self.spent += quantity * unit
        self.volume += quantity
        self.net += quantity if is_bid else -quantity
        return revenue

    def copy(self) -> Position:
        """The same, to try something on."""
        return Position(self.net, self.cost, self.realized, self.fees, self.spent, self.volume, self.updated_us)
