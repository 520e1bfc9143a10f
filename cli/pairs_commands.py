"""The words of `arb pairs`; what it does is imported only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson

pairs_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@pairs_app.callback()
def pairs() -> None:
    """Which markets of two venues are the same question."""


@pairs_app.command("find", short_help="Propose pairs, each with what agrees, what differs and what is not known.")
def find(
    kalshi_from: Annotated[
        list[Path], typer.Option("--kalshi-from", metavar="FILE", help="A saved /events or /markets answer; repeat.")
    ],
    polymarket_from: Annotated[
        list[Path], typer.Option("--polymarket-from", metavar="FILE", help="A saved Gamma answer; repeat.")
    ],
    everything: Annotated[bool, typer.Option("--all", help="Show those that are refused too.")] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Take markets that do not trade now as well.")] = False,
    evidence: Annotated[bool, typer.Option("--evidence", help="Show the words of both sides for every point.")] = False,
    as_json: AsJson = False,
) -> None:
    """Propose pairs from saved listings (.json or .jsonl, gzipped or not); nothing is traded by it."""
    from cli.pairs_find import run

    raise typer.Exit(
        run(
            kalshi_from,
            polymarket_from,
            everything=everything,
            closed=closed,
            evidence=evidence,
            as_json=as_json,
        )
    )
