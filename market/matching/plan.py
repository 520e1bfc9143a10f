"""What an order would do to a book at this moment: decided first, so that money can be asked before anything moves."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from market.matching.order import Arrival, Resting
from protocol.units import Quantity


class Ended(StrEnum):
    """Why an order, or the rest of one, does not go on."""

    KILLED = "killed"
    UNFILLED_REST = "unfilled rest"
    POST_ONLY_CROSS = "post only cross"
    SELF_TRADE = "self trade"


@dataclass(frozen=True, slots=True)
class Match:
    """``quantity`` of the arriving order against one that rests, at the resting order's price."""

    maker: Resting
    quantity: Quantity


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The matches in order, the owner's own orders that give way, what rests, and what of it ends at once.

    The sum of the matches, ``rests`` and ``canceled`` is the quantity of the order.
    """

    arrival: Arrival
    matches: tuple[Match, ...] = ()
    gives_way: tuple[Resting, ...] = ()
    rests: Quantity = Quantity(0)
    canceled: Quantity = Quantity(0)
    ended: Ended | None = None

    @property
    def filled(self) -> Quantity:
        """How much is filled."""
        return Quantity(sum(match.quantity for match in self.matches))
