"""The throw-away key of a rehearsal at Kalshi."""

from __future__ import annotations

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

from cli.exchange_secret import keep, kept

KEY_ID: Final = "rehearsal-key"


def throwaway_key(file: Path) -> Path:
    """The key file, made with mode 0600 where there is none. Raises :class:`CliError`."""
    return keep(file, Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def public_half(file: Path) -> bytes:
    """The public key of a private one, in PEM. Raises :class:`CliError`; others may not be able to read the file."""
    key = kept(file, lambda pem: load_pem_private_key(pem, password=None), "PEM")
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
