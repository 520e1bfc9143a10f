"""The pairs of the simulated market, with fees as the venues ask them for such questions."""

from __future__ import annotations

from typing import Final, NamedTuple

from market.pair import Pair
from market.pairs import format_pairs
from protocol.terms import PairId


class _Question(NamedTuple):
    name: str
    text: str
    ticker: str
    polymarket_rate_ppm: int


_QUESTIONS: Final = (
    _Question("rate-cut", "the central bank cuts its rate in March", "KXSIMRATE-26MAR-CUT", 50_000),
    _Question("cup-final", "the home side wins the cup final", "KXSIMCUP-26FINAL-HOME", 50_000),
    _Question("treaty", "the treaty is signed this year", "KXSIMTREATY-26-SIGNED", 0),
    _Question("ceo-leaves", "the chief executive leaves by June", "KXSIMCEO-26JUN-OUT", 40_000),
)
_KALSHI_RATE_PPM: Final = 70_000


def _pair(number: int, question: _Question) -> Pair:
    return Pair(
        pair_id=PairId(f"sim_{question.name.replace('-', '_')}"),
        market_id=number,
        description=f"Simulated: {question.text}",
        kalshi_market_ticker=question.ticker,
        poly_yes_token=f"sim-{question.name}-yes",
        poly_no_token=f"sim-{question.name}-no",
        kalshi_rate_ppm=_KALSHI_RATE_PPM,
        polymarket_rate_ppm=question.polymarket_rate_ppm,
    )


DEFAULT_PAIRS: Final = tuple(_pair(number, question) for number, question in enumerate(_QUESTIONS))


def default_pairs_toml() -> str:
    """The same pairs as the text of a pairs file."""
    return format_pairs(DEFAULT_PAIRS)
