"""API credentials, which Polymarket derives from a signature of the wallet's key (its "L1"); the same every time."""

from __future__ import annotations

from typing import Any, Final

from transport.polymarket.rest import PolymarketRest, decoded
from transport.polymarket.wallet_key import WalletKey
from transport.venue_rest import ReadFailed
from venues.polymarket.account import read_api_key
from venues.polymarket.signing import (
    ADDRESS_HEADER,
    NONCE_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    ApiCredentials,
)

DERIVE: Final = "/auth/derive-api-key"
CREATE: Final = "/auth/api-key"
MESSAGE: Final = "This message attests that I control the given wallet"
NONE_YET: Final = frozenset({400, 404})
"""How the venue says that it has derived none for this key before."""

_TYPES: Final = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
    ],
    "ClobAuth": [
        {"name": "address", "type": "address"},
        {"name": "timestamp", "type": "string"},
        {"name": "nonce", "type": "uint256"},
        {"name": "message", "type": "string"},
    ],
}


def wallet_headers(key: WalletKey, unix_s: int, chain_id: int, nonce: int = 0) -> dict[str, str]:
    """The four headers by which a key proves itself."""
    typed: dict[str, Any] = {
        "types": _TYPES,
        "primaryType": "ClobAuth",
        "domain": {"name": "ClobAuthDomain", "version": "1", "chainId": chain_id},
        "message": {"address": key.address, "timestamp": str(unix_s), "nonce": nonce, "message": MESSAGE},
    }
    signed = key.account.sign_typed_data(full_message=typed)
    return {
        ADDRESS_HEADER: key.address,
        NONCE_HEADER: str(nonce),
        SIGNATURE_HEADER: "0x" + bytes(signed.signature).hex(),
        TIMESTAMP_HEADER: str(unix_s),
    }


async def credentials_of(rest: PolymarketRest, key: WalletKey, chain_id: int, unix_s: int) -> ApiCredentials:
    """The credentials of this key: those it has, else new ones. Raises :class:`ReadFailed`."""
    headers = wallet_headers(key, unix_s, chain_id)
    try:
        body = await rest.get(DERIVE, headers=headers)
    except ReadFailed as error:
        if error.status not in NONE_YET:
            raise
        body = await rest.post(CREATE, headers=headers)
    try:
        return ApiCredentials(key.address, *decoded(DERIVE, read_api_key, body))
    except ValueError as error:
        raise ReadFailed(str(error)) from None
