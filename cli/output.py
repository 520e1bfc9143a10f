"""Words and tables for the terminal: plain, aligned, as wide as it is, and JSON for programs."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    import msgspec

NARROWEST: Final = 60
WIDEST: Final = 140
_GAP: Final = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """One column; of those that ``give`` way, the widest is cut first when the terminal is too narrow."""

    title: str
    align: Literal["left", "right"] = "left"
    give: bool = False


@dataclass(frozen=True, slots=True)
class Style:
    """How headings and hints look: with colour on a terminal, plain elsewhere."""

    colour: bool = False

    def strong(self, text: str) -> str:
        """Return the text bold."""
        return f"\x1b[1m{text}\x1b[0m" if self.colour else text

    def faint(self, text: str) -> str:
        """Return the text dim."""
        return f"\x1b[2m{text}\x1b[0m" if self.colour else text

    def alarm(self, text: str) -> str:
        """Return the text red."""
        return f"\x1b[31m{text}\x1b[0m" if self.colour else text


def stdout_style() -> Style:
    """Return the style for stdout: colour on a terminal where ``NO_COLOR`` is unset."""
    return Style(colour=sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb")


def terminal_width() -> int:
    """Return the width to write for: the terminal's (80 where there is none) within sensible bounds."""
    return max(NARROWEST, min(WIDEST, shutil.get_terminal_size((80, 24)).columns))


def table(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    width: int,
    *,
    head: Callable[[str], str] = str,
    indent: int = 2,
) -> list[str]:
    """Return the lines of a table no wider than ``width``; a column empty in every row is left out.

    A cell too long for its column ends in ``…``. ``head`` styles the line of titles.
    """
    kept = [index for index in range(len(columns)) if any(row[index] for row in rows)]
    columns, rows = [columns[index] for index in kept], [[row[index] for index in kept] for row in rows]
    widths = [max(len(column.title), *(len(row[i]) for row in rows)) for i, column in enumerate(columns)]
    _fit(widths, columns, width - indent)
    margin = " " * indent
    lines = [
        _line([column.title for column in columns], columns, widths),
        *(_line(row, columns, widths) for row in rows),
    ]
    return [margin + (head(line) if number == 0 else line) for number, line in enumerate(lines)]


def _fit(widths: list[int], columns: Sequence[Column], room: int) -> None:
    """Take one character after the other from the widest column that gives way, until the line fits."""
    while sum(widths) + len(_GAP) * (len(widths) - 1) > room:
        giving = [i for i, column in enumerate(columns) if column.give and widths[i] > max(len(column.title), 4)]
        if not giving:
            return
        widths[max(giving, key=lambda i: widths[i])] -= 1


def _line(cells: Sequence[str], columns: Sequence[Column], widths: Sequence[int]) -> str:
    parts = [
        cut(cell, width).rjust(width) if column.align == "right" else cut(cell, width).ljust(width)
        for cell, column, width in zip(cells, columns, widths, strict=True)
    ]
    return _GAP.join(parts).rstrip()


def cut(text: str, width: int) -> str:
    """Return the text in at most ``width`` characters, ending in ``…`` where something was left out."""
    return text if len(text) <= width else f"{text[: max(width - 1, 0)]}…"


def printable(text: object) -> str:
    """Return the text of anything on one line, with control characters shown as ``?``."""
    return "".join(char if char.isprintable() else "?" for char in str(text))


def say(text: str = "") -> None:
    """Print a line for a person, at once."""
    print(text, flush=True)


def say_json(value: object) -> None:
    """Print one JSON value on one line; a Decimal as a number with all its digits, what JSON does not know as text."""
    print(_json_encoder().encode(value).decode(), flush=True)


@cache
def _json_encoder() -> msgspec.json.Encoder:
    import msgspec

    return msgspec.json.Encoder(decimal_format="number", enc_hook=str)


def complain(text: str) -> None:
    """Print a complaint to stderr, each line marked as ours; a closed stderr is not worth another error."""
    try:
        for line in text.splitlines():
            print(f"arb: {line}", file=sys.stderr, flush=True)
    except OSError:
        return
