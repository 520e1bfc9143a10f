"""One of several traders of one paper account: ``python -m tests.transport.paper_account_racer FILE COUNT``.

Waits for a line on stdin, then opens the file, which may not exist yet, has the same legs recorded as every other
racer, and prints those that it got in.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tests.fact_kit import outcome
from transport.paper_account import PaperAccount


def main(path: Path, count: int) -> None:
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    sys.stdin.readline()
    with PaperAccount(path) as account:
        for number in range(count):
            if account.record(outcome(f"leg{number}-1"), []):
                sys.stdout.write(f"leg{number}-1\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
