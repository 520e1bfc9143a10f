"""The throw-away wallet of a rehearsal at Polymarket."""

from __future__ import annotations

from pathlib import Path

from coincurve import PrivateKey

from cli.exchange_secret import keep, kept
from venues.polymarket.exchange.eip712 import address_of


def throwaway_wallet(file: Path) -> Path:
    """The file of the private key, made with mode 0600 where there is none. Raises :class:`CliError`."""
    return keep(file, f"0x{PrivateKey().to_hex():0>64}\n".encode("ascii"))


def address_in(file: Path) -> str:
    """The address of a private key. Raises :class:`CliError`; others may not be able to read the file."""
    key = kept(file, lambda text: PrivateKey.from_hex(text.decode("ascii").strip().removeprefix("0x")), "hex")
    return address_of(key.public_key)
