"""The settings of Polymarket, as fields of the one settings model; in the file a table ``[polymarket]``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict

from config import kinds
from config.about import About
from config.kalshi import is_here, origin

TABLE: Final = "polymarket_"
"""How the names of these settings begin; what follows is their name in the file's table ``[polymarket]``."""


_ADDRESS: Final = re.compile(r"0x[0-9a-fA-F]{40}")


def address() -> kinds.Kind:
    """A wallet's address."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not _ADDRESS.fullmatch(value.strip()):
            raise ValueError
        return value.strip()

    return kinds.Kind("an address: 0x and 40 hex digits", parse)


def loopback() -> kinds.Kind:
    """An exchange of one's own on this machine; Polymarket itself needs no setting."""
    plain = origin("http", "http")

    def parse(value: object) -> str:
        url = str(plain.parse(value))
        host, _, port = url.removeprefix("http://").rpartition(":")
        if not is_here(host.strip("[]")) or not port.isdigit():
            raise ValueError
        return url

    return kinds.Kind("http://127.0.0.1:PORT of `arb exchange polymarket` on this machine", parse)


class PolymarketSettings(BaseModel):
    """Where Polymarket is, and whose wallet trades there."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    polymarket_url: Annotated[
        str | None,
        loopback(),
        About("A Polymarket of your own on this machine, for all that is asked of it.", default="Polymarket itself"),
    ] = None
    polymarket_key_file: Annotated[
        Path | None,
        kinds.path(),
        About("File of the wallet's private key (64 hex digits), readable by its owner alone (`chmod 600`)."),
    ] = None
    polymarket_key_name: Annotated[
        str | None,
        kinds.name(),
        About("Or its name in the system's keyring, put there with `keyring set arb NAME`.", default="none"),
    ] = None
    polymarket_wallet_kind: Annotated[
        Literal["eoa", "proxy", "safe", "deposit"] | None,
        kinds.choice("eoa", "proxy", "safe", "deposit"),
        About(
            "Which of the key's wallets trades: its own address, or the proxy, the Safe or the deposit wallet that "
            "Polymarket made for it. `arb doctor polymarket` shows all four.",
            default="as `polymarket.wallet` says",
        ),
    ] = None
    polymarket_wallet: Annotated[
        str | None,
        address(),
        About("The address of that wallet, where the money is.", default="as `polymarket.wallet_kind` says"),
    ] = None
