"""What is sent on Polymarket's market channel: subscriptions as frames, and the keepalive."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

PING: Final = "PING"
"""The venue's own keepalive, a bare text; it answers ``PONG``, which proves nothing about market data."""

_encode: Final = msgspec.json.Encoder().encode


def subscribe_first(tokens: Sequence[str]) -> str:
    """The first frame of a connection. The custom feature is what brings best prices and results."""
    return _frame({"type": "market", "assets_ids": list(tokens), "custom_feature_enabled": True})


def subscribe(tokens: Sequence[str]) -> str:
    """These tokens, too."""
    return _frame({"operation": "subscribe", "assets_ids": list(tokens), "custom_feature_enabled": True})


def unsubscribe(tokens: Sequence[str]) -> str:
    """These no longer."""
    return _frame({"operation": "unsubscribe", "assets_ids": list(tokens)})


def ask_books(tokens: Sequence[str]) -> bytes:
    """The body of ``POST /books``."""
    return _encode([{"token_id": token} for token in tokens])


def _frame(command: dict[str, object]) -> str:
    return _encode(command).decode()
