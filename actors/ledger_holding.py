"""What is held of one contract at one venue, at average cost, exactly. Pure arithmetic on whole micro-dollars.

The rule. A buy adds its contracts and what was paid. A sell of ``n`` out of ``q`` contracts held at a cost of ``c``
takes ``c * n / q`` out of the cost, rounded down to the micro-dollar, and realises what it brought less that. The part
of a micro-dollar that rounding left stays in the cost of what is still held, so nothing is lost or made: selling the
last contract takes all that is left. Fees are not part of a cost: they are realised when they are paid.

A sell of more than is held (a venue that reports more than was asked, or a fill that is proven late) closes what is
held and opens a *short*: negative contracts with a negative cost, which is what was received for them. Buying closes a
short by the same rule. Always, to the micro-dollar::

    spent - received == cost - realised
"""

from __future__ import annotations

from typing import Final

import msgspec

from protocol.units import Money, Quantity


class Holding(msgspec.Struct, frozen=True, gc=False):
    """``contracts`` held and what they cost; both negative for a short, both zero for nothing."""

    contracts: Quantity = Quantity(0)
    cost: Money = Money(0)


NOTHING = Holding()
_NO_GAIN: Final = Money(0)


def moved(held: Holding, contracts: int, paid: int) -> tuple[Holding, Money]:
    """The holding after a fill, and what it realised, fees aside.

    A buy has positive ``contracts`` and what was ``paid``; a sell has both negative. Money that moved without any
    contract is realised at once.
    """
    if contracts == 0:
        return held, Money(-paid)
    if held.contracts == 0 or (held.contracts > 0) == (contracts > 0):
        return Holding(Quantity(held.contracts + contracts), Money(held.cost + paid)), _NO_GAIN
    closed = min(abs(held.contracts), abs(contracts))
    cost_out = share(held.cost, closed, abs(held.contracts))
    paid_out = share(paid, closed, abs(contracts))
    after = Holding(Quantity(held.contracts + contracts), Money(held.cost - cost_out + paid - paid_out))
    return after, Money(-paid_out - cost_out)


def share(amount: int, part: int, whole: int) -> int:
    """``amount * part / whole``, rounded towards zero: what is left of a micro-dollar stays with the rest."""
    taken = abs(amount) * part // whole
    return taken if amount >= 0 else -taken
