"""The venue's own books against the ledger and the journals: what no crash may tear apart."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from actors.facts import LegAdopted, LegSent, ResultSeen, TradeOpened
from protocol.outcome import Outcome
from protocol.terms import PLATFORMS, Action, LegId, Side
from tests.e2e.processes import Status
from transport.journal import Journal
from transport.ledger.store import LedgerStore
from transport.paper_account import PaperAccount
from venues.paper.fill import PaperFill

NEVER: Final = "never received"

Sums = tuple[int, int, int]


class Books(NamedTuple):
    """What the venues executed, and what the ledger holds of it."""

    orders: dict[LegId, Outcome]
    fills: list[PaperFill]
    legs: dict[LegId, LegSent | LegAdopted]
    results: list[ResultSeen]
    trades: Counter[str]


def read_books(home: Path) -> Books:
    """Read the files of a home whose processes have ended."""
    orders: dict[LegId, Outcome] = {}
    fills: list[PaperFill] = []
    for platform in PLATFORMS:
        path = home / f"paper-{platform}.db"
        if path.exists():
            with PaperAccount(path) as account:
                orders |= {outcome.leg_id: outcome for outcome in account.outcomes()}
                fills += account.fills()
    return with_ledger(home, orders, fills)


def with_ledger(home: Path, orders: dict[LegId, Outcome], fills: list[PaperFill]) -> Books:
    """What the venues executed, beside what the ledger of the home has."""
    with LedgerStore(f"sqlite:///{home / 'ledger.db'}", read_only=True) as store:
        facts = list(store.read())
    legs = {fact.leg_id: fact for fact in facts if isinstance(fact, LegSent | LegAdopted)}
    results = [fact for fact in facts if isinstance(fact, ResultSeen)]
    trades = Counter(fact.trade_id for fact in facts if isinstance(fact, TradeOpened))
    return Books(orders, fills, legs, results, Counter(str(trade) for trade in trades.elements()))


def problems(home: Path, last: Status) -> list[str]:
    """Everything that is torn; ``last`` is what the controller said at rest."""
    books = read_books(home)
    resting = not last["trades"]["naked"]
    return [
        *_executed(books),
        *recorded(books),
        *_proven_once(books),
        *naked(books, last),
        *journals(home, resting=resting),
    ]


def _sums(outcome: Outcome) -> Sums:
    return outcome.filled, outcome.cost, outcome.fees


def _executed(books: Books) -> Iterator[str]:
    """Each leg at most once at the venue: its fills are those of one order, and no more than was asked."""
    quantity: Counter[LegId] = Counter()
    cost: Counter[LegId] = Counter()
    fee: Counter[LegId] = Counter()
    for fill in books.fills:
        quantity[fill.leg_id] += fill.quantity
        cost[fill.leg_id] += fill.price * fill.quantity
        fee[fill.leg_id] += fill.fee
    for leg_id, order in books.orders.items():
        if (quantity[leg_id], cost[leg_id], fee[leg_id]) != _sums(order):
            yield f"executed twice? fills of {leg_id} are not those of its order"
        if leg_id in books.legs and quantity[leg_id] > books.legs[leg_id].quantity:
            yield f"executed twice? {leg_id} has more fills than were asked for"
    yield from (f"fills without an order: {leg_id}" for leg_id in set(quantity) - set(books.orders))


def recorded(books: Books) -> Iterator[str]:
    """Ledger fills equal venue fills, leg by leg; no result is there twice, no leg without a proven one."""
    newest: dict[LegId, Outcome] = {}
    seen: Counter[tuple[LegId, int, bool]] = Counter()
    for fact in books.results:
        news = fact.outcome
        seen[news.leg_id, news.revision, news.status.proven] += 1
        held = newest.get(news.leg_id)
        if held is None or (news.revision, news.status.proven) > (held.revision, held.status.proven):
            newest[news.leg_id] = news
    yield from (f"a result recorded {times} times: {key}" for key, times in seen.items() if times > 1)
    for leg_id in books.legs.keys() | newest.keys() | books.orders.keys():
        told, order = newest.get(leg_id), books.orders.get(leg_id)
        if leg_id not in books.legs:
            yield f"a leg that the ledger does not know: {leg_id}"
        if told is None or not told.status.proven:
            yield f"a leg without a proven result in the ledger: {leg_id}: {told}"
        elif order is not None and (told.error or "").startswith(NEVER):
            yield f"executed after it was said that it never came: {leg_id}: {order}"
        elif _sums(told) != ((0, 0, 0) if order is None else _sums(order)):
            yield f"the ledger says {told} of {leg_id}, the venue {order}"
    yield from (f"a trade opened {times} times: {trade}" for trade, times in books.trades.items() if times > 1)


def _proven_once(books: Books) -> Iterator[str]:
    """A paper venue never changes its word: one proof of each leg is all that a trader has to tell."""
    proofs = Counter((fact.outcome.leg_id, fact.source) for fact in books.results if fact.outcome.status.proven)
    yield from (f"proven {times} times: {leg_id} by {who}" for (leg_id, who), times in proofs.items() if times > 1)


def naked(books: Books, last: Status) -> Iterator[str]:
    """As many YES as NO contracts of each pair, or the pair is flagged naked or its rest dust."""
    net: defaultdict[str, int] = defaultdict(int)
    for leg_id, leg in books.legs.items():
        if leg_id in books.orders:
            sign = (1 if leg.action is Action.BUY else -1) * (1 if leg.side is Side.YES else -1)
            net[leg.pair_id] += sign * books.orders[leg_id].filled
    flagged = {trade["pair_id"] for trade in last["recent_trades"] if trade["state"] in {"naked", "dust"}}
    flagged |= {dust["pair_id"] for dust in last["dust"]}
    yield from (f"naked and not flagged: {pair} has {n}" for pair, n in net.items() if n and pair not in flagged)


def journals(home: Path, *, resting: bool) -> Iterator[str]:
    """Nothing unproven, nothing that was not acked, unless the end came upon another try to close an excess."""
    for path in home.glob("journal-*.db"):
        with Journal(path) as journal:
            yield from (f"open in {path.name}: {entry}" for entry in journal.open())
            if resting:
                yield from (f"never acked, in {path.name}: {entry}" for entry in journal.unacked(100))
