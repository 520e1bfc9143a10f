"""`arb exchange kalshi`: a Kalshi on this machine, to rehearse on: its rules, its errors, its faults on demand."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from cli.error import CliError
from cli.exchange_key import KEY_ID, public_half, throwaway_key
from cli.exit_codes import CONFIGURATION, ERROR, OK
from cli.output import complain, say, say_json
from cli.processes import run_loop
from config.home import ArbHome
from protocol.units import Money, UnitError, money_from_dollars
from transport.feeds.capture_file import CaptureError
from transport.feeds.port import WallClock
from transport.kalshi_exchange.server import KalshiServer
from transport.loopback.player import Player
from venues.kalshi.exchange.catalog import SHARDS
from venues.kalshi.exchange.key_ring import BadKey
from venues.kalshi.exchange.listing import DEMO, Listing, ListingError, read_listings
from venues.kalshi.exchange.makers import Makers
from venues.kalshi.exchange.service import KalshiService

ACCOUNT: Final = "rehearsal"
SWEEP_US: Final = 250_000
"""How often orders whose time is over are looked for."""

MOST_LISTED_BYTES: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The flags of the command."""

    port: int
    markets: Path | None
    replay: Path | None
    speed: Fraction
    key_id: str | None
    public_key: Path | None
    fund: str
    tier: str
    lag_ms: int
    seed: int | None
    quote_ms: int
    as_json: bool


def run(wanted: Wanted) -> int:
    """Serve until it is stopped; returns the exit code."""
    service = KalshiService(listings_of(wanted), tier=wanted.tier)
    service.set_lag(wanted.lag_ms * 1_000)
    key_file = _admit(service, wanted)
    return OK if run_loop(_serve(service, wanted, key_file)) else ERROR


def listings_of(wanted: Wanted) -> tuple[Listing, ...]:
    """The markets of the file; without one the demo's, or with a recording those that it holds."""
    if wanted.markets is None:
        return () if wanted.replay is not None else DEMO
    try:
        with wanted.markets.open("rb") as file:
            return tuple(read_listings(file.read(MOST_LISTED_BYTES)))
    except OSError as error:
        raise CliError(CONFIGURATION, f"markets file {wanted.markets} cannot be read: {error.strerror}") from None
    except ListingError as error:
        raise CliError(CONFIGURATION, f"markets file {wanted.markets}: {error}") from None


def _admit(service: KalshiService, wanted: Wanted) -> Path | None:
    """One account with money on every shard; the file of the throw-away key, where no key was given."""
    try:
        money = money_from_dollars(wanted.fund)
    except UnitError as error:
        raise CliError(CONFIGURATION, f"--fund: {error}") from None
    file, key_id = None, wanted.key_id or KEY_ID
    if wanted.public_key is None:
        file = throwaway_key(ArbHome.from_environment().ensure() / "kalshi-test-key.pem")
        pem = public_half(file)
    else:
        try:
            pem = wanted.public_key.read_bytes()
        except OSError as error:
            raise CliError(CONFIGURATION, f"public key {wanted.public_key}: {error.strerror}") from None
    try:
        service.member(ACCOUNT, key_id, pem, Money(money), tuple(SHARDS))
    except BadKey as error:
        raise CliError(CONFIGURATION, f"public key {wanted.public_key}: {error}") from None
    return file


async def _serve(service: KalshiService, wanted: Wanted, key_file: Path | None) -> bool:
    server = KalshiServer(service, port=wanted.port)
    player = _player(server, wanted)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        await server.start()
    except OSError as error:
        raise CliError(CONFIGURATION, f"port {wanted.port}: {error.strerror}: give another with --port") from None
    jobs = [asyncio.create_task(job) for job in _jobs(server, player, wanted)]
    _ready(server, wanted, key_file)
    try:
        return await until(ended, jobs)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await server.stop()


def _player(server: KalshiServer, wanted: Wanted) -> Player | None:
    """Who plays the recording; its markets are listed before anybody can ask."""
    if wanted.replay is None:
        return None
    player = Player(server, wanted.replay, speed=wanted.speed)
    try:
        player.list_markets()
    except CaptureError as error:
        raise CliError(CONFIGURATION, str(error)) from None
    return player


def _jobs(server: KalshiServer, player: Player | None, wanted: Wanted) -> list[Coroutine[Any, Any, None]]:
    """What runs beside the server."""
    jobs = [_sweep(server)]
    if player is not None:
        jobs.append(_play(player))
    elif wanted.quote_ms:
        jobs.append(_quote(server, wanted))
    return jobs


async def until(ended: asyncio.Event, jobs: Sequence[asyncio.Future[None]]) -> bool:
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


async def _sweep(server: KalshiServer) -> None:
    """Orders end when their time is over, asked or not."""
    clock = WallClock()
    while True:
        await clock.sleep_us(SWEEP_US)
        server.service.exchange.expire(server.service.now_us(server.now_us()))
        server.flush()


async def _quote(server: KalshiServer, wanted: Wanted) -> None:
    """Market makers move a market now and then."""
    makers, clock = Makers(server.service.exchange, random.Random(wanted.seed or 1)), WallClock()  # noqa: S311 -- seeded quotes
    while True:
        await clock.sleep_us(wanted.quote_ms * 1_000)
        makers.step(server.service.now_us(server.now_us()))
        server.flush()


async def _play(player: Player) -> None:
    await player.run()
    say(f"the recording has ended: {player.frames} frames")


def _ready(server: KalshiServer, wanted: Wanted, key_file: Path | None) -> None:
    """What a client must be told, in one go."""
    key_id = wanted.key_id or KEY_ID
    if wanted.as_json:
        urls = {"rest": server.rest_url, "websocket": server.ws_url, "admin": server.admin_url}
        key = {"key_id": key_id, "private_key_file": None if key_file is None else str(key_file)}
        say_json(
            {"event": "ready", **urls, **key, "account": ACCOUNT, "markets": list(server.service.exchange.markets)}
        )
        return
    say(f"Kalshi, a rehearsal: REST {server.rest_url}")
    say(f"  WebSocket  {server.ws_url}")
    say(f"  admin      {server.admin_url}  (faults, books, money: docs/kalshi-exchange.md)")
    say(f"  markets    {_listed(list(server.service.exchange.markets))}")
    if key_file is None:
        say(f"  key id     {key_id}")
        return
    say(f"  key id     {key_id}, private key {key_file}")
    say("             made for rehearsals alone; your own: openssl genpkey -algorithm ed25519 -out key.pem,")
    say("             openssl pkey -in key.pem -pubout -out public.pem, --key-id ID --public-key public.pem")


def _listed(names: list[str]) -> str:
    few = ", ".join(names[:3])
    return few if len(names) <= 3 else f"{few} and {len(names) - 3} more"  # noqa: PLR2004 -- the first three
