"""The market channel: books of the tokens that a client names, for everybody."""

from __future__ import annotations

from venues.polymarket.exchange import frames
from venues.polymarket.exchange.events import BookMoved, Event, MarketListed, MarketResolved, TickChanged
from venues.polymarket.exchange.exchange import PolymarketExchange
from venues.polymarket.exchange.faults import Faults
from venues.polymarket.exchange.session import Command, Session
from venues.polymarket.exchange.tape_frame import Recorded


class MarketSession(Session):
    """A client's subscription: an array with the books first, then what changes."""

    channel = "market"

    def __init__(self, exchange: PolymarketExchange, faults: Faults) -> None:
        super().__init__(exchange, faults)
        self._tokens: dict[str, None] = {}
        self._custom = False
        self._begun = False

    @property
    def follows(self) -> bool:
        """Whether it waits for a book."""
        return bool(self._tokens)

    def obey(self, command: Command, now_us: int) -> None:
        """The first subscription, more of it, or less."""
        del now_us
        kind = command.operation or ("begin" if command.type.lower() == "market" else "")
        if kind not in {"begin", "subscribe", "unsubscribe"} or (kind == "begin" and self._begun):
            self.refuse()
            return
        if command.custom_feature_enabled is not None:
            self._custom = command.custom_feature_enabled
        if kind == "unsubscribe":
            for token in command.assets_ids:
                self._tokens.pop(token, None)
            return
        self._begun = True
        new = [token for token in dict.fromkeys(command.assets_ids) if token not in self._tokens]
        self._tokens |= dict.fromkeys(new)
        known = ((token, self.exchange.by_token[token]) for token in new if token in self.exchange.by_token)
        books = [frames.book(market, token) for token, market in known if market.spoken]
        if books:
            self.say(books, "book", tuple(new))

    def take(self, event: Event, now_us: int) -> None:
        """What happened, as far as it concerns the tokens that are followed."""
        match event:
            case BookMoved():
                self._moved(event)
            case TickChanged(market=market, before=before):
                for token in market.tokens:
                    if token in self._tokens:
                        self.say(frames.tick_change(market, token, before, now_us), "tick_size_change", (token,))
            case MarketListed(market=market):
                if self._custom and self._begun:
                    self.say(frames.listed(market, now_us), "new_market", market.tokens)
            case MarketResolved(market=market):
                if self._custom and self._tokens.keys() & set(market.tokens):
                    self.say(frames.resolved(market, now_us), "market_resolved", market.tokens)
            case _:
                return

    def play(self, recorded: Recorded, now_us: int) -> list[str]:
        """A frame of a recording, word for word, where it speaks of a token that is followed."""
        del now_us
        if self._tokens.keys() & set(recorded.tokens):
            only = recorded.objects[0] if len(recorded.objects) == 1 else None
            self.send(recorded.text, recorded.kind, recorded.tokens, only)
        return self._taken()

    def _moved(self, event: BookMoved) -> None:
        market = event.market
        mine = [token for token in market.tokens if token in self._tokens]
        if not mine or not market.spoken:
            return
        self.say(frames.price_change(market, event.places), "price_change", market.tokens)
        for trade in event.trades:
            if trade.taker.token in self._tokens:
                self.say(frames.last_trade(trade), "last_trade_price", (trade.taker.token,))
        for token in mine:
            if event.trades:
                self.say(frames.book(market, token), "book", (token,))
            if self._custom:
                self.say(frames.best(market, token), "best_bid_ask", (token,))
