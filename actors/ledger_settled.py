"""What markets were worth in the end, as far as venues or a person have said it. Pure."""

from __future__ import annotations

from actors.facts import Settled
from actors.risk.facts import PaidOut
from protocol.terms import PairId, Platform, Side
from protocol.units import DOLLAR, Price


def payout(value: Price, side: Side) -> Price:
    """What a contract of that side is paid where one of YES is paid ``value``."""
    return value if side is Side.YES else Price(DOLLAR - value)


class Settlements:
    """The newest word of each venue on its market, and of a person on a pair."""

    def __init__(self) -> None:
        """Nothing has settled."""
        self.markets: dict[tuple[bool, Platform, str], Settled] = {}
        self.pairs: dict[PairId, PaidOut] = {}

    def __bool__(self) -> bool:
        """Anything was said."""
        return bool(self.markets or self.pairs)

    def add(self, fact: Settled | PaidOut) -> None:
        """Take it in."""
        if isinstance(fact, Settled):
            self.markets[fact.paper, fact.platform, fact.market] = fact
        else:
            self.pairs[fact.pair_id] = fact

    def of(self, paper: bool, platform: Platform, market: str) -> Settled | None:  # noqa: FBT001 -- an account
        """The venue's word on a market, as an account there heard it."""
        return self.markets.get((paper, platform, market))
