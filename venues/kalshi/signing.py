"""What Kalshi wants signed, and the headers that carry the signature.

The signed text is the time in unix milliseconds, the method, and the path from the root without its query. The body is
not part of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from venues.kalshi.keys import SigningKey

KEY_HEADER: Final = "KALSHI-ACCESS-KEY"
TIMESTAMP_HEADER: Final = "KALSHI-ACCESS-TIMESTAMP"
SIGNATURE_HEADER: Final = "KALSHI-ACCESS-SIGNATURE"


def signed_text(unix_ms: int, method: str, path: str) -> str:
    """The text that is signed; ``path`` may carry its query, which is left out."""
    return f"{unix_ms}{method}{path.partition('?')[0]}"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are at Kalshi: the id of a key, and the key. Neither is shown."""

    key_id: str = field(repr=False)
    key: SigningKey

    def headers(self, unix_ms: int, method: str, path: str) -> dict[str, str]:
        """The three headers that sign a request, or the upgrade of a WebSocket (a GET)."""
        return {
            KEY_HEADER: self.key_id,
            SIGNATURE_HEADER: self.key.sign(signed_text(unix_ms, method, path)),
            TIMESTAMP_HEADER: str(unix_ms),
        }
