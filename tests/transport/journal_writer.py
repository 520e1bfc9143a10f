"""A trader in small, as a process that tests kill: journals legs, and says each line only when it is durable.

``python -m tests.transport.journal_writer FILE FIRST [LARGEST_FILE]`` writes until it is killed or the journal fails.
Lines: ``intent ID``, ``outcome ID REVISION``, at last ``error TEXT`` and, when it was opened anew, ``kept COUNT``.
"""

from __future__ import annotations

import itertools
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from protocol.terms import Status
from tests.fact_kit import leg, outcome, unknown
from transport.journal import Journal, JournalError


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def write(journal: Journal, first: int) -> None:
    """Leg after leg, each first unknown and then filled."""
    for number in itertools.count(first):
        name = f"trade{number}-1"
        journal.intent(leg(name), dry=False, paper=True, now_us=number)
        say(f"intent {name}")
        for revision, became in enumerate((unknown(name), outcome(name, revision=1, status=Status.FILLED))):
            journal.outcome(became, number)
            say(f"outcome {name} {revision}")
        journal.ack(became.leg_id, 0)


def main(path: Path, first: int, largest_file: int | None = None) -> None:
    journal = Journal(path)
    if largest_file is not None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest_file, resource.RLIM_INFINITY))
    try:
        write(journal, first)
    except JournalError as error:
        say(f"error {error}")
    later: list[Callable[[], object]] = [
        lambda: journal.tombstone(leg().leg_id, leg().platform, 0),
        lambda: journal.outcome(outcome(), 0),
    ]
    for call in later:
        try:
            call()
        except JournalError as error:
            say(f"error {error}")
    say(f"kept {journal.depth()}")
    journal.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else None)
