"""Likely counterparts by words: an inverted index, so that what is compared grows with the markets, not their square.

A market is looked up by its rarest words, each worth its inverse document frequency, and only the few that share most
of that worth are compared letter by letter. Words that everything has are not followed. Likeness only proposes: the
judgement (:mod:`pairing.judge_text`) never looks at it.
"""

from __future__ import annotations

import math
import re
from array import array
from collections.abc import Iterator, Sequence
from heapq import nsmallest
from typing import Final

from rapidfuzz import fuzz

from pairing.words import tokens

__all__ = ["TextIndex"]

MAX_FOLLOWED: Final = 10
"""Words of one query that are followed, the rarest first."""

MAX_POSTINGS: Final = 250
"""Markets that share a word, beyond which it is followed by no query that has rarer ones."""

MAX_VISITS: Final = 800
"""Postings that one query reads at most."""

MAX_COMPARED: Final = 24
"""Markets that one query compares letter by letter."""

_START: Final = 5
"""Letters of a long word by which its other forms are found."""

_NAME: Final = re.compile(r"[A-Z]\w+(?: (?:of |the |and )*[A-Z]\w+){2,4}")

_ASKED: Final = re.compile(r"^Will (?:the )?")

_SHARE: Final = 0.6
"""How much of the score is shared worth; the rest is likeness of letters."""


class TextIndex:
    """The questions of one venue by their words; numbered as they were given."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._words = [_words(text) for text in texts]
        self._texts = [" ".join(tokens(text)) for text in texts]
        postings: dict[str, array[int]] = {}
        for number, words in enumerate(self._words):
            for word in words:
                postings.setdefault(word, array("L")).append(number)
        self._postings = postings
        total = max(len(texts), 1)
        self._worth = {word: math.log(1 + total / len(found)) for word, found in postings.items()}
        self._unseen = math.log(1 + total)
        self._size = [math.fsum(self._worth[word] for word in words) for words in self._words]

    def like(self, text: str, limit: int) -> list[tuple[float, int]]:
        """The questions most like a text, the best first, with a score from 0 to 1."""
        said = tokens(text)
        words = _words(text)
        shared = self._shared(words)
        mine = math.fsum(self._worth.get(word, self._unseen) for word in words) or 1.0
        by_worth = nsmallest(MAX_COMPARED, ((-self._dice(worth, mine, n), n) for n, worth in shared.items()))
        joined = " ".join(said)
        scored = [
            (-_SHARE * share + (1 - _SHARE) * fuzz.token_set_ratio(joined, self._texts[number]) / 100, number)
            for share, number in by_worth
        ]
        return sorted(scored, key=lambda found: (-found[0], found[1]))[:limit]

    def _dice(self, shared: float, mine: float, number: int) -> float:
        return min(1.0, 2 * shared / (mine + self._size[number]))

    def _shared(self, words: frozenset[str]) -> dict[int, float]:
        """For each market that shares a followed word, the worth of all the words that it shares."""
        known = sorted((len(self._postings[word]), word) for word in words if word in self._postings)
        candidates: set[int] = set()
        visits = 0
        for place, (count, word) in enumerate(known[:MAX_FOLLOWED]):
            # One word must be followed, however common; after that, only what narrows.
            if place and (count > MAX_POSTINGS or visits + count > MAX_VISITS):
                break
            found = self._postings[word][:MAX_VISITS]
            visits += len(found)
            candidates.update(found)
        worth = self._worth
        return {number: math.fsum(worth[word] for word in words & self._words[number]) for number in candidates}


def _words(text: str) -> frozenset[str]:
    """What a text is found by: its words, the beginnings of long ones, and the initials of names of several words.

    So "Moldovan" finds "Moldova", and "La Libertad Avanza" finds "LLA"; neither means anything to the judgement.
    """
    said = tokens(text)
    starts = {f"{word[:_START]}*" for word in said if len(word) > _START}
    return frozenset(said) | starts | set(_initials(text))


def _initials(text: str) -> Iterator[str]:
    for match in _NAME.finditer(_ASKED.sub("", text)):
        yield "".join(word[0] for word in match[0].split() if word[0].isupper()).lower()
