"""What is said between actors about the cash of a venue's accounts."""

from __future__ import annotations

from actors.messages import Message
from protocol.terms import Platform
from protocol.units import Money


class CashAsked(Message, frozen=True):
    """What is there to be spent on these platforms? Answered by a :class:`CashSaid` for each, or not at all.

    ``number`` is the asker's own, and comes back with the answer. ``markets``: of these it is asked, too, on which
    shard they are; whoever knows no shards leaves them out.
    """

    number: int
    platforms: frozenset[Platform]
    markets: tuple[str, ...] = ()


class CashSaid(Message, frozen=True):
    """What the accounts of a platform had at some moment after they were asked; a shard's name may be empty.

    No account at all: this venue does not say what it has. ``failed``: why it could not be asked. ``who``: the trader.
    ``shards``: of markets that were asked about, each with the shard that it is on.
    """

    number: int
    platform: Platform
    paper: bool
    accounts: tuple[tuple[str, Money], ...] = ()
    failed: str | None = None
    who: str = "local"
    shards: tuple[tuple[str, str], ...] = ()
