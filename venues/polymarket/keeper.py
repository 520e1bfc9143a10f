"""What is known of each token's book, and which books are to be asked for whole. Pure: times are handed in.

Polymarket numbers no frame, so a lost one cannot be seen as such. What stands in for the number:

- The best prices beside each change are compared with our book. Where they differ the side cannot be traded on
  (:class:`~market.events.TopStated` says so to everybody), and the book is asked for over REST.
- YES and NO of one market are one book, each the mirror of the other: asks of both for less than a dollar together
  would be a crossed book. Where ours say so one of them is late, both are lost, and asked for.
- Every book is asked for after a connection began, and again each :attr:`KeeperPolicy.every_us`: a lost change of a
  deeper level, which no best price shows, is mended then at the latest.

An answer over REST and the changes on the socket cross on their way. Their order is told by the venue's own time: an
answer is taken together with every change that is not older than it, changes older than the book that was taken say
nothing new and are dropped, and an answer older than what is known already is of no use. As that rests on the venue
having one clock for both, whatever was dropped is asked for once more, so that two clocks that differ cost questions
and a moment, not a wrong book; a time that is hours off is no time of this venue's, and nothing is dropped for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from market.book import Book
from market.books import Books
from market.events import (
    BooksLost,
    BookSnapshot,
    FeedBatch,
    FeedEvent,
    FeedUp,
    Level,
    LevelSet,
    MarketHalted,
    TickSet,
    TopStated,
)
from protocol.terms import POLYMARKET
from protocol.units import DOLLAR, Price, Quantity
from venues.polymarket.book import BookReply
from venues.polymarket.feed import RESOLVED, Stamped

MAX_REMEMBERED: Final = 2_000
"""Changes of one token that are remembered while its book is asked for; with one more the answer is of no use."""

_SAID: Final = (LevelSet, BookSnapshot, TopStated)
_Said = LevelSet | BookSnapshot | TopStated


@dataclass(frozen=True, slots=True)
class KeeperPolicy:
    """Times in microseconds.

    A book is verified ``every_us``; ``settle_us`` after its best prices disagreed, and then at doubling intervals while
    they still do; ``first_us`` after its connection began; ``again_us`` after a question without an answer. A change
    may be older than a book taken before it for ``crossed_us`` and by ``skew_ms`` at the most.
    """

    every_us: int = 60_000_000
    settle_us: int = 250_000
    first_us: int = 1_000_000
    again_us: int = 2_000_000
    crossed_us: int = 5_000_000
    skew_ms: int = 60_000


class _Token:
    """One token. ``asked`` is the number of the question under way, ``recent`` what an answer must be merged with."""

    __slots__ = (
        "asked",
        "barred",
        "book",
        "due_us",
        "floor_ms",
        "floor_until_us",
        "halted",
        "heard",
        "known_ms",
        "latest_ms",
        "missing",
        "overflow",
        "owner",
        "partner",
        "recent",
        "tick",
        "top",
        "top_ms",
        "tries",
    )

    def __init__(self, book: Book) -> None:
        self.book = book
        self.owner: int | None = None
        self.barred: str | None = None
        self.halted: str | None = None
        self.tick: Price | None = None
        self.top: TopStated | None = None
        self.partner: _Token | None = None
        self.tries = 0
        self.missing = False
        self.begin(None, 0)

    def begin(self, owner: int | None, due_us: int) -> None:
        """A connection brings it from now on (None: none does)."""
        self.owner = owner
        self.due_us = due_us
        self.asked: int | None = None
        self.heard = False
        self.overflow = False
        self.recent: list[tuple[int, _Said]] = []
        self.latest_ms = self.known_ms = self.top_ms = self.floor_ms = self.floor_until_us = 0

    def remember(self, ms: int, event: _Said) -> None:
        """Keep it while a question is under way."""
        self.latest_ms = max(self.latest_ms, ms)
        if type(event) is TopStated:
            self.top_ms = ms
        if self.asked is None:
            return
        if len(self.recent) < MAX_REMEMBERED:
            self.recent.append((ms, event))
        else:
            self.overflow = True

    def question(self, number: int) -> None:
        """It is asked for: what came until now is in the answer, unless that is older than the newest of it."""
        self.asked = number
        self.known_ms = self.latest_ms
        self.recent.clear()
        self.overflow = False

    @property
    def doubtful(self) -> bool:
        """Whether the venue's best prices are not those of the book, or there is no book."""
        return not (self.book.held and self.book.bid_known and self.book.ask_known)


class BookKeeper:
    """The books of one feed. What its methods return is to be delivered, in that order.

    ``mended`` counts books that an answer found to be other than what was known, ``dropped`` changes older than their
    book.
    """

    def __init__(self, policy: KeeperPolicy | None = None) -> None:
        self.policy = policy or KeeperPolicy()
        self.mended = self.dropped = 0
        self._books = Books()
        self._tokens: dict[str, _Token] = {}
        self._questions = 0

    # -- which tokens --------------------------------------------------------------------------------------------

    def begin(self, owner: int, tokens: Iterable[str], now_us: int) -> None:
        """A connection brings these tokens from now on: first their books, each verified soon after."""
        for name in tokens:
            token = self._tokens.get(name)
            if token is None:
                token = self._tokens[name] = _Token(self._books.track(POLYMARKET, name))
            token.begin(owner, now_us + self.policy.first_us)

    def pair(self, yes: str, no: str) -> None:
        """These are the two tokens of one market."""
        one, other = self._token(yes), self._token(no)
        one.partner, other.partner = other, one

    def renew(self, tokens: Iterable[str], now_us: int) -> None:
        """Their connection was changed for another without a moment between: verified soon, and nothing lost."""
        for token in self._some(tokens):
            token.begin(token.owner, now_us + self.policy.first_us)

    def lose(self, tokens: Iterable[str], reason: str, now_us: int) -> tuple[FeedEvent, ...]:
        """Nobody brings these any more: their books are lost."""
        names = tuple(name for name in tokens if name in self._tokens)
        for token in self._some(names):
            token.begin(None, 0)
        return self._applied((BooksLost(reason, names),), now_us) if names else ()

    def bar(self, names: Iterable[str], reason: str, now_us: int) -> tuple[FeedEvent, ...]:
        """These have no book for this reason, whatever is sent of it, until :meth:`allow`. A result is for ever."""
        barred: list[str] = []
        for name in names:
            token = self._token(name)
            if token.barred not in {reason, RESOLVED}:
                token.barred = reason
                barred.append(name)
        return self._applied((BooksLost(reason, tuple(barred)),), now_us) if barred else ()

    def allow(self, name: str, now_us: int) -> None:
        """The token may have a book (again): it is asked for."""
        token = self._token(name)
        if token.barred not in {None, RESOLVED}:
            token.barred, token.due_us = None, now_us

    def halt(self, name: str, reason: str, now_us: int) -> tuple[FeedEvent, ...]:
        """Nothing opens on this token any more; the first reason stays."""
        token = self._token(name)
        if token.halted is not None:
            return ()
        return self._applied((MarketHalted(name, reason),), now_us)

    def set_tick(self, name: str, tick: Price, now_us: int) -> tuple[FeedEvent, ...]:
        """The token's prices are so far apart."""
        return () if self._token(name).tick == tick else self._applied((TickSet(name, tick),), now_us)

    def expects(self, owner: int) -> bool:
        """Whether this connection brings a token that may have a book."""
        return any(token.owner == owner and token.barred is None for token in self._tokens.values())

    def tick(self, name: str) -> Price | None:
        """The tick that was last told, if any was."""
        return self._token(name).tick

    def barred(self, name: str) -> str | None:
        """Why the token has no book."""
        return self._token(name).barred

    def again(self) -> tuple[FeedEvent, ...]:
        """All that is known, as a new feed would say it."""
        events: list[FeedEvent] = [FeedUp()]
        for name, token in self._tokens.items():
            if token.tick is not None:
                events.append(TickSet(name, token.tick))
            if token.halted is not None:
                events.append(MarketHalted(name, token.halted))
            if token.book.held and token.barred is None:
                events.append(_snapshot(token.book))
                if token.doubtful and token.top is not None:
                    events.append(token.top)
        return tuple(events)

    # -- the socket ----------------------------------------------------------------------------------------------

    def frame(self, owner: int, read: Stamped, now_us: int) -> tuple[FeedEvent, ...]:
        """What is to be told of a frame of this connection; of tokens that another one brings, nothing."""
        told: list[FeedEvent] = []
        for event, ms in zip(read.decoded.events, read.stamps, strict=True):
            if isinstance(event, FeedUp):
                continue
            if isinstance(event, BooksLost):
                told += self._broken(owner, event, now_us)
                continue
            token = self._tokens.get(event.market)
            if token is None or token.owner != owner:
                continue
            if not isinstance(event, _SAID) or self._is_new(token, ms, event, now_us):
                told.append(event)
        return self._applied(tuple(told), now_us)

    def _is_new(self, token: _Token, ms: int, event: _Said, now_us: int) -> bool:
        """Remember it, unless it was in the book already that an answer brought, or the token is to have no book."""
        token.heard = True
        if token.barred is not None:
            return False
        if ms and ms < token.floor_ms and now_us < token.floor_until_us and token.floor_ms - ms < self.policy.skew_ms:
            self.dropped += 1
            token.due_us = min(token.due_us, now_us + self.policy.settle_us)
            return False
        token.remember(ms, event)
        return True

    def _broken(self, owner: int, event: BooksLost, now_us: int) -> list[FeedEvent]:
        """Books that a frame says are lost, as far as they are this connection's; asked for unless for good."""
        own = tuple(name for name in event.markets if name in self._tokens and self._tokens[name].owner == owner)
        for name in own:
            token = self._tokens[name]
            token.recent.clear()
            token.asked, token.due_us = None, now_us
            if event.reason == RESOLVED:
                token.barred = RESOLVED
        return [BooksLost(event.reason, own)] if own else []

    # -- the questions -------------------------------------------------------------------------------------------

    def ask(self, now_us: int, most: int) -> tuple[int, tuple[str, ...]]:
        """The number of a question, and the tokens whose books it is for: those that are due, the longest first."""
        due = [
            (token.due_us, name)
            for name, token in self._tokens.items()
            if token.due_us <= now_us and token.owner is not None and token.asked is None and token.barred is None
        ]
        names = tuple(name for _, name in sorted(due)[:most])
        self._questions += bool(names)
        for token in self._some(names):
            token.question(self._questions)
        return self._questions, names

    def failed(self, number: int, names: Iterable[str], now_us: int) -> None:
        """No answer came."""
        for token in self._some(names):
            if token.asked == number:
                token.asked, token.due_us = None, now_us + self.policy.again_us

    def answered(
        self, number: int, names: Sequence[str], found: Mapping[str, BookReply], now_us: int
    ) -> tuple[FeedEvent, ...]:
        """The answer: what differs from what is known. A book that was asked for and is not there is lost."""
        told: list[FeedEvent] = []
        for name in names:
            token = self._tokens.get(name)
            if token is None or token.asked != number:
                continue
            token.asked = None
            token.due_us = now_us + self.policy.every_us
            reply = found.get(name)
            if reply is None:
                told += self._missing(name, token)
            else:
                told += self._merged(token, reply, now_us)
        events = self._applied(tuple(told), now_us)
        for token in self._some(names):
            self._look_again(token, now_us)
        return events

    def _missing(self, name: str, token: _Token) -> list[FeedEvent]:
        token.recent.clear()
        if token.missing and not token.book.held:
            return []
        token.missing = True
        return [BooksLost("polymarket has no book of it", (name,))]

    def _merged(self, token: _Token, reply: BookReply, now_us: int) -> list[FeedEvent]:
        """The answer's book with all that happened since; nothing where that is what is known."""
        token.missing = False
        ms, book = reply.ms, token.book
        if (ms and ms < token.known_ms) or token.overflow:
            # Older than what was known when it was asked for: of no use, unless it is the same.
            if token.doubtful or _sides(book) != (dict(reply.book.bids), dict(reply.book.asks)):
                token.tries += 1
                token.due_us = now_us + self._wait_us(token)
            return []
        since = [said for stamp, said in token.recent if not stamp or not ms or stamp >= ms]
        bids, asks = dict(reply.book.bids), dict(reply.book.asks)
        for said in since:
            bids, asks = _with(bids, asks, said)
        top = next((said for said in reversed(since) if type(said) is TopStated), None)
        if top is None and ms and ms == token.top_ms:
            # Of the same moment: where the two differ nobody can say which is the later one.
            top = token.top
        if ms > token.floor_ms:
            token.floor_ms, token.floor_until_us = ms, now_us + self.policy.crossed_us
        if book.held and _sides(book) == (bids, asks):
            if not token.doubtful or top is not None:
                return []
        elif book.held:
            self.mended += 1
        whole = BookSnapshot(reply.book.market, tuple(bids.items()), tuple(asks.items()))
        return [whole] if top is None else [whole, top]

    # -- inside --------------------------------------------------------------------------------------------------

    def _applied(self, events: tuple[FeedEvent, ...], now_us: int) -> tuple[FeedEvent, ...]:
        """Keep what is told, and look which books it leaves in doubt."""
        if not events:
            return ()
        touched = self._books.apply(FeedBatch(POLYMARKET, now_us, events, is_data=False))
        self._books.ticks.clear()
        for event in events:
            self._keep(event)
        for book in touched.books:
            self._doubt(self._tokens[book.market], now_us)
        contradicted = self._contradicted(touched.books)
        return (*events, *self._lost_both(contradicted, now_us)) if contradicted else events

    def _contradicted(self, books: Iterable[Book]) -> tuple[str, ...]:
        """Tokens whose asks cannot be those of one book."""
        found: dict[str, None] = {}
        for book in books:
            partner = self._tokens[book.market].partner
            if partner is not None and book.offer(mirrored=False) + partner.book.offer(mirrored=False) < DOLLAR:
                found |= {book.market: None, partner.book.market: None}
        return tuple(found)

    def _lost_both(self, names: tuple[str, ...], now_us: int) -> tuple[FeedEvent, ...]:
        for token in self._some(names):
            token.asked, token.due_us = None, now_us + self.policy.settle_us
        return self._applied((BooksLost("YES and NO contradict each other: one of them is late", names),), now_us)

    def _keep(self, event: FeedEvent) -> None:
        match event:
            case MarketHalted(market=market, reason=reason):
                token = self._tokens[market]
                token.halted = token.halted or reason
            case TickSet(market=market, tick=tick):
                self._tokens[market].tick = tick
            case TopStated(market=market):
                self._tokens[market].top = event
            case _:
                pass

    def _doubt(self, token: _Token, now_us: int) -> None:
        if not token.doubtful:
            token.tries = 0
        elif token.book.held:
            token.due_us = min(token.due_us, now_us + self._wait_us(token))

    def _look_again(self, token: _Token, now_us: int) -> None:
        """An answer that left a doubt is asked for again, each time later; so is the first one of a silent token."""
        if token.asked is not None:
            return
        if token.book.held and token.doubtful:
            token.tries += 1
            token.due_us = now_us + self._wait_us(token)
        elif token.book.held and not token.heard:
            token.due_us = min(token.due_us, now_us + self.policy.crossed_us)

    def _wait_us(self, token: _Token) -> int:
        return min(self.policy.settle_us << min(token.tries, 20), self.policy.every_us)

    def _token(self, name: str) -> _Token:
        token = self._tokens.get(name)
        if token is None:
            token = self._tokens[name] = _Token(self._books.track(POLYMARKET, name))
        return token

    def _some(self, names: Iterable[str]) -> list[_Token]:
        return [self._tokens[name] for name in names if name in self._tokens]


_Side = dict[Price, Quantity]


def _with(bids: _Side, asks: _Side, said: _Said) -> tuple[_Side, _Side]:
    """The two sides after this."""
    if isinstance(said, BookSnapshot):
        return dict(said.bids), dict(said.asks)
    if isinstance(said, LevelSet):
        side = bids if said.is_bid else asks
        if said.size > 0:
            side[said.price] = said.size
        else:
            side.pop(said.price, None)
    return bids, asks


def _sides(book: Book) -> tuple[_Side, _Side]:
    return dict(book.depth(is_bid=True)), dict(book.depth(is_bid=False))


def _snapshot(book: Book) -> BookSnapshot:
    bids: tuple[Level, ...] = tuple(book.depth(is_bid=True).items())
    return BookSnapshot(book.market, bids, tuple(book.depth(is_bid=False).items()))
