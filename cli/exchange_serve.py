"""What `arb exchange` does for every venue: list markets, serve, quote or play, until it is stopped."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar

from cli.error import CliError
from cli.exit_codes import CONFIGURATION
from cli.output import complain, say
from protocol.units import Money, UnitError, money_from_dollars
from transport.feeds.capture_file import CaptureError
from transport.feeds.port import WallClock
from transport.loopback.player import Player
from transport.loopback.server import AnyServer
from venues.loopback.listing import ListingError

MOST_LISTED_BYTES: Final = 64 * 1024 * 1024

_ListingT = TypeVar("_ListingT")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The flags that every exchange has."""

    port: int
    markets: Path | None
    replay: Path | None
    speed: Fraction
    fund: str
    seed: int | None
    quote_ms: int
    as_json: bool

    @property
    def money(self) -> Money:
        """What ``--fund`` says."""
        try:
            return Money(money_from_dollars(self.fund))
        except UnitError as error:
            raise CliError(CONFIGURATION, f"--fund: {error}") from None

    @property
    def dice(self) -> random.Random:
        """The market makers'."""
        return random.Random(self.seed or 1)  # noqa: S311 -- seeded quotes


class Makers(Protocol):
    """Who moves the markets, a step at a time."""

    def step(self, now_us: int) -> str | None:
        """Move one."""
        ...


def listings_of(
    wanted: Wanted, read: Callable[[bytes], Sequence[_ListingT]], demo: tuple[_ListingT, ...]
) -> tuple[_ListingT, ...]:
    """The markets of the file; without one the demo's, or with a recording those that it holds.

    ``read`` raises :class:`ListingError` for a file that lists none.
    """
    if wanted.markets is None:
        return () if wanted.replay is not None else demo
    try:
        with wanted.markets.open("rb") as file:
            return tuple(read(file.read(MOST_LISTED_BYTES)))
    except OSError as error:
        raise CliError(CONFIGURATION, f"markets file {wanted.markets} cannot be read: {error.strerror}") from None
    except ListingError as error:
        raise CliError(CONFIGURATION, f"markets file {wanted.markets}: {error}") from None


async def serve(
    server: AnyServer,
    wanted: Wanted,
    makers: Callable[[random.Random], Makers],
    ready: Callable[[], None],
    beside: Sequence[Callable[[], Coroutine[Any, Any, None]]] = (),
) -> bool:
    """Serve until the signal; False where something failed.

    ``makers`` makes those who quote; ``ready`` tells clients what they must know; ``beside`` runs with the server.
    """
    player = _player(server, wanted)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        await server.start()
    except OSError as error:
        raise CliError(CONFIGURATION, f"port {wanted.port}: {error.strerror}: give another with --port") from None
    begun = [*(job() for job in beside), *_moves(server, player, makers, wanted)]
    jobs = [asyncio.create_task(job) for job in begun]
    ready()
    try:
        return await _until(ended, jobs)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await server.stop()


def _player(server: AnyServer, wanted: Wanted) -> Player | None:
    """Who plays the recording; its markets are listed before anybody can ask."""
    if wanted.replay is None:
        return None
    player = Player(server, wanted.replay, speed=wanted.speed)
    try:
        player.list_markets()
    except CaptureError as error:
        raise CliError(CONFIGURATION, str(error)) from None
    return player


def _moves(
    server: AnyServer, player: Player | None, makers: Callable[[random.Random], Makers], wanted: Wanted
) -> list[Coroutine[Any, Any, None]]:
    """What moves the books: the recording, or market makers."""
    if player is not None:
        return [_play(player)]
    return [_quote(server, makers(wanted.dice), wanted.quote_ms)] if wanted.quote_ms else []


async def _quote(server: AnyServer, makers: Makers, every_ms: int) -> None:
    """Market makers move a market now and then."""
    clock = WallClock()
    while True:
        await clock.sleep_us(every_ms * 1_000)
        makers.step(server.service.now_us(server.now_us()))
        server.flush()


async def _play(player: Player) -> None:
    await player.run()
    say(f"the recording has ended: {player.frames} frames")


async def _until(ended: asyncio.Event, jobs: Sequence[asyncio.Future[None]]) -> bool:
    """Wait for the signal, or for a job that failed."""
    stop = asyncio.ensure_future(ended.wait())
    pending: set[asyncio.Future[Any]] = {stop, *jobs}
    while not stop.done():
        done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        failed = [job for job in done if job is not stop and job.exception() is not None]
        if failed:
            complain(str(failed[0].exception()))
            stop.cancel()
            with suppress(asyncio.CancelledError):
                await stop
            return False
    return True
