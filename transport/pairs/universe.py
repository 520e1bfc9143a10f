"""All open markets of both venues, as they were listed when they were last read; taken over whole or not at all.

The caller holds the transaction: what is taken over and the pairs that it latches are one step.
"""

from __future__ import annotations

import sqlite3
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from pairing.listing import LeftOut, Listing, terms_digest
from protocol.terms import Platform
from transport.pairs.errors import PairStoreError

_ENCODE: Final = msgspec.json.Encoder()
_PACK: Final = 1
_DECODE: Final = msgspec.json.Decoder(Listing)

KNOWN_ONLY: Final = frozenset({LeftOut.CLOSED})
"""A market that is left out for this reason stays what it was, but shut; for any other it is none to us at all."""


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What a fetch brought: markets ``listed``, of these ``new`` and with ``changed`` terms; ``gone`` are no more."""

    platform: Platform
    t_us: int
    source: str
    whole: bool
    listed: int
    new: int = 0
    changed: int = 0
    gone: int = 0
    left_out: dict[str, int] = {}
    unreadable: int = 0


class Kept(msgspec.Struct, frozen=True):
    """One listing and how it stands in the store; ``gone_us``: since when it is not listed any more."""

    listing: Listing
    digest: str
    seen_us: int
    gone_us: int | None

    @property
    def is_open(self) -> bool:
        """Whether it was open when it was last read."""
        return self.gone_us is None and self.listing.left_out is None


class Prepared(NamedTuple):
    """A listing as it goes into the store: made before the file is held for writing, as it takes a while."""

    listing: Listing
    digest: str
    body: bytes


def prepare(listings: Iterable[Listing]) -> list[Prepared]:
    """Each market once, as it was listed last: one may be on two pages where it moved between them."""
    last = {listing.market_id: listing for listing in listings}
    return [Prepared(listing, terms_digest(listing), encode_listing(listing)) for listing in last.values()]


class Universe:
    """The listings in the store."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def take(
        self, platform: Platform, listings: Sequence[Prepared], *, t_us: int, source: str, whole: bool, unreadable: int
    ) -> Taken:
        """Take them over, inside of the caller's transaction; ``whole``: what is not among them is gone.

        Raises :class:`PairStoreError` where a whole set is empty: that is a broken answer, not the end of a venue.
        """
        if whole and not listings:
            raise PairStoreError(f"{platform} listed no market at all, and nothing was changed: try again later")
        known = self._known(platform, None if whole else [each.listing.market_id for each in listings])
        left_out: Counter[str] = Counter()
        rows: dict[str, tuple[object, ...]] = {}
        new = changed = 0
        for each in listings:
            listing, digest = each.listing, each.digest
            before = known.get(listing.market_id)
            if listing.left_out is not None:
                left_out[listing.left_out] += 1
                if before is None or listing.left_out not in KNOWN_ONLY:
                    continue
            new += before is None
            changed += before is not None and before[0] != digest
            rows[listing.market_id] = _row(each, t_us)
        self._connection.executemany(_UPSERT, rows.values())
        gone = [name for name, (_, is_gone) in known.items() if not is_gone and name not in rows] if whole else []
        self._connection.executemany(
            "UPDATE arb_listings SET gone_us = ? WHERE platform = ? AND market_id = ?",
            ((t_us, platform, name) for name in gone),
        )
        taken = Taken(
            platform=platform,
            t_us=t_us,
            source=source,
            whole=whole,
            listed=len(rows),
            new=new,
            changed=changed,
            gone=len(gone),
            left_out=dict(left_out),
            unreadable=unreadable,
        )
        self._connection.execute(
            "INSERT INTO arb_fetches (platform, t_us, source, whole, counts) VALUES (?, ?, ?, ?, ?)",
            (platform, t_us, source, int(whole), _ENCODE.encode(taken).decode()),
        )
        return taken

    def _known(self, platform: Platform, names: Sequence[str] | None) -> dict[str, tuple[str, bool]]:
        """Digest, and whether it is gone, of these markets or of all."""
        rows: list[tuple[str, str, int | None]] = []
        if names is None:
            rows = self._connection.execute(
                "SELECT market_id, digest, gone_us FROM arb_listings WHERE platform = ?", (platform,)
            ).fetchall()
        else:
            for name in names:
                rows += self._connection.execute(
                    "SELECT market_id, digest, gone_us FROM arb_listings WHERE platform = ? AND market_id = ?",
                    (platform, name),
                ).fetchall()
        return {name: (digest, gone_us is not None) for name, digest, gone_us in rows}

    def vanished(self, platform: Platform, market_ids: Iterable[str], t_us: int) -> None:
        """These were asked for by name and are not there any more; inside of the caller's transaction."""
        self._connection.executemany(
            "UPDATE arb_listings SET gone_us = ? WHERE platform = ? AND market_id = ? AND gone_us IS NULL",
            ((t_us, platform, name) for name in market_ids),
        )

    def kept(self, platform: Platform, market_id: str | None) -> Kept | None:
        """One listing; None where it was never seen."""
        row = self._connection.execute(
            "SELECT body, digest, seen_us, gone_us FROM arb_listings WHERE platform = ? AND market_id = ?",
            (platform, market_id),
        ).fetchone()
        return None if row is None else _kept(row)

    def of_token(self, token: str | None) -> str | None:
        """The market whose outcome this token is."""
        if token is None:
            return None
        row = self._connection.execute(
            "SELECT market_id FROM arb_listings WHERE token_a = ?1 OR token_b = ?1", (token,)
        ).fetchone()
        return None if row is None else str(row[0])

    def open_listings(self, platform: Platform) -> Iterator[Listing]:
        """Every market that was open when it was last read, in the order of their names."""
        rows = self._connection.execute(
            "SELECT body FROM arb_listings WHERE platform = ? AND gone_us IS NULL AND left_out IS NULL "
            "ORDER BY market_id",
            (platform,),
        )
        for (body,) in rows:
            yield decode_listing(body)

    def last(self, platform: Platform, *, whole: bool = False) -> Taken | None:
        """The newest fetch, or the newest whole one."""
        row = self._connection.execute(
            "SELECT counts FROM arb_fetches WHERE platform = ? AND whole >= ? ORDER BY seq DESC LIMIT 1",
            (platform, int(whole)),
        ).fetchone()
        return None if row is None else msgspec.json.decode(row[0], type=Taken)


_UPSERT: Final = """
INSERT INTO arb_listings (platform, market_id, event_id, digest, token_a, token_b, left_out, seen_us, changed_us, body)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (platform, market_id) DO UPDATE SET
    event_id = excluded.event_id, token_a = excluded.token_a, token_b = excluded.token_b,
    left_out = excluded.left_out, seen_us = excluded.seen_us, gone_us = NULL, body = excluded.body,
    changed_us = CASE WHEN digest = excluded.digest THEN changed_us ELSE excluded.changed_us END,
    digest = excluded.digest
"""


def _row(prepared: Prepared, t_us: int) -> tuple[object, ...]:
    listing, digest, body = prepared
    tokens = [outcome.token for outcome in listing.outcomes]
    first, second = [*tokens, None, None][:2]
    left_out = None if listing.left_out is None else str(listing.left_out)
    identity = (listing.platform, listing.market_id, listing.event_id)
    return (*identity, digest, first, second, left_out, t_us, t_us, body)


def _kept(row: tuple[bytes, str, int, int | None]) -> Kept:
    return Kept(decode_listing(row[0]), row[1], row[2], row[3])


def encode_listing(listing: Listing) -> bytes:
    """A listing as the store keeps it: packed to a third, for most of it is rules."""
    return zlib.compress(_ENCODE.encode(listing), _PACK)


def decode_listing(body: bytes) -> Listing:
    """The same, read. Raises ``msgspec.MsgspecError``."""
    try:
        return _DECODE.decode(zlib.decompress(body))
    except zlib.error as error:
        raise msgspec.DecodeError(str(error)) from None
