"""A pairs store with one game of both venues in it, found and waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from pairing.approval import State, What
from pairing.candidates import Candidate, judge
from pairing.export import pair_of
from pairing.listing import Listing
from pairing.proposal import Proposal, propose
from protocol.terms import KALSHI, POLYMARKET, PairId
from tests.pairing.kit import LEAGUES, gamma_game, kalshi_game, one_gamma, one_kalshi
from transport.pairs.book import Decision
from transport.pairs.store import PairStore
from transport.pairs.universe import Taken

T0 = 1_768_000_000_000_000
HOUR = 3_600_000_000
NAME = PairId("KXNBAGAME-26JAN09TORBOS-BOS")


@contextmanager
def stored(folder: Path) -> Iterator[PairStore]:
    """A store with the game as both venues list it."""
    with PairStore(folder / "pairs.db") as store:
        read_kalshi(store)
        read_polymarket(store)
        yield store


def read_kalshi(store: PairStore, t_us: int = T0, **changes: Any) -> list[Decision]:
    """Kalshi is read, whole; returns what this latched."""
    return take(store, one_kalshi(kalshi_game(**changes)), t_us=t_us)[1]


def read_polymarket(store: PairStore, t_us: int = T0, **changes: Any) -> list[Decision]:
    """The same of Polymarket."""
    return take(store, one_gamma(gamma_game(**changes)), t_us=t_us)[1]


def take(store: PairStore, *listings: Listing, t_us: int, whole: bool = True) -> tuple[Taken, list[Decision]]:
    """Take over listings of one venue."""
    return store.take(listings[0].platform, listings, t_us=t_us, source="test", whole=whole)


def proposal_of(store: PairStore) -> Proposal:
    """The judgement of the game as it is stored now."""
    kalshi = next(store.open_listings(KALSHI))
    found = propose(kalshi, next(store.open_listings(POLYMARKET)), LEAGUES)
    assert found is not None
    return found


def found(store: PairStore, t_us: int = T0) -> State:
    """Judge the game, and keep it."""
    proposal = proposal_of(store)
    kalshi, polymarket = next(store.open_listings(KALSHI)), next(store.open_listings(POLYMARKET))
    with store.step():
        name = store.book.name_for(proposal, kalshi, polymarket)
        key = store.book.event_key(kalshi, polymarket, "nba:game")
        judgement = judge(kalshi, polymarket, LEAGUES)
        candidate = Candidate(kalshi=kalshi, polymarket=polymarket, judgement=judgement, event_key=key)
        pair = msgspec.structs.replace(pair_of(candidate), pair_id=name, event_id=key)
        return store.book.propose(proposal, pair, t_us)


def approve(store: PairStore, t_us: int = T0) -> None:
    """A person approves the game as it is now."""
    entry = store.find(NAME)
    store.decide(NAME, What.APPROVE, who="ann", t_us=t_us, seen=store.book.digests(entry))
