"""In which markets a trader can order: asked of the live venue alone, and told to whoever sends the legs."""

from __future__ import annotations

from actors.base import Address, handles
from actors.market_messages import MarketsAsked, MarketsSaid
from actors.trader_holdings import TraderHoldings


class TraderMarkets(TraderHoldings):
    """Guarantees: what is told is the word of the venue that an order for money would go to."""

    @handles(MarketsAsked)
    def markets_asked(self, message: MarketsAsked, _sender: Address) -> None:
        """Paper needs to know nothing of a market, and says nothing."""
        roles = self.config.venues.get(message.platform)
        if roles is not None and roles.live is not None and not self.dry:
            self.send(self.roles[roles.live], message)

    @handles(MarketsSaid)
    def markets_said(self, message: MarketsSaid, _sender: Address) -> None:
        """A venue's word, asked for or not."""
        self.send(self.roles[self.config.reports_to], message)
