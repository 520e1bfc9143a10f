"""The words of `arb exchange`; what it does is imported only when it runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Final

import typer

from cli.error import CliError
from cli.exit_codes import CONFIGURATION, USAGE
from cli.options import AsJson

TIERS: Final = ("basic", "advanced", "expert", "premier", "paragon", "prime", "prestige")

WALLETS: Final = ("eoa", "proxy", "safe", "deposit")

Port = Annotated[int, typer.Option("--port", min=0, max=65535, metavar="N", help="0 takes a free one.")]
Markets = Annotated[
    Path | None, typer.Option("--markets", metavar="FILE", help="What it lists (JSON). Default: three of its own.")
]
Speed = Annotated[str, typer.Option("--speed", metavar="X", help="The recording's; 0 as fast as it can.")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, metavar="N", help="Of the market makers.")]
QuoteMs = Annotated[
    int, typer.Option("--quote-ms", min=0, max=3_600_000, metavar="N", help="Makers move so often; 0: never.")
]

exchange_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@exchange_app.callback()
def exchange() -> None:
    """An exchange on this machine, to rehearse on."""


@exchange_app.command("kalshi", short_help="A Kalshi on loopback: its rules, its errors, its faults on demand.")
def kalshi(
    port: Port = 9003,
    markets: Markets = None,
    replay: Annotated[
        Path | None, typer.Option("--replay", metavar="FILE", help="Serve this recording as it was recorded.")
    ] = None,
    speed: Speed = "1",
    key_id: Annotated[str | None, typer.Option("--key-id", metavar="ID", help="Of the key that opens it.")] = None,
    public_key: Annotated[
        Path | None, typer.Option("--public-key", metavar="FILE", help="PEM. Default: a key made for rehearsals.")
    ] = None,
    fund: Annotated[str, typer.Option("--fund", metavar="USD", help="Money on each shard.")] = "10000",
    tier: Annotated[str, typer.Option("--tier", metavar="NAME", help=f"Rate limits: {', '.join(TIERS)}.")] = "basic",
    lag_ms: Annotated[
        int, typer.Option("--lag-ms", min=0, max=600_000, metavar="N", help="Reads show what happened so much later.")
    ] = 0,
    seed: Seed = None,
    quote_ms: QuoteMs = 1000,
    as_json: AsJson = False,
) -> None:
    """Serve a Kalshi on 127.0.0.1 until Ctrl-C: REST and WebSocket, signatures checked, no real money."""
    if tier not in TIERS:
        raise CliError(USAGE, f"--tier is one of {', '.join(TIERS)}, not {tier!r}")
    pace = _pace(speed)
    with _extra_installed():
        from cli.exchange_kalshi import WantedKalshi, run
    wanted = WantedKalshi(
        port=port,
        markets=markets,
        replay=replay,
        speed=pace,
        key_id=key_id,
        public_key=public_key,
        fund=fund,
        tier=tier,
        lag_ms=lag_ms,
        seed=seed,
        quote_ms=quote_ms,
        as_json=as_json,
    )
    raise typer.Exit(run(wanted))


@exchange_app.command("polymarket", short_help="A Polymarket on loopback: its rules, its errors, its faults on demand.")
def polymarket(
    port: Port = 9004,
    markets: Markets = None,
    tape: Annotated[
        Path | None, typer.Option("--replay", "--tape", metavar="FILE", help="Serve this recording as recorded.")
    ] = None,
    speed: Speed = "1",
    address: Annotated[
        str | None, typer.Option("--address", metavar="0x...", help="Of the signer. Default: a key for rehearsals.")
    ] = None,
    wallet: Annotated[
        str, typer.Option("--wallet", metavar="KIND", help=f"The signer's: {', '.join(WALLETS)}.")
    ] = "eoa",
    fund: Annotated[str, typer.Option("--fund", metavar="USD", help="pUSD in the wallet.")] = "10000",
    limits: Annotated[bool, typer.Option("--limits/--no-limits", help="Keep Polymarket's rate limits.")] = True,
    share_decimals: Annotated[
        int, typer.Option("--share-decimals", min=2, max=6, metavar="N", help="Of what a dollar amount buys.")
    ] = 6,
    mined_ms: Annotated[
        int, typer.Option("--mined-ms", min=0, metavar="N", help="From the match until a trade is mined.")
    ] = 2000,
    confirmed_ms: Annotated[
        int, typer.Option("--confirmed-ms", min=0, metavar="N", help="From the match until it is confirmed.")
    ] = 5000,
    seed: Seed = None,
    quote_ms: QuoteMs = 1000,
    fault: Annotated[
        list[str] | None, typer.Option("--fault", metavar="NAME[=TIMES]", help="Have this fault wait; repeatable.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Serve a Polymarket on 127.0.0.1 until Ctrl-C: REST and WebSockets, signatures recovered, no real money."""
    if wallet not in WALLETS:
        raise CliError(USAGE, f"--wallet is one of {', '.join(WALLETS)}, not {wallet!r}")
    pace = _pace(speed)
    with _extra_installed():
        from cli.exchange_polymarket import WantedPolymarket, run
    wanted = WantedPolymarket(
        port=port,
        markets=markets,
        replay=tape,
        speed=pace,
        address=address,
        kind=wallet,
        fund=fund,
        limits=limits,
        share_decimals=share_decimals,
        mined_ms=mined_ms,
        confirmed_ms=confirmed_ms,
        seed=seed,
        quote_ms=quote_ms,
        faults=tuple(fault or ()),
        as_json=as_json,
    )
    raise typer.Exit(run(wanted))


@contextmanager
def _extra_installed() -> Iterator[None]:
    """Name what is missing, and how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise CliError(CONFIGURATION, f"{error.name} is missing: pip install 'arb[live]'") from None


def _pace(speed: str) -> Fraction:
    try:
        pace = Fraction(speed)
    except (ValueError, ZeroDivisionError):
        raise CliError(USAGE, f"--speed is a number from 0, not {speed!r}") from None
    if pace < 0:
        raise CliError(USAGE, "--speed must not be below 0")
    return pace
