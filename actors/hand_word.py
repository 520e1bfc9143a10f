"""What a person says became of a leg that nobody could prove, read exactly, as an outcome like any other. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import Status
from protocol.units import (
    Money,
    Quantity,
    UnitError,
    money_from_dollars,
    notional,
    price_from_cents,
    quantity_from_wire,
)

PERSON: Final = "operator"
"""Who told of it, in the ledger: any proof that a venue gives later goes above this word."""

MAX_REASON: Final = 500


class NoWord(ValueError):
    """What was said is no fate of that leg; the text names the field and the fix."""


def outcome_by_hand(leg: Leg, said: Mapping[str, Any], *, revision: int, paper: bool) -> Outcome:
    """The fate as it was said. Raises :class:`NoWord`.

    ``filled`` contracts (``"0"``: nothing) at ``price`` cents on average with ``fees`` dollars, all decimal texts, and
    a ``reason``: how the person knows.
    """
    reason = said.get("reason")
    if not isinstance(reason, str) or not reason.strip():
        raise NoWord("reason: say how you know, such as what the venue's own page shows")
    why = f"by hand: {reason.strip()[:MAX_REASON]}"
    try:
        filled = _decimal(said, "filled")
        if filled == 0:
            return Outcome(leg_id=leg.leg_id, status=Status.UNFILLED, error=why, revision=revision, paper=paper)
        quantity = quantity_from_wire(filled)
        price = price_from_cents(_decimal(said, "price"))
        fees = money_from_dollars(_decimal(said, "fees"))
    except UnitError as error:
        raise NoWord(str(error)) from None
    if quantity > leg.quantity:
        raise NoWord("filled: more than was ordered; what else the account holds is not this leg's")
    if fees < 0:
        raise NoWord("fees: must be at least 0")
    return Outcome(
        leg_id=leg.leg_id,
        status=Status.FILLED if quantity == leg.quantity else Status.PARTIAL,
        filled=Quantity(quantity),
        cost=Money(notional(price, quantity)),
        fees=fees,
        error=why,
        revision=revision,
        paper=paper,
    )


def _decimal(said: Mapping[str, Any], field: str) -> Decimal:
    value = said.get(field)
    try:
        number = Decimal(value) if isinstance(value, str) else None
    except InvalidOperation:
        number = None
    if number is None or not number.is_finite():
        raise NoWord(f"{field}: must be a number such as 9.5")
    return number
