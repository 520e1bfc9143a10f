"""Tables that fit, JSON that keeps every digit, complaints that never complain."""

from __future__ import annotations

import io
import json
import sys
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output import Column, Style, complain, cut, printable, say_json, stdout_style, table, terminal_width

CELLS = st.text(st.characters(codec="utf-8", categories=["L", "N"]), max_size=40)


def test_columns_align_and_an_empty_one_is_left_out() -> None:
    columns = (Column("name"), Column("none"), Column("n", "right"))
    assert table(columns, [("kalshi", "", "1"), ("x", "", "12,345")], 80) == [
        "  name         n",
        "  kalshi       1",
        "  x       12,345",
    ]


def test_what_gives_way_is_cut_until_the_line_fits() -> None:
    columns = (Column("fixed"), Column("give", give=True), Column("more", give=True))
    lines = table(columns, [("1234567890", "g" * 30, "m" * 60)], 60, indent=0)
    assert lines[1] == f"1234567890  {'g' * 22}…  {'m' * 22}…"
    assert len(lines[1]) == 60


@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5), width=st.integers(30, 140))
def test_no_line_is_too_wide_where_every_column_gives(rows: list[tuple[str, str, str]], width: int) -> None:
    lines = table([Column(title, give=True) for title in "abc"], rows, width)
    assert len(lines) == len(rows) + 1
    assert max(map(len, lines)) <= width


def test_a_cut_text_says_so() -> None:
    assert cut("abcdef", 6) == "abcdef"
    assert cut("abcdef", 5) == "abcd…"


def test_what_cannot_be_printed_is_shown_as_a_question_mark() -> None:
    assert printable("a\x1b[31m\nb") == "a?[31m?b"
    assert printable(7) == "7"


def test_json_keeps_every_digit(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"fees": Decimal("0.017500"), "big": 2**62, "text": "caf\u00e9", "path": complex(1, 2)})
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    assert '"fees":0.017500' in line
    assert json.loads(line)["big"] == 2**62


def test_a_complaint_marks_each_line_as_ours(capsys: pytest.CaptureFixture[str]) -> None:
    complain("one\ntwo")
    assert capsys.readouterr().err == "arb: one\narb: two\n"


def test_a_complaint_nobody_can_hear_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    class Deaf(io.StringIO):
        def write(self, _text: str) -> int:
            raise BrokenPipeError

    monkeypatch.setattr(sys, "stderr", Deaf())
    complain("anyone?")


@pytest.mark.parametrize(("columns", "width"), [("80", 80), ("20", 60), ("1000", 140), ("x", 80)])
def test_the_width_is_the_terminals_within_bounds(monkeypatch: pytest.MonkeyPatch, columns: str, width: int) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal_width() == width


@pytest.mark.parametrize(
    ("terminal", "env", "colour"),
    [(True, {}, True), (False, {}, False), (True, {"NO_COLOR": "1"}, False), (True, {"TERM": "dumb"}, False)],
)
def test_colour_is_for_terminals_that_want_it(
    monkeypatch: pytest.MonkeyPatch, env: dict[str, str], *, terminal: bool, colour: bool
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal)
    assert stdout_style() == Style(colour=colour)


@pytest.mark.parametrize("look", ["strong", "faint", "alarm"])
def test_a_style_colours_or_leaves_alone(look: str) -> None:
    assert getattr(Style(colour=False), look)("x") == "x"
    assert getattr(Style(colour=True), look)("x").endswith("mx\x1b[0m")
