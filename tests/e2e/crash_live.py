"""A case of the crash matrix with a live trader: real orders to both loopback exchanges, whose books are the judges."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from protocol.outcome import Outcome
from protocol.terms import KALSHI, Action, LegId, Side, Status
from protocol.units import Money, Quantity
from tests.e2e.crash_books import Books, journals, naked, recorded, with_ledger
from tests.e2e.crash_case import PAIRS, Case, Run, Verdict, at_rest
from tests.e2e.crash_exchanges import (
    FUNDS,
    HUNDREDTH,
    ExchangeThread,
    Taken,
    VenueBooks,
    Venues,
    of_no,
    with_real_tokens,
)
from tests.e2e.crash_processes import Nursery
from tests.e2e.processes import Status as Said
from venues.polymarket.exchange.order import TradeStatus

QUICK: Final = {"ARB_LEG_TIMEOUT_MS": "800", "ARB_ORDER_TTL_MS": "800", "CRASH_STILL_MS": "700"}
ORDERS: Final = {"method": "POST", "path": "/order"}
FAULTS: Final[dict[str, dict[str, Any]]] = {
    "ghost_fill": {},
    "over_fill": {},
    "delayed": {"ms": 1_200},
    "live_then_filled": {"ms": 1_200},
    "unmatched": {},
    "success_with_error": {},
    "killed": {},
    "duplicated": {},
    "delay": {**ORDERS, "ms": 300},
    "late_reply": {**ORDERS, "ms": 1_500},
    "drop_after": ORDERS,
    "error_after": ORDERS,
    "garbled_reply": ORDERS,
    "null_lookup": {"times": 5},
    "empty_page": {"times": 5},
}
"""Faults of Polymarket that meet its first orders, or the first questions about them."""

CASH_KNOWN: Final = "receive cash by shard:after#1"
"""The last that must be known: on which of Kalshi's shards the markets are. No trade is approved before."""


class LiveRun(Run):
    """The same on two exchanges."""

    def __init__(self, nursery: Nursery, case: Case, home: Path, venues: Venues) -> None:
        super().__init__(nursery, case, home)
        self.venues = venues
        self.env |= QUICK | {"CRASH_HOLD": CASH_KNOWN} | ({"ARB_ORDER_TTL_MS": "1"} if case.late else {})
        pairs = home / "pairs.toml"
        pairs.write_text(pairs.read_text().replace('polymarket_rate = "0"', 'polymarket_rate = "0.04"'))
        for file in (pairs, home / "arbs.jsonl"):
            file.write_text(with_real_tokens(file.read_text(), range(PAIRS)))
        (home / "config.toml").write_text(venues.config())
        if case.fault:
            venues.strike(case.fault, **FAULTS[case.fault])

    def rests(self, controller: Said, traders: Sequence[Said]) -> bool:
        """Everything has settled, too, and the ledger has it."""
        if not at_rest(controller, traders) or self.venues.unsettled():
            return False
        return all(outcome.final for outcome in newest(with_ledger(self.home, {}, [])).values())

    def problems(self, last: Said) -> list[str]:
        """What the exchanges have and the ledger has not, or the other way round."""
        signed, there = signed_orders(self.home), self.venues.books()
        books = with_ledger(self.home, {}, [])
        books = books._replace(orders=dict(executed(books, there, {order: leg for leg, (order, _) in signed.items()})))
        resting = not last["trades"]["naked"]
        # Who dies before the first order may leave nobody to meet it.
        met = self.venues.struck(self.case.fault) or not self.case.fault or self.case.places()
        return [
            *([] if met else ["the fault met nothing"]),
            *posted_once(there, {body for _, body in signed.values()}),
            *recorded(books),
            *naked(books, last),
            *money(books, there),
            *journals(self.home, resting=resting),
        ]


def newest(books: Books) -> dict[LegId, Outcome]:
    """The newest word on each leg in the ledger."""
    found: dict[LegId, Outcome] = {}
    for fact in books.results:
        held = found.get(fact.outcome.leg_id)
        if held is None or fact.outcome.revision >= held.revision:
            found[fact.outcome.leg_id] = fact.outcome
    return found


def signed_orders(home: Path) -> dict[str, tuple[str, bytes]]:
    """The hash and the bytes of each leg that was signed, as the journals have it."""
    found: dict[str, tuple[str, bytes]] = {}
    for path in home.glob("journal-*.db"):
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as journal:
            rows = journal.execute("SELECT leg_id, order_id, body FROM signed_orders").fetchall()
            found |= {leg: (order, body) for leg, order, body in rows}
    return found


def executed(books: Books, there: VenueBooks, legs: dict[str, str]) -> Iterator[tuple[LegId, Outcome]]:
    """What each leg came to, by the exchanges. A hash that no journal has stands for itself."""
    for name, taken in there.kalshi.items():
        leg = books.legs.get(LegId(name))
        yield LegId(name), _outcome(name, of_no(taken) if leg is not None and leg.side is Side.NO else taken)
    for order, taken in there.polymarket.items():
        name = legs.get(order.lower(), order)
        yield LegId(name), _outcome(name, taken)


def _outcome(name: str, taken: Taken) -> Outcome:
    return Outcome(
        leg_id=LegId(name),
        status=Status.FILLED,
        filled=Quantity(taken.filled),
        cost=Money(taken.cost),
        fees=Money(taken.fees),
    )


def posted_once(there: VenueBooks, bodies: set[bytes]) -> Iterator[str]:
    """Nothing came to an exchange twice, and to Polymarket only what was signed and kept before."""
    yield from (f"posted {times} times to kalshi: {leg}" for leg, times in there.kalshi_posted.items() if times > 1)
    for body, times in there.polymarket_posted.items():
        if times > 1:
            yield f"posted {times} times to polymarket: {body!r}"
        if body not in bodies:
            yield f"posted to polymarket, and in no journal: {body!r}"
    if there.polymarket_twice:
        yield f"polymarket was told {there.polymarket_twice} orders that it knew"


def money(books: Books, there: VenueBooks) -> Iterator[str]:
    """Cash and holdings of both accounts are what the legs of the ledger make of them, to the micro-dollar."""
    spent, held, filled = {True: 0, False: 0}, {True: 0, False: 0}, 0
    for leg_id, outcome in newest(books).items():
        leg = books.legs.get(leg_id)
        if leg is None:
            continue
        sign, is_kalshi = (1 if leg.action is Action.BUY else -1), leg.platform == KALSHI
        spent[is_kalshi] += sign * outcome.cost + outcome.fees
        held[is_kalshi] += sign * outcome.filled * (-1 if is_kalshi and leg.side is Side.NO else 1)
        filled += bool(outcome.filled)
    for name, is_kalshi, cash in (("kalshi", True, there.cash[0]), ("polymarket", False, there.cash[1])):
        if cash != FUNDS - spent[is_kalshi]:
            yield f"{name} has {cash} micro-dollars of ours, the ledger {FUNDS - spent[is_kalshi]}"
    if held[True] != there.kalshi_net:
        yield f"kalshi has {there.kalshi_net} contracts of ours, the ledger {held[True]}"
    if not 0 <= there.shares - held[False] * HUNDREDTH < HUNDREDTH * (1 + filled):
        yield f"polymarket has {there.shares} shares of ours, the ledger {held[False] * HUNDREDTH}"


class HeldRun(LiveRun):
    """Nothing settles before everybody was started again and every leg is proven once more; then all of it does."""

    def __init__(self, nursery: Nursery, case: Case, home: Path, venues: Venues, *, end: TradeStatus) -> None:
        super().__init__(nursery, case, home, venues)
        self.end = end
        self.held = 0
        venues.hold_settlement()

    def rests(self, controller: Said, traders: Sequence[Said]) -> bool:
        """Not before the end that was chosen is there, and in the ledger."""
        if not self.held and not self.pending() and at_rest(controller, traders):
            outcomes = newest(with_ledger(self.home, {}, []))
            if any(not outcome.final and outcome.filled for outcome in outcomes.values()):
                self.held = self.venues.settle(self.end)
        return self.held > 0 and super().rests(controller, traders)

    def problems(self, last: Said) -> list[str]:
        """The provisional fills are in the ledger, too, and what became of them."""
        books, wrong = with_ledger(self.home, {}, []), super().problems(last)
        lost = {fact.outcome.leg_id for fact in books.results if fact.outcome.filled and not fact.outcome.final}
        lost &= {leg_id for leg_id, outcome in newest(books).items() if outcome.final and not outcome.filled}
        expected = self.held if self.end == "FAILED" else 0
        return wrong if len(lost) == expected else [*wrong, f"{len(lost)} fills were taken back, not {expected}"]


class LivePlayer:
    """Plays cases, each on exchanges of its own. ``end``: nothing settles before the restart, and then so."""

    def __init__(self, thread: ExchangeThread, end: TradeStatus | None = None) -> None:
        self._thread = thread
        self.end = end

    def __call__(self, nursery: Nursery, case: Case) -> Verdict:
        """One case, in a home of its own."""
        with tempfile.TemporaryDirectory(prefix="arb-crash-") as home:
            venues = Venues(self._thread, Path(home), range(PAIRS))
            try:
                return self._run(nursery, case, Path(home), venues).judge()
            finally:
                venues.stop()

    def _run(self, nursery: Nursery, case: Case, home: Path, venues: Venues) -> LiveRun:
        if self.end is None:
            return LiveRun(nursery, case, home, venues)
        return HeldRun(nursery, case, home, venues, end=self.end)
