"""The settings of finding pairs, as fields of the one settings model; in the file a table ``[discovery]``."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict

from config import kinds
from config.about import About

TABLE: Final = "discovery_"
"""How the names of these settings begin; what follows is their name in the file's table ``[discovery]``."""


class DiscoverySettings(BaseModel):
    """How old what is known of the venues' listings may be."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
