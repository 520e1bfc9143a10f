"""Two rule texts side by side, with what only one of them says standing out: numbers, dates, words about mishaps."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterator
from itertools import zip_longest
from typing import Final

from cli.output import Style, printable

MIDDLE: Final = " │ "

_NUMBER: Final = re.compile(r"\d+(?:[.:,]\d+)*")
_LETTERS: Final = re.compile(r"[^\W\d_]+(?:'[^\W\d_]+)?")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+|\n+")
_TELLING: Final = re.compile(
    r"(cancel|postpon|void|tie|draw|overtime|regulation|extra|penalt|shootout|fair|refund|half|quarter|period|inning|"
    r"set|map|series|before|after|until|reschedul|suspend|forfeit|abandon|interim|acting|withdr|retire|disqualif|"
    r"delay|resum|dispute|early|deadline|not|no|never|unless|only|least|most|more|less|fewer|above|below|exactly|"
    r"et|edt|est|utc|gmt|pm|am)(s|ed|n|ing|ly|lation|led|able)?",
    re.IGNORECASE,
)
_COMMON: Final = frozenset(
    [
        *("the", "a", "an", "of", "in", "on", "to", "for", "and", "or", "is", "are", "be", "will", "this", "that"),
        *("if", "then", "by", "at", "as", "it", "its", "with", "from", "market", "resolve", "resolves", "resolved"),
        *("yes", "any", "all", "was", "has", "have", "which", "their", "there", "into", "per", "such", "other"),
    ]
)
_SHORT: Final = 4


class Words:
    """What a text says, for the other one to be compared with."""

    def __init__(self, text: str) -> None:
        self.numbers = {_plain(number) for number in _NUMBER.findall(text)}
        self.letters = {_stem(word) for word in _LETTERS.findall(text)}

    def mark(self, word: str, style: Style) -> tuple[str, int]:
        """The word as it is shown beside a text of these words, and how wide that is.

        What weighs most stands out without colour, too: in brackets.
        """
        if self._telling(word):
            shown = word if style.colour else f"[{word}]"
            return style.alarm(shown), columns(shown)
        if any(self._new(each) for each in _LETTERS.findall(word)):
            return style.strong(word), columns(word)
        return word, columns(word)

    def _telling(self, word: str) -> bool:
        if any(_plain(number) not in self.numbers for number in _NUMBER.findall(word)):
            return True
        return any(_TELLING.fullmatch(each) and _stem(each) not in self.letters for each in _LETTERS.findall(word))

    def _new(self, word: str) -> bool:
        return len(word) >= _SHORT and word.lower() not in _COMMON and _stem(word) not in self.letters


def _plain(number: str) -> str:
    return number.rstrip(".,:").lstrip("0") or "0"


def _stem(word: str) -> str:
    """Near enough to tell "cancelled" and "canceled" for one word."""
    word = word.lower().replace("ll", "l")
    for ending in ("ation", "ing", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORT - 1:
            return word.removesuffix(ending)
    return word


def columns(text: str) -> int:
    """How many places a text takes on a terminal: characters of East Asia and emoji two, accents of their own none."""
    wide = sum(unicodedata.east_asian_width(char) in {"W", "F"} for char in text)
    return len(text) + wide - sum(unicodedata.combining(char) != 0 for char in text)


def wrapped(text: str, width: int, other: Words, style: Style) -> list[tuple[str, int]]:
    """The text in lines of at most ``width`` characters, each with its own width, marked against ``other``."""
    lines: list[tuple[str, int]] = []
    for paragraph in filter(None, map(str.strip, text.splitlines())):
        line, used = "", 0
        for word in _words(paragraph, width):
            shown, size = other.mark(word, style)
            if size > width:
                shown, size = word, columns(word)
            if used and used + 1 + size > width:
                lines.append((line, used))
                line, used = "", 0
            line, used = (f"{line} {shown}", used + 1 + size) if used else (shown, size)
        lines.append((line, used))
    return lines


def _words(paragraph: str, width: int) -> Iterator[str]:
    for word in printable(paragraph).split():
        # What is wider than half of the column may be of characters that take two places each.
        step = width if columns(word) == len(word) else width // 2
        for start in range(0, len(word), step):
            yield word[start : start + step]


def side_by_side(left: str, right: str, width: int, style: Style) -> list[str]:
    """Both texts in two columns; what only one of them says stands out in it."""
    column = (width - len(MIDDLE)) // 2
    mine = wrapped(left or "(no rules in its listing)", column, Words(right), style)
    other = wrapped(right or "(no rules in its listing)", column, Words(left), style)
    return [
        f"{shown}{' ' * (column - used)}{MIDDLE}{against}".rstrip()
        for (shown, used), (against, _) in zip_longest(mine, other, fillvalue=("", 0))
    ]


def heads(left: str, right: str, width: int) -> str:
    """The line above the columns."""
    column = (width - len(MIDDLE)) // 2
    return f"{left.ljust(column)[:column]}{MIDDLE}{right[: width - column - len(MIDDLE)]}".rstrip()


def difference(old: str, new: str) -> list[tuple[str, str]]:
    """The sentences that are gone (``-``) and those that came (``+``), in their order."""
    before, after = (list(filter(None, map(str.strip, _SENTENCE.split(text)))) for text in (old, new))
    found: list[tuple[str, str]] = []
    for kind, i, j, k, m in difflib.SequenceMatcher(None, before, after, autojunk=False).get_opcodes():
        if kind != "equal":
            found += [("-", sentence) for sentence in before[i:j]]
            found += [("+", sentence) for sentence in after[k:m]]
    return found
