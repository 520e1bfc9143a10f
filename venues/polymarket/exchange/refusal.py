"""What the exchange answers where it does not do what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from venues.loopback.message import ENCODER
from venues.loopback.refusal import Refusal as LoopbackRefusal


class Refusal(LoopbackRefusal):
    """An HTTP status with Polymarket's error body: ``{"error": text}`` and what ``more`` holds."""

    def __init__(
        self, status: int, text: str, more: Mapping[str, Any] | None = None, *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, text, headers)
        self.text = text
        self.more = dict(more or {})

    def document(self) -> dict[str, Any]:
        """The error as it is told."""
        return {"error": self.text, **self.more}

    def body(self) -> bytes:
        """The body of the reply."""
        return ENCODER.encode(self.document())


FOK_KILLED: Final = "order couldn't be fully filled. FOK orders are fully filled or killed."
FAK_KILLED: Final = (
    "no orders found to match with FAK order. FAK orders are partially filled or killed if no match is found."
)
DUPLICATED: Final = "order is invalid. Duplicated. Same order has already been placed, can't be placed again."
CROSSES: Final = "invalid post-only order: order crosses book"
POST_ONLY_MODE: Final = "post-only mode: only post-only orders and cancels are allowed"
NOT_READY: Final = "the market is not yet ready to process new orders"
BAD_EXPIRATION: Final = "invalid expiration"
WRONG_WALLET: Final = "maker address not allowed, please use the deposit wallet flow"


def invalid(text: str) -> Refusal:
    """400 for a request that makes no sense; the text names the field."""
    return Refusal(400, text)
