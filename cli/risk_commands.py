"""The words of `arb halt`, `reduce`, `resume` and `confirm`; what each does is imported only when one runs."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.options import AsJson

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; kept in the ledger.")]
Acks = Annotated[
    list[str] | None, typer.Option("--ack", metavar="ID", help="A breaker whose reason you have seen. Repeatable.")
]
Role = Annotated[
    str | None,
    typer.Option("--role", metavar="controller|trader", help="Whom to ask. Default: the controller, if it is here."),
]
Wait = Annotated[float, typer.Option("--wait", min=0, max=600, metavar="S", help="How long to wait for the traders.")]
Force = Annotated[bool, typer.Option("--force", help="A trader: also where its journal says otherwise.")]


def halt(reason: Reason = None, wait: Wait = 5.0, role: Role = None, as_json: AsJson = False) -> None:
    """Let nothing leave any more, here and at every trader; ends when all have said so, or names who has not.

    It holds until `arb resume`, also over a restart. Orders that are at a venue already stay there.
    """
    _run("halt", reason=reason, wait=wait, role=role, as_json=as_json)


def reduce(reason: Reason = None, ack: Acks = None, role: Role = None, as_json: AsJson = False) -> None:
    """Only close what is open: no new trade is made until `arb resume`."""
    _run("reduce", reason=reason, acks=ack, role=role, as_json=as_json)


def resume(
    reason: Reason = None, ack: Acks = None, role: Role = None, force: Force = False, as_json: AsJson = False
) -> None:
    """Trade again. A breaker that has tripped is named, and must be acknowledged with --ack."""
    _run("resume", reason=reason, acks=ack, role=role, force=force, as_json=as_json)


def confirm(
    accept: Annotated[list[int] | None, typer.Option("--accept", metavar="N", help="Make this trade.")] = None,
    reject: Annotated[list[int] | None, typer.Option("--reject", metavar="N", help="Do not make it.")] = None,
    aside: Annotated[
        list[str] | None, typer.Option("--aside", metavar="PAIR", help="Make no trade on this pair for a while.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show the trades that wait for a person, with both books; on a terminal, ask about each.

    An accepted trade is checked again on the books of now, and made only if it still clears.
    """
    from cli.confirm import run

    raise typer.Exit(run(accept=accept or [], reject=reject or [], aside=aside or [], as_json=as_json))


def _run(
    word: str,
    *,
    reason: str | None,
    acks: list[str] | None = None,
    wait: float = 0.0,
    role: str | None,
    force: bool = False,
    as_json: bool,
) -> None:
    from cli.risk import command

    code = command(word, reason=reason, acks=acks or [], role=role, force=force, wait_s=wait, as_json=as_json)
    raise typer.Exit(code)


def add_to(app: typer.Typer) -> None:
    """Give `arb` these commands."""
    app.command("halt", short_help="Let nothing leave any more.")(halt)
    app.command("reduce", short_help="Only close what is open.")(reduce)
    app.command("resume", short_help="Trade again.")(resume)
    app.command("confirm", short_help="Decide on trades that wait for you.")(confirm)
