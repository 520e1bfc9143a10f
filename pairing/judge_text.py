"""The judgement of two markets by their words: who, what, how much, until when.

Likeness plays no part here. Every word that carries meaning must be on both sides (in one spelling), names in one
order; every number and every day must be the same. What is left over on either side makes the point unknown, or
refuses it where it contradicts.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Final

from pairing.amounts import Interval, amounts, same_amounts
from pairing.dates import Span, days, same_span, without_dates
from pairing.facts import Fact
from pairing.judgement import (
    AGREE,
    DIFFER,
    UNKNOWN,
    Judgement,
    Point,
    evidence,
    known,
    point,
    settlement_points,
    warnings,
)
from pairing.kalshi_game import scope_in_words
from pairing.leagues import plain
from pairing.listing import Listing
from pairing.rules import conditions, zone
from pairing.words import MAX_WORDS, NEGATIONS, OPPOSITES, in_order, meaning, names, tokens

__all__ = ["judge_texts", "question_of"]

_YES: Final = frozenset({"yes", ""})
_SPECIFIC: Final = re.compile(r"\s*Will\b", re.IGNORECASE)
"""How a title begins that asks about one outcome; any other may name several, YES being told by its own name."""

_TICKER_YEAR: Final = re.compile(r"-(?P<year>2\d)(?=[A-Z-]|$)")
_CENTURY: Final = 2000
_FIRST_SENTENCES: Final = 700
"""Characters of a rules text in which the question itself is stated."""


def question_of(listing: Listing) -> str:
    """The title with what it leaves out: Kalshi's titles name the outcome only in ``yes_sub_title``."""
    name = listing.subtitle or listing.outcomes[0].name
    text = " ".join(listing.title.split())
    if plain(name) in _YES or plain(name) in plain(text):
        return text
    return f"{text} \u00b7 {name}"


def judge_texts(kalshi: Listing, polymarket: Listing) -> Judgement:
    """Every point of two questions."""
    mine, other = question_of(kalshi), polymarket.title
    yes, outcome = _outcome(kalshi, polymarket)
    measured = bool(amounts(without_dates(mine)))
    points = (
        outcome,
        _question(mine, other),
        _order(kalshi, mine, other),
        _scope(mine, other),
        _threshold(kalshi, mine, other),
        _deadline(kalshi, mine, polymarket, other),
        _zone(kalshi, polymarket),
        _conditions(kalshi, polymarket),
        *settlement_points(kalshi, polymarket, measured=measured),
    )
    return Judgement(points, warnings(kalshi, polymarket, yes), yes)


def _outcome(kalshi: Listing, polymarket: Listing) -> tuple[int | None, Point]:
    """Which of Polymarket's outcomes is Kalshi's YES, by name."""
    said = [plain(outcome.name) for outcome in polymarket.outcomes]
    name = kalshi.subtitle or kalshi.outcomes[0].name
    words = f"{name} [yes_sub_title]", f"{' / '.join(o.name for o in polymarket.outcomes)} [outcomes]"
    if sorted(said) == ["no", "yes"]:
        return _asked(said.index("yes"), name, kalshi.title, polymarket, words)
    mine = meaning(name) or frozenset(plain(name).split())
    found = [index for index, text in enumerate(said) if frozenset(text.split()) == mine or text == plain(name)]
    if len(found) == 1:
        return found[0], point("outcome", AGREE, *words)
    why = "no outcome has that name" if not found else "two outcomes have that name"
    return None, point("outcome", UNKNOWN, *words, why)


def _asked(yes: int, name: str, title: str, polymarket: Listing, words: tuple[str, str]) -> tuple[int, Point]:
    """The point where outcomes are Yes and No, and the question itself must name whom Kalshi's YES names."""
    words = words[0], f"{words[1]}; {polymarket.title} [question]"
    mine = meaning(name)
    there = meaning(polymarket.title)
    if plain(name) in _YES or not mine:
        return yes, point("outcome", AGREE, *words)
    left = mine - there
    if not left and (_leads(mine, polymarket.title) or (_SPECIFIC.match(title) and mine <= meaning(title))):
        return yes, point("outcome", AGREE, *words)
    if not left:
        return yes, point("outcome", UNKNOWN, *words, "the question names it, but perhaps not as the one asked about")
    strange = set(names(polymarket.title)) - mine - meaning(polymarket.event_title)
    state = DIFFER if left == mine and strange and names(name) and polymarket.event_title else UNKNOWN
    return yes, point("outcome", state, *words, f"not in the question: {', '.join(sorted(left))}")


def _leads(name: frozenset[str], title: str) -> bool:
    """Whether these words are the first names of a question: whom it asks about."""
    return frozenset(names(title)[: len(name)]) == name


def _question(mine: str, other: str) -> Point:
    """All words that carry meaning, both ways."""
    one, two = meaning(mine), meaning(other)
    words = f"{mine} [title]", f"{other} [question]"
    if max(len(one), len(two)) >= MAX_WORDS:
        return point("question", UNKNOWN, *words, "too long to be compared word by word")
    if one == two:
        return point("question", AGREE, *words)
    left, right = one - two, two - one
    for first, second in OPPOSITES:
        for here, there in ((first, second), (second, first)):
            if left & here and right & there:
                return point("question", DIFFER, *words, f"{_listed(left & here)} against {_listed(right & there)}")
    if (left | right) & NEGATIONS and not (one ^ two) - NEGATIONS:
        return point("question", DIFFER, *words, f"denied on one side: {_listed(left | right)}")
    return point("question", UNKNOWN, *words, f"only one side says: {_listed(left | right)}")


def _order(kalshi: Listing, mine: str, other: str) -> Point:
    """Words in one order: "A beats B" is not "B beats A", of the same words.

    Where Kalshi's title leaves the name out ("Who will win it?", YES: Ann), the other must begin with it.
    """
    one, two = in_order(mine), in_order(other)
    name = in_order(kalshi.subtitle or kalshi.outcomes[0].name)
    if name and one[-len(name) :] == name == two[: len(name)] and set(name).isdisjoint(one[: -len(name)]):
        two = (*two[len(name) :], *name)
    shared = set(one) & set(two)
    first, second = ([word for word in side if word in shared] for side in (one, two))
    words = " ".join(first), " ".join(second)
    if first == second:
        return point("order of words", AGREE, *words)
    return point("order of words", UNKNOWN, *words, "the same words in another order")


def _scope(mine: str, other: str) -> Point:
    one, two = scope_in_words(mine), scope_in_words(other)
    words = one or "the whole: names no part", two or "the whole: names no part"
    return point("scope", known(one == two), *words)


def _threshold(kalshi: Listing, mine: str, other: str) -> Point:
    """Which numbers make it true; Kalshi's strike stands for its words where it has one."""
    one, two = amounts(without_dates(mine)), amounts(without_dates(other))
    words = evidence(*one), evidence(*two)
    struck = _struck(kalshi)
    if struck is not None:
        words = evidence(struck, *one), words[1]
        if not any(same_amounts(frozenset({fact.value}), frozenset({struck.value}), "score") for fact in one):
            return point("threshold", UNKNOWN, *words, "the strike is not in the title")
    left, right = (frozenset(fact.value for fact in side) for side in (one, two))
    if not left and not right:
        return point("threshold", AGREE, "names no number", "names no number")
    if not left or not right:
        return point("threshold", UNKNOWN, *words, "only one side names a number")
    same = same_amounts(left, right, f"{mine} {other}")
    if same and len(left) > 1 and tokens(without_dates(mine)) != tokens(without_dates(other)):
        return point("threshold", UNKNOWN, *words, "the same numbers, perhaps not of the same things")
    return point("threshold", known(same), *words, "" if same else "not the same numbers")


def _struck(kalshi: Listing) -> Fact[Interval] | None:
    strike = kalshi.strike
    if strike is None:
        return None
    text = f"{strike.kind} {strike.floor if strike.floor is not None else ''} {strike.cap or ''}".strip()
    match strike.kind:
        case "greater":
            value = Interval(strike.floor, None, low_in=False)
        case "greater_or_equal":
            value = Interval(strike.floor, None)
        case "less":
            value = Interval(None, strike.cap, high_in=False)
        case "less_or_equal":
            value = Interval(None, strike.cap)
        case "between":
            value = Interval(strike.floor, strike.cap)
        case _:
            return None
    return Fact(value, text, "strike")


def _deadline(kalshi: Listing, mine: str, polymarket: Listing, other: str) -> Point:
    """Until when, or in which edition: every day that either side names must be named by the other."""
    one, two = _spans(kalshi, mine), _spans(polymarket, other)
    words = evidence(*one), evidence(*two)
    if not one or not two:
        why = "neither names a day" if not one and not two else "only one side names a day"
        return point("deadline", UNKNOWN, *words, why)
    answers = [same_span(first.value, second.value) for first in one for second in two]
    same = answers[0] if len(answers) == 1 else None
    if all(answer is False for answer in answers):
        same = False
    return point("deadline", known(same), *words, "" if same else "not the same days, or not said in full")


def _spans(listing: Listing, text: str) -> list[Fact[Span]]:
    """The days of the title, with the year that the rules, or else the ticker, give to those without one.

    A title without any takes those of the rules' first sentences, then the ticker's year as the edition meant.
    """
    found = [Fact(fact.value, fact.text, "title") for fact in days(text)]
    stated = [Fact(fact.value, fact.text, "rules") for fact in days(listing.rules[:_FIRST_SENTENCES])]
    if not found:
        found = stated or _edition(listing)
    dated = [fact for fact in found if not fact.value.edition] or found
    return list(_once(_with_year(fact, stated) for fact in dated))


def _with_year(fact: Fact[Span], stated: Sequence[Fact[Span]]) -> Fact[Span]:
    if fact.value.year:
        return fact
    for other in stated:
        if other.value.year and (year := _year_of(other.value)) is not None:
            moved = fact.value.in_year(year)
            if (moved.start, moved.end) == (other.value.start, other.value.end):
                return Fact(moved, f"{fact.text} ({other.text})", "title, rules")
    return fact


def _year_of(span: Span) -> int | None:
    """The year of its first day, or of the last day before its end."""
    if span.start is not None:
        return span.start.year
    return None if span.end is None else date.fromordinal(span.end.toordinal() - 1).year


def _edition(listing: Listing) -> list[Fact[Span]]:
    year = _TICKER_YEAR.search(listing.market_id)
    if year is None:
        return []
    number = _CENTURY + int(year["year"])
    return [Fact(Span(date(number, 1, 1), date(number + 1, 1, 1), edition=True), year[0], "ticker")]


def _once(facts: Iterable[Fact[Span]]) -> list[Fact[Span]]:
    """Each span once, in the first words for it."""
    return list({fact.value: fact for fact in reversed(list(facts))}.values())[::-1]


def _zone(kalshi: Listing, polymarket: Listing) -> Point:
    """In which zone a day ends; only rules say it."""
    one, two = zone(kalshi.rules), zone(polymarket.rules)
    if one is None or two is None:
        return point("zone", UNKNOWN, evidence(one), evidence(two), "not named by both, or several", title=False)
    return point("zone", known(one.value == two.value), evidence(one), evidence(two), title=False)


def _conditions(kalshi: Listing, polymarket: Listing) -> Point:
    """What the rules add to their titles: alike titles with unlike rules are how wrong pairs come about."""
    if not kalshi.rules or not polymarket.rules:
        return point("conditions", UNKNOWN, kalshi.rules, polymarket.rules, "rules are not known", title=False)
    one, two = conditions(kalshi.rules), conditions(polymarket.rules)
    if one == two:
        return point("conditions", AGREE, kalshi.rules, polymarket.rules, title=False)
    why = f"only in one's rules: {_listed(one ^ two)}"
    return point("conditions", UNKNOWN, _listed(one - two), _listed(two - one), why, title=False)


def _listed(words: Iterable[str]) -> str:
    return ", ".join(sorted(words))
