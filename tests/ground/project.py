"""The project as its own tests see it: where it is, its rooms, its files, its locks."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]

SHIPPED: Final = ("protocol", "market", "pairing", "venues", "actors", "transport", "config", "simulation", "cli")
"""The rooms that are installed with `arb`."""

ROOMS: Final = (*SHIPPED, "tests", "bench")
"""Every top-level package of ours."""

AT_THE_TOP: Final = (
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "Makefile",
    "README.md",
    "constraints.txt",
    "pyproject.toml",
    "requirements-build.lock",
    "requirements-dev.lock",
    "requirements-live.lock",
    "requirements.lock",
)
"""The files beside the rooms."""

_PIN: Final = re.compile(r"(?P<name>[a-z0-9][a-z0-9._-]*)==(?P<version>[^\s;]+)")


@dataclass(frozen=True, slots=True)
class Pin:
    """One entry of a lock."""

    name: str
    version: str
    hashes: int


def pyproject() -> dict[str, Any]:
    """The whole of ``pyproject.toml``."""
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def sources(*rooms: str) -> list[Path]:
    """Every Python file of these rooms, in a fixed order."""
    return sorted(path for room in rooms for path in (ROOT / room).rglob("*.py"))


def files() -> list[Path]:
    """Every file of the project. What a user has lying beside them in the checkout is none of our business."""
    folders = (*ROOMS, "docs", "typings", ".ci")
    inside = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    beside = (path for name in AT_THE_TOP if (path := ROOT / name).is_file())
    return sorted([*(path for path in inside if "__pycache__" not in path.parts), *beside])


def lock(name: str) -> list[Pin]:
    """The entries of a lock file; raises ``ValueError`` for one that is not ``name==version`` with its hashes."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    pins = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        pin = _PIN.match(line)
        if pin is None:
            raise ValueError(f"{name}: not `name==version`: {line[:80]}")
        pins.append(Pin(pin["name"], pin["version"], line.count("--hash=sha256:")))
    return pins
