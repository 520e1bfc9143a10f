"""What a trader's accounts hold: passed on to the venue that its orders would go to now, and back to whoever asked."""

from __future__ import annotations

from actors.base import Address, handles
from actors.holdings_messages import HoldingsAsked, HoldingsSaid
from actors.trader_cash import TraderCash


class TraderHoldings(TraderCash):
    """Guarantees: an answer is about the account that an order would have gone to when it was asked for."""

    def __init__(self) -> None:
        """Nobody has asked."""
        super().__init__()
        self.holdings_asker: Address | None = None

    @handles(HoldingsAsked)
    def holdings_asked(self, message: HoldingsAsked, sender: Address) -> None:
        """Ask each platform's venue."""
        self.holdings_asker = sender
        for platform in sorted(message.platforms & self.config.venues.keys()):
            roles = self.config.venues[platform]
            role = roles.paper if self.dry or roles.live is None else roles.live
            self.send(self.roles[role], HoldingsAsked(message.number, frozenset({platform}), message.since_us))

    @handles(HoldingsSaid)
    def holdings_said(self, message: HoldingsSaid, _sender: Address) -> None:
        """A venue's word."""
        if self.holdings_asker is not None:
            self.send(self.holdings_asker, message)
