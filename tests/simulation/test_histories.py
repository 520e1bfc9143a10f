"""Shrunk histories of what the simulation once found: each is run again, and breaks nothing any more."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec
import pytest

from simulation.world.scenario import Scenario
from simulation.world.world import run
from tests.cli.process import arb

KEPT: Final = sorted((Path(__file__).parent / "histories").glob("*.json"))


class History(msgspec.Struct, forbid_unknown_fields=True):
    """What was found, by which seed, what it broke, and the shortest world that showed it then."""

    found: str
    by_seed: int
    broke: str
    scenario: Scenario


@pytest.mark.parametrize("path", KEPT, ids=[path.stem for path in KEPT])
def test_what_was_found_once_is_not_found_again(path: Path) -> None:
    history = msgspec.json.decode(path.read_bytes(), type=History)
    violation = run(history.scenario).violation
    assert violation is None, f"{history.found}: {violation}"


def test_a_kept_history_can_be_looked_into_from_the_command_line() -> None:
    done = arb("simulate", "--scenario", str(KEPT[0]), "--trace")
    assert done.code == 0, done.err
    assert "every invariant held" in done.out


@pytest.mark.parametrize(
    ("text", "word"),
    [("{}", "seed"), ("nothing", "is not what"), ('{"seed": 1, "minutes": 1e9}', "at most"), ('{"seed": "x"}', "seed")],
)
def test_a_file_that_is_no_scenario_is_named_with_its_fault(tmp_path: Path, text: str, word: str) -> None:
    path = tmp_path / "world.json"
    path.write_text(text, encoding="utf-8")
    done = arb("simulate", "--scenario", str(path))
    assert (done.code, word in done.err) == (2, True), done.err


def test_the_world_that_json_prints_is_the_world_that_a_file_runs(tmp_path: Path) -> None:
    path = tmp_path / "world.json"
    first = arb("simulate", "--seed", "5", "--minutes", "0.5", "--json")
    path.write_text(first.out, encoding="utf-8")
    again = arb("simulate", "--scenario", str(path), "--json")
    digests = [msgspec.json.decode(done.out)["result"]["digest"] for done in (first, again)]
    assert digests[0] == digests[1]
