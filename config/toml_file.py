"""Reading ``config.toml``: what it says, or where it is broken."""

from __future__ import annotations

import re
import tomllib
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from config.error import ConfigError

MAX_FILE: Final = 1_000_000
"""Bytes of a configuration file; nobody writes more by hand."""

_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_HINT: Final = 'lines look like ws_port = 9001 or role = "trader"'


def read_toml(file: Path) -> dict[str, Any]:
    """Return what a TOML file says, numbers with a point as exact decimals; nothing where there is no file.

    Raises :class:`ConfigError` with file, line, column and reason where it is broken.
    """
    try:
        with file.open("rb") as source:
            data = source.read(MAX_FILE + 1)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise ConfigError(f"cannot read {file}: {(error.strerror or str(error)).lower()}") from None
    if len(data) > MAX_FILE:
        raise ConfigError(f"{file} is larger than {MAX_FILE} bytes: that is no configuration of arb")
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        column = error.start - (data.rfind(b"\n", 0, error.start) + 1) + 1
        raise ConfigError(f"{file}, line {line}, column {column}: not UTF-8 text; save the file as UTF-8") from None
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(_broken(file, text, str(error))) from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        # A number of 5,000 digits or brackets 1,000 deep: the parser's own limits have no line.
        raise ConfigError(f"{file} cannot be read ({error}); {_HINT}") from None


def _broken(file: Path, text: str, error: str) -> str:
    place = _PLACE.search(error)
    reason = _PLACE.sub("", error)
    if place and place[1]:
        line, column = int(place[1]), int(place[2])
    else:
        lines = text.split("\n")
        line, column = len(lines), len(lines[-1]) + 1
    return f"{file}, line {line}, column {column}: {reason}; {_HINT}"
