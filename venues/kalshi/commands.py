"""The commands of Kalshi's WebSocket as frames."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

BOOKS: Final = "orderbook_delta"
LIFECYCLE: Final = "market_lifecycle_v2"

Action = Literal["add_markets", "delete_markets", "get_snapshot"]

_encode: Final = msgspec.json.Encoder().encode


def subscribe_books(number: int, markets: Sequence[str]) -> str:
    """A subscription of these books, NO levels quoted as NO: the default is announced to change, so it is said."""
    params = {
        "channels": [BOOKS],
        "market_tickers": list(markets),
        "send_initial_snapshot": True,
        "use_yes_price": False,
    }
    return _command(number, "subscribe", params)


def subscribe_lifecycle(number: int) -> str:
    """A subscription of what happens to markets; of all of them, as it takes no filter."""
    return _command(number, "subscribe", {"channels": [LIFECYCLE]})


def update(number: int, sid: int, action: Action, markets: Sequence[str]) -> str:
    """A change of a subscription, or the question for whole books on it."""
    return _command(number, "update_subscription", {"sid": sid, "market_tickers": list(markets), "action": action})


def unsubscribe(number: int, sids: Sequence[int]) -> str:
    """The end of subscriptions."""
    return _command(number, "unsubscribe", {"sids": list(sids)})


def _command(number: int, cmd: str, params: dict[str, object]) -> str:
    return _encode({"id": number, "cmd": cmd, "params": params}).decode()
