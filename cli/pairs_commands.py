"""The words of `arb pairs`; what it does is imported only when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson
from cli.pairs_store_commands import Auto, add_to

pairs_app = typer.Typer(rich_markup_mode=None, no_args_is_help=True)


@pairs_app.callback()
def pairs() -> None:
    """Which markets of two venues are the same question."""


@pairs_app.command("find", short_help="Propose pairs, each with what agrees, what differs and what is not known.")
def find(
    kalshi_from: Annotated[
        list[Path] | None,
        typer.Option("--kalshi-from", metavar="FILE", help="A saved /events or /markets answer; repeat."),
    ] = None,
    polymarket_from: Annotated[
        list[Path] | None, typer.Option("--polymarket-from", metavar="FILE", help="A saved Gamma answer; repeat.")
    ] = None,
    auto: Auto = None,
    everything: Annotated[
        bool, typer.Option("--all", help="From files: show the refused too. From the store: keep all that is not.")
    ] = False,
    closed: Annotated[bool, typer.Option("--closed", help="Take markets that do not trade now as well.")] = False,
    evidence: Annotated[bool, typer.Option("--evidence", help="Show the words of both sides for every point.")] = False,
    as_json: AsJson = False,
) -> None:
    """Propose pairs from what `arb pairs fetch` has stored, and keep them; nothing is traded before a person approved.

    With both --from options from saved listings instead (.json or .jsonl, gzipped or not): shown, and not kept.
    """
    if not kalshi_from and not polymarket_from:
        from cli.pairs_propose import run as propose

        raise typer.Exit(propose(classes=auto or [], everything=everything, as_json=as_json))
    if not kalshi_from or not polymarket_from or auto:
        from cli.error import CliError
        from cli.exit_codes import USAGE

        raise CliError(USAGE, "--kalshi-from and --polymarket-from go together, and without --auto")
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


add_to(pairs_app)
