"""What `arb run controller` and `arb run trader` have in common."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import Any

from config.settings import Settings
from transport.logs import add_secret


def run_loop(main: Coroutine[Any, Any, bool]) -> bool:
    """Run to the end on the fastest loop that this platform has."""
    # A full collection in the middle of an order's way out costs milliseconds; what is there now lives to the end.
    gc.freeze()
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(main)


def loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    """The loop of uvloop; where this platform has none, the standard one does the same, slower."""
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop
    return new_event_loop


def version() -> str:
    """The version of this build."""
    try:
        return installed("arb")
    except PackageNotFoundError:
        return "(uninstalled checkout)"


def mode(settings: Settings) -> str:
    """Dry or live, and who decided it."""
    return f"{'dry run' if settings.dry_run else 'LIVE'} (by {settings.dry_run_by})"


def about(role: str, settings: Settings) -> dict[str, Any]:
    """The head of the status document."""
    return {"role": role, "version": version(), "dry_run": settings.dry_run, "dry_run_by": settings.dry_run_by}


def link_token(settings: Settings) -> str | None:
    """The link's secret, never to be seen in a log."""
    if settings.token is None:
        return None
    token = settings.token.get_secret_value()
    add_secret(token)
    return token
