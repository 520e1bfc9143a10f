"""Two texts side by side: every word of both, in their columns, and what only one says made to stand out."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cli.output import Style
from cli.pairs_texts import MIDDLE, Words, columns, difference, side_by_side

PLAIN, COLOUR = Style(), Style(colour=True)
PIECES = st.sampled_from(["a", "word ", "9.5 ", "cancel ", "\n", "é", "日", "🏀 ", "x" * 50, ". ", "\x1b"])
TEXTS = st.lists(PIECES, max_size=40).map("".join)
_STYLE = re.compile(r"\x1b\[\d+m")


@given(left=TEXTS, right=TEXTS, width=st.integers(40, 140), style=st.sampled_from([PLAIN, COLOUR]))
def test_no_line_is_wider_and_no_word_is_lost(left: str, right: str, width: int, style: Style) -> None:
    lines = [_STYLE.sub("", line) for line in side_by_side(left, right, width, style)]

    assert all(columns(line) <= width for line in lines)
    assert "\x1b" not in "".join(lines)
    column = (width - len(MIDDLE)) // 2
    for text, side in ((left, 0), (right, 1)):
        shown = "".join([*line.split(MIDDLE.rstrip(), 1), ""][side] for line in lines)
        kept = re.sub(r"[\s\[\]]", "", shown)
        if text.strip():
            assert kept == re.sub(r"\s", "", "".join(c if c.isprintable() or c.isspace() else "?" for c in text))
    assert column > 0


@pytest.mark.parametrize(
    ("word", "other", "plain"),
    [
        ("2.5", "more than 2.5 goals", "2.5"),
        ("2.5", "more than 3.5 goals", "[2.5]"),
        ("canceled", "if it is cancelled", "canceled"),
        ("postponed,", "if it is cancelled", "[postponed,]"),
        ("overtime", "in regulation", "[overtime]"),
        ("Celtics", "the Raptors win", "Celtics"),
        ("January", "on Jan 9", "January"),
    ],
)
def test_what_decides_stands_out_without_colour(word: str, other: str, plain: str) -> None:
    assert Words(other).mark(word, PLAIN)[0] == plain


def test_with_colour_other_words_stand_out_as_well() -> None:
    assert Words("the Raptors win").mark("Celtics", COLOUR) == ("\x1b[1mCeltics\x1b[0m", 7)
    assert Words("the Raptors win").mark("9", COLOUR) == ("\x1b[31m9\x1b[0m", 1)
    assert Words("the Raptors win").mark("the", COLOUR) == ("the", 3)


def test_a_change_is_told_by_sentences() -> None:
    old = "It is decided by the league. If it is canceled, No."
    new = "It is decided by the league. If it is canceled, 50-50.\nA tie is No."

    assert difference(old, new) == [
        ("-", "If it is canceled, No."),
        ("+", "If it is canceled, 50-50."),
        ("+", "A tie is No."),
    ]
