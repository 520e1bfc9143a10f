"""What decides does no I/O, reads no clock and rolls no dice; and the checks that prove it can fail."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.ground import purity
from tests.ground.project import ROOT, SHIPPED, sources
from tests.ground.purity import CHANCE, CLOCK, SOCKETS, WORLD

DECIDES = ("protocol", "market", "pairing", "venues", "actors")


def findings(check: Callable[[str], list[str]], *rooms: str) -> list[str]:
    paths = sources(*rooms)
    assert paths, f"no source in {rooms}"
    return [f"{path.relative_to(ROOT)}:{found}" for path in paths for found in check(path.read_text(encoding="utf-8"))]


def no_imports_of(forbidden: frozenset[str]) -> Callable[[str], list[str]]:
    return lambda source: purity.forbidden_imports(source, forbidden)


@pytest.mark.parametrize("room", DECIDES)
def test_what_decides_imports_no_clock_no_chance_and_no_world(room: str) -> None:
    assert findings(no_imports_of(CLOCK | CHANCE | WORLD), room) == []


@pytest.mark.parametrize("room", DECIDES)
def test_what_decides_opens_and_prints_nothing(room: str) -> None:
    assert findings(purity.world_calls, room) == []


@pytest.mark.parametrize("room", [*DECIDES, "simulation"])
def test_nobody_there_asks_what_time_it_is(room: str) -> None:
    assert findings(purity.now_calls, room) == []


def test_the_simulation_has_its_own_clock_and_no_real_socket() -> None:
    assert findings(no_imports_of(CLOCK | SOCKETS | (CHANCE - {"random"})), "simulation") == []


def test_chance_in_the_simulation_comes_from_a_seed() -> None:
    assert findings(purity.unseeded, "simulation") == []


@pytest.mark.parametrize("room", SHIPPED)
def test_data_never_becomes_code(room: str) -> None:
    assert findings(purity.evaluations, room) == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import time", ["1: import time"]),
        ("import os.path as p, json", ["1: import os"]),
        ("from asyncio import sleep", ["1: import asyncio"]),
        ("def f():\n    from socket import socket", ["2: import socket"]),
        ("try:\n    import uuid\nexcept ImportError:\n    uuid = None", ["2: import uuid"]),
        ("if TYPE_CHECKING:\n    import random", []),
        ("if typing.TYPE_CHECKING:\n    import random\nelse:\n    import time", ["4: import time"]),
        ("import msgspec\nfrom protocol.units import Price\nfrom . import time", []),
    ],
)
def test_imports_are_seen_wherever_they_hide(source: str, found: list[str]) -> None:
    assert purity.forbidden_imports(source, CLOCK | CHANCE | WORLD) == found


@pytest.mark.parametrize(
    ("check", "bad", "good"),
    [
        (purity.now_calls, "datetime.datetime.now(UTC)", "datetime.fromisoformat(text)"),
        (purity.now_calls, "date.today()", "self.clock.now()"),
        (purity.world_calls, "open(name)", "book.open(name)"),
        (purity.world_calls, "print(1)", "self.print(1)"),
        (purity.world_calls, "__import__('os')", "import json"),
        (purity.evaluations, "eval(text)", "re.compile(text)"),
        (purity.evaluations, "import pickle", "import json"),
        (purity.unseeded, "random.random()", "rng.random()"),
        (purity.unseeded, "from random import choice", "from random import Random"),
        (purity.unseeded, "Random()", "Random(seed)"),
        (purity.unseeded, "random.Random(None)", "random.Random(x=7)"),
    ],
)
def test_each_check_tells_bad_from_good(check: Callable[[str], list[str]], bad: str, good: str) -> None:
    assert len(check(bad)) == 1
    assert check(good) == []
