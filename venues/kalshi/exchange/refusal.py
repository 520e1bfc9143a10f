"""What the exchange answers where it does not do what was asked."""

from __future__ import annotations

from typing import Any

import msgspec

from venues.loopback.refusal import Refusal as LoopbackRefusal


class Refusal(LoopbackRefusal):
    """An HTTP status with Kalshi's error body."""

    def __init__(self, status: int, code: str, message: str = "", *, details: str = "") -> None:
        super().__init__(status, f"{code}: {message or details}")
        self.code = code
        self.message = message or code.replace("_", " ")
        self.details = details

    def document(self) -> dict[str, Any]:
        """The error as batches carry it."""
        document = {"code": self.code, "message": self.message}
        return document | {"details": self.details} if self.details else document

    def body(self) -> bytes:
        """The body of the reply."""
        return msgspec.json.encode({"error": {**self.document(), "service": "exchange"}})


def invalid(details: str) -> Refusal:
    """400 for a request that makes no sense; ``details`` names the field."""
    return Refusal(400, "invalid_parameters", details=details)
