"""A command frame, read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final

import msgspec

from venues.kalshi.exchange.market import Market

MAX_COMMAND: Final = 4 * 1024 * 1024
"""Characters of one command: a subscription of a hundred thousand markets fits."""

_Ticker = Annotated[str, msgspec.Meta(max_length=200)]


class Params(msgspec.Struct):
    """The parameters of all commands; each takes those that are its own."""

    channels: list[str] | None = None
    market_ticker: _Ticker | None = None
    market_tickers: list[_Ticker] | None = None
    market_id: str | None = None
    market_ids: list[str] | None = None
    sid: int | None = None
    sids: list[int] | None = None
    action: str | None = None
    send_initial_snapshot: bool = False
    skip_ticker_ack: bool = False
    use_yes_price: bool = False

    def tickers(self, markets: Mapping[str, Market]) -> list[str] | None:
        """The markets that are named, None where none is."""
        if self.market_ticker is not None:
            return [self.market_ticker]
        if self.market_tickers is not None:
            return list(dict.fromkeys(self.market_tickers))
        ids = [self.market_id] if self.market_id is not None else self.market_ids
        if ids is None:
            return None
        known = {market.market_id: ticker for ticker, market in markets.items()}
        return [known.get(one, one) for one in ids]


class Command(msgspec.Struct):
    """``id`` 0 is none."""

    cmd: str
    id: Annotated[int, msgspec.Meta(ge=0)] = 0
    params: Params | None = None


COMMANDS: Final = msgspec.json.Decoder(Command)
