"""The locks: exact versions with hashes, nothing about where they come from, and nothing that is forgotten."""

from __future__ import annotations

import re

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.ground.project import ROOT, lock, pyproject

LOCKS = ("requirements-build.lock", "requirements.lock", "requirements-live.lock", "requirements-dev.lock")


def declared(group: str) -> list[Requirement]:
    project = pyproject()
    lists = {
        "requirements-build.lock": project["build-system"]["requires"],
        "requirements.lock": project["project"]["dependencies"],
        "requirements-live.lock": project["project"]["optional-dependencies"]["live"],
        "requirements-dev.lock": project["project"]["optional-dependencies"]["dev"],
    }
    return [Requirement(text) for text in lists[group]]


@pytest.mark.parametrize("name", LOCKS)
def test_every_entry_has_a_hash(name: str) -> None:
    pins = lock(name)
    assert pins
    assert [pin.name for pin in pins if pin.hashes == 0] == []


@pytest.mark.parametrize("name", LOCKS)
def test_it_names_no_url_no_host_and_no_path(name: str) -> None:
    lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
    options = re.compile(r"^\s*--(?!hash=)|^\s*-[^-]|://|@ |(^|\s)[./~]*/")
    assert [line for line in lines if options.search(line)] == []


@pytest.mark.parametrize("name", LOCKS)
def test_what_the_project_declares_is_locked_at_a_version_that_it_allows(name: str) -> None:
    versions = {pin.name: pin.version for pin in lock(name)}
    for requirement in declared(name):
        version = versions.get(canonicalize_name(requirement.name))
        assert version is not None, f"{requirement.name} is not in {name}: make lock"
        assert requirement.specifier.contains(version), f"{requirement} is locked at {version}: make lock"


@pytest.mark.parametrize("smaller", ["requirements-build.lock", "requirements.lock", "requirements-live.lock"])
def test_the_locks_agree(smaller: str) -> None:
    assert {(pin.name, pin.version) for pin in lock(smaller)} <= {
        (pin.name, pin.version) for pin in lock("requirements-dev.lock")
    }


def test_thespian_is_pinned_exactly() -> None:
    (thespian,) = [requirement for requirement in declared("requirements.lock") if requirement.name == "thespian"]
    assert str(thespian.specifier) == "==4.0.1"


def test_websockets_stays_where_the_live_venue_client_can_follow() -> None:
    assert [pin.version for pin in lock("requirements.lock") if pin.name == "websockets"] == ["15.0.1"]


def test_what_carries_keys_and_orders_is_pinned_exactly() -> None:
    assert [str(one) for one in declared("requirements-live.lock") if not str(one.specifier).startswith("==")] == []
