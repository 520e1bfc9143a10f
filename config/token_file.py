"""The link's token from a file that nobody else can read."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pydantic import SecretStr

from config.error import ConfigError
from config.kinds import MAX_TEXT, read_secret


def read_token(file: Path, said: str) -> SecretStr:
    """Return the token in ``file``. Raises :class:`ConfigError`, beginning with ``said``, where it must not be used."""
    try:
        # Without O_NONBLOCK a pipe of that name would hang the process before its kind can be asked.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as source:
            mode = os.fstat(source.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise ConfigError(f"{said}: must be an ordinary file")
            if mode & 0o077:
                raise ConfigError(f"{said}: others can read or change it; run: chmod 600 {file}")
            text = source.read(MAX_TEXT + 1).decode("ascii", "replace").strip()
    except OSError as error:
        raise ConfigError(f"{said}: cannot be read ({(error.strerror or str(error)).lower()})") from None
    try:
        return read_secret(text)
    except ValueError:
        raise ConfigError(f"{said}: must hold one line of visible ASCII characters without spaces") from None
