"""A violation is told in the shortest history that has it, on a timeline that a person can read."""

from __future__ import annotations

import msgspec

from protocol.terms import KALSHI, POLYMARKET
from simulation.world.habits import CALM, Habit, Habits
from simulation.world.hunt import explain
from simulation.world.nemesis import Fault, Kind
from simulation.world.page import PAGE, written
from simulation.world.scenario import Scenario
from simulation.world.shrink import shrink
from simulation.world.timeline import concerned, in_words, readable, short, story
from simulation.world.trace import Line, Trace
from simulation.world.world import Violation, World, run
from tests.simulation.defects import DEFECTS

WHEN = 60_000_000
GUILTY = Fault(kind=Kind.KILL, who=0, at_us=7)
OTHERS = tuple(Fault(kind=Kind.CUT, who=0, at_us=at) for at in range(20))
WILD = Habits(rates={Habit.THIN: 0.1, Habit.REJECTED: 0.2}, lookup_failed=0.5)


def guilty(scenario: Scenario) -> Violation | None:
    """Broken by one of the faults together with one of the habits."""
    broken = GUILTY in scenario.faults and Habit.REJECTED in scenario.habits[KALSHI].rates
    return Violation("made up", "for the test", WHEN) if broken else None


def test_only_what_the_violation_needs_is_left() -> None:
    habits = {KALSHI: WILD, POLYMARKET: WILD}
    wild = Scenario(seed=1, pairs=3, faults=(*OTHERS[:9], GUILTY, *OTHERS[9:]), habits=habits)
    shrunk = shrink(wild, Violation("made up", "for the test", WHEN), check=guilty)
    assert shrunk.scenario.faults == (GUILTY,)
    assert shrunk.scenario.habits == {KALSHI: Habits(rates={Habit.REJECTED: 0.2}), POLYMARKET: CALM}
    assert shrunk.scenario.pairs == 1
    assert shrunk.scenario.minutes < 2
    assert shrunk.runs < 120


def test_shrinking_is_bounded_and_never_changes_what_is_broken() -> None:
    wild = Scenario(seed=1, faults=(*OTHERS, GUILTY), habits={KALSHI: WILD, POLYMARKET: WILD})
    assert shrink(wild, Violation("made up", "", WHEN), most=5, check=guilty).runs == 5
    other = shrink(wild, Violation("another", "", WHEN), check=guilty)
    assert other.scenario == wild


def test_a_real_mistake_is_shrunk_to_a_short_story() -> None:
    with DEFECTS["lost link read as unfilled"]():
        seed = next(seed for seed in range(100) if run(Scenario.draw(seed, 3.0)).violation is not None)
        found = explain(Scenario.draw(seed, 3.0))
    assert found is not None
    assert len(found.shrunk_to["faults"]) <= 2
    assert "execute_leg" in found.story
    assert len(found.story.splitlines()) < 140
    assert explain(Scenario.draw(seed, 3.0)) is None


def test_the_shrunk_scenario_runs_again_from_its_plain_values() -> None:
    scenario = Scenario.draw(12)
    assert msgspec.convert(msgspec.to_builtins(scenario), Scenario) == scenario


def test_the_timeline_tells_frames_in_words_and_ids_in_short() -> None:
    trace = Trace()
    World(Scenario(seed=5, minutes=1), trace=trace).run()
    sent = next(line for line in trace.lines if line.kind == "send" and '"execute_leg"' in line.text)
    words = in_words(sent)
    assert words.startswith("execute_leg ")
    assert " at " in words
    assert len(short(words)) < len(words)
    trade = words.split()[1].rsplit("-", 1)[0]
    lines = concerned(trace.lines, trade)
    assert 5 < len(lines) < len(trace.lines)
    text = "\n".join(readable(lines))
    assert "leg_result" in text
    assert "filled" in text


def test_other_trades_stay_out_of_the_story_and_faults_stay_in() -> None:
    lines = [
        Line(1, "nemesis", "kill", "kill of process 0"),
        Line(2, "ctl", "send", "about 1k803g0800001ctl-000002-1"),
        Line(3, "ctl", "send", "about 1k803g0800001ctl-000001-1"),
    ]
    told = story(Scenario(seed=1), lines, "1k803g0800001ctl-000001-1 is wrong")
    assert "t1-1" in told
    assert "t2-1" not in told
    assert "kill of process 0" in told


def test_the_drawing_in_the_page_is_of_the_run_as_it_is_now() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert written(page) == page
    assert "link lost" in page
