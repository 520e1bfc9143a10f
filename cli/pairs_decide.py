"""`arb pairs approve`, `reject`, `export`, `import`: decisions by name, by class, or by a file."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cli.error import CliError
from cli.exit_codes import ERROR, OK, USAGE
from cli.output import complain, printable, say, say_json
from cli.pairs_desk import Desk, Looked, now_us, opened, person
from cli.pairs_source import read_pairs
from config.home import ArbHome
from market.pairs import format_pairs
from pairing.approval import State
from pairing.judgement import Verdict
from transport.pairs.book import FILE, numbered
from transport.pairs.errors import PairStoreError


def approve(
    names: Sequence[str], *, classes: Sequence[str], note: str, as_json: bool, home: ArbHome | None = None
) -> int:
    """Approve what is named, or of the named classes every pair of which all points agree; print what was approved."""
    if bool(names) == bool(classes):
        raise CliError(USAGE, "say which pairs, or --auto CLASS: one of them")
    refused: list[str] = []
    with opened(ArbHome.from_environment() if home is None else home) as desk:
        chosen = _named(desk, names) if names else of_classes(desk, classes)
        who = person() if names else f"{person()} (--auto)"
        text = note or (f"of class {', '.join(classes)}, every point agrees" if classes else "")
        done = [each for each in chosen if _approved(desk, each, who, text, refused)]
    _say([_record(each, "approved") for each in done], as_json=as_json)
    if classes and not done and not as_json:
        say(f"no pair of {', '.join(classes)} waits of which every point agrees")
    for text in refused:
        complain(f"not approved: {text}")
    return ERROR if refused and names else OK


def of_classes(desk: Desk, classes: Sequence[str]) -> list[Looked]:
    """What may be approved without being read: proposed, open, judged on today's texts, every point agreed, no flag.

    A pair that was latched is never among them: what changed is for a person to read.
    """
    entries = [each for each in desk.store.entries((State.PROPOSED,)) if each.category in classes]
    found = [desk.look(entry) for entry in entries]
    return [looked for looked in found if looked.problem is None and looked.verdict is Verdict.SAME]


def _named(desk: Desk, names: Sequence[str]) -> list[Looked]:
    return [desk.look(desk.store.find(name)) for name in names]


def _approved(desk: Desk, looked: Looked, who: str, note: str, refused: list[str]) -> bool:
    try:
        desk.approve(looked, who=who, note=note)
    except PairStoreError as error:
        refused.append(str(error))
        return False
    return True


def reject(names: Sequence[str], *, note: str, as_json: bool, home: ArbHome | None = None) -> int:
    """Reject what is named: it is not proposed again, and not traded."""
    with opened(ArbHome.from_environment() if home is None else home) as desk:
        chosen = _named(desk, names)
        for looked in chosen:
            desk.reject(looked.entry, who=person(), note=note)
    _say([_record(each, "rejected") for each in chosen], as_json=as_json)
    return OK


def _record(looked: Looked, what: str) -> dict[str, Any]:
    proposal = looked.proposal
    names = {} if proposal is None else {"kalshi_yes": proposal.kalshi_yes, "polymarket_yes": proposal.yes_name}
    return {"pair_id": looked.entry.pair.pair_id, "class": looked.entry.category, "now": what, **names}


def _say(records: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        say_json(list(records))
        return
    for each in records:
        outcomes = ""
        if "kalshi_yes" in each:
            outcomes = f": YES = {each['kalshi_yes']} on Kalshi = {each['polymarket_yes']} on Polymarket"
        say(f"{each['now']} {printable(each['pair_id'])} ({each['class']}){printable(outcomes)}")


# -- the plain file ---------------------------------------------------------------------------------------------------


def export(file: Path | None, *, home: ArbHome | None = None) -> int:
    """Write the approved pairs as a pairs file; to the terminal, or to a new file."""
    with opened(ArbHome.from_environment() if home is None else home) as desk:
        pairs = [entry.pair for entry in desk.store.entries((State.APPROVED,))]
    if not pairs:
        raise CliError(ERROR, "no pair is approved: there is nothing to export")
    text = format_pairs(numbered(pairs))
    if file is None:
        print(text, end="", flush=True)
        return OK
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        raise CliError(USAGE, f"{file} is there already: nothing is written over; give another name") from None
    except OSError as error:
        raise CliError(ERROR, f"{file} cannot be made: {error.strerror}") from None
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
    say(f"wrote {len(pairs)} approved pairs to {file}")
    return OK


def take_file(file: Path, *, note: str, as_json: bool, home: ArbHome | None = None) -> int:
    """Approve every pair of a file, or none of them."""
    pairs = read_pairs(file)
    with opened(ArbHome.from_environment() if home is None else home, make=True) as desk:
        taken = desk.store.take_file(pairs, who=person(), t_us=now_us(), note=note or f"from {file}")
        unseen = [
            entry.pair.pair_id
            for entry in desk.store.entries((State.APPROVED,))
            if entry.category == FILE and None in entry.digests
        ]
    if as_json:
        say_json({"pairs": len(pairs), "approved": taken, "terms_not_read": unseen})
        return OK
    same = len(pairs) - len(taken)
    rest = f"; {same} were approved just so before" if same else ""
    say(f"approved {len(taken)} pairs of {file}, as the file says: importing them is your approval{rest}")
    if unseen:
        say(f"The terms of {len(unseen)} pairs are not known yet: the next `arb pairs fetch` pins them.")
    return OK
