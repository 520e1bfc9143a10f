"""Figure 5: how long `arb --help` takes, beside a Python that does nothing."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from bench.figure import Figure, row
from bench.sizes import Sizes

AIM_S: Final = 0.3
LIMIT_S: Final = 60


def measure(sizes: Sizes) -> Figure:
    """By turns; the first start of each only warms the disk's cache."""
    command = help_command()
    nothing = [sys.executable, "-c", "pass"]
    _seconds(nothing)
    _seconds(command)
    taken = [(_seconds(nothing), _seconds(command)) for _ in range(sizes.starts)]
    rows = (
        row("python -c pass (floor)", "ms", [floor * 1_000 for floor, _ in taken]),
        row("arb --help", "ms", [took * 1_000 for _, took in taken]),
        row("arb --help / python -c pass", "x", [took / floor for floor, took in taken]),
    )
    return Figure(
        name="help",
        aim=f"at most {AIM_S:g} s",
        reached=rows[1].spread.middle <= AIM_S * 1_000,
        rows=rows,
        conditions={"command": " ".join([Path(command[0]).name, *command[1:]])},
    )


def help_command() -> list[str]:
    """The installed script where there is one, else the module behind it."""
    script = Path(sys.executable).with_name("arb")
    return [str(script), "--help"] if script.exists() else [sys.executable, "-m", "cli.main", "--help"]


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    # Our own program, or Python itself.
    subprocess.run(command, capture_output=True, check=True, timeout=LIMIT_S)  # noqa: S603
    return time.perf_counter() - began
