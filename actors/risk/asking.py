"""Which trades wait for a person, and the queue of those that do. Pure; the executor owns it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from actors.pair_books import PairBooks
from market.opportunity import ArbType, Opportunity
from protocol.terms import PairId
from protocol.units import Money, Quantity, money_to_dollars, price_to_cents, quantity_to_wire

MAX_ASKED: Final = 200
"""Trades that wait at once; beyond that the next ones are not asked about until there is room."""

SHOWN_LEVELS: Final = 3


class AskRules(msgspec.Struct, frozen=True, kw_only=True):
    """Which trades a person is asked about: all, those of these pairs, and those that cost more than this.

    ``expires_us``: how long an answer is waited for. ``rejected_us``: for how long a pair is not asked about again.
    """

    everything: bool = False
    pairs: frozenset[PairId] = frozenset()
    above: Money | None = None
    expires_us: int = 60_000_000
    rejected_us: int = 60_000_000

    def about(self, seen: Opportunity) -> bool:
        """Whether this one waits for a person."""
        dear = self.above is not None and seen.cost + seen.fees > self.above
        return self.everything or seen.pair_id in self.pairs or dear


class Asked(msgspec.Struct):
    """One trade that waits, and the pair's books as they are now (None until they have come)."""

    number: int
    seen: Opportunity
    since_us: int
    since_unix_us: int
    books: PairBooks | None = None


class Accepted(msgspec.Struct, frozen=True):
    """A person said yes to a trade of this kind, and to no more contracts than were shown."""

    arb_type: ArbType
    quantity: Quantity
    number: int


class AskQueue:
    """Guarantees: one trade a pair; what was accepted runs at most once, and only if it is offered again at once."""

    def __init__(self, rules: AskRules) -> None:
        """Nothing waits."""
        self.rules = rules
        self.asked: dict[PairId, Asked] = {}
        self.accepted: dict[PairId, Accepted] = {}
        self.rejected: dict[PairId, int] = {}
        self.counts = {"asked": 0, "accepted": 0, "rejected": 0, "expired": 0, "gone": 0}
        self._number = 0

    def take(self, seen: Opportunity) -> Accepted | None:
        """The acceptance that this offer is the answer to; used up with it. None: nobody accepted such a trade."""
        accepted = self.accepted.get(seen.pair_id)
        if accepted is None or accepted.arb_type is not seen.arb_type:
            return None
        return self.accepted.pop(seen.pair_id)

    def ask(self, seen: Opportunity, now_us: int, unix_us: int) -> Asked | str:
        """Have it wait for a person; or why it does not."""
        if self.rejected.get(seen.pair_id, 0) > now_us:
            return "a person rejected it"
        if len(self.asked) >= MAX_ASKED:
            return "too many trades wait for a person"
        self._number += 1
        self.counts["asked"] += 1
        self.asked[seen.pair_id] = Asked(self._number, seen, now_us, unix_us)
        return self.asked[seen.pair_id]

    def find(self, number: int) -> Asked | None:
        """The trade that was asked about under this number."""
        return next((each for each in self.asked.values() if each.number == number), None)

    def accept(self, asked: Asked) -> None:
        """A person said yes: the next offer of it runs."""
        seen = asked.seen
        del self.asked[seen.pair_id]
        self.accepted[seen.pair_id] = Accepted(seen.arb_type, seen.quantity, asked.number)
        self.counts["accepted"] += 1

    def reject(self, asked: Asked, now_us: int) -> None:
        """A person said no: the pair is not asked about for a while."""
        del self.asked[asked.seen.pair_id]
        self.rejected[asked.seen.pair_id] = now_us + self.rules.rejected_us
        self.counts["rejected"] += 1

    def expire(self, now_us: int) -> Sequence[Asked]:
        """Those that nobody answered in time; they wait no longer."""
        late = [each for each in self.asked.values() if now_us - each.since_us >= self.rules.expires_us]
        for each in late:
            del self.asked[each.seen.pair_id]
        self.counts["expired"] += len(late)
        for pair_id in [each for each, until in self.rejected.items() if until <= now_us]:
            del self.rejected[pair_id]
        return late

    def drop(self, pair_id: PairId) -> bool:
        """It waits no longer, for a reason that is not a person's."""
        return self.asked.pop(pair_id, None) is not None

    def records(self, now_us: int) -> list[dict[str, Any]]:
        """What waits, oldest first: plain JSON values, in cents, contracts and dollars."""
        return [_record(each, now_us, self.rules) for each in self.asked.values()]


def _record(asked: Asked, now_us: int, rules: AskRules) -> dict[str, Any]:
    seen = asked.seen
    return {
        "number": asked.number,
        "pair_id": seen.pair_id,
        "description": seen.description,
        "arb_type": seen.arb_type.value,
        "contracts": quantity_to_wire(seen.quantity),
        "cost_usd": money_to_dollars(seen.cost),
        "fees_usd": money_to_dollars(seen.fees),
        "edge_usd": money_to_dollars(seen.edge),
        "age_s": (now_us - asked.since_us) // 1_000_000,
        "expires_in_s": max(0, asked.since_us + rules.expires_us - now_us) // 1_000_000,
        "asked_at": asked.since_unix_us,
        "legs": [
            {
                "platform": leg.platform,
                "market": leg.market,
                "action": leg.action.value,
                "side": leg.side.value,
                "limit": price_to_cents(leg.limit),
                "cost_usd": money_to_dollars(leg.cost),
                "fees_usd": money_to_dollars(leg.fees),
            }
            for leg in seen.legs
        ],
        "books": [] if asked.books is None else _books(asked.books),
    }


def _books(books: PairBooks) -> list[dict[str, Any]]:
    return [
        {
            "platform": view.platform,
            "market": view.market,
            "known": view.known,
            "bids": [[price_to_cents(price), quantity_to_wire(size)] for price, size in view.bids[:SHOWN_LEVELS]],
            "asks": [[price_to_cents(price), quantity_to_wire(size)] for price, size in view.asks[:SHOWN_LEVELS]],
        }
        for view in books.books
    ]
