"""In which markets an order for money could leave, by the word of who would send it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from actors.risk.approval import Proposal, Reason, Refused
from protocol.terms import Platform

NOT_SAID: Final = "it was asked and has not said"


class Readiness:
    """Of a platform whose path states it, only what that path has stated counts; of the others nothing is held back."""

    def __init__(self) -> None:
        """Nobody states anything."""
        self._stated: dict[Platform, dict[str, str | None]] = {}

    def begin(self, platform: Platform) -> None:
        """Somebody who states it executes the platform from now on: what another one has stated does not count."""
        self._stated[platform] = {}

    def end(self, platform: Platform) -> None:
        """Nobody there states it any more."""
        self._stated.pop(platform, None)

    def tell(self, platform: Platform, market: str, why: str | None) -> bool:
        """The newest word on a market: why no order could leave, or None. True where one could not before this."""
        stated = self._stated.get(platform)
        if stated is None:
            return False
        before = stated.get(market, NOT_SAID)
        stated[market] = why
        return before is not None and why is None

    def why(self, platform: Platform, market: str) -> str | None:
        """What stands against an order in this market; None: nothing."""
        stated = self._stated.get(platform)
        return None if stated is None else stated.get(market, NOT_SAID)

    def unready(self, platform: Platform, markets: Iterable[str]) -> dict[str, str]:
        """Those of these markets that are not traded for money, and why."""
        told = ((market, self.why(platform, market)) for market in markets)
        return {market: why for market, why in told if why is not None}

    def against(self, proposal: Proposal) -> Refused | None:
        """The first leg of the trade that could not leave: the other one would be half an arb."""
        for leg in proposal.legs:
            why = self.why(leg.platform, leg.market)
            if why is not None:
                text = f"{leg.market} on {leg.platform}: {why}"
                return Refused(reason=Reason.NO_RULES, what=leg.market, text=text)
        return None
