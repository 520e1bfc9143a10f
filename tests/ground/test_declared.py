"""What the code imports is declared: nothing works only because another package happened to bring it."""

from __future__ import annotations

import ast
import sys

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.ground.project import ROOMS, SHIPPED, pyproject, sources
from tests.ground.purity import imports

# Imported under another name than it is declared by. pydantic pins its core to one version and documents its use.
PART_OF = {"pydantic_core": "pydantic"}


def third_party(*rooms: str) -> set[str]:
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sources(*rooms)]
    names = {name for tree in trees for _, name in imports(tree)}
    return {canonicalize_name(PART_OF.get(name, name)) for name in names - set(ROOMS) - sys.stdlib_module_names}


def declared(*lists: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for texts in lists for text in texts}


def test_what_ships_imports_what_is_declared() -> None:
    assert third_party(*SHIPPED) <= declared(pyproject()["project"]["dependencies"])


@pytest.mark.parametrize("room", ["tests", "bench"])
def test_tests_and_bench_import_what_is_declared_for_them(room: str) -> None:
    project = pyproject()["project"]
    assert third_party(room) <= declared(project["dependencies"], project["optional-dependencies"]["dev"])
