"""The user channel: orders and trades of the key that opened it."""

from __future__ import annotations

from venues.polymarket.exchange import frames
from venues.polymarket.exchange.events import Event, OrderNoted, TradeNoted
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.faults import Faults
from venues.polymarket.exchange.key_ring import KeyRing
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.session import Command, Session


class UserSession(Session):
    """Opened by all three parts of a key; anything else ends the connection. ``markets`` None: all of them."""

    channel = "user"

    def __init__(self, exchange: PolymarketExchange, faults: Faults, keys: KeyRing) -> None:
        super().__init__(exchange, faults)
        self._keys = keys
        self._owner = ""
        self._markets: dict[str, None] | None = {}

    def obey(self, command: Command, now_us: int) -> None:
        """The key and the markets, then more or fewer markets."""
        del now_us
        named = dict.fromkeys(one.lower() for one in command.markets or ())
        if not self._owner:
            auth = command.auth
            key = self._keys.opened(auth.get("apiKey", ""), auth.get("secret", ""), auth.get("passphrase", ""))
            if key is None or command.type.lower() != "user":
                self.broken = True
                return
            self._owner, self._markets = key.key, named or None
        elif command.operation == "subscribe":
            self._markets = (self._markets or {}) | named
        elif command.operation == "unsubscribe":
            self._markets = {one: None for one in self._markets or {} if one not in named} or None
        else:
            self.refuse()

    def take(self, event: Event, now_us: int) -> None:
        """What happened to an order or a trade of the key."""
        if not self._owner:
            return
        match event:
            case OrderNoted(order=order, news=news) if order.owner == self._owner and self._wants(order.market):
                self.say(frames.order(order, news, now_us), "order", (order.token,))
            case TradeNoted(trade=trade) if self._wants(trade.taker.market):
                owners = {trade.taker.owner, *(fill.order.owner for fill in trade.makers if fill.order is not None)}
                if self._owner in owners:
                    self.say(frames.trade(trade, self._owner, now_us), "trade", (trade.taker.token,))
            case _:
                return

    def _wants(self, market: Market) -> bool:
        return self._markets is None or market.condition.lower() in self._markets
