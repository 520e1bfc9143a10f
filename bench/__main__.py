"""`python -m bench`: every figure of docs/performance.md, each measured in a process of its own."""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from bench import help_time, kalshi_order, memory, pair_counts, pairs, relay, tick_to_wire, updates
from bench.figure import Figure
from bench.machine import conditions
from bench.report import show, show_pairs
from bench.sizes import NAMED, Sizes

ROOT: Final = Path(__file__).resolve().parents[1]
DATA: Final = ROOT.parent / "shared" / "data"
LIMIT_S: Final = 1_800


FIGURES: Final[dict[str, Callable[[Sizes, Path], Figure]]] = {
    "tick_to_wire": lambda sizes, _data: tick_to_wire.measure(sizes),
    "tick_to_wire_one_process": lambda sizes, _data: tick_to_wire.measure_inside(sizes),
    "tick_to_wire_quiet": lambda sizes, _data: tick_to_wire.measure_quiet(sizes),
    "kalshi_order": lambda sizes, _data: kalshi_order.measure(sizes),
    "updates": updates.measure,
    "relay": relay.measure,
    "pair_counts": lambda sizes, _data: pair_counts.measure(sizes),
    "pairs": pairs.measure,
    "memory": lambda sizes, _data: memory.measure(sizes),
    "help": lambda sizes, _data: help_time.measure(sizes),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 where a measurement failed. An aim that was not reached is a result, no failure."""
    options = _parser().parse_args(arguments)
    size = "quick" if options.quick else options.size
    if options.here:
        figure = FIGURES[options.here](NAMED[size], options.data)
        print(msgspec.json.encode(figure).decode())
        return 0
    machine = conditions()
    if not options.json:
        print(f"{show_pairs(machine)}\n", flush=True)
    figures: list[Figure] = []
    for name in options.only or FIGURES:
        measured = _apart(name, size, options.data)
        if measured is None:
            return 1
        figures.append(measured)
        if not options.json:
            print(show(measured), flush=True)
    if options.json:
        document: dict[str, Any] = {"conditions": {"size": size, **machine}, "figures": figures}
        print(msgspec.json.encode(document).decode())
    return 0


def _apart(name: str, size: str, data: Path) -> Figure | None:
    """The figure, measured in a fresh process: no other's garbage, caches or settings."""
    command = [sys.executable, "-m", "bench", "--here", name, "--size", size, "--data", str(data.resolve())]
    try:
        # Our own module with our own arguments.
        done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True, timeout=LIMIT_S)  # noqa: S603
    except subprocess.SubprocessError as error:
        print(f"{name} was not measured: {error}", file=sys.stderr)
        return None
    return msgspec.json.decode(done.stdout, type=Figure)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure what docs/performance.md reports.")
    parser.add_argument("--quick", action="store_true", help="a look: fewer rounds and samples")
    parser.add_argument("--json", action="store_true", help="one JSON document instead of tables")
    parser.add_argument("--only", action="append", choices=FIGURES, metavar="NAME", help=f"of {', '.join(FIGURES)}")
    parser.add_argument("--data", type=Path, default=DATA, metavar="DIR", help="where the recordings are")
    parser.add_argument("--size", choices=NAMED, default="full", help=argparse.SUPPRESS)
    parser.add_argument("--here", choices=FIGURES, help=argparse.SUPPRESS)
    return parser


if __name__ == "__main__":
    sys.exit(main())
