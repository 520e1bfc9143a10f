"""The state that the ledger's facts amount to: trades, legs, positions. Pure; the same facts give the same state.

Facts are taken in the order in which the ledger holds them (:meth:`LedgerState.add`, :func:`fold`). Of one leg the
outcome holds that :func:`~protocol.outcome.newer` prefers; what was said before, and what is said again, changes
nothing. In what order results became known makes no difference.

Positions and money come from proven outcomes alone: while a leg's newest outcome is unknown, what was proven of it
before still counts, and what is merely claimed does not. Paper fills and real ones are never added up: they are kept
in different books.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

import msgspec

from actors.facts import AnyFact, LegAdopted, LegSent, Purpose, ResultSeen, Settled, TradeOpened, TradeOver
from actors.ledger_book import Fill, PositionBook
from actors.ledger_settled import Settlements, payout
from actors.risk.facts import PaidOut
from protocol.outcome import Outcome, newer
from protocol.terms import BUY, LegId, PairId, Platform, Side, TradeId
from protocol.units import Money, Price

SEVERAL: Final = ""
NAKED: Final = "naked"
"""The verdict of a trade whose fills differ and could not be evened out."""


class BookKey(NamedTuple):
    """Whose fills are added up: one contract at one venue, paper or real."""

    paper: bool
    pair_id: PairId
    platform: Platform
    side: Side


class LegRecord(msgspec.Struct):
    """A leg: what was ``asked`` (None: only results of it are known), and what became of it.

    ``outcome`` is the one that holds, ``proven`` the newest proven one; both None before the first. ``place`` is its
    place among all legs.
    """

    leg_id: LegId
    trade_id: TradeId
    asked: LegSent | LegAdopted | None = None
    place: int = -1
    outcome: Outcome | None = None
    t: int = 0
    """When ``outcome`` was recorded."""
    proven: Outcome | None = None
    proven_t: int = 0
    seen: tuple[tuple[int, bool], ...] = ()
    """Revision and provenness of every result that was recorded."""

    @property
    def closed(self) -> bool:
        """There is a final word: its fill is proven and will not change."""
        return self.outcome is not None and self.outcome.status.proven and self.outcome.final

    @property
    def unproven(self) -> bool:
        """Nobody knows what it filled, or nobody has said so."""
        return self.outcome is None or not self.outcome.status.proven

    @property
    def purpose(self) -> Purpose | None:
        """Why it was sent; None for a leg that was adopted."""
        return self.asked.purpose if isinstance(self.asked, LegSent) else None

    @property
    def key(self) -> BookKey | None:
        """The book in which its fill is counted; None where nothing is."""
        if self.asked is None or self.proven is None:
            return None
        return BookKey(self.proven.paper, self.asked.pair_id, self.asked.platform, self.asked.side)

    @property
    def fill(self) -> Fill | None:
        """What is counted there."""
        if self.asked is None or self.proven is None:
            return None
        found = self.proven
        if not (found.filled or found.cost or found.fees):
            return None
        sign = 1 if self.asked.action is BUY else -1
        return Fill(sign * found.filled, sign * found.cost, found.fees)


class TradeRecord(msgspec.Struct):
    """A trade: its opening (None where only its legs are known), its legs, and its last verdict.

    ``place`` is its place among all trades.
    """

    trade_id: TradeId
    place: int
    opened: TradeOpened | None = None
    legs: list[LegRecord] = []
    verdict: TradeOver | None = None
    changed: bool = False
    """A leg, or what a leg has filled, came after the verdict."""

    @property
    def pair_id(self) -> PairId | None:
        """The pair, from whichever fact says it."""
        if self.opened is not None:
            return self.opened.pair_id
        return next((leg.asked.pair_id for leg in self.legs if leg.asked is not None), None)

    @property
    def t(self) -> int:
        """When it began, as far as is known."""
        if self.opened is not None:
            return self.opened.t
        return next((leg.asked.t for leg in self.legs if leg.asked is not None), 0)

    @property
    def open(self) -> bool:
        """Somebody must still look after it: no verdict, something changed since, or a leg's fill is not proven."""
        return self.verdict is None or self.changed or True in [leg.unproven for leg in self.legs]

    @property
    def naked(self) -> bool:
        """It has the verdict ``naked``, and that still stands."""
        return self.verdict is not None and self.verdict.state == NAKED

    @property
    def state(self) -> str:
        """The verdict's word, or ``open``."""
        return "open" if self.open or self.verdict is None else self.verdict.state


class LedgerState:
    """Everything that follows from the facts so far."""

    def __init__(self) -> None:
        """An empty ledger."""
        self.facts = 0
        """Facts taken in; one that the ledger would not record again is not counted again."""
        self.trades: dict[TradeId, TradeRecord] = {}
        self.legs: dict[LegId, LegRecord] = {}
        self.books: dict[BookKey, PositionBook] = {}
        self.settlements = Settlements()
        self.market_of: dict[BookKey, str] = {}
        """The market that a book is of, or :data:`SEVERAL`: a pair that was given another; only a person settles it."""
        self._worth: dict[tuple[bool, PairId], Price] = {}
        self._places = 0
        # So that what is asked often costs what is open, and not what there ever was.
        self._open_trades: dict[TradeId, TradeRecord] = {}
        self._naked_trades: dict[TradeId, TradeRecord] = {}
        self._open_legs: dict[LegId, LegRecord] = {}

    # -- facts in ----------------------------------------------------------------------------------------------------

    def add(self, fact: AnyFact) -> None:
        """Take in the next fact."""
        self.facts += self._take(fact)

    def _take(self, fact: AnyFact) -> bool:
        """False for a fact that says what is known."""
        match fact:
            case ResultSeen():
                return self._add_result(fact)
            case LegSent() | LegAdopted():
                return self._add_leg(fact)
            case TradeOpened():
                return self._add_trade(fact)
            case TradeOver():
                trade = self._trade(fact.trade_id)
                trade.verdict, trade.changed = fact, False
                self._sort(trade)
                return True
            case Settled() | PaidOut():
                self._settle(fact)
                return True
            case _:
                # Remarks, and what risk keeps of itself: nothing that a trade depends on.
                return True

    def _settle(self, fact: Settled | PaidOut) -> None:
        """What is held of the market, or was, is paid out: each contract for what it was worth in the end."""
        self.settlements.add(fact)
        for key in self.books:
            self._hear_worth(key)
        for key in self.books:
            self._pay_out(key)

    def _hear_worth(self, key: BookKey) -> bool:
        """What a venue has paid for its market is what the pair's question was answered with; whether that is new."""
        settled, pair = self.settlements.of(key.paper, key.platform, self.market_of[key]), (key.paper, key.pair_id)
        if settled is None or self._worth.get(pair) == settled.value:
            return False
        self._worth[pair] = settled.value
        return True

    def _pay_out(self, key: BookKey) -> None:
        """A venue's own word on its market goes before a person's on the pair, of whatever the pair was worth."""
        settled, said = (
            self.settlements.of(key.paper, key.platform, self.market_of[key]),
            self.settlements.pairs.get(key.pair_id),
        )
        value: Price | None = None
        if settled is not None:
            value = settled.value
        elif said is not None:
            value = self._worth.get((key.paper, key.pair_id)) if said.value is None else said.value
        self.books[key].payout = None if value is None else payout(value, key.side)

    def _add_trade(self, fact: TradeOpened) -> bool:
        trade = self._trade(fact.trade_id)
        if trade.opened is not None:
            return False
        trade.opened = fact
        self._sort(trade)
        return True

    def _add_leg(self, fact: LegSent | LegAdopted) -> bool:
        leg = self._leg(fact.leg_id, fact.trade_id)
        if leg.asked is not None:
            return False
        leg.asked, leg.place = fact, self._places
        self._places += 1
        # The fact about the leg itself says best which trade it belongs to.
        leg.trade_id = fact.trade_id
        trade = self._trade(fact.trade_id)
        trade.legs.append(leg)
        trade.changed = True
        self._count(leg, None)
        self._sort(trade)
        self._sort_leg(leg)
        return True

    def _add_result(self, fact: ResultSeen) -> bool:
        news = fact.outcome
        leg = self._leg(news.leg_id, fact.trade_id)
        mark = (news.revision, news.status.proven)
        again = mark in leg.seen
        if not again:
            leg.seen = (*leg.seen, mark)
        if news.status.proven and (leg.proven is None or newer(news, leg.proven)):
            before, filled = leg.key, leg.proven.filled if leg.proven is not None else 0
            leg.proven, leg.proven_t = news, fact.t
            self._count(leg, before)
            if leg.asked is not None and news.filled != filled:
                self._trade(leg.trade_id).changed = True
        if leg.outcome is None or newer(news, leg.outcome):
            leg.outcome, leg.t = news, fact.t
        if leg.asked is not None:
            self._sort(self._trade(leg.trade_id))
            self._sort_leg(leg)
        return not again

    def _count(self, leg: LegRecord, before: BookKey | None) -> None:
        """Have the leg's fill in the right book, and in no other."""
        key = leg.key
        if before is not None and before != key:
            self._put(before, leg.place, None)
        if key is not None and leg.asked is not None:
            if self.market_of.setdefault(key, leg.asked.market) != leg.asked.market:
                self.market_of[key] = SEVERAL
            self._put(key, leg.place, leg.fill)
            if self.settlements and key in self.books:
                changed = self._hear_worth(key)
                for other in tuple(self.books) if changed else (key,):
                    self._pay_out(other)

    def _put(self, key: BookKey, place: int, fill: Fill | None) -> None:
        """A book without any fill is none: what was reverted is as if it had never been."""
        book = self.books.get(key)
        if book is None:
            if fill is None:
                return
            book = self.books[key] = PositionBook()
        book.put(place, fill)
        if not book:
            del self.books[key]

    def _trade(self, trade_id: TradeId) -> TradeRecord:
        trade = self.trades.get(trade_id)
        if trade is None:
            trade = self.trades[trade_id] = TradeRecord(trade_id, len(self.trades))
        return trade

    def _sort(self, trade: TradeRecord) -> None:
        """Have the trade among the open ones, the naked ones, or neither."""
        trade_id = trade.trade_id
        if trade.open:
            self._open_trades[trade_id] = trade
            self._naked_trades.pop(trade_id, None)
            return
        self._open_trades.pop(trade_id, None)
        if trade.naked:
            self._naked_trades[trade_id] = trade
        else:
            self._naked_trades.pop(trade_id, None)

    def _sort_leg(self, leg: LegRecord) -> None:
        if leg.closed:
            self._open_legs.pop(leg.leg_id, None)
        else:
            self._open_legs[leg.leg_id] = leg

    def _leg(self, leg_id: LegId, trade_id: TradeId) -> LegRecord:
        leg = self.legs.get(leg_id)
        if leg is None:
            leg = self.legs[leg_id] = LegRecord(leg_id, trade_id)
        return leg

    # -- what follows ------------------------------------------------------------------------------------------------

    def open_trades(self) -> Iterator[TradeRecord]:
        """Trades that somebody must still look after, oldest first; naked ones with a standing verdict are not."""
        return iter(sorted(self._open_trades.values(), key=_place))

    def naked_trades(self) -> Iterator[TradeRecord]:
        """Trades whose standing verdict is ``naked``."""
        return iter(sorted(self._naked_trades.values(), key=_place))

    def open_legs(self) -> Iterator[LegRecord]:
        """Legs without a final word, in the order in which they were sent: to be asked about after a restart."""
        return iter(sorted(self._open_legs.values(), key=_place))

    def orphans(self) -> Iterator[LegRecord]:
        """Legs of which only results are known: to be adopted."""
        return (leg for leg in self.legs.values() if leg.asked is None)

    def realised_by(self, leg: LegRecord) -> Money:
        """What this leg realised, fees aside: for a sell, what it brought less what the contracts had cost."""
        book = self.books.get(leg.key) if leg.key is not None else None
        return Money(0) if book is None else book.realised_by(leg.place)

    def worth(self, pair_id: PairId, *, paper: bool) -> Price | None:
        """What a contract of YES of the pair was paid, as far as any of its venues has said it."""
        return self._worth.get((paper, pair_id))

    def settled_gains(self, since_us: int | None = None) -> dict[tuple[bool, PairId], Money]:
        """What settlements have realised from then on, by pair, paper or real."""
        gains: dict[tuple[bool, PairId], Money] = {}
        for key, book in self.books.items():
            if book.payout is not None and (since_us is None or self._settled_at(key) >= since_us):
                pair = key.paper, key.pair_id
                gains[pair] = Money(gains.get(pair, 0) + book.settled_gain)
        return gains

    def _settled_at(self, key: BookKey) -> int:
        settled = self.settlements.of(key.paper, key.platform, self.market_of[key])
        return self.settlements.pairs[key.pair_id].t if settled is None else settled.t


def _place(record: TradeRecord | LegRecord) -> int:
    return record.place


def fold(facts: Iterable[AnyFact]) -> LedgerState:
    """The state after all these facts."""
    state = LedgerState()
    for fact in facts:
        state.add(fact)
    return state
