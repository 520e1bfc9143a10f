"""The settings of live market data, as fields of the one settings model; in the file a table ``[feeds]``."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict

from config import kinds
from config.about import About

TABLE: Final = "feeds_"
"""How the names of these settings begin; what follows is their name in the file's table ``[feeds]``."""

NONE: Final = "none"


def relayed() -> kinds.Kind:
    """What a trader relays: nothing, or one of the sources that a controller's own feed may have."""
    feed = kinds.feed()

    def parse(value: object) -> object:
        return NONE if value == NONE else feed.parse(value)

    return kinds.Kind(f"{NONE}, {feed.phrase}", parse)


class FeedSettings(BaseModel):
    """Who brings live market data: the controller's own connections, or the traders that have the keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    feeds_kalshi: Annotated[
        Literal["relay", "direct"],
        kinds.choice("relay", "direct"),
        About(
            "With `feed = live`, who brings Kalshi's books: a trader that has the key relays them, or the controller "
            "reads them itself, for which it needs a key of its own."
        ),
    ] = "relay"
    feeds_polymarket: Annotated[
        Literal["relay", "direct"],
        kinds.choice("relay", "direct"),
        About("The same for Polymarket, whose books are public: nobody needs a key to read them."),
    ] = "direct"
    feeds_polymarket_connections: Annotated[
        int,
        kinds.whole(1, 64),
        About("Connections to Polymarket's market data, at the most; each fails for itself."),
    ] = 8
    feeds_polymarket_tokens: Annotated[
        int,
        kinds.whole(2, 500),
        About("Tokens of one such connection; a pair has two."),
    ] = 250
    feeds_polymarket_verify_s: Annotated[
        int,
        kinds.whole(1, 3_600),
        About("Every book of Polymarket is compared with the whole book this often, as its frames have no number."),
    ] = 60
    feeds_relay: Annotated[
        str,
        relayed(),
        About(
            "Market data that a trader relays to its controller: of its own venues, made up, or a recording.",
            flag="--relay",
        ),
    ] = NONE
    feeds_max_lag_ms: Annotated[
        int,
        kinds.whole(10, 60_000),
        About(
            "Books are unusable while what is said of them is older than this when it arrives: relayed ones, and "
            "Polymarket's own."
        ),
    ] = 2_000
