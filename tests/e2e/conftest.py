"""What the end-to-end tests share."""

from __future__ import annotations

import faulthandler
from collections.abc import Callable, Iterator

import pytest

from tests.e2e.processes import Stage, forking, stages

Say = Callable[[str], None]
"""Prints a figure below the test's name when all is over, also where another process ran the test."""

_FIGURE = "figure"


@pytest.fixture(scope="session", autouse=True)
def forks() -> Iterator[None]:
    """Processes begin as forks of one that has imported everything."""
    with forking():
        yield


@pytest.fixture
def stage() -> Iterator[Stage]:
    """A home of its own; its processes are ended with the test, and their logs shown where it failed."""
    with stages({}) as (one,):
        yield one


@pytest.fixture
def takes_long() -> None:
    """A hunt that is no hang: its own time limit holds, not the one after which a hung run is given up."""
    faulthandler.cancel_dump_traceback_later()


@pytest.fixture
def say(record_property: Callable[[str, object], None]) -> Say:
    """Say what came out of a test, for the person who reads its result."""
    return lambda text: record_property(_FIGURE, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Show what the tests have said."""
    reports = [report for outcome in ("passed", "failed") for report in terminalreporter.stats.get(outcome, ())]
    said = [(report.nodeid, text) for report in reports for name, text in report.user_properties if name == _FIGURE]
    if said:
        terminalreporter.section("figures")
    for test, text in said:
        terminalreporter.write_line(f"{test.partition('::')[2]}")
        terminalreporter.write_line(f"  {text}")
