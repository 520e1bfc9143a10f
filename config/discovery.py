"""The settings of finding pairs, as fields of the one settings model; in the file a table ``[discovery]``."""

from __future__ import annotations

from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict

from config import kinds
from config.about import About
from config.address import MAX_PORT, parse_host
from config.kalshi import is_here

TABLE: Final = "discovery_"
"""How the names of these settings begin; what follows is their name in the file's table ``[discovery]``."""

GAMMA: Final = "https://gamma-api.polymarket.com"


def base_url() -> kinds.Kind:
    """Where an API begins, with a path where it has one; unencrypted only on this machine."""

    def parse(value: object) -> str:
        if not isinstance(value, str) or not 0 < len(value.strip()) <= kinds.MAX_TEXT:
            raise ValueError
        parts = urlsplit(value.strip())
        if parts.scheme not in {"https", "http"} or not parts.hostname:
            raise ValueError
        if parts.query or parts.fragment or parts.username is not None or parts.password is not None:
            raise ValueError
        if parts.port is not None and not 0 < parts.port <= MAX_PORT:
            raise ValueError
        parse_host(parts.hostname)
        if parts.scheme == "http" and not is_here(parts.hostname):
            raise kinds.RefusedError("must be https://: http:// only leads to this machine (127.0.0.1)")
        return value.strip().rstrip("/")

    return kinds.Kind("https://HOST[/PATH], or http://127.0.0.1:PORT[/PATH] on this machine", parse)


class DiscoverySettings(BaseModel):
    """Where the public listings are, and how old what is known of them may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    discovery_gamma_url: Annotated[
        str,
        base_url(),
        About("Where Polymarket lists its markets (Gamma). Kalshi's are where the table `[kalshi]` says."),
    ] = GAMMA
    discovery_max_age_s: Annotated[
        int,
        kinds.whole(0, 30 * 24 * 3_600),
        About("`arb pairs fetch` reads all markets of a venue again where they are older than this.", flag="--max-age"),
    ] = 3_600
    discovery_check_s: Annotated[
        int,
        kinds.whole(0, 24 * 3_600),
        About(
            "How often a controller on approved pairs asks whether they still are, and reads their terms again at both "
            "venues; 0: only the store is asked, every 5 s."
        ),
    ] = 600
