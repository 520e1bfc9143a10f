"""Whether an order was signed by somebody who may trade for its wallet, and what the order is called: its hash."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from venues.polymarket.exchange.eip712 import (
    BadSignature,
    checksum,
    digest,
    order_domain,
    recovered,
    signature_bytes,
    wallet_struct,
    wallet_trailer,
)
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.order_request import SignedOrder
from venues.polymarket.exchange.refusal import invalid
from venues.polymarket.exchange.wallets import WalletKind, wallets_of

_OWNER_BYTES: Final = 65


@dataclass(frozen=True, slots=True)
class Signed:
    """An order's hash, its wallet, and the address whose key signed."""

    order_id: str
    wallet: str
    signer: str


class Authority:
    """A wallet belongs to the signer whose address leads to it (:func:`wallets_of`), or for whom it was registered."""

    def __init__(self) -> None:
        self._registered: dict[tuple[str, WalletKind], set[str]] = {}

    def register(self, wallet: str, kind: WalletKind, signer: str) -> None:
        """Let that signer trade for the wallet. Raises :class:`BadSignature` for what is no address."""
        self._registered.setdefault((checksum(wallet), kind), set()).add(checksum(signer))

    def check(self, order: SignedOrder, market: Market) -> Signed:
        """Recover who signed. Raises :class:`Refusal` 400."""
        domain = order_domain(market.exchange, market.domain_version)
        try:
            contents = order.contents()
            order_hash = digest(domain, contents)
            wallet = checksum(order.maker)
            if order.kind is WalletKind.DEPOSIT:
                signer = self._owner(order, domain, contents)
            else:
                signer = recovered(order_hash, signature_bytes(order.signature))
        except BadSignature as error:
            raise invalid(f"invalid signature: {error}") from None
        expected = signer if order.kind is not WalletKind.DEPOSIT else wallet
        if checksum(order.signer) != expected:
            raise invalid("invalid signature")
        if not self.owns(signer, wallet, order.kind):
            raise invalid("invalid signature: the maker address is no wallet of the signer")
        return Signed("0x" + order_hash.hex(), wallet, signer)

    def owns(self, signer: str, wallet: str, kind: WalletKind) -> bool:
        """Whether that signer may trade for the wallet."""
        return wallet in wallets_of(signer, kind) or signer in self._registered.get((wallet, kind), ())

    def wallet_of(self, signer: str, kind: WalletKind) -> str:
        """The signer's wallet of that kind: one that was registered, or that its address leads to."""
        mine = [wallet for (wallet, of), signers in self._registered.items() if of is kind and signer in signers]
        return mine[0] if mine else wallets_of(signer, kind)[0]

    @staticmethod
    def _owner(order: SignedOrder, domain: bytes, contents: bytes) -> str:
        raw = signature_bytes(order.signature)
        if raw[_OWNER_BYTES:] != wallet_trailer(domain, contents):
            raise BadSignature("not that of a deposit wallet for this order")
        return recovered(digest(domain, wallet_struct(contents, order.signer)), raw[:_OWNER_BYTES])
