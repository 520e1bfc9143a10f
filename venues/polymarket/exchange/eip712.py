"""What is signed at Polymarket, hashed as EIP-712 says, and who signed it (secp256k1 recovery)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final, Literal

from coincurve import PublicKey
from Crypto.Hash import keccak as _keccak

from venues.polymarket.exchange.contracts import CHAIN_ID

_DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
_AUTH_DOMAIN_TYPE: Final = "EIP712Domain(string name,string version,uint256 chainId)"
_AUTH_TYPE: Final = "ClobAuth(address address,string timestamp,uint256 nonce,string message)"
_AUTH_MESSAGE: Final = "This message attests that I control the given wallet"
ORDER_TYPE: Final = (
    "Order(uint256 salt,address maker,address signer,uint256 tokenId,uint256 makerAmount,uint256 takerAmount,"
    "uint8 side,uint8 signatureType,uint256 timestamp,bytes32 metadata,bytes32 builder)"
)
_WALLET_TYPE: Final = (
    "TypedDataSign(Order contents,string name,string version,uint256 chainId,address verifyingContract,bytes32 salt)"
    + ORDER_TYPE
)
_EXCHANGE_NAME: Final = "Polymarket CTF Exchange"
_SIGNATURE_BYTES: Final = 65
_ADDRESS_BYTES: Final = 20
_WORD: Final = 32
UINT256: Final = 1 << 256

Version = Literal["2", "3"]


class BadSignature(ValueError):
    """Text that is no signature, address or number as contracts have them; it says which."""


def keccak(data: bytes) -> bytes:
    """Keccak-256."""
    return _keccak.new(digest_bits=256, data=data).digest()


def checksum(address: str) -> str:
    """The address with the upper and lower case of EIP-55. Raises :class:`BadSignature`."""
    text = address_bytes(address).hex()
    nibbles = keccak(text.encode()).hex()
    return "0x" + "".join(
        letter.upper() if int(nibble, 16) > 7 else letter  # noqa: PLR2004 -- the upper half of a nibble
        for letter, nibble in zip(text, nibbles, strict=False)
    )


def address_bytes(address: str) -> bytes:
    """Its 20 bytes. Raises :class:`BadSignature`."""
    return _bytes(address, _ADDRESS_BYTES, "address")


def number_word(number: int) -> bytes:
    """A uint256. Raises :class:`BadSignature`."""
    if not 0 <= number < UINT256:
        raise BadSignature("a number is not a uint256")
    return number.to_bytes(_WORD, "big")


def address_word(address: str) -> bytes:
    """An address as a word. Raises :class:`BadSignature`."""
    return address_bytes(address).rjust(_WORD, b"\0")


def word(text: str) -> bytes:
    """A bytes32. Raises :class:`BadSignature`."""
    return _bytes(text, _WORD, "bytes32")


def text_word(text: str) -> bytes:
    """A string, or a type: its hash."""
    return keccak(text.encode())


@lru_cache(maxsize=64)
def order_domain(contract: str, version: Version) -> bytes:
    """The domain separator of an exchange contract."""
    return keccak(
        text_word(_DOMAIN_TYPE)
        + text_word(_EXCHANGE_NAME)
        + text_word(version)
        + number_word(CHAIN_ID)
        + address_word(contract)
    )


def digest(domain: bytes, struct: bytes) -> bytes:
    """What is signed."""
    return keccak(b"\x19\x01" + domain + struct)


def wallet_struct(contents: bytes, wallet: str) -> bytes:
    """The hash of what a deposit wallet's owner signs around an order (``TypedDataSign``, domain DepositWallet 1)."""
    return keccak(
        text_word(_WALLET_TYPE)
        + contents
        + text_word("DepositWallet")
        + text_word("1")
        + number_word(CHAIN_ID)
        + address_word(wallet)
        + bytes(_WORD)
    )


def wallet_trailer(domain: bytes, contents: bytes) -> bytes:
    """What follows the owner's 65 bytes in the signature of a deposit wallet."""
    kind = ORDER_TYPE.encode()
    return domain + contents + kind + len(kind).to_bytes(2, "big")


def auth_digest(address: str, timestamp: str, nonce: int) -> bytes:
    """What is signed for an API key (``ClobAuth``). Raises :class:`BadSignature`."""
    domain = keccak(text_word(_AUTH_DOMAIN_TYPE) + text_word("ClobAuthDomain") + text_word("1") + number_word(CHAIN_ID))
    struct = keccak(
        text_word(_AUTH_TYPE)
        + address_word(address)
        + text_word(timestamp)
        + number_word(nonce)
        + text_word(_AUTH_MESSAGE)
    )
    return digest(domain, struct)


def signature_bytes(text: str) -> bytes:
    """A signature's bytes, 65 of them at least. Raises :class:`BadSignature`."""
    raw = _bytes(text, None, "signature")
    if len(raw) < _SIGNATURE_BYTES:
        raise BadSignature("a signature has 65 bytes")
    return raw


def recovered(signed: bytes, signature: bytes) -> str:
    """The address that made these 65 bytes over that digest. Raises :class:`BadSignature`."""
    v = signature[64]
    recovery = v - 27 if v >= 27 else v  # noqa: PLR2004 -- Ethereum's 27 and 28, or bare 0 and 1
    if len(signature) != _SIGNATURE_BYTES or recovery not in {0, 1}:
        raise BadSignature("not a signature of 65 bytes that ends with 27 or 28")
    try:
        key = PublicKey.from_signature_and_message(signature[:64] + bytes([recovery]), signed, hasher=None)
    except Exception as error:  # noqa: BLE001 -- coincurve raises a bare one for what is no point of the curve
        raise BadSignature(f"not a signature: {error}") from None
    return address_of(key)


def address_of(key: PublicKey) -> str:
    """The address of a public key."""
    return checksum("0x" + keccak(key.format(compressed=False)[1:])[12:].hex())


def _bytes(text: str, length: int | None, what: str) -> bytes:
    try:
        raw = bytes.fromhex(text[2:]) if text[:2] in {"0x", "0X"} else b""
    except ValueError:
        raw = b""
    if not raw or (length is not None and len(raw) != length):
        raise BadSignature(f"not the hex text of a {what}: {text[:80]!r}")
    return raw
