"""What an exchange answers where it does not do what was asked."""

from __future__ import annotations

from collections.abc import Mapping


class Refusal(Exception):
    """An HTTP status, and headers beyond the usual. The body is in each venue's own words."""

    def __init__(self, status: int, text: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.headers = dict(headers or {})

    def body(self) -> bytes:
        """The body of the reply."""
        raise NotImplementedError
