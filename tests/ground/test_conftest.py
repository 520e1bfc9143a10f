"""What tests/conftest.py promises to every test."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.conftest import FIRST, OUR_VARIABLES
from tests.ground.project import ROOT


def test_the_home_is_one_of_its_own_and_not_made_yet(arb_home: Path) -> None:
    assert os.environ["ARB_HOME"] == str(arb_home)
    assert arb_home.parent.is_dir()
    assert not arb_home.exists()


def test_nothing_of_the_environment_steers_a_test() -> None:
    ours = {name for name in os.environ if name in OUR_VARIABLES or name.startswith("ARB_")}
    assert ours == {"ARB_HOME"}


def test_the_files_that_are_run_first_are_there() -> None:
    assert {path.name for path in (ROOT / "tests").rglob("test_*.py")} >= set(FIRST)


def test_tests_keep_their_bytecode() -> None:
    assert not sys.dont_write_bytecode
    assert "PYTHONDONTWRITEBYTECODE" not in os.environ
