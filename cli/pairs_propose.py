"""`arb pairs find` on the store: every candidate of both venues' open markets is judged, and what may be kept waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import structs

from cli.exit_codes import ERROR, OK
from cli.output import complain, say, say_json
from cli.pairs_decide import approve
from cli.pairs_desk import Desk, now_us, opened
from cli.pairs_fetch import stored
from cli.words import count
from config.home import ArbHome
from pairing.approval import State
from pairing.candidates import Candidate, find_candidates
from pairing.export import pair_of
from pairing.judgement import Verdict
from pairing.proposal import propose
from protocol.terms import KALSHI, POLYMARKET, PairId
from transport.pairs.errors import PairStoreError


class Found(NamedTuple):
    """How many candidates there were of each verdict, and what became of those that were kept."""

    verdicts: Counter[str]
    states: Counter[str]
    new: list[str]
    latched: list[str]
    left: Counter[str]


def run(*, classes: Sequence[str], everything: bool = False, as_json: bool, home: ArbHome | None = None) -> int:
    """Find and keep; then approve by itself what is of a named class and agrees in all. Returns the exit code."""
    home = ArbHome.from_environment() if home is None else home
    with opened(home) as desk:
        found = find(desk, everything=everything)
        ages = stored(desk)
    if as_json:
        say_json(
            {
                "candidates": dict(found.verdicts),
                "pairs": dict(found.states),
                "new": found.new,
                "latched": found.latched,
                "left": dict(found.left),
            }
        )
    else:
        _show(found, ages)
    if classes:
        approve((), classes=classes, note="", as_json=as_json, home=home)
    return ERROR if found.latched else OK


def find(desk: Desk, *, everything: bool = False) -> Found:
    """Judge every candidate; keep what a person should read, or all that is not refused."""
    kalshi = list(desk.store.open_listings(KALSHI))
    polymarket = list(desk.store.open_listings(POLYMARKET))
    found = Found(Counter(), Counter(), [], [], Counter())
    chosen = []
    for candidate in find_candidates(kalshi, polymarket, desk.leagues):
        found.verdicts[candidate.verdict] += 1
        if _worth_reading(candidate) or (everything and candidate.verdict is not Verdict.DIFFERENT):
            chosen.append(candidate)
        elif candidate.verdict is Verdict.UNSURE:
            found.left["not even the titles agree in all"] += 1
    # The file is held for writing only now: finding takes minutes where there are many.
    with desk.store.step():
        before = {entry.pair.pair_id: entry.state for entry in desk.store.entries()}
        for candidate in chosen:
            _keep(desk, candidate, found, before)
        for entry in desk.store.entries((State.LATCHED,)):
            if before.get(entry.pair.pair_id) is State.APPROVED:
                found.latched.append(entry.pair.pair_id)
    return found


def _worth_reading(candidate: Candidate) -> bool:
    """What is found by its facts and not refused; by its words only where all agrees that titles can tell.

    Three candidates by words for every market would bury what is worth a look.
    """
    if candidate.verdict is Verdict.UNSURE and candidate.likeness is None:
        return True
    return candidate.verdict is Verdict.SAME or candidate.judgement.titles_agree


def _keep(desk: Desk, candidate: Candidate, found: Found, before: dict[PairId, State]) -> None:
    book = desk.store.book
    kalshi, polymarket = candidate.kalshi, candidate.polymarket
    proposal = propose(kalshi, polymarket, desk.leagues, candidate.judgement)
    if proposal is None:
        found.left["which outcome is YES is not known"] += 1
        return
    try:
        name = book.name_for(proposal, kalshi, polymarket)
        pair = pair_of(candidate)
        key = book.event_key(kalshi, polymarket, pair.event_id or kalshi.event_id)
        state = book.propose(
            proposal, structs.replace(pair, pair_id=name, event_id=key, kalshi_shard=kalshi.shard), now_us()
        )
    except (PairStoreError, ValueError) as error:
        found.left["cannot be a pair"] += 1
        complain(f"{kalshi.market_id}: {error}")
        return
    found.states[state] += 1
    if name not in before and name not in found.new:
        found.new.append(name)


def _show(found: Found, ages: Sequence[str]) -> None:
    verdicts = ", ".join(f"{count(found.verdicts[each])} {each}" for each in Verdict if found.verdicts[each])
    say(f"candidates: {verdicts or 'none'} ({', '.join(ages)})")
    for reason, number in sorted(found.left.items()):
        say(f"  left out: {count(number)}: {reason}")
    states = ", ".join(f"{count(found.states[each])} {each}" for each in State if found.states[each])
    say(f"pairs: {states or 'none'}; {count(len(found.new))} new")
    for name in found.latched:
        say(f"LATCHED     {name}: the outcomes are the other way round by the rules")
    if found.states[State.PROPOSED] or found.states[State.LATCHED]:
        say("Nothing of it is traded before a person approved it: arb pairs review")
