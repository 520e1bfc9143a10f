"""Questions about cash, and their answers, between the actors and the wire."""

from __future__ import annotations

from typing import Any

from actors.cash_messages import CashAsked, CashSaid
from protocol.terms import Platform
from protocol.wire import MAX_ACCOUNTS, MAX_ASKED_MARKETS, MAX_TEXT, Cash, CashQuery


def cash_query(asked: CashAsked, platforms: list[Platform]) -> CashQuery:
    """The question, of these platforms; a peer of before shards were asked for finds nothing new in it."""
    if not asked.markets:
        return CashQuery.model_construct(number=asked.number, platforms=platforms)
    return CashQuery.model_construct(number=asked.number, platforms=platforms, markets=list(asked.markets))


def cash_answer(said: CashSaid, number: int) -> Cash:
    """The answer to a question of this number."""
    shards: dict[str, Any] = {"shards": list(said.shards[:MAX_ASKED_MARKETS])} if said.shards else {}
    return Cash.model_construct(
        number=number,
        platform=said.platform,
        paper=said.paper,
        accounts=list(said.accounts[:MAX_ACCOUNTS]),
        error=None if said.failed is None else said.failed[:MAX_TEXT],
        **shards,
    )


def off_the_wire_cash(told: Cash, who: str) -> CashSaid:
    """A trader's answer."""
    accounts, shards = tuple(told.accounts), tuple(told.shards)
    return CashSaid(told.number, told.platform, told.paper, accounts, told.error, who, shards)
