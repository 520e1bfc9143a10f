"""What was given, and where: the command line, the environment and the file, each as one mapping."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from config.about import About
from config.error import ConfigError
from config.kinds import FEED_FILE, Kind
from config.settings import TABLES, Settings
from config.toml_file import read_toml

# Elsewhere an empty variable is an absence; here it means "none", as in the seed.
_EMPTY_MEANS_NONE: Final = frozenset({"controller_platforms"})
_NOT_SETTINGS: Final = frozenset({"ARB_HOME"})
_SOURCES: Final = frozenset({"feed", "feeds_relay"})
_MAX_SHOWN: Final = 80
_CREDENTIALS: Final = re.compile(r"//[^/@]*@")


@dataclass(frozen=True, slots=True)
class Given:
    """One value as it was given; ``said`` is how a complaint about it begins, ``typed`` marks the command line."""

    raw: object
    source: str
    said: str
    typed: bool = False


def about(name: str) -> About:
    """Return what is said about a setting."""
    return next(item for item in Settings.model_fields[name].metadata if isinstance(item, About))


def kind(name: str) -> Kind:
    """Return the kind of a setting's value."""
    return next(item for item in Settings.model_fields[name].metadata if isinstance(item, Kind))


def env_names(name: str) -> tuple[str, ...]:
    """Names of a setting in the environment; where several are set the first holds."""
    return (*about(name).env, f"ARB_{name.upper()}")


def from_file(file: Path) -> dict[str, Given]:
    """Return the settings in ``config.toml``. Raises :class:`ConfigError` for a broken file and unknown names."""
    values = _flat(read_toml(file))
    problems = [problem for name in values if (problem := _no_setting(name, file))]
    if problems:
        raise ConfigError(*problems)
    return {
        name: Given(
            _relative_to(file.parent, name, raw), f"file {file}", f"{file_name(name)} = {_shown(name, raw)} in {file}"
        )
        for name, raw in values.items()
    }


def file_name(name: str) -> str:
    """Name of a setting in the file: those of risk and of alerts are in tables of their own."""
    table = next((table for table in TABLES if name.startswith(table)), "")
    return f"{table.removesuffix('_')}.{name.removeprefix(table)}" if table else name


def _flat(values: dict[str, Any]) -> dict[str, Any]:
    """The file's values with those of its tables under the settings' own names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        table = f"{name}_"
        if table in TABLES and isinstance(value, dict):
            flat |= {f"{table}{inner}": raw for inner, raw in value.items()}
        else:
            flat[name] = value
    return flat


def from_environment(env: Mapping[str, str]) -> dict[str, Given]:
    """Return the settings in the environment; an empty variable counts as absent unless empty is a value."""
    given = {}
    for name in Settings.model_fields:
        for variable in env_names(name):
            raw = env.get(variable)
            if raw is None or (not raw.strip() and name not in _EMPTY_MEANS_NONE):
                continue
            shown = "***" if kind(name).is_secret else _line(raw)
            given[name] = Given(raw, f"environment {variable}", f"{variable}={shown} in the environment")
            break
    return given


def from_flags(flags: Mapping[str, object]) -> dict[str, Given]:
    """Return the settings typed on the command line; None and an empty list are flags that were not typed."""
    given = {}
    for name, raw in flags.items():
        if raw is None or raw == []:
            continue
        said = about(name)
        flag = (said.no_flag if raw is False else said.flag) or f"--{name.replace('_', '-')}"
        words = " ".join(map(str, raw)) if isinstance(raw, (list, tuple)) else str(raw)
        text = flag if isinstance(raw, bool) else f"{flag} {_line(words)}"
        given[name] = Given(raw, f"flag {flag}", text, typed=True)
    return given


def unknown_variables(env: Mapping[str, str]) -> list[str]:
    """Return a warning for each misspelt variable; no error, for another program may have an ``ARB_`` of its own."""
    known = [variable for name in Settings.model_fields for variable in env_names(name)]
    return [
        f"{_line(variable)} in the environment is no setting: did you mean {_nearest(variable, known)}?"
        for variable in sorted(env)
        if variable.startswith("ARB_") and variable not in known and variable not in _NOT_SETTINGS
    ]


def _no_setting(name: str, file: Path) -> str | None:
    if name not in Settings.model_fields:
        known = map(file_name, Settings.model_fields)
        return f"{_line(file_name(name))} in {file} is no setting: did you mean {_nearest(file_name(name), known)}?"
    if not about(name).in_file:
        return f"{name} in {file}: keep it in a file of its own (chmod 600) and name that file as {name}_file"
    return None


def _nearest(word: str, known: Iterable[str]) -> str:
    return difflib.get_close_matches(word[:_MAX_SHOWN], list(known), n=1, cutoff=0)[0]


def _relative_to(folder: Path, name: str, raw: object) -> object:
    """Make a path in the file relative to the file, so that it means the same wherever the process starts."""
    if not isinstance(raw, str):
        return raw
    prefix = FEED_FILE if name in _SOURCES and raw.startswith(FEED_FILE) else ""
    path = raw.removeprefix(prefix).strip()
    is_file = prefix or (kind(name).is_path and path not in kind(name).words)
    if not is_file or not path or path.startswith("~"):
        return raw
    return f"{prefix}{folder / path}"


def _shown(name: str, raw: object) -> str:
    return "***" if kind(name).is_secret else _toml(raw)


def _toml(raw: object) -> str:
    match raw:
        case bool():
            return "true" if raw else "false"
        case str():
            return f'"{_line(raw)}"'
        case list():
            return _line(f"[{', '.join(map(_toml, raw))}]")
        case dict():
            return "{...}"
        case _:
            return _line(str(raw))


def _line(text: str) -> str:
    """Keep a complaint to one line without secrets, whatever was given."""
    line = "".join(char if char.isprintable() else "?" for char in _CREDENTIALS.sub("//***@", text[:1_000]))
    return line if len(line) <= _MAX_SHOWN else f"{line[:_MAX_SHOWN]}..."
