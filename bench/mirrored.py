"""How right facts are: each of Polymarket's game markets of a day, mirrored as Kalshi would list it, against all.

Rules are equal, so that nothing but facts can tell; only a mirror's own counterpart may be called the same. Kalshi's
dump of that day has no spreads, totals or halves: its side is made up, from Polymarket's fields alone.
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import msgspec

from pairing.candidates import judge
from pairing.gamma import read_gamma
from pairing.judgement import Verdict
from pairing.kalshi import read_kalshi
from pairing.listing import Listing
from transport.listing_file import read_listing_file
from transport.pair_tables import load_leagues

FILE: Final = "polymarket_gamma_events_nba_20260109.json.gz"

_SERIES: Final = {
    "moneyline": "KXNBAGAME",
    "spreads": "KXNBASPREAD",
    "totals": "KXNBATOTAL",
    "first_half_moneyline": "KXNBA1HWINNER",
    "first_half_spreads": "KXNBA1HSPREAD",
    "first_half_totals": "KXNBA1HTOTAL",
}
_SLUG: Final = re.compile(r"nba-(?P<away>\w+)-(?P<home>\w+)-20(?P<year>\d\d)-(?P<month>\d\d)-(?P<day>\d\d)")
_LINE: Final = re.compile(r"(?P<team>[\w ]+?) \(-(?P<line>[\d.]+)\)")
_MONTHS: Final = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")


class Mirror(msgspec.Struct, frozen=True):
    """A made-up Kalshi market, the Polymarket market that it mirrors, and the outcome that is its YES."""

    kalshi: Listing
    condition: str
    yes: str


class Mirrored(msgspec.Struct, frozen=True):
    """Pairs that were judged, those called the same, and how many of these wrongly or on the wrong side."""

    judged: int
    mirrors: int
    same: int
    wrong: int


def measure(path: Path, limit: int | None = None) -> Mirrored:
    """Every mirror, or the first few, against every market of the file."""
    listings, _ = read_listing_file(path, read_gamma)
    open_ones = [msgspec.structs.replace(listing, left_out=None) for listing in listings]
    mirrors = [mirror for listing in open_ones for mirror in mirrors_of(listing)][:limit]
    leagues = load_leagues()
    same = wrong = 0
    for mirror in mirrors:
        for listing in open_ones:
            judgement = judge(mirror.kalshi, listing, leagues)
            if judgement.verdict is Verdict.SAME and judgement.yes is not None:
                same += 1
                side = listing.outcomes[judgement.yes].name
                wrong += (listing.market_id, side) != (mirror.condition, mirror.yes)
    return Mirrored(judged=len(mirrors) * len(open_ones), mirrors=len(mirrors), same=same, wrong=wrong)


def mirrors_of(listing: Listing) -> list[Mirror]:
    """The Kalshi markets of one Polymarket market: one for each team that can win, one for a line."""
    slug, series = _SLUG.match(listing.slug), _SERIES.get(listing.sports_type)
    if slug is None or series is None:
        return []
    away, home = slug["away"].upper(), slug["home"].upper()
    event = f"{series}-{slug['year']}{_MONTHS[int(slug['month']) - 1]}{slug['day']}{away}{home}"
    first, second = listing.event_title.split(" vs. ")
    codes = {first: away, second: home}
    if series.endswith("TOTAL"):
        said = f"Over {listing.line} points"
        return [_mirror(listing, event, "T", "Over", said, listing.line)]
    if series.endswith("SPREAD"):
        found = _LINE.search(listing.title.partition(": ")[2])
        if found is None:
            return []
        name, line = found["team"].strip(), Decimal(found["line"])
        return [_mirror(listing, event, f"{codes[name]}1", name, f"{name} wins by over {line} points", line)]
    return [_mirror(listing, event, code, name, name, None) for name, code in codes.items()]


def _mirror(listing: Listing, event: str, what: str, yes: str, said: str, line: Decimal | None) -> Mirror:
    market: dict[str, Any] = {
        "ticker": f"{event}-{what}",
        "event_ticker": event,
        "title": listing.event_title,
        "yes_sub_title": said,
        "status": "active",
        "rules_primary": listing.rules,
    }
    if line is not None:
        market |= {"strike_type": "greater", "floor_strike": str(line)}
    sources = [{"name": "NBA", "url": "https://www.nba.com"}]
    document = {"event_ticker": event, "title": listing.event_title, "settlement_sources": sources, "markets": [market]}
    (kalshi,), _ = read_kalshi(document)
    return Mirror(kalshi, listing.market_id, yes)
