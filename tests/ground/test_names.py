"""Our rooms are top-level packages with plain names: no dependency may bring one of the same name."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions

from tests.ground.project import ROOMS, lock

_SUFFIXES = (".py", ".so", ".pyd", ".pth")


def top_level(names: Iterable[str]) -> set[str]:
    """The names that these installed files make importable: folders, and modules beside them."""
    modules = set()
    for name in names:
        first, slash, _ = name.partition("/")
        if not slash and not first.endswith(_SUFFIXES):
            continue
        module = first if slash else first.partition(".")[0]
        if not first.endswith((".dist-info", ".egg-info", ".data")) and first not in {"..", "__pycache__"}:
            modules.add(module)
    return modules


def brought_by(dist: Distribution) -> set[str]:
    """Every top-level name of a distribution, after its list of files and after what it declares."""
    declared = dist.read_text("top_level.txt") or ""
    return top_level(str(file) for file in dist.files or ()) | set(declared.split())


def test_no_dependency_ships_a_top_level_module_with_the_name_of_one_of_ours() -> None:
    others = [dist for dist in distributions() if dist.name != "arb"]
    clashes = {dist.name: clash for dist in others if (clash := brought_by(dist) & set(ROOMS))}
    assert clashes == {}


def test_every_runtime_dependency_was_looked_at() -> None:
    silent = []
    for pin in lock("requirements.lock"):
        try:
            if not brought_by(distribution(pin.name)):
                silent.append(pin.name)
        except PackageNotFoundError:
            silent.append(f"{pin.name} is not installed")
    assert silent == []


def test_top_level_names_are_read_off_files() -> None:
    installed = [
        "config/__init__.py",
        "config/deep/tests/x.py",
        "six.py",
        "_speedups.cpython-311-x86_64-linux-gnu.so",
        "thing-1.0.dist-info/RECORD",
        "../../../bin/thing",
        "__pycache__/six.cpython-311.pyc",
        "README.txt",
    ]
    assert top_level(installed) == {"config", "six", "_speedups"}
