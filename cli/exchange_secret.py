"""Throw-away secrets of a rehearsal: made once, readable by their owner alone; they open a loopback exchange only."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypeVar

from cli.error import CliError
from cli.exit_codes import CONFIGURATION

_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_T = TypeVar("_T")


def keep(file: Path, secret: bytes) -> Path:
    """The file, made with mode 0600 and this in it where there is none. Raises :class:`CliError`."""
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file
    except OSError as error:
        raise CliError(CONFIGURATION, f"cannot write {file}: {error.strerror}") from None
    with os.fdopen(handle, "wb") as out:
        out.write(secret)
    return file


def kept(file: Path, read: Callable[[bytes], _T], form: str) -> _T:
    """What ``read`` makes of the file; it raises ``ValueError`` or ``TypeError`` where that is no key in this form.

    Raises :class:`CliError`; others may not be able to read the file.
    """
    try:
        if stat.S_IMODE(file.stat().st_mode) & _OTHERS:
            raise CliError(CONFIGURATION, f"{file} can be read by others: chmod 600 {file}")
        return read(file.read_bytes())
    except OSError as error:
        raise CliError(CONFIGURATION, f"cannot read {file}: {error.strerror}") from None
    except (ValueError, TypeError):
        raise CliError(CONFIGURATION, f"{file} is no private key in {form}: delete it, and a new one is made") from None
