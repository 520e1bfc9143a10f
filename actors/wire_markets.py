"""Questions about markets, and their answers, between the actors and the wire."""

from __future__ import annotations

from typing import Final

from actors.market_messages import MarketsAsked, MarketsSaid
from protocol.wire import MAX_STATED_MARKETS, Markets, MarketsQuery

MAX_WHY: Final = 300
"""Characters of a reason on the wire: a hundred of them, with their markets' names, must fit into one frame."""


def markets_query(asked: MarketsAsked) -> MarketsQuery:
    """The question."""
    return MarketsQuery.model_construct(number=asked.number, platform=asked.platform, markets=list(asked.markets))


def markets_answer(said: MarketsSaid, number: int) -> Markets:
    """The answer to a question of this number."""
    return Markets.model_construct(
        number=number,
        platform=said.platform,
        ready=list(said.ready[:MAX_STATED_MARKETS]),
        unready=[(market, _short(why)) for market, why in said.unready[:MAX_STATED_MARKETS]],
    )


def _short(why: str) -> str:
    # Whatever a venue said: one byte a character, none of which JSON writes as six.
    plain = why.encode("ascii", "replace").decode()
    return "".join(letter if letter.isprintable() and letter not in '"\\' else "?" for letter in plain)[:MAX_WHY]


def off_the_wire_markets(told: Markets, who: str, conn_id: int) -> MarketsSaid:
    """A trader's word."""
    return MarketsSaid(told.number, told.platform, tuple(told.ready), tuple(told.unready), who, conn_id)
