"""The EIP-712 hash of an order: its id at Polymarket, known before it is posted.

Made here from the fields that go out, and not by the client that signed them: a test signs this hash with the keys of
known orders and must get the known signatures.
"""

from __future__ import annotations

from typing import Final, Literal

from eth_utils.crypto import keccak

from venues.polymarket.orders import SignedFields

NAME: Final = "Polymarket CTF Exchange"
DOMAIN: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
ORDER: Final = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    "uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
SIDES: Final = {"BUY": 0, "SELL": 1}

Version = Literal["2", "3"]


def order_hash(order: SignedFields, *, contract: str, version: Version, chain_id: int) -> str:
    """``0x`` and 64 hex digits. ``contract`` is the exchange that settles it, ``version`` that of its domain."""
    separator = keccak(
        keccak(text=DOMAIN) + keccak(text=NAME) + keccak(text=version) + _number(chain_id) + _bytes(contract)
    )
    struct = keccak(
        keccak(text=ORDER)
        + _number(order.salt)
        + _bytes(order.maker)
        + _bytes(order.signer)
        + _number(int(order.token_id))
        + _number(order.maker_amount)
        + _number(order.taker_amount)
        + _number(SIDES[order.side])
        + _number(order.signature_type)
        + _number(order.timestamp)
        + _bytes(order.metadata)
        + _bytes(order.builder)
    )
    return "0x" + keccak(b"\x19\x01" + separator + struct).hex()


def _number(value: int) -> bytes:
    return value.to_bytes(32, "big")


def _bytes(text: str) -> bytes:
    """An address or 32 bytes, as a word."""
    return bytes.fromhex(text.removeprefix("0x")).rjust(32, b"\0")
