"""`arb pairs fetch`: all open markets of both venues, or what changed of them, into the store of this home."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

from cli.error import CliError
from cli.exit_codes import CONFIGURATION, ERROR, OK, USAGE
from cli.live_venues import polymarket_hosts
from cli.output import complain, printable, say, say_json
from cli.pairs_desk import Desk, now_us, opened
from cli.words import count, duration
from config.settings import Settings
from pairing.approval import State
from protocol.terms import KALSHI, PLATFORMS, POLYMARKET, Platform
from transport.feeds.port import WallClock
from transport.pairs.book import Decision
from transport.pairs.errors import PairStoreError
from transport.pairs.fetch import Fetched, Fetcher

if TYPE_CHECKING:
    from transport.pairs.fetch import Pages

EXTRA = "pairs: reading Kalshi needs more than is installed: pip install 'arb[live]'; --from FILE does without"


def run(
    settings: Settings, *, files: Sequence[Path], platforms: Sequence[str], changed: bool, approved: bool, as_json: bool
) -> int:
    """Fetch, and print what came and what it latched; a venue that fails keeps nothing of the other away."""
    unknown = [name for name in platforms if name not in PLATFORMS]
    if unknown:
        raise CliError(USAGE, f"--platform {unknown[0]}: must be {' or '.join(PLATFORMS)}")
    if changed and approved:
        raise CliError(USAGE, "--changed and --approved exclude each other")
    failures: list[str] = []
    with opened(settings.home, make=True) as desk:
        if files:
            found = _from_files(desk, files)
        else:
            names = [Platform(name) for name in platforms or PLATFORMS]
            how = "approved" if approved else "changed" if changed else "whole"
            found = asyncio.run(fetch_all(settings, desk, names, how, failures.append))
    _show(found, as_json=as_json)
    for failure in failures:
        complain(failure)
    return ERROR if failures else OK


def _from_files(desk: Desk, files: Sequence[Path]) -> list[Fetched]:
    """Every file or, where one cannot be used, those before it."""
    fetcher = Fetcher(desk.store, WallClock())
    return [fetcher.file(path) for path in files]


async def fetch_all(
    settings: Settings, desk: Desk, platforms: Sequence[Platform], how: str, failed: Callable[[str], None]
) -> list[Fetched]:
    """Each venue by itself, one after the other; what fails is told and changes nothing."""
    found: list[Fetched] = []
    for platform in platforms:
        pages, source, read_failed = pages_of(settings, platform)
        try:
            found.append(await _fetch(settings, desk, platform, pages, source, how))
        except PairStoreError as error:
            failed(str(error))
        except read_failed as error:
            failed(f"{platform} was not read, and what is stored of it stays as it was: {error}")
        finally:
            await pages.close()
    return found


async def _fetch(settings: Settings, desk: Desk, platform: Platform, pages: Any, source: str, how: str) -> Fetched:  # noqa: ANN401 -- either venue's
    fetcher = Fetcher(desk.store, WallClock())
    if how == "approved":
        return await fetcher.again(platform, pages, source, desk.store.entries((State.APPROVED, State.LATCHED)))
    if how == "changed" and platform == KALSHI:
        # Polymarket marks a market as updated with every price: there is nothing to ask for but all of it.
        found = await fetcher.changed(platform, pages, pages.changed_since, source)
        # Too much of it, or nothing known before: then all of it, however young what is known is.
        return found or await fetcher.whole(platform, pages, source, max_age_us=0)
    return await fetcher.whole(platform, pages, source, max_age_us=settings.discovery_max_age_s * 1_000_000)


def pages_of(settings: Settings, platform: Platform) -> tuple[Pages, str, type[Exception]]:
    """A venue's public listings, where they are, and what is raised where they cannot be read.

    Raises :class:`CliError` where httpx, which Kalshi needs, is not installed.
    """
    rng = Random()  # noqa: S311 -- spreads retries, guards nothing
    if platform == POLYMARKET:
        from transport.pairs.gamma_pages import GammaPages
        from transport.polymarket.http import ReadFailed as GammaFailed

        polymarket = polymarket_hosts(settings)
        return GammaPages(polymarket, WallClock(), rng=rng), polymarket.gamma, GammaFailed
    try:
        from transport.kalshi.rest import ReadFailed
        from transport.pairs.kalshi_pages import KalshiPages
    except ImportError:
        raise CliError(CONFIGURATION, EXTRA) from None
    from venues.kalshi.hosts import DEMO, LIVE, Hosts

    named = LIVE if settings.kalshi_environment == "live" else DEMO
    kalshi = Hosts(settings.kalshi_rest_url or named.rest, settings.kalshi_socket_url or named.socket)
    return KalshiPages(kalshi, WallClock(), rng=rng), kalshi.rest, ReadFailed


def _show(found: Sequence[Fetched], *, as_json: bool) -> None:
    if as_json:
        say_json([_document(each) for each in found])
        return
    for each in found:
        for line in _lines(each):
            say(line)
    latched = [decision for each in found for decision in each.latched]
    for line in latched_lines(latched):
        say(line)


def _lines(fetched: Fetched) -> list[str]:
    taken = fetched.taken
    name = fetched.platform.ljust(10)
    if taken is None:
        return [f"{name}  not read: {fetched.reason}"]
    what = "open markets" if taken.whole else "markets"
    parts = [f"{count(taken.new)} new", f"{count(taken.changed)} with other terms"]
    if taken.whole:
        parts.append(f"{count(taken.gone)} gone")
    lines = [f"{name}  {count(taken.listed)} {what}: {', '.join(parts)}  ({printable(taken.source)})"]
    lines += [f"{'':10}  left out: {count(number)} {reason}" for reason, number in sorted(taken.left_out.items())]
    if taken.unreadable:
        lines.append(f"{'':10}  left out: {count(taken.unreadable)} that could not be read")
    return lines


def latched_lines(latched: Sequence[Decision]) -> list[str]:
    """The pairs that are not traded any more, and what to do."""
    lines = [f"LATCHED     {printable(each.pair_id)}: changed: {printable(each.note)}" for each in latched]
    return [*lines, "Look at them again with: arb pairs review"] if lines else []


def _document(fetched: Fetched) -> dict[str, Any]:
    taken = fetched.taken
    document: dict[str, Any] = {"platform": fetched.platform, "read": taken is not None}
    if taken is not None:
        document |= {
            "source": taken.source,
            "whole": taken.whole,
            "markets": taken.listed,
            "new": taken.new,
            "changed": taken.changed,
            "gone": taken.gone,
            "left_out": taken.left_out,
            "unreadable": taken.unreadable,
        }
    return document | {"latched": [each.pair_id for each in fetched.latched]}


def stored(desk: Desk) -> list[str]:
    """How old what is stored of each venue is, a line each."""
    lines = []
    for platform in PLATFORMS:
        last = desk.store.last(platform)
        age = None if last is None else duration((now_us() - last.t_us) // 1_000_000)
        lines.append(f"{platform} {'never read' if age is None else f'read {age} ago'}")
    return lines
