"""`arb exchange polymarket`: a Polymarket on this machine, to rehearse on: its rules, its errors, its faults."""

from __future__ import annotations

import asyncio
import random
import signal
from collections.abc import Coroutine
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from cli.error import CliError
from cli.exchange import MOST_LISTED_BYTES, until
from cli.exchange_wallet import address_in, throwaway_wallet
from cli.exit_codes import CONFIGURATION, ERROR, OK
from cli.output import say, say_json
from cli.processes import run_loop
from config.home import ArbHome
from protocol.units import Money, UnitError, money_from_dollars
from transport.feeds.capture_file import CaptureError
from transport.feeds.port import WallClock
from transport.loopback.player import Player
from transport.polymarket_exchange.server import PolymarketServer
from venues.polymarket.exchange.admin import KINDS
from venues.polymarket.exchange.eip712 import BadSignature
from venues.polymarket.exchange.listing import DEMO, Listing, ListingError, read_listings
from venues.polymarket.exchange.makers import Makers
from venues.polymarket.exchange.service import PolymarketService

WALLET_FILE: Final = "polymarket-test-key.hex"
_MILLIONTHS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPolymarket:
    """The flags of the command."""

    port: int
    markets: Path | None
    tape: Path | None
    speed: Fraction
    address: str | None
    kind: str
    fund: str
    limits: bool
    share_decimals: int
    mined_ms: int
    confirmed_ms: int
    seed: int | None
    quote_ms: int
    faults: tuple[str, ...]
    as_json: bool


@dataclass(frozen=True, slots=True)
class _Member:
    """Who has money there."""

    signer: str
    wallet: str
    file: Path | None


def run(wanted: WantedPolymarket) -> int:
    """Serve until it is stopped; returns the exit code."""
    service = PolymarketService(
        listings_of(wanted), share_step=10 ** (_MILLIONTHS - wanted.share_decimals), limited=wanted.limits
    )
    settlement = service.exchange.settlement
    settlement.mined_us, settlement.confirmed_us = wanted.mined_ms * 1_000, wanted.confirmed_ms * 1_000
    member = _admit(service, wanted)
    _break_down(service, wanted)
    return OK if run_loop(_serve(service, wanted, member)) else ERROR


def listings_of(wanted: WantedPolymarket) -> tuple[Listing, ...]:
    """The markets of the file; without one the demo's, or with a recording those that it holds."""
    if wanted.markets is None:
        return () if wanted.tape is not None else DEMO
    try:
        with wanted.markets.open("rb") as file:
            return tuple(read_listings(file.read(MOST_LISTED_BYTES)))
    except OSError as error:
        raise CliError(CONFIGURATION, f"markets file {wanted.markets} cannot be read: {error.strerror}") from None
    except ListingError as error:
        raise CliError(CONFIGURATION, f"markets file {wanted.markets}: {error}") from None


def _admit(service: PolymarketService, wanted: WantedPolymarket) -> _Member:
    """One signer with money in a wallet; the file of the throw-away key, where no address was given."""
    try:
        money = Money(money_from_dollars(wanted.fund))
    except UnitError as error:
        raise CliError(CONFIGURATION, f"--fund: {error}") from None
    file, signer = None, wanted.address or ""
    if not signer:
        file = throwaway_wallet(ArbHome.from_environment().ensure() / WALLET_FILE)
        signer = address_in(file)
    try:
        account = service.fund(signer, KINDS[wanted.kind], money)
    except BadSignature as error:
        raise CliError(CONFIGURATION, f"--address: {error}") from None
    return _Member(signer, account.wallet, file)


def _break_down(service: PolymarketService, wanted: WantedPolymarket) -> None:
    """The faults of the command line: a name, or name=times."""
    from venues.loopback.faults import FaultError
    from venues.polymarket.exchange.faults import Fault

    for text in wanted.faults:
        name, _, times = text.partition("=")
        try:
            service.break_down(Fault(name=name, times=int(times or 1)))
        except (FaultError, ValueError) as error:
            raise CliError(CONFIGURATION, f"--fault {text}: {error}") from None


async def _serve(service: PolymarketService, wanted: WantedPolymarket, member: _Member) -> bool:
    server = PolymarketServer(service, port=wanted.port)
    player = _player(server, wanted)
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    try:
        await server.start()
    except OSError as error:
        raise CliError(CONFIGURATION, f"port {wanted.port}: {error.strerror}: give another with --port") from None
    jobs = [asyncio.create_task(job) for job in _jobs(server, player, wanted)]
    _ready(server, wanted, member)
    try:
        return await until(ended, jobs)
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)
        await server.stop()


def _player(server: PolymarketServer, wanted: WantedPolymarket) -> Player | None:
    """Who plays the recording; its markets are listed before anybody can ask."""
    if wanted.tape is None:
        return None
    player = Player(server, wanted.tape, speed=wanted.speed)
    try:
        player.list_markets()
    except CaptureError as error:
        raise CliError(CONFIGURATION, str(error)) from None
    return player


def _jobs(server: PolymarketServer, player: Player | None, wanted: WantedPolymarket) -> list[Coroutine[Any, Any, None]]:
    """What runs beside the server."""
    if player is not None:
        return [_play(player)]
    return [_quote(server, wanted)] if wanted.quote_ms else []


async def _quote(server: PolymarketServer, wanted: WantedPolymarket) -> None:
    """Market makers move a market now and then."""
    makers, clock = Makers(server.service.exchange, random.Random(wanted.seed or 1)), WallClock()  # noqa: S311 -- seeded quotes
    while True:
        await clock.sleep_us(wanted.quote_ms * 1_000)
        makers.step(server.service.now_us(server.now_us()))
        server.flush()


async def _play(player: Player) -> None:
    await player.run()
    say(f"the recording has ended: {player.frames} frames")


def _ready(server: PolymarketServer, wanted: WantedPolymarket, member: _Member) -> None:
    """What a client must be told, in one go."""
    hosts = server.hosts
    urls = {"clob": hosts.clob, "gamma": hosts.gamma, "data": hosts.data, "relayer": hosts.relayer}
    sockets = {"market_websocket": hosts.market_ws, "user_websocket": hosts.user_ws, "admin": server.admin_url}
    file = None if member.file is None else str(member.file)
    if wanted.as_json:
        who = {"signer": member.signer, "wallet": member.wallet, "kind": wanted.kind, "private_key_file": file}
        markets = [
            {"slug": one.listing.slug, "condition": one.condition, "tokens": list(one.tokens)}
            for one in server.service.exchange.markets.values()
        ]
        say_json({"event": "ready", **urls, **sockets, **who, "markets": markets})
        return
    say(f"Polymarket, a rehearsal: CLOB {hosts.clob}")
    say(f"  Gamma      {hosts.gamma}")
    say(f"  WebSocket  {hosts.market_ws}, {hosts.user_ws}")
    say(f"  admin      {server.admin_url}  (faults, books, settlement: docs/polymarket-exchange.md)")
    for market in tuple(server.service.exchange.markets.values())[:3]:
        say(f"  market     {market.listing.slug}")
    say(f"  wallet     {member.wallet} ({wanted.kind}), signer {member.signer}")
    if file is not None:
        say(f"  key        {file}, made for rehearsals alone; your own signer: --address 0x...")
