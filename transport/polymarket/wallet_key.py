"""A wallet's private key: out of a file that its user alone can read, or out of the system's keyring. Never shown."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final, NoReturn

from eth_account import Account
from eth_account.signers.local import LocalAccount

from transport.kalshi.key_file import SecretFileError, read_secret_file

MAX_KEY: Final = 200
"""Bytes of a key file: 64 hex digits, and what an editor adds."""

SERVICE: Final = "arb"
"""Under which name the keyring keeps our keys."""

_KEY: Final = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")
_KIND: Final = "a wallet's private key is 64 hex digits, with or without 0x before them"


class KeyUnusable(ValueError):
    """There is no key to sign with; says why and what helps, and nothing of what was there."""


class WalletKey:
    """A key, of which nothing is seen but the address that it signs for. Made by the functions below."""

    __slots__ = ("account", "source")

    def __init__(self, account: LocalAccount, source: str) -> None:
        self.account = account
        self.source = source

    @property
    def address(self) -> str:
        """The signer's address, with its checksum."""
        return str(self.account.address)

    def __repr__(self) -> str:
        return f"WalletKey({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a wallet's key is not copied")


def read_wallet_key(file: Path) -> WalletKey:
    """The key in ``file``. Raises :class:`KeyUnusable`, naming the file and what helps."""
    try:
        text = read_secret_file(file, MAX_KEY)
    except SecretFileError as error:
        raise KeyUnusable(str(error)) from None
    try:
        return _key(text.decode("ascii", errors="replace"), "readable by you alone")
    except KeyUnusable as error:
        raise KeyUnusable(f"{file}: {error}") from None


def keyring_wallet_key(name: str) -> WalletKey:
    """The key that the system's keyring has under ``name``. Raises :class:`KeyUnusable`."""
    import keyring  # noqa: PLC0415 -- only who asks for it waits for the search of a backend
    from keyring.errors import KeyringError  # noqa: PLC0415 -- the same

    try:
        text = keyring.get_password(SERVICE, name)
    except KeyringError as error:
        # Its text is of the backend; it had no key in its hands yet.
        raise KeyUnusable(f"the system's keyring does not open: {error}; or name a file, polymarket.key_file") from None
    if text is None:
        raise KeyUnusable(f"the system's keyring has no {name!r}; put it there: keyring set {SERVICE} {name}")
    return _key(text, f"in the system's keyring, {name}")


def _key(text: str, source: str) -> WalletKey:
    found = _KEY.fullmatch(text.strip())
    if found is None:
        raise KeyUnusable(f"no key is in it: {_KIND}")
    try:
        return WalletKey(Account.from_key("0x" + found[1]), source)
    except Exception:  # noqa: BLE001 -- the library's words may hold the key
        raise KeyUnusable(f"it is no key that signs: {_KIND}") from None
