"""An account as the wire tells of it, and back."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from actors.holdings_messages import HoldingsSaid
from protocol import holdings
from protocol.terms import Platform
from protocol.wire import MAX_ACCOUNTS, MAX_HELD, MAX_LISTED, Holdings

NO_CONTENT: Final = "the answer holds neither an account nor a reason"


def on_the_wire(number: int, platform: Platform, held: holdings.Holdings, *, paper: bool) -> Holdings:
    """The whole of it, or the reason why it does not fit; of too many orders the newest, and from when on."""
    whole: dict[str, Any] = {"number": number, "platform": platform, "paper": paper}
    if len(held.positions) > MAX_HELD:
        return Holdings.model_construct(**whole, error=f"more than {MAX_HELD} positions cannot be told")
    if len(held.moving) > MAX_HELD:
        return Holdings.model_construct(**whole, error=f"orders are under way in more than {MAX_HELD} markets")
    if len(held.accounts) > MAX_ACCOUNTS:
        return Holdings.model_construct(**whole, error=f"more than {MAX_ACCOUNTS} accounts cannot be told")
    kept = held
    if len(held.orders) > MAX_LISTED:
        newest = sorted(held.orders, key=lambda order: (bool(order.left), order.t_us))[-MAX_LISTED:]
        since = min(order.t_us for order in newest)
        kept = msgspec.structs.replace(held, orders=tuple(newest), listed_from_us=since)
    return Holdings.model_construct(
        **whole,
        positions=[(one.market, one.side, one.contracts) for one in kept.positions],
        orders=[
            (order.client_id, order.order_id, order.market, order.filled, order.left, order.t_us)
            for order in kept.orders
        ],
        accounts=list(kept.accounts),
        nets=kept.nets,
        listed_from_us=kept.listed_from_us,
        moving=list(kept.moving),
    )


def off_the_wire(told: Holdings, who: str) -> HoldingsSaid:
    """What the trader says; without positions it is no account, but a reason."""
    if told.error is not None or told.positions is None:
        why = told.error or NO_CONTENT
        return HoldingsSaid(told.number, told.platform, told.paper, failed=why, who=who)
    found = holdings.Holdings(
        positions=tuple(holdings.HeldContracts(*one) for one in told.positions),
        orders=tuple(holdings.ListedOrder(*one) for one in told.orders),
        accounts=tuple(told.accounts),
        nets=bool(told.nets),
        listed_from_us=told.listed_from_us,
        moving=tuple(told.moving),
    )
    return HoldingsSaid(told.number, told.platform, told.paper, found, who=who)
