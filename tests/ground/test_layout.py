"""The shape of the tree: the rooms are there, a file stays readable, and nothing points at one machine."""

from __future__ import annotations

import re

import pytest

from tests.ground.project import AT_THE_TOP, ROOMS, ROOT, SHIPPED, files, pyproject

MAX_LINES = 500
CARD = ("actors", "transport", "protocol", "cli", "tests", "config")
WRITTEN_BY_HAND = frozenset({".py", ".pyi", ".md", ".toml", ".txt", ""})

# Where homes and checkouts usually are; not the same words inside a longer path or an address.
MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|work|Users)/")


@pytest.mark.parametrize("room", ROOMS)
def test_the_room_is_a_package(room: str) -> None:
    assert (ROOT / room / "__init__.py").is_file()


def test_the_folders_of_the_card_stand_at_the_top() -> None:
    assert set(CARD) <= set(ROOMS)


@pytest.mark.parametrize("name", AT_THE_TOP)
def test_the_file_beside_the_rooms_is_there(name: str) -> None:
    assert (ROOT / name).is_file()


def test_what_is_installed_is_what_ships() -> None:
    include = pyproject()["tool"]["setuptools"]["packages"]["find"]["include"]
    assert include == [pattern for room in SHIPPED for pattern in (room, f"{room}.*")]


def test_no_file_is_too_long_to_read() -> None:
    by_hand = [path for path in files() if path.suffix in WRITTEN_BY_HAND]
    lengths = {str(path.relative_to(ROOT)): path.read_bytes().count(b"\n") for path in by_hand}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


def test_paths_are_plain_ascii() -> None:
    paths = [str(path.relative_to(ROOT)) for path in files()]
    assert [path for path in paths if not path.isascii() or " " in path] == []


def test_no_file_names_a_path_of_one_machine() -> None:
    found = []
    for path in files():
        text = path.read_bytes().decode("utf-8", errors="replace")
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
            for number, line in enumerate(text.splitlines(), 1)
            if MACHINE_PATH.search(line)
        ]
    assert found == []


@pytest.mark.parametrize(
    ("line", "caught"),
    [
        ("/" + "home/ann/arb", True),
        ('open("/' + 'root/x")', True),
        ("https://host/home/page", False),
        ("../home/x", False),
    ],
)
def test_a_path_of_one_machine_is_told_from_others(line: str, caught: bool) -> None:
    assert bool(MACHINE_PATH.search(line)) is caught
