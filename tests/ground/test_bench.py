"""`make bench` runs: every figure is measured with tiny sizes and printed. How fast anything was is not asked here."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from bench.figure import percentile, row
from tests.ground.project import ROOT
from tests.shared_data import SHARED

FIGURES = (
    "tick_to_wire",
    "tick_to_wire_one_process",
    "tick_to_wire_quiet",
    "kalshi_order",
    "updates",
    "relay",
    "pair_counts",
    "pairs",
    "memory",
    "help",
)


def bench(*arguments: str) -> str:
    command = [sys.executable, "-m", "bench", "--size", "smoke", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_every_figure_is_measured_and_printed_as_one_json_document() -> None:
    document: dict[str, Any] = json.loads(bench("--json"))
    assert document["conditions"]["cpus"] >= 1
    figures = {figure["name"]: figure for figure in document["figures"]}
    assert tuple(figures) == FIGURES
    if not SHARED.exists():
        for name in ("updates", "relay"):
            assert "no kalshi-nba" in figures.pop(name)["skipped"]
    for figure in figures.values():
        assert figure["skipped"] is None
        assert figure["reached"] in {True, False}
        for each in figure["rows"]:
            spread = each["spread"]
            assert 0 <= spread["least"] <= spread["middle"] <= spread["most"], each["what"]


def test_a_recording_that_is_not_there_is_said_and_no_failure() -> None:
    printed = bench("--only", "updates", "--data", "docs")
    assert "skipped: no kalshi-nba-2026-01-07.jsonl.gz in " in printed


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.9, 9), (0.99, 10), (1.0, 10), (0.0, 1)])
def test_a_percentile_is_the_smallest_sample_that_is_large_enough(share: float, expected: int) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == expected


def test_a_row_is_the_spread_of_its_rounds() -> None:
    spread = row("x", "us", [3.0, 1.0, 2.0]).spread
    assert (spread.least, spread.middle, spread.most) == (1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="x: nothing was measured"):
        row("x", "us", [])
