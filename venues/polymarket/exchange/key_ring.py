"""API keys of signers, and whether a request was made with one (L1: EIP-712, L2: HMAC)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass
from typing import Final

from venues.loopback.message import Request
from venues.polymarket.exchange.eip712 import BadSignature, auth_digest, checksum, recovered, signature_bytes
from venues.polymarket.exchange.ids import uuid_text
from venues.polymarket.exchange.refusal import Refusal

DEFAULT_WINDOW_S: Final = 30
"""How far a request's clock may be from ours. Polymarket does not say its own figure."""

MOST_KEYS: Final = 1_000
_NUMBER: Final = re.compile(r"\d{1,15}", re.ASCII)


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What a signer's requests are made with. Shows nothing of it."""

    key: str
    secret: str
    passphrase: str
    address: str

    def __repr__(self) -> str:
        """Without the secret."""
        return f"ApiKey({self.key})"

    def document(self) -> dict[str, str]:
        """As it is handed out."""
        return {"apiKey": self.key, "secret": self.secret, "passphrase": self.passphrase}


class KeyRing:
    """The keys by id. A signer has one for each nonce, always the same for the same ``salt``."""

    def __init__(self, salt: str, window_s: int = DEFAULT_WINDOW_S) -> None:
        self.window_s = window_s
        self.keys: dict[str, ApiKey] = {}
        self._salt = salt

    def add(self, key: ApiKey) -> None:
        """Take a key as it is."""
        if len(self.keys) >= MOST_KEYS:
            raise Refusal(400, "Could not create api key")
        self.keys[key.key] = key

    def create(self, request: Request, now_us: int) -> ApiKey:
        """``POST /auth/api-key``. Raises :class:`Refusal`: 400 where the key exists, 401 for a wrong signature."""
        key = self._made(*self._l1(request, now_us))
        if key.key in self.keys:
            raise Refusal(400, "Could not create api key")
        self.add(key)
        return key

    def derive(self, request: Request, now_us: int) -> ApiKey:
        """``GET /auth/derive-api-key``. Raises :class:`Refusal`: 400 where there is none, 401 for a wrong signature."""
        key = self._made(*self._l1(request, now_us))
        if key.key not in self.keys:
            raise Refusal(400, "Could not derive api key!")
        return key

    def key_of(self, request: Request, now_us: int) -> ApiKey:
        """The key that the request was made with. Raises :class:`Refusal` 401."""
        headers = request.headers
        key = self.keys.get(headers.get("poly_api_key", ""))
        timestamp = headers.get("poly_timestamp", "")
        if key is None or headers.get("poly_address", "").lower() != key.address.lower():
            raise _unauthorized()
        if not hmac.compare_digest(headers.get("poly_passphrase", "").encode(), key.passphrase.encode()):
            raise _unauthorized()
        expected = l2_signature(key.secret, timestamp, request.method, request.path, request.body)
        if not hmac.compare_digest(headers.get("poly_signature", "").encode(), expected.encode()):
            raise _unauthorized()
        self._check_time(timestamp, now_us)
        return key

    def opened(self, key: str, secret: str, passphrase: str) -> ApiKey | None:
        """The key, where all three parts of it are right: how the user channel is opened."""
        known = self.keys.get(key)
        return known if known is not None and (known.secret, known.passphrase) == (secret, passphrase) else None

    def _l1(self, request: Request, now_us: int) -> tuple[str, int]:
        headers = request.headers
        timestamp, nonce = headers.get("poly_timestamp", ""), headers.get("poly_nonce", "0")
        try:
            address = checksum(headers.get("poly_address", ""))
            signed = auth_digest(address, timestamp, int(nonce) if _NUMBER.fullmatch(nonce) else -1)
            signer = recovered(signed, signature_bytes(headers.get("poly_signature", "")))
        except BadSignature:
            raise Refusal(401, "Invalid L1 Request headers") from None
        if signer != address:
            raise Refusal(401, "Invalid L1 Request headers")
        self._check_time(timestamp, now_us)
        return address, int(nonce)

    def _made(self, address: str, nonce: int) -> ApiKey:
        parts = (self._salt, "key", address, nonce)
        secret = hashlib.sha256("/".join(map(str, (*parts, "secret"))).encode()).digest()
        passphrase = hashlib.sha256("/".join(map(str, (*parts, "passphrase"))).encode()).hexdigest()
        return ApiKey(uuid_text(*parts), base64.urlsafe_b64encode(secret).decode(), passphrase, address)

    def _check_time(self, timestamp: str, now_us: int) -> None:
        if not _NUMBER.fullmatch(timestamp) or abs(int(timestamp) - now_us // 1_000_000) > self.window_s:
            raise Refusal(401, "Unauthorized/Invalid timestamp")


def l2_signature(secret: str, timestamp: str, method: str, path: str, body: bytes = b"") -> str:
    """``POLY_SIGNATURE``: over timestamp, method, path without query, and body."""
    try:
        raw = base64.urlsafe_b64decode(secret)
    except (binascii.Error, ValueError):
        raw = b""
    made = hmac.new(raw, f"{timestamp}{method}{path}".encode() + body, hashlib.sha256)
    return base64.urlsafe_b64encode(made.digest()).decode()


def _unauthorized() -> Refusal:
    return Refusal(401, "Unauthorized/Invalid api key")
