"""`arb doctor PLATFORM`: is everything there that trading on this venue needs? Sends no order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from cli.error import CliError
from cli.exit_codes import ERROR, OK, USAGE
from cli.live_venues import kalshi_access, polymarket_access
from cli.output import say, say_json, stdout_style
from config.settings import Settings
from protocol.terms import KALSHI, POLYMARKET
from transport.feeds.port import WallClock

if TYPE_CHECKING:
    from transport.kalshi.access import KalshiAccess
    from transport.kalshi.doctor import Check
    from transport.polymarket.access import PolymarketAccess


def run(settings: Settings, platform: str, *, market: str | None, as_json: bool) -> int:
    """Make every check and print a line for each; the exit code is that of the worst.

    Raises :class:`CliError` for another platform, and where the key cannot even be read.
    """
    if platform == KALSHI:
        examined = _kalshi(settings, market)
    elif platform == POLYMARKET:
        examined = _polymarket(settings, market)
    else:
        raise CliError(USAGE, f"doctor {platform}: there is one for {KALSHI} and one for {POLYMARKET}")
    if as_json:
        listed = [
            {"name": check.name, "state": check.state.value, "text": check.text, "fix": check.fix}
            for check in examined.checks
        ]
        say_json({"platform": platform, "host": examined.host, "key": examined.key, "checks": listed})
    else:
        _show(platform, examined)
    return ERROR if any(check.state == "failed" for check in examined.checks) else OK


@dataclass(frozen=True, slots=True)
class _Examined:
    """What was found. ``key``: which kind it is; ``readable``: what is said of where it is."""

    host: str
    key: str
    readable: str
    checks: Sequence[Check]


def _kalshi(settings: Settings, market: str | None) -> _Examined:
    found = kalshi_access(settings)
    kind = found.credentials.key.kind
    return _Examined(
        found.hosts.rest, kind, f"readable by you alone, {kind}", asyncio.run(_examine_kalshi(found, market))
    )


def _polymarket(settings: Settings, market: str | None) -> _Examined:
    found = polymarket_access(settings)
    kind = found.wallet.kind
    return _Examined(found.hosts.clob, kind, found.key.source, asyncio.run(_examine_polymarket(found, market)))


def _show(platform: str, examined: _Examined) -> None:
    style = stdout_style()
    width = max(10, *(len(check.name) for check in examined.checks))
    say(f"{platform} at {examined.host}")
    say(f"  ok       {'key':{width}} {examined.readable}")
    for check in examined.checks:
        state = f"{check.state.value:8}"
        shown = style.alarm(state) if check.state == "failed" else state
        say(f"  {shown} {check.name:{width}} {check.text}")
        if check.fix is not None:
            say(f"           {'':{width}} -> {check.fix}")


async def _examine_kalshi(found: KalshiAccess, market: str | None) -> list[Check]:
    from transport.kalshi.doctor import Doctor
    from transport.kalshi.reads import KalshiReads
    from transport.kalshi.rest import KalshiRest
    from transport.venue_rest import RestPolicy

    rng = Random()  # noqa: S311 -- spreads retries, guards nothing
    # Beside a trader that reads a lot a question may have to wait for its turn.
    rest = KalshiRest(found.hosts, found.credentials, WallClock(), rng=rng, policy=RestPolicy(attempts=10))
    try:
        return await Doctor(KalshiReads(rest), market=market).examine()
    finally:
        await rest.close()


async def _examine_polymarket(found: PolymarketAccess, token: str | None) -> list[Check]:
    from transport.polymarket.doctor import Doctor
    from transport.polymarket.rest import PolymarketRest

    rng, clock = Random(), WallClock()  # noqa: S311 -- spreads retries, guards nothing
    rest = PolymarketRest(found.hosts, clock, rng=rng)
    try:
        return await Doctor(found, rest, clock, token=token).examine()
    finally:
        await rest.close()
