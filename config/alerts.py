"""The settings of alerts, as fields to be taken into the one settings model; in the file a table ``[alerts]``."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, SecretStr

from config import kinds
from config.about import About

TABLE: Final = "alerts_"
"""How the names of these settings begin; what follows is their name in the file's table ``[alerts]``."""

MAX_URLS: Final = 16

_URL: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,30}://[\x21-\x7e]{1,4000}")


def alert_urls() -> kinds.Kind:
    """URLs of alert services, each with its secrets in it; a space between two, as some have commas of their own."""

    def parse(value: object) -> tuple[SecretStr, ...]:
        items = value.split() if isinstance(value, str) else value
        if not isinstance(items, (list, tuple)) or len(items) > MAX_URLS:
            raise ValueError
        texts = [item.get_secret_value() if isinstance(item, SecretStr) else item for item in items]
        if not all(isinstance(text, str) and _URL.fullmatch(text) for text in texts):
            raise ValueError
        return tuple(SecretStr(str(text)) for text in dict.fromkeys(texts))

    return kinds.Kind("URLs of apprise, with a space between two", parse, is_secret=True)


class AlertSettings(BaseModel):
    """Who is told when something needs a person."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    alerts_urls: Annotated[
        tuple[SecretStr, ...],
        alert_urls(),
        About("Where alerts go: URLs of `apprise`. They hold passwords and are never shown.", default="nobody"),
    ] = ()
    alerts_repeat_s: Annotated[
        int, kinds.whole(0, 86_400), About("The same alert is told again after so many seconds at the earliest.")
    ] = 900
    alerts_per_hour: Annotated[
        int, kinds.whole(0, 1_000), About("Most alerts within an hour; critical ones are told beyond it.")
    ] = 20
    alerts_unknown_s: Annotated[
        int, kinds.whole(1, 86_400), About("A leg whose fate is unknown for longer is an alert.")
    ] = 60
    alerts_summary: Annotated[
        bool, kinds.yes_no(), About("Tell what the day has brought, when the day of `risk.day_zone` ends.")
    ] = True
