"""An account as the wire tells of it, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from actors.holdings_messages import HoldingsAsked, HoldingsSaid
from protocol import holdings
from protocol.codec import MAX_FRAME_BYTES
from protocol.terms import Platform
from protocol.wire import MAX_ACCOUNTS, MAX_HELD, MAX_LISTED, MAX_NAME, MAX_SETTLED, Holdings, HoldingsQuery

MAX_PARTS: Final = 8
"""Frames of one account, half of what may wait unsent on a connection: some 2,500 positions."""

ENTRY: Final = 80
"""Bytes of an entry besides its names, at most: numbers, quotes, commas."""

ROOM: Final = MAX_FRAME_BYTES - 8_000
"""Bytes for the lists of one frame; the rest is for the head and the accounts."""

LOST: Final = 2 * 3 * MAX_NAME + ENTRY
"""Bytes that stay empty at the end of a frame, at most: the next entry did not fit."""

NO_CONTENT: Final = "the answer holds neither an account nor a reason"

Entry = tuple[str, Any, int]
"""Which list, what is in it, and its bytes."""


def holdings_query(asked: HoldingsAsked, platforms: list[Platform]) -> HoldingsQuery:
    """The question, from an end that takes the answer in parts."""
    return HoldingsQuery.model_construct(
        number=asked.number, platforms=platforms, since_us=asked.since_us, parts=MAX_PARTS
    )


def on_the_wire(
    number: int, platform: Platform, held: holdings.Holdings, *, paper: bool, parts: int | None = None
) -> list[Holdings]:
    """The whole of it, in one frame or in at most ``parts``, or why it does not fit.

    Of too many orders the newest, and from when on.
    """
    whole: dict[str, Any] = {"number": number, "platform": platform, "paper": paper}
    frames = min(parts or 1, MAX_PARTS)
    room = frames * ROOM - (frames - 1) * LOST
    must = [*_positions(held), *_moving(held)]
    room -= sum(size for *_, size in must)
    if room < 0 or len(held.positions) > frames * MAX_HELD or len(held.accounts) > MAX_ACCOUNTS:
        where = "one message" if frames == 1 else f"{frames} messages"
        return [Holdings.model_construct(**whole, error=f"{len(held.positions)} positions do not fit into {where}")]
    settled = list(_settled(held, room // 2))
    room -= sum(size for *_, size in settled)
    orders, since = _newest(held, room, frames * MAX_LISTED)
    head: dict[str, Any] = {"accounts": list(held.accounts), "nets": held.nets, "listed_from_us": since}
    lists = list(_packed([*must, *settled, *map(_order, orders)]))
    if len(lists) == 1:
        return [Holdings.model_construct(**whole | head | lists[0])]
    return [
        Holdings.model_construct(**whole | head | some, part=part, parts=len(lists))
        for part, some in enumerate(lists, 1)
    ]


def _positions(held: holdings.Holdings) -> Iterator[Entry]:
    for one in held.positions:
        yield "positions", (one.market, one.side, one.contracts), _bytes(one.market)


def _moving(held: holdings.Holdings) -> Iterator[Entry]:
    for name in held.moving:
        yield "moving", name, _bytes(name)


def _settled(held: holdings.Holdings, room: int) -> Iterator[Entry]:
    """The newest that there is room for."""
    for one in sorted(held.settled, key=lambda one: one.t_us, reverse=True)[:MAX_SETTLED]:
        size = _bytes(one.market)
        room -= size
        if room < 0:
            return
        yield "settled", (one.market, one.yes, one.no, one.value, one.t_us), size


def _order(one: holdings.ListedOrder) -> Entry:
    size = _bytes(one.client_id, one.order_id, one.market)
    return "orders", (one.client_id, one.order_id, one.market, one.filled, one.left, one.t_us), size


def _packed(entries: Iterable[Entry]) -> Iterator[dict[str, list[Any]]]:
    """The lists of each frame, in their order; of the first frame there is always one."""
    some: dict[str, list[Any]] = {"positions": []}
    room = ROOM
    for name, entry, size in entries:
        room -= size
        if room < 0:
            yield some
            some, room = {"positions": []}, ROOM - size
        some.setdefault(name, []).append(entry)
    yield some


def _newest(held: holdings.Holdings, room: int, most: int) -> tuple[list[holdings.ListedOrder], int | None]:
    """The orders that there is room for, what rests before all others, and from when on they are all there."""
    kept: list[holdings.ListedOrder] = []
    for order in sorted(held.orders, key=lambda one: (bool(one.left), one.t_us), reverse=True):
        named = msgspec.structs.replace(order, client_id=_plain(order.client_id), order_id=_plain(order.order_id))
        room -= _bytes(named.client_id, named.order_id, named.market)
        if room < 0 or len(kept) >= most:
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
    part = None if told.part is None else (told.part, told.parts or 0)
    return HoldingsSaid(told.number, told.platform, told.paper, found, who=who, part=part)


class HoldingsParts:
    """Puts an account together again; one of which a part is missing never was."""

    def __init__(self) -> None:
        """Nothing heard."""
        self._heard: dict[tuple[Platform, bool], list[HoldingsSaid]] = {}

    def take(self, said: HoldingsSaid) -> HoldingsSaid | None:
        """The whole account, once it is there; None before."""
        key = said.platform, said.paper
        if said.part is None or said.holdings is None:
            self._heard.pop(key, None)
            return said
        number, count = said.part
        heard = self._heard.setdefault(key, [])
        if number == 1:
            heard.clear()
        if not self._is_next(heard, said) or not 0 < number <= count <= MAX_PARTS:
            del self._heard[key]
            return None
        heard.append(said)
        if number < count:
            return None
        del self._heard[key]
        return _whole(heard)

    @staticmethod
    def _is_next(heard: list[HoldingsSaid], said: HoldingsSaid) -> bool:
        """Whether it goes on where the last one ended."""
        number, count = said.part or (0, 0)
        if not heard:
            return number == 1
        last = heard[-1]
        return (last.number, last.who, last.part) == (said.number, said.who, (number - 1, count))


def _whole(parts: list[HoldingsSaid]) -> HoldingsSaid:
    """One answer of all parts; what is no list is in each of them."""
    pieces = [said.holdings for said in parts if said.holdings is not None]
    whole = msgspec.structs.replace(
        pieces[0],
        positions=tuple(one for piece in pieces for one in piece.positions),
        orders=tuple(one for piece in pieces for one in piece.orders),
        moving=tuple(one for piece in pieces for one in piece.moving),
        settled=tuple(one for piece in pieces for one in piece.settled),
    )
    return msgspec.structs.replace(parts[0], holdings=whole, part=None)
