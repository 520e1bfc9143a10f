"""Public keys of members, and whether a request was signed with one of them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from venues.kalshi.exchange.refusal import Refusal
from venues.kalshi.exchange.texts import MILLISECOND_US

KEY_HEADER: Final = "kalshi-access-key"
TIMESTAMP_HEADER: Final = "kalshi-access-timestamp"
SIGNATURE_HEADER: Final = "kalshi-access-signature"

DEFAULT_WINDOW_US: Final = 5_000_000
"""How far a request's clock may be from ours. Kalshi does not say its own figure."""

LEAST_RSA_BITS: Final = 2048
MOST_KEYS: Final = 1_000
_TIMESTAMP: Final = re.compile(r"\d{1,15}", re.ASCII)
_PSS: Final = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=hashes.SHA256.digest_size)


class BadKey(ValueError):
    """A text that is no public key of a kind that Kalshi takes."""


class KeyRing:
    """Keys by id, each with the account that it opens. Ed25519 and RSA (PSS, SHA-256, salt as long as the digest)."""

    def __init__(self, window_us: int = DEFAULT_WINDOW_US) -> None:
        self.window_us = window_us
        self._keys: dict[str, tuple[str, Ed25519PublicKey | RSAPublicKey]] = {}

    def __len__(self) -> int:
        """How many keys there are."""
        return len(self._keys)

    def add(self, key_id: str, account: str, pem: bytes) -> None:
        """Take a public key in PEM. Raises :class:`BadKey`; a private key is never taken."""
        if b"PRIVATE KEY" in pem:
            raise BadKey("this is a private key: give its public half (openssl pkey -in key.pem -pubout)")
        try:
            key = serialization.load_pem_public_key(pem)
        except (ValueError, UnsupportedAlgorithm):
            raise BadKey("not a public key in PEM") from None
        if not isinstance(key, (Ed25519PublicKey, RSAPublicKey)):
            raise BadKey("neither an Ed25519 nor an RSA key")
        if isinstance(key, RSAPublicKey) and key.key_size < LEAST_RSA_BITS:
            raise BadKey(f"an RSA key of {key.key_size} bits: at least {LEAST_RSA_BITS} are asked for")
        if len(self._keys) >= MOST_KEYS:
            raise BadKey(f"more than {MOST_KEYS} keys")
        self._keys[key_id] = (account, key)

    def account_of(self, headers: Mapping[str, str], method: str, path: str, now_us: int) -> str:
        """The account that signed. ``headers`` in lower case, ``path`` from the root, without query.

        Raises :class:`Refusal` 401, which says what was wrong.
        """
        values = [headers.get(name, "") for name in (KEY_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER)]
        if not all(values):
            raise Refusal(401, "authentication_error", "missing authentication headers")
        key_id, timestamp, signature = values
        known = self._keys.get(key_id)
        if known is None:
            raise Refusal(401, "authentication_error", "unknown API key")
        if not _TIMESTAMP.fullmatch(timestamp):
            raise Refusal(401, "header_timestamp_invalid", "the timestamp is unix milliseconds")
        account, key = known
        if not _verifies(key, signature, f"{timestamp}{method}{path}".encode()):
            raise Refusal(401, "incorrect_api_key_signature", "incorrect API key signature")
        if abs(int(timestamp) * MILLISECOND_US - now_us) > self.window_us:
            raise Refusal(401, "header_timestamp_expired", "header timestamp expired")
        return account


def _verifies(key: Ed25519PublicKey | RSAPublicKey, signature: str, message: bytes) -> bool:
    try:
        raw = base64.b64decode(signature, validate=True)
        if isinstance(key, Ed25519PublicKey):
            key.verify(raw, message)
        else:
            key.verify(raw, message, _PSS, hashes.SHA256())
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True
