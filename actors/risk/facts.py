"""What the ledger keeps of risk, so that states and breakers survive a restart. Facts as in `actors/facts.py`."""

from __future__ import annotations

from actors.fact import Fact
from protocol.terms import PairId, TradeId
from protocol.units import Price


class RiskStateChanged(Fact, frozen=True):
    """What may be traded changed, or what was asked for did. ``by`` is who moved it, ``reason`` in words.

    ``state`` is what holds; ``asked`` what a person (or the supervisor) wants: the stricter of that and of what the
    standing breakers demand holds.
    """

    state: str
    asked: str
    by: str
    reason: str


class BreakerTripped(Fact, frozen=True):
    """A breaker tripped. ``reason_id`` is what a person acknowledges; ``what`` the venue or pair, empty for all.

    ``value`` is the number that tripped it, in the breaker's unit. Until ``until_us`` (unix microseconds) it stands;
    None: until a person acknowledges it.
    """

    reason_id: str
    breaker: str
    what: str
    effect: str
    text: str
    value: int
    until_us: int | None


class BreakerCleared(Fact, frozen=True):
    """It stands no more: ``by`` a person who acknowledged it, or its cool-down."""

    reason_id: str
    by: str


class PaidOut(Fact, frozen=True):
    """Both venues have paid out what these trades of the pair held: it is at stake no more.

    ``value`` is what a contract of YES was paid, where that was said.
    """

    pair_id: PairId
    trade_ids: tuple[TradeId, ...]
    value: Price | None = None


RiskFact = RiskStateChanged | BreakerTripped | BreakerCleared | PaidOut
