"""A request and its reply, without a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from venues.kalshi.exchange.refusal import Refusal

_ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """``path`` from the root as it was sent, without the query; header names in lower case.

    Repeated values of the query are joined by commas.
    """

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """``body`` is JSON, or empty."""

    status: int
    body: bytes = b""

    @classmethod
    def of(cls, document: Mapping[str, Any], status: int = 200) -> Reply:
        """A document as reply."""
        return cls(status, _ENCODER.encode(document))

    @classmethod
    def refused(cls, refusal: Refusal) -> Reply:
        """A refusal as reply."""
        return cls(refusal.status, refusal.body())
