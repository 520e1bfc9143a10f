"""Which wallets belong to a signer: the addresses that Polymarket's factories give to its wallets (CREATE2)."""

from __future__ import annotations

from enum import IntEnum
from functools import lru_cache
from typing import Final

from venues.polymarket.exchange import contracts
from venues.polymarket.exchange.eip712 import address_bytes, address_word, checksum, keccak

_PROXY_CODE: Final = (
    "3d3d606380380380913d393d73{factory}5af4602a57600080fd5b602d8060366000396000f3363d3d373d3d3d363d73{implementation}"
    "5af43d82803e903d91602b57fd5bf352e831dd" + "00" * 31 + "20" + "00" * 32
)
_UUPS_HEAD: Final = 0x61003D3D8160233D3973
_UUPS_BODY: Final = bytes.fromhex(
    "60095155f3363d3d373d3d363d7f360894a13ba1a3210667c828492db98dca3e2076"
    "cc3735a920a3ca505d382bbc545af43d6000803e6038573d6000fd5b3d6000f3"
)
_BEACON_HEAD: Final = 0x6100523D8160233D3973
_BEACON_BODY: Final = bytes.fromhex(
    "60195155f3363d3d373d3d363d602036600436635c60da"
    "1b60e01b36527fa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6c"
    "b3582b35133d50545afa5036515af43d6000803e604d573d6000fd5b3d6000f3"
)
_LENGTH_SHIFT: Final = 56


class WalletKind(IntEnum):
    """The kinds of wallet, by the signature type of their orders."""

    EOA = 0
    PROXY = 1
    SAFE = 2
    DEPOSIT = 3


@lru_cache(maxsize=4096)
def wallets_of(signer: str, kind: WalletKind) -> tuple[str, ...]:
    """The wallets of that kind that the signer's address leads to, the present form first."""
    match kind:
        case WalletKind.EOA:
            return (checksum(signer),)
        case WalletKind.PROXY:
            return (_proxy(signer),)
        case WalletKind.SAFE:
            return (_safe(signer),)
        case WalletKind.DEPOSIT:
            return (
                _deposit(signer, _BEACON_HEAD, contracts.DEPOSIT_BEACON, _BEACON_BODY),
                _deposit(signer, _UUPS_HEAD, contracts.DEPOSIT_IMPLEMENTATION, _UUPS_BODY),
            )


def _proxy(signer: str) -> str:
    code = _PROXY_CODE.format(
        factory=address_bytes(contracts.PROXY_FACTORY).hex(),
        implementation=address_bytes(contracts.PROXY_IMPLEMENTATION).hex(),
    )
    return _create2(contracts.PROXY_FACTORY, keccak(address_bytes(signer)), keccak(bytes.fromhex(code)))


def _safe(signer: str) -> str:
    return _create2(
        contracts.SAFE_FACTORY, keccak(address_word(signer)), bytes.fromhex(contracts.SAFE_INIT_CODE_HASH[2:])
    )


def _deposit(signer: str, head: int, target: str, body: bytes) -> str:
    arguments = address_word(contracts.DEPOSIT_FACTORY) + address_word(signer)
    prefix = (head + (len(arguments) << _LENGTH_SHIFT)).to_bytes(10, "big")
    return _create2(
        contracts.DEPOSIT_FACTORY, keccak(arguments), keccak(prefix + address_bytes(target) + body + arguments)
    )


def _create2(factory: str, salt: bytes, code_hash: bytes) -> str:
    return checksum("0x" + keccak(b"\xff" + address_bytes(factory) + salt + code_hash)[12:].hex())
