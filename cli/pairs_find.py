"""`arb pairs find`: which markets of two venues may be the same question, with the evidence for each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from cli import pairs_view
from cli.error import CliError
from cli.exit_codes import CONFIGURATION, ERROR, OK
from cli.output import complain, say, say_json, stdout_style, terminal_width
from config.home import ArbHome
from pairing.candidates import Candidate, find_candidates
from pairing.gamma import read_gamma
from pairing.judgement import Verdict
from pairing.kalshi import read_kalshi
from pairing.leagues import Leagues, LeaguesError
from pairing.listing import Listing, Unreadable
from transport.listing_file import ListingFileError, Reader, read_listing_file
from transport.pair_tables import load_leagues

MAX_COMPLAINTS = 5
"""Unreadable markets that are told one by one."""


def run(
    kalshi_from: Sequence[Path],
    polymarket_from: Sequence[Path],
    *,
    everything: bool,
    closed: bool,
    evidence: bool,
    as_json: bool,
) -> int:
    """Print the candidates of the files; those that are refused only where ``everything`` is asked for."""
    kalshi, polymarket = _listings(kalshi_from, read_kalshi), _listings(polymarket_from, read_gamma)
    found = list(find_candidates(kalshi, polymarket, own_leagues(), closed=closed))
    shown = [each for each in found if everything or each.verdict is not Verdict.DIFFERENT]
    now = datetime.now(UTC)
    if as_json:
        for candidate in shown:
            say_json(pairs_view.as_json(candidate, now))
        return OK
    _show(shown, now, evidence=evidence)
    _sum_up(found, kalshi, polymarket)
    return OK


def own_leagues() -> Leagues:
    """The leagues that ship and those in the `leagues` folder of ARB_HOME."""
    try:
        return load_leagues(ArbHome.from_environment().path / "leagues")
    except LeaguesError as error:
        raise CliError(CONFIGURATION, str(error)) from None


def _listings(paths: Sequence[Path], reader: Reader) -> list[Listing]:
    listings: dict[tuple[str, str], Listing] = {}
    unreadable: list[Unreadable] = []
    for path in paths:
        try:
            found, bad = read_listing_file(path, reader)
        except ListingFileError as error:
            raise CliError(ERROR, str(error)) from None
        listings.update((listing.key, listing) for listing in found)
        unreadable += bad
    for each in unreadable[:MAX_COMPLAINTS]:
        complain(f"not read: {each.where}: {each.reason}")
    if len(unreadable) > MAX_COMPLAINTS:
        complain(f"and {len(unreadable) - MAX_COMPLAINTS:,} more that were not read")
    return list(listings.values())


def _show(candidates: Sequence[Candidate], now: datetime, *, evidence: bool) -> None:
    width, style = terminal_width(), stdout_style()
    for number, candidate in enumerate(candidates, 1):
        for line in pairs_view.lines(number, candidate, now, width, style, evidence=evidence):
            say(line)
        say()


def _sum_up(found: Sequence[Candidate], kalshi: Sequence[Listing], polymarket: Sequence[Listing]) -> None:
    say(f"{len(found):,} candidates: {pairs_view.totals(found)}.")
    for name, listings in (("Kalshi", kalshi), ("Polymarket", polymarket)):
        out = Counter(listing.left_out.value for listing in listings if listing.left_out is not None)
        why = "".join(f"; {count:,} {reason}" for reason, count in out.most_common())
        say(f"{name}: {len(listings):,} markets{why}.")
    if found:
        say("Nothing is traded by this: a pair is what a person has approved.")
