"""The throw-away key of a rehearsal: made once, readable by its owner alone; it opens the loopback exchange only."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from cli.error import CliError
from cli.exit_codes import CONFIGURATION

KEY_ID: Final = "rehearsal-key"
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


def throwaway_key(file: Path) -> Path:
    """The key file, made with mode 0600 where there is none. Raises :class:`CliError`."""
    pem = Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return file
    except OSError as error:
        raise CliError(CONFIGURATION, f"cannot write {file}: {error.strerror}") from None
    with os.fdopen(handle, "wb") as out:
        out.write(pem)
    return file


def public_half(file: Path) -> bytes:
    """The public key of a private one, in PEM. Raises :class:`CliError`; others may not be able to read the file."""
    try:
        if stat.S_IMODE(file.stat().st_mode) & _OTHERS:
            raise CliError(CONFIGURATION, f"{file} can be read by others: chmod 600 {file}")
        key = load_pem_private_key(file.read_bytes(), password=None)
    except OSError as error:
        raise CliError(CONFIGURATION, f"cannot read {file}: {error.strerror}") from None
    except (ValueError, TypeError):
        raise CliError(CONFIGURATION, f"{file} is no private key in PEM: delete it, and a new one is made") from None
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
