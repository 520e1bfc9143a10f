"""What a person is asked to approve: two markets, which outcome is which, and the evidence point by point."""

from __future__ import annotations

from typing import Final

import msgspec

from pairing.candidates import judge
from pairing.facts import Kind
from pairing.judgement import Flag, Judgement, Point, State, Verdict
from pairing.kalshi_game import read_kalshi_game
from pairing.leagues import Leagues
from pairing.listing import Listing

__all__ = ["Proposal", "category_of", "propose"]

TEXT: Final = "text"
"""The class of everything that is judged by its words alone."""

_KINDS: Final = {
    Kind.WINNER: "moneyline",
    Kind.SPREAD: "spread",
    Kind.TOTAL: "total",
    Kind.TEAM_TOTAL: "team-total",
    Kind.BOTH_SCORE: "both-to-score",
    Kind.PLAYER: "player",
}
_TWO: Final = 2


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """Two markets that may be one contract. ``yes_token`` pays when Kalshi's YES does: found by name, not by place.

    ``category`` is league and type, such as ``nba/moneyline``: by it a person names what may be approved by itself.
    """

    kalshi_id: str
    polymarket_id: str
    category: str
    kalshi_yes: str
    yes_token: str
    yes_name: str
    no_token: str
    no_name: str
    points: tuple[Point, ...] = ()
    flags: tuple[Flag, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """What its points come to."""
        return Judgement(self.points, self.flags, 0).verdict

    def of(self, state: State) -> list[Point]:
        """The points in that state."""
        return [point for point in self.points if point.state is state]


def propose(
    kalshi: Listing, polymarket: Listing, leagues: Leagues, judgement: Judgement | None = None
) -> Proposal | None:
    """The evidence as it can be kept; None where it is not known which outcome is Kalshi's YES: nothing to trade."""
    judged = judge(kalshi, polymarket, leagues) if judgement is None else judgement
    if judged.yes is None or len(polymarket.outcomes) != _TWO:
        return None
    yes, no = polymarket.outcomes[judged.yes], polymarket.outcomes[1 - judged.yes]
    if yes.token is None or no.token is None:
        return None
    return Proposal(
        kalshi_id=kalshi.market_id,
        polymarket_id=polymarket.market_id,
        category=category_of(kalshi, leagues),
        kalshi_yes=kalshi.outcomes[0].name,
        yes_token=yes.token,
        yes_name=yes.name,
        no_token=no.token,
        no_name=no.name,
        points=judged.points,
        flags=judged.flags,
    )


def category_of(kalshi: Listing, leagues: Leagues) -> str:
    """League and type of a game such as ``nba/moneyline``; ``text`` for what is about no game that is known."""
    game = read_kalshi_game(kalshi, leagues)
    if game is None or game.kind is None:
        return TEXT
    return f"{game.league.value}/{_KINDS.get(game.kind.value, str(game.kind.value).replace(' ', '-'))}"
