"""A secret in a file that its user alone can read: the private key, and the passphrase that opens it."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from venues.kalshi.keys import MAX_PEM, KeyRefused, SigningKey, read_key

MAX_PASSPHRASE: Final = 1_024


class SecretFileError(ValueError):
    """A file that must not be used, or cannot be; says what helps and nothing of what is in it."""


def read_secret_file(file: Path, most: int) -> bytes:
    """The bytes of the file. Raises :class:`SecretFileError` where others can read it, or it is none."""
    try:
        # Without O_NONBLOCK a pipe of that name would hang the process before its kind can be asked.
        with os.fdopen(os.open(file, os.O_RDONLY | os.O_NONBLOCK), "rb") as source:
            status = os.fstat(source.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise SecretFileError(f"{file}: must be an ordinary file")
            if status.st_mode & 0o077:
                raise SecretFileError(f"{file}: others can read or change it; run: chmod 600 {file}")
            data = source.read(most + 1)
    except OSError as error:
        raise SecretFileError(f"{file}: cannot be read ({(error.strerror or str(error)).lower()})") from None
    if len(data) > most:
        raise SecretFileError(f"{file}: is longer than {most} bytes; that is another file")
    return data


def read_key_file(file: Path, passphrase_file: Path | None = None, passphrase: str | None = None) -> SigningKey:
    """The private key in ``file``, opened with the passphrase or the one in its file.

    Raises :class:`SecretFileError`, naming the file and what helps.
    """
    secret = passphrase.encode() if passphrase is not None else None
    if secret is None and passphrase_file is not None:
        # An editor ends the line; a passphrase has no line end of its own.
        secret = read_secret_file(passphrase_file, MAX_PASSPHRASE).rstrip(b"\r\n")
        if not secret:
            raise SecretFileError(f"{passphrase_file}: is empty; write the passphrase into it, or do not name it")
    try:
        return read_key(read_secret_file(file, MAX_PEM), secret)
    except KeyRefused as error:
        raise SecretFileError(f"{file}: {error}") from None
