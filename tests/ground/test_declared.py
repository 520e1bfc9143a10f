"""What the code imports is declared: nothing works only because another package happened to bring it."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.ground.project import ROOMS, ROOT, SHIPPED, pyproject, sources
from tests.ground.purity import imports

# Imported under another name than it is declared by. pydantic pins its core to one version and documents its use.
PART_OF = {"pydantic_core": "pydantic", "polymarket": "polymarket-client", "Crypto": "pycryptodome"}


# Run in an environment of their own, which this file makes.
SDK_SCRIPTS = ROOT / "tests" / "sdk" / "scripts"
SDK_NEEDS = ROOT / "tests" / "sdk" / "requirements.txt"
SDK_NAMES = {"kalshi": "kalshi-sdk", "yaml": "pyyaml"}


def third_party(*rooms: str) -> set[str]:
    return set().union(*(names_in(path) for path in sources(*rooms) if SDK_SCRIPTS not in path.parents))


def names_in(path: Path, names: dict[str, str] = PART_OF) -> set[str]:
    found = {name for _, name in imports(ast.parse(path.read_text(encoding="utf-8")))}
    return {canonicalize_name(names.get(name, name)) for name in found - set(ROOMS) - sys.stdlib_module_names}


def declared(*lists: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for texts in lists for text in texts}


def extra(name: str) -> list[str]:
    texts: list[str] = pyproject()["project"]["optional-dependencies"][name]
    return texts


def test_what_ships_imports_what_is_declared() -> None:
    assert third_party(*SHIPPED) <= declared(pyproject()["project"]["dependencies"], extra("live"))


def test_without_live_venues_nothing_of_their_extra_is_imported() -> None:
    modules = sorted(name for name in declared(extra("live")))
    commands = (
        "cli.main, cli.run_controller, cli.run_trader, cli.demo, cli.replay, cli.status, cli.bootstrap, simulation"
    )
    code = f"import sys, {commands}; print([name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == "[]"


def test_without_the_extra_only_what_is_for_venues_is_missing() -> None:
    """What only `arb[live]` installs is imported where it is needed, and nowhere else."""
    extra = declared(pyproject()["project"]["optional-dependencies"]["live"])
    users = {path.relative_to(ROOT).parts[:2] for path in sources(*SHIPPED) if extra & names_in(path)}
    assert {room for room, _ in users} <= {"venues", "transport", "cli"}


@pytest.mark.parametrize("room", ["tests", "bench"])
def test_tests_and_bench_import_what_is_declared_for_them(room: str) -> None:
    project = pyproject()["project"]
    assert third_party(room) <= declared(project["dependencies"], extra("dev"), extra("live"))


def test_the_scripts_of_other_clients_import_what_their_environment_holds() -> None:
    lines = SDK_NEEDS.read_text(encoding="utf-8").splitlines()
    pinned = declared([line for line in lines if not line.startswith("#")])
    scripts = sorted(SDK_SCRIPTS.glob("*.py"))
    assert scripts
    assert set().union(*(names_in(path, SDK_NAMES) for path in scripts)) <= pinned
