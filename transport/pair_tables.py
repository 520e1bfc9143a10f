"""The leagues and teams that matching knows: those that ship, and a user's own beside them."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Final

from pairing.leagues import Leagues, LeaguesError, read_leagues

__all__ = ["load_leagues"]

MAX_FILE: Final = 1_000_000
"""Bytes of one table; all teams of the world's leagues are fewer."""


def load_leagues(folder: Path | None = None) -> Leagues:
    """What ships, and every ``*.toml`` of a folder, which need not exist. Raises :class:`LeaguesError`."""
    files = [
        (entry.name, entry.read_text(encoding="utf-8"))
        for entry in sorted((resources.files("pairing") / "tables").iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    ]
    if folder is not None and folder.is_dir():
        files += [(str(path), _own(path)) for path in sorted(folder.glob("*.toml"))]
    return read_leagues(files)


def _own(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE:
            raise LeaguesError(f"{path}: more than {MAX_FILE:,} bytes")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise LeaguesError(f"{path}: cannot be read: {error}") from None
