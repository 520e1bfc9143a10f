"""A request and its reply, without a connection."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from venues.loopback.refusal import Refusal

ENCODER: Final = msgspec.json.Encoder(decimal_format="number")


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
    """``body`` is JSON, or empty; ``headers`` are those beyond the usual."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:  # noqa: ANN401
        """A document as reply: an object, an array, a text, a number or null."""
        return cls(status, ENCODER.encode(document), dict(headers or {}))

    @classmethod
    def refused(cls, refusal: Refusal) -> Reply:
        """A refusal as reply."""
        return cls(refusal.status, refusal.body(), refusal.headers)
