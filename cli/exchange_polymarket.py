"""`arb exchange polymarket`: a Polymarket on this machine, to rehearse on: its rules, its errors, its faults."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.error import CliError
from cli.exchange_serve import Wanted, listings_of, serve
from cli.exchange_wallet import address_in, throwaway_wallet
from cli.exit_codes import CONFIGURATION, ERROR, OK
from cli.output import say, say_json
from cli.processes import run_loop
from config.home import ArbHome
from transport.polymarket_exchange.server import PolymarketServer
from venues.loopback.faults import FaultError
from venues.polymarket.exchange.admin import KINDS
from venues.polymarket.exchange.eip712 import BadSignature
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.listing import DEMO, read_listings
from venues.polymarket.exchange.makers import Makers
from venues.polymarket.exchange.service import PolymarketService

WALLET_FILE: Final = "polymarket-test-key.hex"
_MILLIONTHS: Final = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedPolymarket(Wanted):
    """The flags of the command."""

    address: str | None
    kind: str
    limits: bool
    share_decimals: int
    mined_ms: int
    confirmed_ms: int
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Member:
    """Who has money there."""

    signer: str
    wallet: str
    file: Path | None


def run(wanted: WantedPolymarket) -> int:
    """Serve until it is stopped; returns the exit code."""
    service = PolymarketService(
        listings_of(wanted, read_listings, DEMO),
        share_step=10 ** (_MILLIONTHS - wanted.share_decimals),
        limited=wanted.limits,
    )
    settlement = service.exchange.settlement
    settlement.mined_us, settlement.confirmed_us = wanted.mined_ms * 1_000, wanted.confirmed_ms * 1_000
    member = _admit(service, wanted)
    _break_down(service, wanted)
    return OK if run_loop(_serve(service, wanted, member)) else ERROR


def _admit(service: PolymarketService, wanted: WantedPolymarket) -> _Member:
    """One signer with money in a wallet; the file of the throw-away key, where no address was given."""
    money = wanted.money
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
    for text in wanted.faults:
        name, _, times = text.partition("=")
        try:
            service.break_down(Fault(name=name, times=int(times or 1)))
        except (FaultError, ValueError) as error:
            raise CliError(CONFIGURATION, f"--fault {text}: {error}") from None


async def _serve(service: PolymarketService, wanted: WantedPolymarket, member: _Member) -> bool:
    server = PolymarketServer(service, port=wanted.port)
    return await serve(
        server, wanted, lambda dice: Makers(service.exchange, dice), lambda: _ready(server, wanted, member)
    )


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
