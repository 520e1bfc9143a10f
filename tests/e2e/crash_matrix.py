"""The waves of a crash matrix: a death at each point that the runs before came to, and what came out of all of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.conftest import Say
from tests.e2e.crash_case import ROLES, Case, Setup, Verdict, play
from tests.e2e.crash_points import SIDES, write_points
from tests.e2e.crash_processes import Nursery

WORKERS = 6
MOST_WAVES = 4
TRIES = 3
AT_WORK = {"receive execute_leg:after", "journal.intent:after", "paper.record:after"}

Known = set[tuple[str, str]]
Play = Callable[[Nursery, Case], Verdict]


def name_of(place: str) -> str:
    """The name without its number."""
    return place.partition("#")[0]


def new_deaths(verdicts: Sequence[Verdict], known: Known, key: Callable[[str], str]) -> Iterator[Case]:
    """A case for every point that these runs came to and that nobody has died at yet."""
    for verdict in verdicts:
        for (role, life), places in verdict.reached.items():
            for place in places:
                # A death comes after those of the same role that led here.
                if (role, key(place)) not in known and life >= len(verdict.case.deaths(role)):
                    known.add((role, key(place)))
                    yield verdict.case.then(role, life, place)


def in_common(one: Verdict, *others: Verdict) -> Verdict:
    """The first verdict, with those of its points that the others of the same case came to, too."""

    def steady(who: tuple[str, int], place: str) -> bool:
        return place.endswith("#1") or all(place in other.reached.get(who, ()) for other in others)

    reached = {who: [place for place in places if steady(who, place)] for who, places in one.reached.items()}
    return one._replace(reached=reached)


LIVE_ONLY = frozenset(f"journal.{name}:{side}" for name in ("sign", "answered") for side in SIDES)
"""What is written of orders that a venue knows by their bytes alone: deaths there are in test_crash_live.py."""

ELSEWHERE = frozenset({"journal.halt:before", "journal.halt:after"})
"""A halt is an operator's wish, and no trade's doing: its deaths are in test_trader_operator.py."""


class Matrix:
    """Runs waves of cases, and keeps what came out."""

    def __init__(
        self,
        nursery: Nursery,
        setup: Setup = Setup.REMOTE,
        *,
        slow: bool = False,
        play: Play = play,
        alive: Sequence[Case] = (),
    ) -> None:
        """``alive``: the runs without a death of which the points are taken; by default one in time and a late one."""
        self.nursery, self.setup, self.slow, self.play = nursery, setup, slow, play
        self.alive = alive or [Case(setup=setup, late=late, slow=slow) for late in (False, True)]
        self.known: Known = set()
        self.verdicts: list[Verdict] = []

    def wave(self, cases: Sequence[Case]) -> list[Verdict]:
        """Run the cases, some at a time; one that did not come to its death this time is tried again."""
        with ThreadPoolExecutor(WORKERS) as pool:
            verdicts = list(pool.map(self.once_more_if_missed, cases))
        self.verdicts += verdicts
        return verdicts

    def once_more_if_missed(self, case: Case) -> Verdict:
        """Whether a frame comes at all can depend on who was faster."""
        verdict = self.play(self.nursery, case)
        for _ in range(TRIES - 1):
            if verdict.wrong or not verdict.missed:
                break
            verdict = self.play(self.nursery, case)
        return verdict

    def run(self, first: Callable[[str], str]) -> None:
        """All waves; ``first`` says what counts as one point in the wave after the runs without a death."""
        # How often something happens is chance where legs are late: what counts happened in every run, or is a first.
        runs = [self.wave(self.alive) for _ in range(TRIES)]
        verdicts, key = [in_common(*same) for same in zip(*runs, strict=True)], first
        for _ in range(MOST_WAVES):
            # A standby has the most to do, and surely, where the other trader died at work: look there first.
            verdicts.sort(key=lambda verdict: not {name_of(place) for _, place in verdict.case.places()} & AT_WORK)
            cases = list(new_deaths(verdicts, self.known, key))
            self.known |= {(role, name_of(place)) for role, place in self.known}
            if not cases:
                return
            verdicts, key = self.wave(cases), name_of

    def report(self, say: Say, what: str = "") -> None:
        """Say the number of points and the result; fail for anything torn."""
        deaths = [verdict for verdict in self.verdicts if verdict.case.places()]
        missed = [verdict for verdict in deaths if verdict.missed]
        wrong = [verdict for verdict in self.verdicts if verdict.wrong]
        places = {(role, name_of(place)) for each in deaths for role, place in each.case.places()}
        names = {role: sorted(name for who, name in places if who == role) for role in ROLES}
        say(
            f"{what or self.setup}{', a slow ledger' * self.slow}: {len(deaths)} deaths at {len(places)} points "
            f"({', '.join(f'{role} {len(names[role])}' for role in ROLES if names[role])}): "
            f"{len(deaths) - len(missed) - len(wrong)} whole, {len(missed)} not reached again, {len(wrong)} torn"
        )
        sys.stdout.writelines(f"  {role}: {', '.join(names[role])}\n" for role in ROLES if names[role])
        sys.stdout.writelines(f"  not reached again: {verdict.case}\n" for verdict in missed)
        shown = "\n\n".join("\n".join([str(verdict.case), *verdict.wrong]) for verdict in wrong)
        assert not wrong, f"{len(wrong)} torn: {'; '.join(str(verdict.case) for verdict in wrong)}\n{shown}"
        assert len(missed) <= max(1, len(deaths) // 10), "too many points were not reached again"

    def came_to_every_write(self, *, but: frozenset[str] = LIVE_ONLY) -> None:
        """No write method of the code is left out."""
        unseen = write_points() - {name for _, name in self.known} - ELSEWHERE - but
        assert not unseen, f"writes that no run came to: {sorted(unseen)}"
