"""`arb exchange kalshi`: a Kalshi on this machine, to rehearse on: its rules, its errors, its faults on demand."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cli.error import CliError
from cli.exchange_key import KEY_ID, public_half, throwaway_key
from cli.exchange_serve import Wanted, listings_of, serve
from cli.exit_codes import CONFIGURATION, ERROR, OK
from cli.output import say, say_json
from cli.processes import run_loop
from config.home import ArbHome
from transport.feeds.port import WallClock
from transport.kalshi_exchange.server import KalshiServer
from venues.kalshi.exchange.catalog import SHARDS
from venues.kalshi.exchange.key_ring import BadKey
from venues.kalshi.exchange.listing import DEMO, read_listings
from venues.kalshi.exchange.makers import Makers
from venues.kalshi.exchange.service import KalshiService

ACCOUNT: Final = "rehearsal"
SWEEP_US: Final = 250_000
"""How often orders whose time is over are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedKalshi(Wanted):
    """The flags of the command."""

    key_id: str | None
    public_key: Path | None
    tier: str
    lag_ms: int


def run(wanted: WantedKalshi) -> int:
    """Serve until it is stopped; returns the exit code."""
    service = KalshiService(listings_of(wanted, read_listings, DEMO), tier=wanted.tier)
    service.set_lag(wanted.lag_ms * 1_000)
    key_file = _admit(service, wanted)
    return OK if run_loop(_serve(service, wanted, key_file)) else ERROR


def _admit(service: KalshiService, wanted: WantedKalshi) -> Path | None:
    """One account with money on every shard; the file of the throw-away key, where no key was given."""
    money = wanted.money
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
        service.member(ACCOUNT, key_id, pem, money, tuple(SHARDS))
    except BadKey as error:
        raise CliError(CONFIGURATION, f"public key {wanted.public_key}: {error}") from None
    return file


async def _serve(service: KalshiService, wanted: WantedKalshi, key_file: Path | None) -> bool:
    server = KalshiServer(service, port=wanted.port)
    return await serve(
        server,
        wanted,
        lambda dice: Makers(service.exchange, dice),
        lambda: _ready(server, wanted, key_file),
        beside=[lambda: _sweep(server)],
    )


async def _sweep(server: KalshiServer) -> None:
    """Orders end when their time is over, asked or not."""
    clock = WallClock()
    while True:
        await clock.sleep_us(SWEEP_US)
        server.service.exchange.expire(server.service.now_us(server.now_us()))
        server.flush()


def _ready(server: KalshiServer, wanted: WantedKalshi, key_file: Path | None) -> None:
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
