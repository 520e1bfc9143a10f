"""What an operator has set about risk, as one frozen value, and the guard that it makes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC
from typing import Final

import msgspec

from actors.risk.asking import AskRules
from actors.risk.breaker import BreakerRules
from actors.risk.day import TradingDay
from actors.risk.guard import RiskGuard
from actors.risk.limits import NO_LIMITS, Limits
from actors.risk.terms import Terms, dearest_terms, terms_of
from market.fees import RETAIL_PRECISION
from market.pair import Pair
from protocol.terms import PairId, Platform
from protocol.units import Money

UTC_DAY: Final = TradingDay(UTC, 0)


class RiskPlan(msgspec.Struct, frozen=True, kw_only=True):
    """The limits (of paper money where they differ), where breakers trip, when a day begins, which trades are asked.

    ``precision`` is how Kalshi rounds the fees of this account. ``cash_every_us``: how often venues are asked what is
    there to be spent; None: never. Without anything given nothing is limited and no breaker trips.
    """

    limits: Limits = NO_LIMITS
    paper: Limits | None = None
    rules: BreakerRules = BreakerRules()
    day: TradingDay = UTC_DAY
    precision: Money = RETAIL_PRECISION
    asks: AskRules = AskRules()
    cash_every_us: int | None = None


NO_RISK_PLAN: Final = RiskPlan()


def guard_of(plan: RiskPlan, pairs: Mapping[PairId, Pair], now_us: int) -> RiskGuard:
    """A guard for these pairs, with nothing at stake yet."""
    known: dict[tuple[PairId, Platform], Terms] = {}

    def terms(pair_id: PairId, platform: Platform) -> Terms:
        found = known.get((pair_id, platform))
        if found is not None:
            return found
        pair = pairs.get(pair_id)
        if pair is None:
            return dearest_terms(pair_id, platform)
        found = known[pair_id, platform] = terms_of(pair, platform, precision=plan.precision)
        return found

    return RiskGuard(plan.limits, terms, plan.rules, plan.day, now_us, paper=plan.paper)
