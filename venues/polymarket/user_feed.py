"""The user channel of Polymarket's WebSocket, of which only one thing is believed: that something happened to an order.

What it was is read from the lists: frames may be lost, come twice, or come before the lists know of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from venues.polymarket.signing import ApiCredentials

PING: Final = "PING"
MAX_EVENTS: Final = 10_000

_encode: Final = msgspec.json.Encoder().encode


class _Event(msgspec.Struct, gc=False):
    event_type: str = ""
    id: str = ""
    taker_order_id: str = ""


_one: Final = msgspec.json.Decoder(_Event)
_many: Final = msgspec.json.Decoder(list[msgspec.Raw])


def subscription(credentials: ApiCredentials) -> str:
    """The first frame: who we are. It holds secrets, and is in no log or capture. Without markets it is for all."""
    auth = {"apiKey": credentials.key, "secret": credentials.secret, "passphrase": credentials.passphrase}
    return _encode({"type": "user", "auth": auth}).decode()


def orders_in(frame: str | bytes) -> list[str]:
    """The ids of our orders that the frame speaks of, in small letters; a frame that makes no sense speaks of none."""
    text = frame.encode() if isinstance(frame, str) else frame
    try:
        parts: Iterable[bytes | msgspec.Raw] = _many.decode(text)[:MAX_EVENTS] if text.lstrip()[:1] == b"[" else [text]
        events = [_one.decode(part) for part in parts]
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return []
    named = (event.taker_order_id if event.event_type == "trade" else event.id for event in events)
    return [order_id.lower() for order_id in named if order_id]
