"""The terms of the markets of a feed: asked for at the start and from time to time, judged by what the pairs claim."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from market.events import BooksLost, FeedEvent
from transport.feeds.port import FeedClock
from transport.polymarket.http import ReadFailed
from transport.polymarket.public import MARKETS, PublicReads
from venues.polymarket.facts import Claim, MarketFacts, changes, objections
from venues.polymarket.keeper import BookKeeper

UNKNOWN: Final = "its terms are not known yet"
NO_MARKET: Final = "polymarket knows no such token"

Tell = Callable[[tuple[FeedEvent, ...]], None]


class Terms:
    """Bars and latches the tokens of these claims in the keeper, and tells of it.

    A token has no book before its terms are known, nor while its market takes no orders. What cannot be asked leaves
    what is known as it is. What was objected to once stays so, as a pair must be made anew for it.
    """

    def __init__(
        self,
        reads: PublicReads,
        keeper: BookKeeper,
        claims: Sequence[Claim],
        clock: FeedClock,
        tell: Tell,
        report: Callable[[str], None],
    ) -> None:
        self._reads = reads
        self._keeper = keeper
        self._clock = clock
        self._tell = tell
        self._report = report
        self._claims: dict[str, list[Claim]] = {}
        for claim in claims:
            self._claims.setdefault(claim.token, []).append(claim)
        self._conditions: dict[str, str] = {}
        self._first: dict[str, MarketFacts] = {}
        self._told: dict[str, None] = {}

    def begin(self) -> None:
        """Before the first look no token of a claim has a book; nobody is told, as nobody had one."""
        self._keeper.bar(self._claims, UNKNOWN, self._clock.mono_us())

    async def look(self) -> bool:
        """Ask for all of them; whether every one was answered."""
        tokens = list(self._claims)
        whole = True
        for start in range(0, len(tokens), MARKETS):
            try:
                await self._some(tokens[start : start + MARKETS])
            except ReadFailed as error:
                whole = False
                self._report(f"terms of markets could not be asked for: {error}")
                self._tell_unknown(tokens[start : start + MARKETS])
        return whole

    def _tell_unknown(self, tokens: Sequence[str]) -> None:
        """Why these have no book, once."""
        unknown = tuple(token for token in tokens if self._keeper.barred(token) == UNKNOWN and token not in self._told)
        self._told |= dict.fromkeys(unknown)
        if unknown:
            self._tell((BooksLost(UNKNOWN, unknown),))

    async def _some(self, tokens: Sequence[str]) -> None:
        rows = await self._reads.rows(tokens)
        by_token = {token: row for row in rows for token in row.tokens}
        asked: dict[str, MarketFacts | None] = {}
        for token in tokens:
            row = by_token.get(token)
            condition = await self._condition(token, row)
            if condition is None:
                self._judge(token, None)
                continue
            if condition not in asked:
                asked[condition] = await self._reads.market(condition)
            clob = asked[condition]
            self._judge(token, row if clob is None else clob if row is None else _both(clob, row))

    async def _condition(self, token: str, row: MarketFacts | None) -> str | None:
        if row is not None and row.condition:
            return row.condition
        if token not in self._conditions:
            found = await self._reads.condition(token)
            if found is None:
                return None
            self._conditions[token] = found
        return self._conditions[token]

    def _judge(self, token: str, facts: MarketFacts | None) -> None:
        now, keeper = self._clock.mono_us(), self._keeper
        if facts is None or facts.closed is not None:
            reason = NO_MARKET if facts is None else facts.closed or ""
            if keeper.barred(token) != reason:
                self._report(f"{token} has no book: {reason}")
            self._tell(keeper.bar((token,), reason, now))
            return
        first = self._first.setdefault(token, facts)
        for reason in (*self._objections(token, facts), *changes(first, facts)):
            self._tell(keeper.halt(token, reason, now))
        self._tick(token, facts, now)
        keeper.allow(token, now)

    def _objections(self, token: str, facts: MarketFacts) -> Iterable[str]:
        return [reason for claim in self._claims[token] for reason in objections(claim, facts)]

    def _tick(self, token: str, facts: MarketFacts, now: int) -> None:
        """The first is taken over; another later is a change of terms, told by the socket or, where missed, here."""
        if facts.tick is None:
            return
        known = self._keeper.tick(token)
        if known is not None and known != facts.tick:
            reason = f"its tick size is {facts.tick / 10_000:g}, was {known / 10_000:g}"
            self._tell(self._keeper.halt(token, reason, now))
        self._tell(self._keeper.set_tick(token, facts.tick, now))


def _both(clob: MarketFacts, row: MarketFacts) -> MarketFacts:
    """What orders are judged by holds; what it does not say is Gamma's, and either may say that it is closed.

    The start is Gamma's, as the two write it differently.
    """
    both = clob.over(row)
    return both if row.game_start is None else replace(both, game_start=row.game_start)
