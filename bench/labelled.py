"""How well words alone tell which questions are the same, on pairs that a person labelled from titles.

The rows are halved by a hash of the ticker: `seen` was looked at while the matcher was made, `held out` was not.
"""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from pairing.judge_text import judge_texts, question_of
from pairing.judgement import DIFFER, UNKNOWN, Judgement, Verdict
from pairing.listing import Listing, Outcome
from pairing.text_index import TextIndex
from protocol.terms import KALSHI, POLYMARKET

FILE: Final = "pairs-labelled.json.gz"
FIRST: Final = 3


class Row(msgspec.Struct, frozen=True):
    """One Kalshi market, the Polymarket questions beside it, and those of them that were judged the same."""

    kalshi: Listing
    candidates: tuple[int, ...]
    same: frozenset[int]
    held_out: bool


class Wrong(msgspec.Struct, frozen=True):
    """A pair that was judged otherwise than the label says, and the kind of the error."""

    kind: str
    kalshi: str
    polymarket: str
    why: str


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What one half, or the whole, comes to. ``pool``: all questions of the file; ``row``: those of its own row."""

    rows: int
    matchable: int
    found_in_pool: int
    found_in_row: int
    judged: int
    same: int
    same_wrong: int
    titles_agree: int
    titles_wrong: int
    true_refused: int
    true_pairs: int
    wrong: tuple[Wrong, ...] = ()


class Siblings(msgspec.Struct, frozen=True):
    """Ordered pairs of unlike questions and those said to agree; questions, and those said to agree with themselves."""

    unlike: int
    wrong: int
    questions: int
    itself: int


class Labelled:
    """The file's rows and its pool of questions."""

    def __init__(self, path: Path, limit: int | None = None) -> None:
        with gzip.open(path, "rt", encoding="utf-8") as file:
            document: list[dict[str, Any]] = json.load(file)[:limit]
        self.questions = {
            candidate["polymarket_id"]: _polymarket(candidate["polymarket_id"], candidate["question"])
            for row in document
            for candidate in row["candidates"]
        }
        self.rows = [_row(row) for row in document]
        self._numbers = list(self.questions)
        self._index = TextIndex([self.questions[number].title for number in self._numbers])

    def measure(self, *, held_out: bool | None = None) -> Result:
        """The figures of one half, or of both."""
        rows = [row for row in self.rows if held_out is None or row.held_out is held_out]
        counts: Counter[str] = Counter()
        wrong: list[Wrong] = []
        for row in rows:
            self._recall(row, counts)
            for number, listing in self.questions.items():
                _judge(row, number, listing, counts, wrong)
        fields = {name: counts[name] for name in Result.__struct_fields__ if name not in {"rows", "wrong"}}
        return Result(rows=len(rows), wrong=tuple(wrong), **fields)

    def siblings(self) -> Siblings:
        """All questions of one row against each other: alike in all words but the few that make them different."""
        groups = {frozenset(self.questions[number].title.strip() for number in row.candidates) for row in self.rows}
        pairs = {(mine, other) for group in groups for mine in group for other in group}
        agreed = [
            (mine, other)
            for mine, other in sorted(pairs)
            if judge_texts(_kalshi("KXQ-X", mine, "Yes"), _polymarket(0, other)).titles_agree
        ]
        itself = sum(mine == other for mine, other in agreed)
        questions = sum(mine == other for mine, other in pairs)
        return Siblings(len(pairs) - questions, len(agreed) - itself, questions, itself)

    def _recall(self, row: Row, counts: Counter[str]) -> None:
        if not row.same:
            return
        text = question_of(row.kalshi)
        counts["matchable"] += 1
        ranked = [self._numbers[place] for _, place in self._index.like(text, FIRST)]
        counts["found_in_pool"] += bool(row.same & set(ranked))
        own = TextIndex([self.questions[number].title for number in row.candidates])
        nearest = [row.candidates[place] for _, place in own.like(text, FIRST)]
        counts["found_in_row"] += bool(row.same & set(nearest))


def _judge(row: Row, number: int, listing: Listing, counts: Counter[str], wrong: list[Wrong]) -> None:
    judgement = judge_texts(row.kalshi, listing)
    true = number in row.same
    counts["judged"] += 1
    counts["true_pairs"] += true
    called = judgement.verdict is Verdict.SAME
    counts["same"] += called
    counts["same_wrong"] += called and not true
    counts["titles_agree"] += judgement.titles_agree
    if judgement.titles_agree and not true:
        counts["titles_wrong"] += 1
        wrong.append(Wrong("said to agree", question_of(row.kalshi), listing.title, ""))
    if true and judgement.verdict is Verdict.DIFFERENT:
        counts["true_refused"] += 1
        wrong.append(_refused(row, listing, judgement))
    elif true and not judgement.titles_agree:
        names = sorted(point.name for point in judgement.of(UNKNOWN) if point.title)
        wrong.append(Wrong(f"not known: {', '.join(names)}", question_of(row.kalshi), listing.title, ""))


def _refused(row: Row, listing: Listing, judgement: Judgement) -> Wrong:
    points = judgement.of(DIFFER)
    why = "; ".join(f"{point.name}: {point.why}" for point in points)
    return Wrong(f"refused: {', '.join(point.name for point in points)}", question_of(row.kalshi), listing.title, why)


def _row(row: dict[str, Any]) -> Row:
    ticker: str = row["kalshi_ticker"]
    name: str = row["kalshi_yes_sub_title"] or "Yes"
    listing = _kalshi(ticker, row["kalshi_title"], name)
    numbers = tuple(dict.fromkeys(candidate["polymarket_id"] for candidate in row["candidates"]))
    return Row(listing, numbers, frozenset(row["same"]), bool(zlib.crc32(ticker.encode()) % 2))


def _kalshi(ticker: str, title: str, name: str) -> Listing:
    return Listing(
        platform=KALSHI,
        market_id=ticker,
        event_id=ticker.rpartition("-")[0],
        title=title,
        subtitle=name,
        outcomes=(Outcome(name), Outcome(f"not {name}")),
    )


def _polymarket(number: int, question: str) -> Listing:
    return Listing(
        platform=POLYMARKET,
        market_id=str(number),
        event_id="",
        title=question,
        outcomes=(Outcome("Yes", f"{number}-yes"), Outcome("No", f"{number}-no")),
    )


def kinds(wrong: Sequence[Wrong]) -> list[tuple[str, int]]:
    """The kinds of errors by how many there are."""
    return Counter(error.kind for error in wrong).most_common()


def report(path: Path) -> str:
    """Every error of both halves by its kind, as the lines of docs/pairs.md."""
    labelled = Labelled(path)
    lines = []
    for name, held_out in (("seen", False), ("held out", True)):
        result = labelled.measure(held_out=held_out)
        lines.append(f"### {name.capitalize()}: {result.true_pairs} true pairs\n")
        lines += [f"* {count} {kind}" for kind, count in kinds(result.wrong)]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    print(report(Path(sys.argv[1])))
