"""One wallet: pUSD and shares on the chain, what of them is spoken for, and what its contracts may take."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final

from protocol.units import Money
from venues.polymarket.exchange.amounts import Shares, paid
from venues.polymarket.exchange.contracts import SPENDERS
from venues.polymarket.exchange.eip712 import UINT256
from venues.polymarket.exchange.wallets import WalletKind

if TYPE_CHECKING:
    from venues.polymarket.exchange.order import Order

HOUSE: Final = "0x0000000000000000000000000000000000000a4b"
"""Who the seeded liquidity belongs to: has no limit, and nobody reads its books."""

UNLIMITED: Final = UINT256 - 1


class Account:
    """The books of one wallet: ``cash`` and ``shares`` are on the chain, what a match will take of them is ``owed``."""

    def __init__(self, wallet: str, kind: WalletKind = WalletKind.EOA) -> None:
        self.wallet = wallet
        self.kind = kind
        self.signers: set[str] = set()
        self.cash = 0
        self.shares: dict[str, int] = defaultdict(int)
        self.owed_cash = 0
        self.owed_shares: dict[str, int] = defaultdict(int)
        self.allowances: dict[str, int] = dict.fromkeys(SPENDERS, UNLIMITED)
        self.approved: dict[str, bool] = dict.fromkeys(SPENDERS, True)
        self.working: dict[str, Order] = {}

    @property
    def unlimited(self) -> bool:
        """Whether it is the house."""
        return self.wallet == HOUSE

    def free_cash(self) -> Money:
        """What can be spent: without what trades that are not mined will take, and what resting buys would."""
        bound = sum(
            paid(order.price, order.left, up=True) if order.amount is None else order.amount
            for order in self.working.values()
            if order.buys
        )
        return Money(self.cash - self.owed_cash - bound)

    def free_shares(self, token: str) -> Shares:
        """What can be sold of a token: bought shares only when their trade was mined."""
        bound = sum(order.left for order in self.working.values() if not order.buys and order.token == token)
        return Shares(self.shares[token] - self.owed_shares[token] - bound)

    def lock(self, money: int, token: str, shares: int) -> None:
        """A trade was matched: what goes out with it is spoken for. What comes in is there only when it is mined."""
        self.owed_cash += max(-money, 0)
        self.owed_shares[token] += max(-shares, 0)

    def unlock(self, money: int, token: str, shares: int) -> None:
        """The trade was mined, or failed."""
        self.owed_cash -= max(-money, 0)
        self.owed_shares[token] -= max(-shares, 0)

    def move(self, money: int, token: str, shares: int) -> None:
        """On the chain."""
        self.cash += money
        self.shares[token] += shares
