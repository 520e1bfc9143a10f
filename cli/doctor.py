"""`arb doctor PLATFORM`: is everything there that trading on this venue needs? Sends no order."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from random import Random
from typing import TYPE_CHECKING

from cli.error import CliError
from cli.exit_codes import ERROR, OK, USAGE
from cli.live_venues import kalshi_access
from cli.output import say, say_json, stdout_style
from config.settings import Settings
from protocol.terms import KALSHI
from transport.feeds.port import WallClock

if TYPE_CHECKING:
    from transport.kalshi.access import KalshiAccess
    from transport.kalshi.doctor import Check


def run(settings: Settings, platform: str, *, market: str | None, as_json: bool) -> int:
    """Make every check and print a line for each; the exit code is that of the worst.

    Raises :class:`CliError` for another platform, and where the key cannot even be read.
    """
    if platform != KALSHI:
        raise CliError(USAGE, f"doctor {platform}: there is one for {KALSHI} alone")
    found = kalshi_access(settings)
    checks = asyncio.run(_examine(found, market))
    kind = found.credentials.key.kind
    where = found.hosts.rest
    if as_json:
        listed = [
            {"name": check.name, "state": check.state.value, "text": check.text, "fix": check.fix} for check in checks
        ]
        say_json({"platform": KALSHI, "host": where, "key": kind, "checks": listed})
    else:
        _show(where, kind, checks)
    return ERROR if any(check.state == "failed" for check in checks) else OK


def _show(where: str, kind: str, checks: Sequence[Check]) -> None:
    style = stdout_style()
    say(f"kalshi at {where}")
    say(f"  ok       key        readable by you alone, {kind}")
    for check in checks:
        state = f"{check.state.value:8}"
        shown = style.alarm(state) if check.state == "failed" else state
        say(f"  {shown} {check.name:10} {check.text}")
        if check.fix is not None:
            say(f"           {'':10} -> {check.fix}")


async def _examine(found: KalshiAccess, market: str | None) -> list[Check]:
    from transport.kalshi.doctor import Doctor
    from transport.kalshi.reads import KalshiReads
    from transport.kalshi.rest import KalshiRest, RestPolicy

    rng = Random()  # noqa: S311 -- spreads retries, guards nothing
    # Beside a trader that reads a lot a question may have to wait for its turn.
    rest = KalshiRest(found.hosts, found.credentials, WallClock(), rng=rng, policy=RestPolicy(attempts=10))
    try:
        return await Doctor(KalshiReads(rest), market=market).examine()
    finally:
        await rest.close()
