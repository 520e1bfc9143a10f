"""A private key that signs for Kalshi: Ed25519, or RSA as Kalshi first had it. Nothing ever shows what is in it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Final, NoReturn

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

MAX_PEM: Final = 65_536
"""Bytes of a key file; an RSA key of 8192 bits has a tenth of that."""

MIN_RSA_BITS: Final = 2048

_PEM: Final = "a private key begins with a line such as -----BEGIN PRIVATE KEY-----: download it from Kalshi again"


class KeyRefused(ValueError):
    """A text that is no key to sign with; says why and what helps, and nothing of what was in it."""


class SigningKey:
    """A key and nothing about it but its kind (``ed25519`` or ``rsa-2048``). Made by :func:`read_key`."""

    __slots__ = ("_sign", "kind")

    def __init__(self, kind: str, sign: Callable[[bytes], bytes]) -> None:
        self.kind = kind
        self._sign = sign

    def __repr__(self) -> str:
        return f"SigningKey({self.kind})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signing key is not copied")

    def sign(self, text: str) -> str:
        """The signature of the text, in base64."""
        return base64.b64encode(self._sign(text.encode())).decode("ascii")


def read_key(pem: bytes, passphrase: bytes | None = None) -> SigningKey:
    """The key in a PEM text, PKCS#1 or PKCS#8, encrypted or not. Raises :class:`KeyRefused`."""
    if len(pem) > MAX_PEM or b"-----BEGIN " not in pem:
        raise KeyRefused(f"no private key is in it; {_PEM}")
    if b"PUBLIC KEY-----" in pem:
        raise KeyRefused("it holds a public key: name the file of the private one")
    try:
        key = load_pem_private_key(pem, passphrase)
    except TypeError:
        # Both ways round it is the passphrase that does not fit the key.
        if passphrase is None:
            raise KeyRefused("it is encrypted: name a file with its passphrase") from None
        raise KeyRefused("it is not encrypted, and a passphrase is given: take the passphrase away") from None
    except (ValueError, UnsupportedAlgorithm):
        # The library's words may quote what they could not read.
        how = "the passphrase may be wrong" if passphrase is not None else _PEM
        raise KeyRefused(f"it cannot be read as a private key; {how}") from None
    return _signing(key)


def _signing(key: object) -> SigningKey:
    if isinstance(key, Ed25519PrivateKey):
        return SigningKey("ed25519", key.sign)
    if isinstance(key, RSAPrivateKey):
        if key.key_size < MIN_RSA_BITS:
            raise KeyRefused(f"it is an RSA key of {key.key_size} bits; Kalshi's have {MIN_RSA_BITS} or more")
        return SigningKey(f"rsa-{key.key_size}", _rsa(key))
    raise KeyRefused("it is neither Ed25519 nor RSA: make a new key at Kalshi")


def _rsa(key: RSAPrivateKey) -> Callable[[bytes], bytes]:
    padding, digest = PSS(mgf=MGF1(SHA256()), salt_length=PSS.DIGEST_LENGTH), SHA256()
    return lambda text: key.sign(text, padding, digest)
