"""A frame of a recording of the market channel, with what must be known of it to serve it again."""

from __future__ import annotations

from typing import Any, Final

import msgspec

_FRAMES: Final = msgspec.json.Decoder(dict[str, Any] | list[dict[str, Any]])
_UNREADABLE: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)


class Recorded(msgspec.Struct, frozen=True):
    """The frame's text, its objects, and the tokens and markets that it speaks of."""

    text: str
    objects: tuple[dict[str, Any], ...]
    tokens: tuple[str, ...]

    @property
    def kind(self) -> str:
        """The type of its first event."""
        return str(self.objects[0].get("event_type", ""))


def read_frame(text: str) -> Recorded | None:
    """The recorded frame; None for one that says nothing of a token (PONG, answers)."""
    try:
        document = _FRAMES.decode(text)
    except _UNREADABLE:
        return None
    objects = tuple(document) if isinstance(document, list) else (document,)
    tokens: dict[str, None] = {}
    for one in objects:
        changes = one.get("price_changes")
        named = [one, *(changes if isinstance(changes, list) else ())]
        for item in named:
            token = item.get("asset_id") if isinstance(item, dict) else None
            if isinstance(token, str):
                tokens[token] = None
    return Recorded(text, objects, tuple(tokens)) if objects and tokens else None
