"""An account as the wire tells of it, and back."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from actors.holdings_messages import HoldingsSaid
from protocol import holdings
from protocol.codec import MAX_FRAME_BYTES
from protocol.terms import Platform
from protocol.wire import MAX_ACCOUNTS, MAX_HELD, MAX_LISTED, MAX_NAME, MAX_SETTLED, Holdings

ENTRY: Final = 80
"""Bytes of an entry besides its names, at most: numbers, quotes, commas."""

ROOM: Final = MAX_FRAME_BYTES - 8_000
"""Bytes for positions and orders; the rest is for the head and the accounts."""

NO_CONTENT: Final = "the answer holds neither an account nor a reason"


def on_the_wire(number: int, platform: Platform, held: holdings.Holdings, *, paper: bool) -> Holdings:
    """The whole of it in one frame, or why it does not fit; of too many orders the newest, and from when on."""
    whole: dict[str, Any] = {"number": number, "platform": platform, "paper": paper}
    room = ROOM - sum(_bytes(one.market) for one in held.positions) - sum(_bytes(name) for name in held.moving)
    if room < 0 or len(held.positions) > MAX_HELD or len(held.accounts) > MAX_ACCOUNTS:
        return Holdings.model_construct(**whole, error=f"{len(held.positions)} positions do not fit into one message")
    settled = sorted(held.settled, key=lambda one: one.t_us, reverse=True)[:MAX_SETTLED]
    settled = settled[: max(0, room) // 2 // max([_bytes(one.market) for one in settled], default=1)]
    orders, since = _newest(held, room - sum(_bytes(one.market) for one in settled))
    return Holdings.model_construct(
        **whole,
        positions=[(one.market, one.side, one.contracts) for one in held.positions],
        orders=[(one.client_id, one.order_id, one.market, one.filled, one.left, one.t_us) for one in orders],
        accounts=list(held.accounts),
        nets=held.nets,
        listed_from_us=since,
        moving=list(held.moving),
        settled=[(one.market, one.yes, one.no, one.value, one.t_us) for one in settled],
    )


def _newest(held: holdings.Holdings, room: int) -> tuple[list[holdings.ListedOrder], int | None]:
    """The orders that there is room for, what rests before all others, and from when on they are all there."""
    kept: list[holdings.ListedOrder] = []
    for order in sorted(held.orders, key=lambda one: (bool(one.left), one.t_us), reverse=True):
        named = msgspec.structs.replace(order, client_id=_plain(order.client_id), order_id=_plain(order.order_id))
        room -= _bytes(named.client_id, named.order_id, named.market)
        if room < 0 or len(kept) >= MAX_LISTED:
            return kept, max(order.t_us + 1, held.listed_from_us or 0)
        kept.append(named)
    return kept, held.listed_from_us


def _plain(name: str) -> str:
    """Another program's id may be anything."""
    return name.encode("ascii", "replace").decode()[:MAX_NAME]


def _bytes(*names: str) -> int:
    """At most so many of an entry with these names; a character may be escaped."""
    return sum(2 * len(name) for name in names) + ENTRY


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
        settled=tuple(holdings.SettledMarket(*one) for one in told.settled),
    )
    return HoldingsSaid(told.number, told.platform, told.paper, found, who=who)
