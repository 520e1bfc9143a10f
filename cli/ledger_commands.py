"""The words of `arb ledger`; what each does is in `cli/ledger.py`, which is imported only when one runs."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import AsJson

AsCsv = Annotated[bool, typer.Option("--csv", help="Print CSV, for spreadsheets.")]
Since = Annotated[
    str | None,
    typer.Option("--since", metavar="WHEN", help="2026-01-07[T18:30], today, 7d or 12h; times are UTC."),
]
Pair = Annotated[str | None, typer.Option("--pair", metavar="ID", help="Only this pair.")]

ledger_app = typer.Typer(
    rich_markup_mode=None, no_args_is_help=True, context_settings={"help_option_names": ["-h", "--help"]}
)


@ledger_app.callback()
def ledger() -> None:
    """Show what the ledger knows: trades, legs, fills, positions, profit and loss."""


def _show(what: str, *, as_json: bool, as_csv: bool, since: str | None, pair: str | None) -> None:
    from cli.ledger import show

    raise typer.Exit(show(what, as_json=as_json, as_csv=as_csv, since=since, pair=pair))


@ledger_app.command(short_help="Every trade, with what it earned.")
def trades(as_json: AsJson = False, as_csv: AsCsv = False, since: Since = None, pair: Pair = None) -> None:
    """List every trade: its state, its contracts, fees, and what it earned where its sides are even."""
    _show("trades", as_json=as_json, as_csv=as_csv, since=since, pair=pair)


@ledger_app.command(short_help="Every order, with what became of it.")
def legs(as_json: AsJson = False, as_csv: AsCsv = False, since: Since = None, pair: Pair = None) -> None:
    """List every order that was sent, with what became of it as far as is known."""
    _show("legs", as_json=as_json, as_csv=as_csv, since=since, pair=pair)


@ledger_app.command(short_help="What was bought and sold.")
def fills(as_json: AsJson = False, as_csv: AsCsv = False, since: Since = None, pair: Pair = None) -> None:
    """List what was bought and sold, proven fills only."""
    _show("fills", as_json=as_json, as_csv=as_csv, since=since, pair=pair)


@ledger_app.command(short_help="What is held, at average cost.")
def positions(as_json: AsJson = False, as_csv: AsCsv = False, since: Since = None, pair: Pair = None) -> None:
    """List what is held now, at average cost; with --since only what was traded since."""
    _show("positions", as_json=as_json, as_csv=as_csv, since=since, pair=pair)


@ledger_app.command(short_help="Profit and loss, by pair.")
def pnl(as_json: AsJson = False, as_csv: AsCsv = False, since: Since = None, pair: Pair = None) -> None:
    """Show realised profit, fees, and what is locked in or at risk, by pair.

    --since limits what was realised and paid; locked in and at risk are always as of now.
    """
    _show("pnl", as_json=as_json, as_csv=as_csv, since=since, pair=pair)


@ledger_app.command(short_help="Derive everything anew, and compare.")
def rebuild(as_json: AsJson = False) -> None:
    """Check the ledger, derive everything from its facts anew, and compare. Changes nothing."""
    from cli.ledger_rebuild import run

    raise typer.Exit(run(as_json=as_json))


@ledger_app.command(short_help="Where the venues' accounts and the ledger differ.")
def drift(as_json: AsJson = False) -> None:
    """Show where the venues' accounts and the ledger differ, since when, why perhaps, and what you can do.

    The controller must be running; it compares from time to time. Nothing is changed by what it finds.
    """
    from cli.drift import run

    raise typer.Exit(run(as_json=as_json))


@ledger_app.command("paid-out", short_help="Say that a market has paid out.")
def paid_out(
    pair: Annotated[str, typer.Argument(metavar="PAIR", help="The pair whose market has settled at both venues.")],
    result: Annotated[
        str | None, typer.Option("--result", metavar="yes|no", help="What it resolved to, where no venue has told.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Say that a pair's market has settled and both venues have paid: its money is at stake no more.

    The controller must be running. Your word is kept in the ledger. Profit and loss are booked where a venue has
    told what the market resolved to, or --result does.
    """
    from cli.paid_out import run

    raise typer.Exit(run(pair, as_json=as_json, result=result))


@ledger_app.command("settle-leg", short_help="Say what became of an unknown leg.")
def settle_leg(
    leg: Annotated[str, typer.Argument(metavar="LEG", help="The leg's id, as `arb status` shows it.")],
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="How you know.")],
    filled: Annotated[str | None, typer.Option("--filled", metavar="CONTRACTS", help="So many were filled.")] = None,
    price: Annotated[str | None, typer.Option("--price", metavar="CENTS", help="At this average price.")] = None,
    fees: Annotated[str, typer.Option("--fees", metavar="USD", help="And these fees.")] = "0",
    unfilled: Annotated[bool, typer.Option("--unfilled", help="Nothing was filled.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Say what became of a leg that nobody could prove, after you have seen the venue's own books.

    The controller must be running. Refused where the leg is not unknown. Your word is kept in the ledger with its
    reason; what the venue proves later goes above it, and the difference is shown.
    """
    from cli.settle_leg import Word, run

    raise typer.Exit(run(leg, Word(filled, price, fees, unfilled, reason), yes=yes, as_json=as_json))


@ledger_app.command("accept-new", short_help="Trade on, on another ledger than before.")
def accept_new(
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> None:
    """Accept the ledger that is there now, or a new one, after the one before was lost.

    The controller trades on no other ledger than the one it knows. Positions and open orders of a lost ledger are
    still there at the venues; nobody will look after them.
    """
    from cli.ledger import accept

    raise typer.Exit(accept(yes=yes))
