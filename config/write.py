"""Writing ``config.toml``: whole or not at all, readable by its owner alone."""

from __future__ import annotations

import os
import tempfile
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Final

from config.error import ConfigError

HEADER: Final = (
    "# Settings of arb. Every one is described in docs/configuration.md; flags and the environment overrule them.\n"
)

_ESCAPES: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def write_config(file: Path, values: Mapping[str, object], *, replace: bool) -> None:
    """Write ``values`` as TOML, mode 0600; a reader sees the old file or the new one, never half of either.

    Values are str, bool, int, Decimal, lists of these, and tables of all these. Raises :class:`ConfigError` where the
    file exists and ``replace`` is false, or where it cannot be written; nothing is left behind then, an interrupt
    included.
    """
    text = HEADER + to_toml(values)
    temporary: Path | None = None
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
        temporary = Path(name)
        _write_durably(handle, text)
        _put(temporary, file, replace=replace)
        _sync_folder(file.parent)
    except OSError as error:
        raise ConfigError(f"cannot write {file}: {(error.strerror or str(error)).lower()}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)


def to_toml(values: Mapping[str, object]) -> str:
    """Return one ``name = value`` line for each value, tables last; reading them back gives the same values."""
    tables = {name: value for name, value in values.items() if isinstance(value, Mapping)}
    text = _lines({name: value for name, value in values.items() if name not in tables})
    text += "".join(f"\n[{name}]\n{_lines(table)}" for name, table in tables.items())
    try:
        read = tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError:
        read = None
    if read != {name: _plain(value) for name, value in values.items()}:
        raise ValueError(f"cannot be written as TOML: {sorted(values)}")
    return text


def _lines(values: Mapping[str, object]) -> str:
    return "".join(f"{name} = {_value(value)}\n" for name, value in values.items())


def _write_durably(handle: int, text: str) -> None:
    # mkstemp has made it with mode 0600.
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())


def _put(temporary: Path, file: Path, *, replace: bool) -> None:
    if replace:
        temporary.replace(file)
        return
    try:
        # A link, unlike a rename, refuses to replace a file that appeared meanwhile.
        os.link(temporary, file)
    except FileExistsError:
        raise ConfigError(f"{file} exists: --force replaces it") from None


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value


def _value(value: object) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case Decimal():
            text = f"{value:f}"
            return text if "." in text else f"{text}.0"
        case str():
            return f'"{"".join(map(_escaped, value))}"'
        case list() | tuple():
            return f"[{', '.join(map(_value, value))}]"
        case _:
            raise ValueError(f"no TOML for {type(value).__name__}")


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    return f"\\u{ord(char):04X}" if ord(char) < 0x20 or ord(char) == 0x7F else char  # noqa: PLR2004 -- ASCII controls
