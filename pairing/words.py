"""The words of a question that carry its meaning, and the names among them."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from pairing.amounts import without_amounts
from pairing.dates import without_dates
from pairing.leagues import plain

__all__ = ["MAX_WORDS", "NEGATIONS", "OPPOSITES", "in_order", "meaning", "names", "tokens"]

MAX_WORDS: Final = 80
"""Words read from one title."""

MAX_REMEMBERED: Final = 8_192
"""Titles whose reading is kept: one is compared with several."""

_EMPTY: Final = frozenset({
    "a", "an", "the", "of", "in", "at", "be", "for", "on", "as", "is", "are", "was", "it", "its", "s", "t",
    "this", "that", "their", "his", "her", "he", "she", "they", "do", "does", "did", "has", "have", "had", "get",
    "gets", "will", "would", "who", "what", "when", "how", "which", "if", "any", "there"     })  # fmt: skip
"""Words that carry no meaning of their own here. ``not``, ``no``, ``or``, ``first``, ``next`` do."""

_SAME: Final = {
    "wins": "win", "winner": "win", "winning": "win", "won": "win",
    "turkiye": "turkey",
    "czechia": "czech", "netherlands": "dutch",
    "bitcoin": "btc", "ethereum": "eth", "solana": "sol", "dogecoin": "doge",
    "attends": "attend",
    "democratic": "democrat",
    "2nd": "second", "1st": "first", "3rd": "third", "4th": "fourth",
    "two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "seven": "7", "eight": "8", "nine": "9",
    "ten": "10",
}  # fmt: skip
"""Ways to write one word; nothing is here that could be two things."""

OPPOSITES: Final = tuple(
    (frozenset(one.split()), frozenset(other.split()))
    for one, other in (
        ("win", "lose loses"),
        ("increase raise hike rise up", "decrease cut lower fall down"),
        ("approve pass confirm", "reject fail"),
        ("stay remain", "leave resign out"),
        ("republican gop", "democrat"),
        ("most", "least fewest"),
        ("before", "after"),
        ("first", "second third fourth last"),
        ("second", "third fourth"),
        ("nominate nominated nominee nomination", "confirm confirmed"),
        ("qualify", "win"),
    )
)
"""Words of which one side saying one, and the other side another, makes two questions of them."""

_MOVABLE: Final = frozenset({"next", "officially"})
NEGATIONS: Final = frozenset({"not", "no", "never", "without", "fail", "fails", "neither", "nor", "except", "nobody"})
_WORD: Final = re.compile(r"[^\W_]+(?:['\u2019.-][^\W_]+)*")
_POSSESSIVE: Final = re.compile(r"['\u2019]s\b")
# "us" is another word, and so is "a": here case tells.
_STATES: Final = re.compile(r"\bU\.S\.(?:A\.)?|\bUSA?\b|\bUnited States(?: of America)?\b")
_LETTER: Final = re.compile(r"(?<=\w )A\b(?!\w)")
_NAME: Final = re.compile(r"[A-Z0-9][^\W_]*(?:[-'\u2019.][^\W_]+)*|[^\W\d_a-zA-Z][^\W_]*")
_SHORT: Final = 3


@lru_cache(maxsize=200_000)
def _stem(word: str) -> str:
    word = _SAME.get(word, word)
    if len(word) > _SHORT and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    return _SAME.get(word, word)


def tokens(text: str) -> tuple[str, ...]:
    """All words of a text in order, in one spelling, numbers and dates included: what candidates are found by."""
    text = _LETTER.sub(" lettera ", _STATES.sub(" usa ", _POSSESSIVE.sub("", text)))
    return tuple(_stem(word) for word in plain(text).split()[:MAX_WORDS] if word not in _EMPTY)


@lru_cache(maxsize=MAX_REMEMBERED)
def meaning(text: str) -> frozenset[str]:
    """The words that must be accounted for on the other side; dates and thresholds are compared by themselves."""
    return frozenset(tokens(without_amounts(without_dates(text))))


@lru_cache(maxsize=MAX_REMEMBERED)
def in_order(text: str) -> tuple[str, ...]:
    """The same words in their order, but for those that stand anywhere ("will next nominate", "the next nominee")."""
    return tuple(word for word in tokens(without_amounts(without_dates(text))) if word not in _MOVABLE)


@lru_cache(maxsize=MAX_REMEMBERED)
def names(text: str) -> tuple[str, ...]:
    """The capitalised words in order, but for one that only begins a sentence as any word would."""
    bare = without_amounts(without_dates(_POSSESSIVE.sub("", text)))
    found = []
    for match in _WORD.finditer(bare):
        if match[0][0].isupper():
            found += [_stem(word) for word in plain(match[0]).split() if word not in _EMPTY and not word.isdigit()]
    return tuple(found)
