"""Which mistake which seed catches: ``python -m tests.simulation.teeth_table`` scans, and writes hints and page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from simulation.world.scenario import Scenario
from simulation.world.world import run
from tests.simulation.defects import DEFECTS

MINUTES: Final = 5.0
MOST_SEEDS: Final = 500

HINTS_FILE: Final = Path(__file__).with_name("hints.json")
PAGE: Final = Path(__file__).parents[2] / "docs" / "simulation.md"
BEGIN: Final = "<!-- teeth: made by python -m tests.simulation.teeth_table -->"
END: Final = "<!-- end of teeth -->"


def hints() -> dict[str, list[str]]:
    """By mistake: the first seed that caught it when the table was made, and the invariant that was broken."""
    found: dict[str, list[str]] = json.loads(HINTS_FILE.read_text(encoding="utf-8"))
    return found


def scan(name: str) -> tuple[int, str] | None:
    """The first seed that catches it, and which invariant does."""
    for seed in range(MOST_SEEDS):
        with DEFECTS[name]():
            violation = run(Scenario.draw(seed, MINUTES)).violation
        if violation is not None and run(Scenario.draw(seed, MINUTES)).violation is None:
            return seed, violation.invariant
    return None


def table(found: dict[str, list[str]]) -> str:
    """The page's table."""
    rows = [f"| {name} | {int(seed) + 1} | {invariant} |" for name, (seed, invariant) in found.items()]
    head = ["| mistake | caught by seed number | invariant |", "|---|---|---|"]
    return "\n".join([BEGIN, "", *head, *rows, "", END])


def main() -> None:
    """Scan for every mistake."""
    found: dict[str, list[str]] = {}
    for name in DEFECTS:
        hit = scan(name)
        print(f"{name}: {hit}", flush=True)  # noqa: T201 -- a tool for the terminal
        if hit is not None:
            found[name] = [str(hit[0]), hit[1]]
    HINTS_FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    if PAGE.exists():
        text = PAGE.read_text(encoding="utf-8")
        if BEGIN in text:
            before, rest = text.split(BEGIN, 1)
            PAGE.write_text(before + table(found) + rest.split(END, 1)[1], encoding="utf-8")


if __name__ == "__main__":
    main()
