"""What a trader's accounts have: passed on to the venue that its orders would go to now, and back to whoever asked."""

from __future__ import annotations

from actors.base import Address, handles
from actors.cash_messages import CashAsked, CashSaid
from actors.trader_door import TraderDoor


class TraderCash(TraderDoor):
    """Guarantees: an answer is about the money that an order would have cost when it was asked for, paper or real."""

    def __init__(self) -> None:
        """Nobody has asked."""
        super().__init__()
        self.cash_asker: Address | None = None

    @handles(CashAsked)
    def cash_asked(self, message: CashAsked, sender: Address) -> None:
        """Ask each platform's venue; what this trader does not execute it knows nothing of."""
        self.cash_asker = sender
        for platform in sorted(message.platforms & self.config.venues.keys()):
            roles = self.config.venues[platform]
            role = roles.paper if self.dry or roles.live is None else roles.live
            self.send(self.roles[role], CashAsked(message.number, frozenset({platform}), message.markets))

    @handles(CashSaid)
    def cash_said(self, message: CashSaid, _sender: Address) -> None:
        """A venue's word."""
        if self.cash_asker is not None:
            self.send(self.cash_asker, message)
