"""The pairs in the store: what was proposed, what a person decided on which terms, and what latched it.

Only an approval makes a pair tradable, and it rests on a hash of both sides' terms. When either side's terms are
another, the pair is latched in the same transaction in which they were noticed. The caller holds the transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from market.pair import Pair
from pairing.approval import State, What, after
from pairing.export import pair_id_of
from pairing.listing import Listing
from pairing.proposal import Proposal
from pairing.terms import Change, changes
from protocol.terms import KALSHI, POLYMARKET, PairId
from transport.pairs.errors import PairStoreError
from transport.pairs.universe import Kept, Universe, decode_listing, encode_listing

FILE: Final = "file"
"""The class of a pair that a person brought in a file: what is traded is what the file says."""

MACHINE: Final = "arb"
"""Who latched, pinned or proposed it: nobody in person."""

_CHANGES: Final = msgspec.json.Decoder(tuple[Change, ...])
_PAIR: Final = msgspec.json.Decoder(Pair)
_EVIDENCE: Final = msgspec.json.Decoder(Proposal)
_ENCODE: Final = msgspec.json.Encoder()
_SELECT: Final = (
    "SELECT seq, state, kalshi_id, polymarket_id, category, kalshi_digest, polymarket_digest, pair, evidence "
    "FROM arb_pairs "
)
_ALL: Final = _SELECT + "ORDER BY seq"
_NAMED: Final = _SELECT + "WHERE pair_id = ?"
_SAME: Final = _SELECT + "WHERE kalshi_id = ?1 AND (yes_token IN (?2, ?3) OR no_token IN (?2, ?3))"
_FOUND_IN_EVENT: Final = _SELECT + "WHERE event_key = ? AND category != 'file'"

Digests = tuple[str | None, str | None]
"""The hashes of Kalshi's terms and of Polymarket's; None where the side is none, or was never seen."""


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One pair as the store has it. ``digests`` are those that the approval rests on."""

    seq: int
    pair: Pair
    state: State
    category: str
    kalshi_id: str | None
    polymarket_id: str | None
    digests: Digests
    evidence: Proposal | None


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happened to a pair: when, by whom, and the terms of that moment."""

    pair_id: PairId
    t_us: int
    what: What
    state: State
    who: str
    note: str
    digests: Digests
    changes: tuple[Change, ...] = ()


class PairBook:
    """The pairs of the store, over its universe."""

    def __init__(self, connection: sqlite3.Connection, universe: Universe) -> None:
        self._connection = connection
        self._universe = universe

    # -- reading ---------------------------------------------------------------------------------------------

    def entries(self, states: Collection[State] = tuple(State)) -> list[Entry]:
        """Every pair in these states, in the order in which they came."""
        found = map(_entry, self._connection.execute(_ALL).fetchall())
        return [entry for entry in found if entry.state in states]

    def entry(self, pair_id: str) -> Entry | None:
        """One pair, by its name."""
        row = self._connection.execute(_NAMED, (pair_id,)).fetchone()
        return None if row is None else _entry(row)

    def sides(self, entry: Entry) -> tuple[Kept | None, Kept | None]:
        """Both markets as they were last read; None for one that was never seen, or is none."""
        return self._universe.kept(KALSHI, entry.kalshi_id), self._universe.kept(POLYMARKET, entry.polymarket_id)

    def digests(self, entry: Entry) -> Digests:
        """The hashes of both sides as they are now."""
        return _digests(*self.sides(entry))

    def decisions(self, pair_id: str) -> list[Decision]:
        """All that happened to it, oldest first."""
        rows = self._connection.execute(
            "SELECT pair_id, t_us, what, state, who, note, kalshi_digest, polymarket_digest, changes "
            "FROM arb_decisions WHERE pair_id = ? ORDER BY seq",
            (pair_id,),
        )
        return [_decision(row) for row in rows]

    def changed(self, entry: Entry) -> tuple[Change, ...]:
        """What is another now than when a person last approved it, either side; each field names its venue."""
        row = self._connection.execute(
            "SELECT kalshi, polymarket FROM arb_decisions WHERE pair_id = ? AND what IN ('approve', 'pin') "
            "ORDER BY seq DESC LIMIT 1",
            (entry.pair.pair_id,),
        ).fetchone()
        return () if row is None else self._differences(row, self.sides(entry))

    def name_for(self, proposal: Proposal, kalshi: Listing, polymarket: Listing) -> PairId:
        """What the pair of these markets is called: as before, else as its Kalshi market where that is free."""
        same = self._same(proposal)
        if same:
            return same[0].pair.pair_id
        short, long = PairId(kalshi.market_id), pair_id_of(kalshi, polymarket)
        return short if self.entry(short) is None else long

    # -- what happens ----------------------------------------------------------------------------------------

    def propose(self, proposal: Proposal, pair: Pair, t_us: int) -> State:
        """Keep what was found, or what was judged anew; a person's decision stays. Returns the pair's state.

        An approved pair whose outcomes are found the other way round is latched: one of the two is wrong.
        """
        same = self._same(proposal)
        for each in same:
            if each.state is State.APPROVED and _swapped(each, proposal):
                change = Change("outcome", f"YES = {each.pair.poly_yes_token}", f"YES = {proposal.yes_token}")
                self._latch(each, (change,), t_us)
        if not same:
            self._insert(pair, State.PROPOSED, proposal, self._of(proposal))
            entry = self._expected(pair.pair_id)
            self._note(entry, What.PROPOSE, State.PROPOSED, who=MACHINE, note="", t_us=t_us)
            return State.PROPOSED
        entry = self._expected(same[0].pair.pair_id)
        self._connection.execute(
            "UPDATE arb_pairs SET evidence = ?, category = iif(category = ?, category, ?), polymarket_id = ? "
            "WHERE seq = ?",
            (_ENCODE.encode(proposal), FILE, proposal.category, proposal.polymarket_id, entry.seq),
        )
        if entry.state is State.PROPOSED:
            self._rewrite(entry, msgspec.structs.replace(pair, pair_id=entry.pair.pair_id))
            self._rest_on(entry, self._of(proposal))
        return entry.state

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
        """A person approves or rejects it, having ``seen`` these terms; ``pair`` replaces what is traded.

        Raises :class:`PairStoreError` where the terms are not those any more, or it cannot happen to the pair.
        """
        entry = self._expected(pair_id)
        state = after(entry.state, what)
        if state is None:
            raise PairStoreError(f"{pair_id} is {entry.state}: it cannot be given {what}")
        now = self.digests(entry)
        if seen is not None and seen != now:
            raise PairStoreError(f"{pair_id}: its terms have changed since you read them: look at it again")
        if what is What.APPROVE:
            self._one_a_market(entry)
            if pair is not None:
                self._rewrite(entry, pair)
            self._rest_on(entry, now)
        self._note(entry, what, state, who=who, note=note, t_us=t_us)
        return state

    def take_over(self, pair: Pair, *, who: str, t_us: int, note: str) -> State | None:
        """A pair of a person's own file is approved as it stands. None: it was approved with just these values.

        Raises :class:`PairStoreError` where its name or its instruments are those of another pair here.
        """
        entry = self.entry(pair.pair_id)
        if entry is None:
            self._insert(pair, State.APPROVED, None, (None, None))
            entry = self._expected(pair.pair_id)
        elif instruments(entry.pair) != instruments(pair):
            raise PairStoreError(f"{pair.pair_id} has other markets here: give the pair of the file another pair_id")
        elif entry.state is State.APPROVED and entry.pair == msgspec.structs.replace(pair, market_id=0):
            return None
        self._rewrite(entry, pair)
        entry = self._expected(pair.pair_id)
        now = self.digests(entry)
        self._rest_on(entry, now)
        self._note(entry, What.APPROVE, State.APPROVED, who=who, note=note, t_us=t_us)
        return State.APPROVED

    def latch_changed(self, t_us: int) -> list[Decision]:
        """Latch every approved pair whose terms are not those of its approval; pin those that were approved unseen."""
        self._attach()
        latched = []
        for entry in self.entries((State.APPROVED,)):
            now = self.digests(entry)
            stale = [old is not None and new not in {None, old} for old, new in zip(entry.digests, now, strict=True)]
            if any(stale):
                latched.append(self._latch(entry, self.changed(entry), t_us))
            elif any(old is None and new is not None for old, new in zip(entry.digests, now, strict=True)):
                self._pin(entry, now, t_us)
        return latched

    # -- inside ----------------------------------------------------------------------------------------------

    def _same(self, proposal: Proposal) -> list[Entry]:
        """The pairs of these markets, whichever outcome they take for YES; first what takes the one of the proposal."""
        tokens = (proposal.yes_token, proposal.no_token)
        rows = self._connection.execute(_SAME, (proposal.kalshi_id, *tokens)).fetchall()
        return sorted(map(_entry, rows), key=lambda entry: _swapped(entry, proposal))

    def _attach(self) -> None:
        """A file names tokens, not conditions: look up whose they are, once they are listed."""
        rows = self._connection.execute(
            "SELECT seq, yes_token, no_token FROM arb_pairs "
            "WHERE polymarket_id IS NULL AND coalesce(yes_token, no_token) IS NOT NULL"
        ).fetchall()
        found = [(self._universe.of_token(yes or no), seq) for seq, yes, no in rows]
        self._connection.executemany("UPDATE arb_pairs SET polymarket_id = ? WHERE seq = ?", found)

    def _pin(self, entry: Entry, now: Digests, t_us: int) -> None:
        self._rest_on(entry, (entry.digests[0] or now[0], entry.digests[1] or now[1]))
        note = "approved before its terms were read; these are they"
        self._note(entry, What.PIN, State.APPROVED, who=MACHINE, note=note, t_us=t_us)

    def _latch(self, entry: Entry, found: tuple[Change, ...], t_us: int) -> Decision:
        note = ", ".join(change.field for change in found) or "terms"
        return self._note(entry, What.LATCH, State.LATCHED, who=MACHINE, note=note, t_us=t_us, found=found)

    def _rest_on(self, entry: Entry, digests: Digests) -> None:
        self._connection.execute(
            "UPDATE arb_pairs SET kalshi_digest = ?, polymarket_digest = ? WHERE seq = ?", (*digests, entry.seq)
        )

    def _one_a_market(self, entry: Entry) -> None:
        """One Kalshi market is one contract: two Polymarket markets cannot both be it without one being looked at."""
        row = self._connection.execute(
            "SELECT pair_id FROM arb_pairs WHERE state = 'approved' AND kalshi_id = ? AND seq != ? "
            "AND polymarket_id IS NOT ?",
            (entry.kalshi_id, entry.seq, entry.polymarket_id),
        ).fetchone()
        if entry.kalshi_id is not None and row is not None:
            raise PairStoreError(
                f"{entry.pair.pair_id}: {row[0]} is approved with the same Kalshi market and another of Polymarket: "
                f"reject it first, if this is the right one"
            )

    def _differences(
        self, then: tuple[bytes | None, bytes | None], now: tuple[Kept | None, Kept | None]
    ) -> tuple[Change, ...]:
        found: list[Change] = []
        for platform, body, kept in zip((KALSHI, POLYMARKET), then, now, strict=True):
            if body is not None and kept is not None:
                before: Listing = decode_listing(body)
                found += [
                    Change(f"{platform} {change.field}", change.old, change.new)
                    for change in changes(before, kept.listing)
                ]
        return tuple(found)

    def _of(self, proposal: Proposal) -> Digests:
        kalshi = self._universe.kept(KALSHI, proposal.kalshi_id)
        return _digests(kalshi, self._universe.kept(POLYMARKET, proposal.polymarket_id))

    def _expected(self, pair_id: str) -> Entry:
        entry = self.entry(pair_id)
        if entry is None:
            raise PairStoreError(f"there is no pair {pair_id!r}: see `arb pairs list`")
        return entry

    def _insert(self, pair: Pair, state: State, proposal: Proposal | None, digests: Digests) -> None:
        polymarket_id = (
            self._universe.of_token(pair.poly_yes_token or pair.poly_no_token)
            if proposal is None
            else proposal.polymarket_id
        )
        try:
            self._connection.execute(
                "INSERT INTO arb_pairs (pair_id, state, kalshi_id, polymarket_id, yes_token, no_token, category, "
                "event_key, kalshi_digest, polymarket_digest, pair, evidence) VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                (
                    pair.pair_id,
                    str(state),
                    pair.kalshi_market_ticker,
                    polymarket_id,
                    pair.poly_yes_token,
                    pair.poly_no_token,
                    FILE if proposal is None else proposal.category,
                    pair.event_id,
                    *digests,
                    _body(pair),
                    None if proposal is None else _ENCODE.encode(proposal),
                ),
            )
        except sqlite3.IntegrityError:
            other = self._of_instruments(pair)
            raise PairStoreError(
                f"{pair.pair_id}: the same markets are pair {other!r} here: use that name, or reject that pair"
            ) from None

    def _of_instruments(self, pair: Pair) -> str | None:
        row = self._connection.execute(
            "SELECT pair_id FROM arb_pairs WHERE coalesce(kalshi_id, '') = ? AND coalesce(yes_token, '') = ? "
            "AND coalesce(no_token, '') = ?",
            tuple(each or "" for each in instruments(pair)),
        ).fetchone()
        return None if row is None else str(row[0])

    def _rewrite(self, entry: Entry, pair: Pair) -> None:
        """What is traded; the outcomes may have been found to be the other way round."""
        self._connection.execute(
            "UPDATE arb_pairs SET pair = ?, yes_token = ?, no_token = ?, event_key = ? WHERE seq = ?",
            (_body(pair), pair.poly_yes_token, pair.poly_no_token, pair.event_id, entry.seq),
        )

    def _note(
        self,
        entry: Entry,
        what: What,
        state: State,
        *,
        who: str,
        note: str,
        t_us: int,
        found: Sequence[Change] = (),
    ) -> Decision:
        kalshi, polymarket = self.sides(entry)
        digests = _digests(kalshi, polymarket)
        self._connection.execute("UPDATE arb_pairs SET state = ? WHERE seq = ?", (str(state), entry.seq))
        self._connection.execute(
            "INSERT INTO arb_decisions (pair_id, t_us, what, state, who, note, kalshi_digest, polymarket_digest, "
            "kalshi, polymarket, changes) VALUES (?,?,?,?,?,?,?,?,?,?,?)",
            (
                entry.pair.pair_id,
                t_us,
                str(what),
                str(state),
                who,
                note,
                *digests,
                kalshi and encode_listing(kalshi.listing),
                polymarket and encode_listing(polymarket.listing),
                _ENCODE.encode(list(found)).decode(),
            ),
        )
        return Decision(
            pair_id=entry.pair.pair_id,
            t_us=t_us,
            what=what,
            state=state,
            who=who,
            note=note,
            digests=digests,
            changes=tuple(found),
        )

    # -- events ----------------------------------------------------------------------------------------------

    def event_key(self, kalshi: Listing, polymarket: Listing, proposed: str) -> str:
        """The name of what both are about: pairs that share an event of either venue share it, and one risk limit.

        ``proposed`` is the name of one that is new. Two names that turn out to be one event become one, also for pairs
        that were approved before.
        """
        sides = ((KALSHI, kalshi.event_id), (POLYMARKET, polymarket.event_id))
        known = sorted({key for key in (self._key_of(*side) for side in sides) if key is not None})
        key = known[0] if known else proposed
        for other in known[1:]:
            self._connection.execute("UPDATE arb_events SET event_key = ? WHERE event_key = ?", (key, other))
            self._rename(other, key)
        self._connection.executemany(
            "INSERT INTO arb_events (platform, event_id, event_key) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            ((*side, key) for side in sides),
        )
        return key

    def _key_of(self, platform: str, event_id: str) -> str | None:
        row = self._connection.execute(
            "SELECT event_key FROM arb_events WHERE platform = ? AND event_id = ?", (platform, event_id)
        ).fetchone()
        return None if row is None else str(row[0])

    def _rename(self, old: str, new: str) -> None:
        """Found pairs alone: what a person wrote into a file stays as he wrote it."""
        for entry in self._connection.execute(_FOUND_IN_EVENT, (old,)).fetchall():
            read = _entry(entry)
            self._rewrite(read, msgspec.structs.replace(read.pair, event_id=new))


def instruments(pair: Pair) -> tuple[str | None, str | None, str | None]:
    """What the pair trades."""
    return pair.kalshi_market_ticker, pair.poly_yes_token, pair.poly_no_token


def _swapped(entry: Entry, proposal: Proposal) -> bool:
    return entry.pair.poly_yes_token not in {None, proposal.yes_token}


def _digests(kalshi: Kept | None, polymarket: Kept | None) -> Digests:
    return None if kalshi is None else kalshi.digest, None if polymarket is None else polymarket.digest


def numbered(pairs: Iterable[Pair]) -> list[Pair]:
    """The pairs with their numbers on the wire, in their order."""
    return [msgspec.structs.replace(pair, market_id=number) for number, pair in enumerate(pairs)]


def _body(pair: Pair) -> bytes:
    return _ENCODE.encode(msgspec.structs.replace(pair, market_id=0))


def _entry(row: tuple[object, ...]) -> Entry:
    seq, state, kalshi_id, polymarket_id, category, kalshi_digest, polymarket_digest, pair, evidence = row
    return msgspec.convert(
        {
            "seq": seq,
            "pair": _PAIR.decode(pair),  # type: ignore[arg-type]  # a blob
            "state": state,
            "kalshi_id": kalshi_id,
            "polymarket_id": polymarket_id,
            "category": category,
            "digests": (kalshi_digest, polymarket_digest),
            "evidence": None if evidence is None else _EVIDENCE.decode(evidence),  # type: ignore[arg-type]  # a blob
        },
        Entry,
    )


def _decision(row: tuple[object, ...]) -> Decision:
    pair_id, t_us, what, state, who, note, kalshi, polymarket, found = row
    return msgspec.convert(
        {
            "pair_id": pair_id,
            "t_us": t_us,
            "what": what,
            "state": state,
            "who": who,
            "note": note,
            "digests": (kalshi, polymarket),
            "changes": _CHANGES.decode(found),  # type: ignore[arg-type]  # a text
        },
        Decision,
    )
