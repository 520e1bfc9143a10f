"""Who we are at Polymarket's order book (its "L2"), and the headers that prove it, request by request.

Signed is the time in unix seconds, the method, the path without its query, and the body, with a secret that Polymarket
shares with us (HMAC-SHA256, base64 of the URL kind at both ends). It is checked against the headers that
the official client was seen to send (tests/venues/polymarket/test_signing.py).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import Final

ADDRESS_HEADER: Final = "POLY_ADDRESS"
KEY_HEADER: Final = "POLY_API_KEY"
PASSPHRASE_HEADER: Final = "POLY_PASSPHRASE"  # noqa: S105 -- the name of a header
SIGNATURE_HEADER: Final = "POLY_SIGNATURE"
TIMESTAMP_HEADER: Final = "POLY_TIMESTAMP"
NONCE_HEADER: Final = "POLY_NONCE"


def signed_text(unix_s: int, method: str, path: str, body: bytes = b"") -> bytes:
    """What is signed; ``path`` may carry its query, which is left out."""
    return f"{unix_s}{method}{path.partition('?')[0]}".encode() + body


@dataclass(frozen=True, slots=True)
class ApiCredentials:
    """What Polymarket derives from a wallet's signature. Only the address is ever shown."""

    address: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    passphrase: str = field(repr=False)

    def __post_init__(self) -> None:
        """Raises :class:`ValueError` for a secret that is no base64, without showing it."""
        _raw(self.secret)

    def headers(self, unix_s: int, method: str, path: str, body: bytes = b"") -> dict[str, str]:
        """The five headers of one request."""
        digest = hmac.new(_raw(self.secret), signed_text(unix_s, method, path, body), hashlib.sha256).digest()
        return {
            ADDRESS_HEADER: self.address,
            KEY_HEADER: self.key,
            PASSPHRASE_HEADER: self.passphrase,
            SIGNATURE_HEADER: base64.urlsafe_b64encode(digest).decode("ascii"),
            TIMESTAMP_HEADER: str(unix_s),
        }


def _raw(secret: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(secret + "=" * (-len(secret) % 4))
    except (ValueError, TypeError):
        raise ValueError("polymarket gave an API secret that is no base64") from None
