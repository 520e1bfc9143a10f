"""The words of `arb pairs` that work on the store of this home; what each does is imported only when one runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cli.options import AsJson

Auto = Annotated[
    list[str] | None,
    typer.Option(
        "--auto", metavar="CLASS", help="Approve by itself what is of this class and agrees in all, as nba/moneyline."
    ),
]
Class = Annotated[str | None, typer.Option("--class", metavar="CLASS", help="Only this class, as nba/moneyline.")]
Note = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; kept with the decision.")]
Names = Annotated[list[str], typer.Argument(metavar="PAIR...", help="Its name, Kalshi ticker or condition.")]


def fetch(
    files: Annotated[
        list[Path] | None,
        typer.Option("--from", metavar="FILE", help="A saved answer of either venue, instead of the venues; repeat."),
    ] = None,
    platform: Annotated[
        list[str] | None, typer.Option("--platform", metavar="P", help="Only this venue; repeat. Default: both.")
    ] = None,
    max_age: Annotated[
        str | None, typer.Option("--max-age", metavar="S", help="Read what is older than this. Default: 3600 s.")
    ] = None,
    changed: Annotated[
        bool, typer.Option("--changed", help="Of Kalshi only what changed since the last time.")
    ] = False,
    approved: Annotated[bool, typer.Option("--approved", help="Only the markets of approved pairs, now.")] = False,
    as_json: AsJson = False,
) -> None:
    """Read all open markets of both venues into the store; pairs whose terms have changed are latched.

    Needs no key. A venue that cannot be read whole changes nothing of what is stored of it.
    """
    from cli.pairs_fetch import run
    from config.load import load_settings

    settings = load_settings({"discovery_max_age_s": max_age})
    raise typer.Exit(
        run(
            settings,
            files=files or [],
            platforms=platform or [],
            changed=changed,
            approved=approved,
            as_json=as_json,
        )
    )


def review(category: Class = None) -> None:
    """Read the pairs that wait, side by side, and approve or reject each with one key."""
    from cli.pairs_review import run

    raise typer.Exit(run(category=category))


def list_(
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="proposed, approved, rejected or latched.")
    ] = None,
    category: Class = None,
    as_json: AsJson = False,
) -> None:
    """List the pairs: state, what is known, when they close, and their edge a year of locked capital."""
    from cli.pairs_list import show_list

    raise typer.Exit(show_list(state=state, category=category, as_json=as_json))


def show(name: Annotated[str, typer.Argument(metavar="PAIR")], as_json: AsJson = False) -> None:
    """Show all of one pair: evidence, both rule texts, facts of time and money, and who decided what."""
    from cli.pairs_list import show_one

    raise typer.Exit(show_one(name, as_json=as_json))


def approve(
    names: Annotated[list[str] | None, typer.Argument(metavar="[PAIR...]")] = None,
    auto: Auto = None,
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Approve pairs on the terms that are stored now; one of which a point differs is refused."""
    from cli.pairs_decide import approve as run

    raise typer.Exit(run(names or [], classes=auto or [], note=note, as_json=as_json))


def reject(names: Names, note: Note = "", as_json: AsJson = False) -> None:
    """Reject pairs: they are not proposed again, and not traded."""
    from cli.pairs_decide import reject as run

    raise typer.Exit(run(names, note=note, as_json=as_json))


def export(
    file: Annotated[Path | None, typer.Argument(metavar="[FILE]", help="A new file. Default: the terminal.")] = None,
) -> None:
    """Write the approved pairs as a pairs file."""
    from cli.pairs_decide import export as run

    raise typer.Exit(run(file))


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A pairs file.")],
    note: Note = "",
    as_json: AsJson = False,
) -> None:
    """Approve the pairs of a file as they stand in it: importing them is your approval."""
    from cli.pairs_decide import take_file

    raise typer.Exit(take_file(file, note=note, as_json=as_json))


def add_to(app: typer.Typer) -> None:
    """Give `arb pairs` these commands."""
    app.command("fetch", short_help="Read all open markets of both venues into the store.")(fetch)
    app.command("review", short_help="Read the pairs that wait; approve or reject with a key.")(review)
    app.command("list", short_help="List the pairs.")(list_)
    app.command("show", short_help="Show all of one pair.")(show)
    app.command("approve", short_help="Approve pairs by name, or a class.")(approve)
    app.command("reject", short_help="Reject pairs.")(reject)
    app.command("export", short_help="Write the approved pairs as a pairs file.")(export)
    app.command("import", short_help="Approve the pairs of a file.")(import_)
