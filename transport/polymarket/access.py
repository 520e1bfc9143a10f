"""Where Polymarket is, and who we are there: the key, and the wallet whose orders it signs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from eth_utils.address import to_checksum_address

from transport.live import LiveVenueError
from transport.polymarket.official import Kind, Wallet, wallets_of
from transport.polymarket.wallet_key import KeyUnusable, WalletKey, keyring_wallet_key, read_wallet_key
from venues.polymarket.hosts import PolymarketHosts

KINDS: Final[dict[Kind, str]] = {
    "eoa": "the key's own address: it needs POL for gas, and allowances of its own",
    "proxy": "the wallet that polymarket.com made for an account with an e-mail address",
    "safe": "the Gnosis Safe that polymarket.com made for an account with a browser wallet",
    "deposit": "the deposit wallet of every newer account",
}
"""The kinds, in the words of whoever has to choose one."""

_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


@dataclass(frozen=True, slots=True)
class PolymarketAccess:
    """Shows addresses, and nothing of the key."""

    hosts: PolymarketHosts
    key: WalletKey
    wallet: Wallet


def access(
    hosts: PolymarketHosts,
    *,
    key_file: Path | None,
    key_name: str | None,
    kind: Kind | None,
    wallet: str | None,
) -> PolymarketAccess:
    """Read the key and find its wallet. Raises :class:`LiveVenueError`, naming the setting."""
    try:
        key = keyring_wallet_key(key_name or "") if key_file is None else read_wallet_key(key_file)
    except KeyUnusable as error:
        name = "polymarket.key_file" if key_file is not None else "polymarket.key_name"
        raise LiveVenueError(f"{name}: {error}") from None
    return PolymarketAccess(hosts, key, find_wallet(key.address, kind, wallet))


def find_wallet(signer: str, kind: Kind | None, wallet: str | None) -> Wallet:
    """The wallet that is meant, and of which kind it is. Raises :class:`LiveVenueError` for one of another key."""
    known = wallets_of(signer)
    if wallet is None:
        if kind is None:
            raise LiveVenueError(f"polymarket.wallet_kind: say which of this key's wallets trades:\n{choices(known)}")
        return Wallet(kind, known[kind][0])
    if not _ADDRESS.fullmatch(wallet):
        raise LiveVenueError(f"polymarket.wallet: {wallet[:60]!r} is no address (0x and 40 hex digits)")
    address = to_checksum_address(wallet)
    found = next((one for one, addresses in known.items() if address in addresses), None)
    if found is None:
        raise LiveVenueError(
            f"polymarket.wallet: {address} is none of this key's wallets, which are:\n{choices(known)}"
        )
    if kind is not None and kind != found:
        raise LiveVenueError(f"polymarket.wallet_kind: {address} is this key's {found} wallet, and not its {kind} one")
    return Wallet(found, address)


def choices(known: dict[Kind, tuple[str, ...]]) -> str:
    """The wallets of a key, a line each."""
    return "\n".join(f"  {kind:8} {known[kind][0]}  {words}" for kind, words in KINDS.items())
