"""What holds for every test: no configuration of this machine, repeatable properties, nothing left behind."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.leaks import Held, held, new_since

# No deadline: a slow machine is not a bug. In CI the same examples every time, so that a red run is red again.
settings.register_profile("local", deadline=None, max_examples=100)
settings.register_profile("ci", deadline=None, max_examples=100, derandomize=True, database=None, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "local")

# The tests start hundreds of processes: without bytecode each of them would compile this project again.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

OUR_VARIABLES = ("CONTROLLER_PLATFORMS", "WEBSOCKET_URL", "DRY_RUN", "ONE_SHOT")

FIRST = (
    "test_disconnects.py",
    "test_teeth.py",
    "test_crash_matrix.py",
    "test_bench.py",
    "test_readme_rehearsal.py",
    "test_seeds_a.py",
    "test_recording.py",
    "test_seeds_b.py",
    "test_ledger_pnl.py",
    "test_seeds_c.py",
)
"""The files of which a worker has the longest; whoever gets one last keeps everybody waiting."""

_numbers = itertools.count(1)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then the rest of the end-to-end tests: what waits leaves its core to the others."""
    items.sort(key=lambda item: _turn(item.path))


def _turn(path: Path) -> int:
    if path.name in FIRST:
        return FIRST.index(path.name)
    return len(FIRST) + ("e2e" not in path.parts)


@pytest.fixture(autouse=True)
def arb_home(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home of its own for every test, not made yet; the user's own ``~/.arb`` and environment play no part."""
    for name in [name for name in os.environ if name in OUR_VARIABLES or name.startswith("ARB_")]:
        monkeypatch.delenv(name)
    homes = tmp_path_factory.getbasetemp() / "homes"
    homes.mkdir(exist_ok=True)
    home = homes / str(next(_numbers))
    monkeypatch.setenv("ARB_HOME", str(home))
    return home


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """A test that leaves a thread, a child process or an open socket behind has failed, whatever it asserted."""
    before: Held = held()
    yield
    left = new_since(before)
    if left:
        pytest.fail("left behind: " + "; ".join(left), pytrace=False)
