"""What is said between actors about the markets in which an order could leave."""

from __future__ import annotations

from actors.messages import Message
from protocol.terms import Platform


class MarketsAsked(Message, frozen=True):
    """Have the rules of these markets read ahead. Answered by one :class:`MarketsSaid`, or not at all.

    ``number`` is the asker's own, from 1 on, and comes back with the answer. ``conn_id``: the trader that is asked, by
    its connection; None for one of this process.
    """

    number: int
    platform: Platform
    markets: tuple[str, ...]
    conn_id: int | None = None


class MarketsSaid(Message, frozen=True):
    """In which markets an order could leave now, and why not in others. ``number`` 0: news that nobody asked for."""

    number: int
    platform: Platform
    ready: tuple[str, ...] = ()
    unready: tuple[tuple[str, str], ...] = ()
    who: str = "local"
    conn_id: int | None = None
