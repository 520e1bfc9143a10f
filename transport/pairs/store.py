"""The pairs store of a home: a file in SQLite with the universe of markets, the pairs, and who approved them when."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import msgspec

from market.pair import Pair
from pairing.approval import State, What
from pairing.listing import Listing
from pairing.terms import Change
from protocol.terms import KALSHI, POLYMARKET, PairId, Platform
from transport.pairs.book import Decision, Digests, Entry, PairBook, numbered
from transport.pairs.errors import PairStoreError
from transport.pairs.schema import PAIRS_STORE
from transport.pairs.universe import Kept, Taken, Universe, prepare
from transport.sqlite_file import WrongFile, explain, open_sqlite, transaction


class Approved(msgspec.Struct, frozen=True):
    """What may be traded now, numbered; and what may not although it is approved, with the reason."""

    pairs: tuple[Pair, ...]
    shut: dict[PairId, str]
    oldest_us: int | None
    """When the terms of these pairs were last compared with the venues, of the one for which that is longest ago."""


class PairStore:
    """One open file. Close it. Every step is a transaction: written whole or not at all, whatever dies."""

    def __init__(self, path: Path) -> None:
        """Open it, made where it is missing. Raises :class:`PairStoreError`."""
        self.path = path
        with self._explained():
            self._connection = open_sqlite(path, PAIRS_STORE, synchronous="FULL")
        self.universe = Universe(self._connection)
        self.book = PairBook(self._connection, self.universe)

    def close(self) -> None:
        """Close it; closing again does nothing."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def version(self) -> int:
        """Changes whenever another connection has written to the file; asking costs next to nothing."""
        with self._explained():
            (number,) = self._connection.execute("PRAGMA data_version").fetchone()
            return int(number)

    # -- the universe ----------------------------------------------------------------------------------------

    def take(
        self,
        platform: Platform,
        listings: Sequence[Listing],
        *,
        t_us: int,
        source: str,
        whole: bool,
        unreadable: int = 0,
        asked: Sequence[str] = (),
    ) -> tuple[Taken, list[Decision]]:
        """Take over what a venue lists, and latch the pairs whose terms are not those of their approval, in one step.

        ``whole``: every open market is among them. ``asked``: these were asked for by name; what is not among the
        answers is not listed any more.
        """
        prepared = prepare(listings)
        with self._step():
            taken = self.universe.take(platform, prepared, t_us=t_us, source=source, whole=whole, unreadable=unreadable)
            there = {listing.market_id for listing in listings}
            self.universe.vanished(platform, (name for name in asked if name not in there), t_us)
            return taken, self.book.latch_changed(t_us)

    def last(self, platform: Platform, *, whole: bool = False) -> Taken | None:
        """The newest fetch, or the newest whole one."""
        with self._explained():
            return self.universe.last(platform, whole=whole)

    def open_listings(self, platform: Platform) -> Iterator[Listing]:
        """Every market that was open when it was last read."""
        with self._explained():
            yield from self.universe.open_listings(platform)

    # -- pairs -----------------------------------------------------------------------------------------------

    def decide(
        self,
        pair_id: str,
        what: What,
        *,
        who: str,
        t_us: int,
        note: str = "",
        seen: Digests | None = None,
        pair: Pair | None = None,
    ) -> State:
        """What a person says of a pair, see :meth:`PairBook.decide`."""
        with self._step():
            return self.book.decide(pair_id, what, who=who, t_us=t_us, note=note, seen=seen, pair=pair)

    def take_file(self, pairs: Sequence[Pair], *, who: str, t_us: int, note: str) -> list[PairId]:
        """Approve every pair of a file, or none; returns those that were not approved just so before."""
        with self._step():
            states = {pair.pair_id: self.book.take_over(pair, who=who, t_us=t_us, note=note) for pair in pairs}
        return [pair_id for pair_id, state in states.items() if state is not None]

    def entries(self, states: Sequence[State] = tuple(State)) -> list[Entry]:
        """The pairs in these states."""
        with self._explained():
            return self.book.entries(states)

    def find(self, name: str) -> Entry:
        """A pair by its name, its Kalshi ticker, or its Polymarket condition. Raises :class:`PairStoreError`."""
        with self._explained():
            entry = self.book.entry(name)
            if entry is not None:
                return entry
            found = [each for each in self.book.entries() if name in {each.kalshi_id, each.polymarket_id}]
        if len(found) == 1:
            return found[0]
        if found:
            names = ", ".join(each.pair.pair_id for each in found)
            raise PairStoreError(f"{name} is in several pairs: say which of {names}")
        raise PairStoreError(f"there is no pair {name!r}: see `arb pairs list`")

    def sides(self, entry: Entry) -> tuple[Kept | None, Kept | None]:
        """Both markets as they were last read."""
        with self._explained():
            return self.book.sides(entry)

    def changed(self, entry: Entry) -> tuple[Change, ...]:
        """What is another now than when a person last approved it."""
        with self._explained():
            return self.book.changed(entry)

    def decisions(self, pair_id: str) -> list[Decision]:
        """All that happened to it, oldest first."""
        with self._explained():
            return self.book.decisions(pair_id)

    def approved(self) -> Approved:
        """What may be traded; a pair of which a market is shut is left out until it is listed as open again."""
        pairs: list[Pair] = []
        shut: dict[PairId, str] = {}
        ages: list[int] = []
        for entry in self.entries((State.APPROVED,)):
            sides = dict(zip((KALSHI, POLYMARKET), self.sides(entry), strict=True))
            reason = next((_shut(name, kept) for name, kept in sides.items() if kept and not kept.is_open), None)
            if reason is None:
                pairs.append(entry.pair)
                ages += [self._compared_us(name, kept) for name, kept in sides.items() if kept is not None]
            else:
                shut[entry.pair.pair_id] = reason
        return Approved(tuple(numbered(pairs)), shut, min(ages, default=None))

    def not_approved(self, pair_ids: Sequence[PairId]) -> dict[PairId, str]:
        """Of these the ones that may not be traded (any more), each with the reason."""
        found: dict[PairId, str] = {}
        with self._explained():
            for pair_id in pair_ids:
                entry = self.book.entry(pair_id)
                if entry is None:
                    found[pair_id] = "it is not in the pairs store any more"
                elif entry.state is not State.APPROVED:
                    said = self.book.decisions(pair_id)
                    words = {State.LATCHED: "its terms changed"}.get(entry.state, f"it is {entry.state}")
                    found[pair_id] = f"{words}: {said[-1].note}" if said and said[-1].note else words
        return found

    def _compared_us(self, platform: Platform, kept: Kept) -> int:
        whole = self.universe.last(platform, whole=True)
        return max(kept.seen_us, whole.t_us if whole is not None else 0)

    # -- inside ----------------------------------------------------------------------------------------------

    @contextlib.contextmanager
    def step(self) -> Iterator[None]:
        """For several things that are one: all of them are written, or none is."""
        with self._step():
            yield

    @contextlib.contextmanager
    def _step(self) -> Iterator[None]:
        with self._explained():
            if self._connection.in_transaction:
                yield
                return
            with transaction(self._connection):
                yield

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        """Have every failure named."""
        try:
            yield
        except msgspec.MsgspecError as error:
            raise PairStoreError(
                f"pairs store {self.path} holds what this arb cannot read ({error}): was it written by a newer one?"
            ) from None
        except (sqlite3.Error, OSError, WrongFile) as error:
            raise PairStoreError(explain(self.path, "pairs store", error)) from None


def _shut(platform: Platform, kept: Kept) -> str:
    if kept.gone_us is not None:
        return f"{platform} does not list it as open any more"
    return f"{platform}: {kept.listing.left_out}"
