"""Figures as text for a person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from bench.figure import Figure, Row

WIDTH: Final = 78
LARGE: Final = 1_000


def show(figure: Figure) -> str:
    """The figure as a table: least, middle and most over its rounds."""
    head = f"{figure.name}: {figure.aim}"
    if figure.skipped is not None:
        return f"{head}\n  skipped: {figure.skipped}\n"
    verdict = {True: "reached", False: "NOT reached", None: "no aim"}[figure.reached]
    lines = [f"{head}: {verdict}", f"  {show_pairs(figure.conditions)}"]
    lines.append(f"  {'':{WIDTH}} {'':4} {'least':>10} {'middle':>10} {'most':>10}")
    return "\n".join([*lines, *(_line(each) for each in figure.rows)]) + "\n"


def show_pairs(values: Mapping[str, Any]) -> str:
    """``name=value`` on one line."""
    return " ".join(f"{name}={value}" for name, value in values.items())


def _line(each: Row) -> str:
    numbers = " ".join(f"{_number(value):>10}" for value in (each.spread.least, each.spread.middle, each.spread.most))
    return f"  {each.what:{WIDTH}} {each.unit:4} {numbers}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= LARGE else f"{value:.2f}"
