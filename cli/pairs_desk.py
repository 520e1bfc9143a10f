"""A pair looked at afresh: both markets as they were last read, judged anew, and what stands against approving it."""

from __future__ import annotations

import getpass
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from msgspec import structs

from cli.error import CliError
from cli.exit_codes import CONFIGURATION, ERROR
from cli.pairs_source import store_file
from config.home import ArbHome
from market.pair import Pair
from pairing.approval import State, What
from pairing.candidates import Candidate, judge
from pairing.export import pair_of
from pairing.glance import Glance, glance, yearly
from pairing.judgement import DIFFER, UNKNOWN, Verdict
from pairing.leagues import Leagues, LeaguesError
from pairing.lockup import Lockup, lockup
from pairing.proposal import Proposal, propose
from pairing.terms import Change
from protocol.terms import KALSHI, POLYMARKET
from transport.pair_tables import load_leagues
from transport.pairs.book import FILE, Digests, Entry
from transport.pairs.errors import PairStoreError
from transport.pairs.store import PairStore
from transport.pairs.universe import Kept

UNSEEN: Final = "was never read: run `arb pairs fetch`"


class Looked(NamedTuple):
    """A pair as it is now. ``problem``: why nobody can approve it here, None where a person may."""

    entry: Entry
    kalshi: Kept | None
    polymarket: Kept | None
    proposal: Proposal | None
    changes: tuple[Change, ...]
    problem: str | None

    @property
    def seen(self) -> Digests:
        """The terms that were looked at."""
        sides = (self.kalshi, self.polymarket)
        kalshi, polymarket = (None if kept is None else kept.digest for kept in sides)
        return kalshi, polymarket

    @property
    def verdict(self) -> Verdict:
        """What the points come to; not known where there are none."""
        return Verdict.UNSURE if self.proposal is None else self.proposal.verdict

    @property
    def lockup(self) -> Lockup | None:
        """When its money comes back."""
        if self.kalshi is None or self.polymarket is None:
            return None
        return lockup(self.kalshi.listing, self.polymarket.listing)

    @property
    def glance(self) -> Glance | None:
        """What the prices of the listings would make of it."""
        if self.kalshi is None or self.polymarket is None:
            return None
        return glance(self.entry.pair, self.kalshi.listing, self.polymarket.listing)

    def yearly(self, now: datetime) -> Decimal | None:
        """The edge of the glance per year of locked capital, as a share; None where there is none."""
        if self.kalshi is None or self.polymarket is None:
            return None
        return yearly(self.glance, self.kalshi.listing, self.polymarket.listing, now)


class Desk:
    """The store of a home with the leagues that judge it."""

    def __init__(self, store: PairStore, leagues: Leagues) -> None:
        self.store = store
        self.leagues = leagues

    def look(self, entry: Entry) -> Looked:
        """Read, judge, and say what stands against it."""
        kalshi, polymarket = self.store.sides(entry)
        proposal = None
        if kalshi is not None and polymarket is not None:
            proposal = propose(kalshi.listing, polymarket.listing, self.leagues)
        changes = self.store.changed(entry) if entry.state is State.LATCHED else ()
        return Looked(entry, kalshi, polymarket, proposal, changes, _problem(entry, kalshi, polymarket, proposal))

    def approve(self, looked: Looked, *, who: str, note: str = "") -> None:
        """Approve what was looked at, on these terms. Raises :class:`PairStoreError` where they are others by now."""
        if looked.problem is not None:
            raise PairStoreError(f"{looked.entry.pair.pair_id}: {looked.problem}")
        pair = self._pair(looked)
        name = looked.entry.pair.pair_id
        self.store.decide(name, What.APPROVE, who=who, t_us=now_us(), note=note, seen=looked.seen, pair=pair)

    def reject(self, entry: Entry, *, who: str, note: str = "") -> None:
        """It is none, says a person."""
        self.store.decide(entry.pair.pair_id, What.REJECT, who=who, t_us=now_us(), note=note)

    def _pair(self, looked: Looked) -> Pair | None:
        """What is traded from now on: fees and ticks of today. A file's own values stay as they are."""
        entry = looked.entry
        if entry.category == FILE or looked.proposal is None or looked.kalshi is None or looked.polymarket is None:
            return None
        kalshi, polymarket = looked.kalshi.listing, looked.polymarket.listing
        candidate = Candidate(
            kalshi=kalshi,
            polymarket=polymarket,
            judgement=judge(kalshi, polymarket, self.leagues),
            event_key=kalshi.event_id,
        )
        return structs.replace(
            pair_of(candidate),
            pair_id=entry.pair.pair_id,
            event_id=entry.pair.event_id or kalshi.event_id,
            kalshi_shard=kalshi.shard,
        )


def _problem(entry: Entry, kalshi: Kept | None, polymarket: Kept | None, proposal: Proposal | None) -> str | None:
    for platform, kept in ((KALSHI, kalshi), (POLYMARKET, polymarket)):
        if kept is None:
            return f"its market on {platform} {UNSEEN}"
        if not kept.is_open:
            return f"its market on {platform} is not open any more"
    if proposal is None:
        return "which outcome is Kalshi's YES cannot be told; `arb pairs import` takes a file of yours"
    if proposal.verdict is Verdict.DIFFERENT:
        names = ", ".join(point.name for point in proposal.of(DIFFER))
        return f"refused, for these differ: {names}"
    if entry.category == FILE and entry.pair.poly_yes_token not in {None, proposal.yes_token}:
        return f"its file has the outcomes the other way round: by the rules YES is {proposal.yes_name!r}"
    return None


def order(looked: Looked) -> tuple[object, ...]:
    """Who comes first: what was latched, then what is known best, then the larger edge."""
    proposal = looked.proposal
    unknown = 99 if proposal is None else len(proposal.of(UNKNOWN)) + len(proposal.flags)
    look = looked.glance
    return (looked.entry.state is not State.LATCHED, unknown, 0 if look is None else -look.edge, looked.entry.seq)


@contextmanager
def opened(home: ArbHome, *, make: bool = False) -> Iterator[Desk]:
    """The desk of this home. Raises :class:`CliError` for everything that is wrong with its store."""
    file = store_file(home)
    if not make and not file.exists():
        raise CliError(ERROR, f"there is no pairs store {file}: `arb pairs fetch` makes it")
    home.ensure()
    try:
        leagues = load_leagues(home.path / "leagues")
        with PairStore(file) as store:
            yield Desk(store, leagues)
    except LeaguesError as error:
        raise CliError(CONFIGURATION, str(error)) from None
    except PairStoreError as error:
        raise CliError(ERROR, str(error)) from None


def person() -> str:
    """Who sits here, as this machine knows him."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "somebody"


def now_us() -> int:
    """The time, in unix microseconds."""
    return time.time_ns() // 1_000


def now() -> datetime:
    """The time."""
    return datetime.now(UTC)
