"""The settings of Polymarket, as fields of the one settings model; in the file a table ``[polymarket]``."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict

from config import kinds
from config.about import About
from config.kalshi import is_here, origin

TABLE: Final = "polymarket_"
"""How the names of these settings begin; what follows is their name in the file's table ``[polymarket]``."""


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
    """Where Polymarket is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    polymarket_url: Annotated[
        str | None,
        loopback(),
        About("A Polymarket of your own on this machine, for all that is asked of it.", default="Polymarket itself"),
    ] = None
