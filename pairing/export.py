"""A candidate as a pair of the pairs file: what `market.pairs` reads and the controller trades."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Final

from market.fees import RATE_UNIT
from market.pair import DEAREST_RATE, Pair
from pairing.candidates import Candidate
from pairing.listing import Listing
from protocol.terms import PairId
from protocol.units import DOLLAR, USD, Price, Quantity
from protocol.wire import MAX_NAME, MAX_TEXT

__all__ = ["NotAPair", "pair_id_of", "pair_of"]

_ODD: Final = re.compile(r"[^A-Za-z0-9_.:+=-]+")
_TWO: Final = 2
_DIGEST: Final = 10


class NotAPair(ValueError):
    """A candidate of which no pair can be made; the text says why."""


def pair_id_of(kalshi: Listing, polymarket: Listing) -> PairId:
    """A name that stays the same for the same two markets: the ticker and the beginning of a hash of both ids."""
    digest = sha256(f"{kalshi.market_id}\n{polymarket.market_id}".encode()).hexdigest()[:_DIGEST]
    return PairId(f"{_name(kalshi.market_id)[: MAX_NAME - _DIGEST - 1]}.{digest}")


def pair_of(candidate: Candidate, market_id: int = 0) -> Pair:
    """The pair, with the YES token that the judgement found by name. Raises :class:`NotAPair`.

    Fees that a listing does not state are the dearest there are. A tick that does not divide the dollar is the finest.
    """
    kalshi, polymarket, yes = candidate.kalshi, candidate.polymarket, candidate.judgement.yes
    if yes is None:
        raise NotAPair("which token is YES is not known")
    if len(polymarket.outcomes) != _TWO or any(outcome.token is None for outcome in polymarket.outcomes):
        raise NotAPair("Polymarket's market does not have two outcomes with a token each")
    rate, multiplier = _kalshi_rate(kalshi)
    return Pair(
        pair_id=pair_id_of(kalshi, polymarket),
        market_id=market_id,
        description=f"{kalshi.title} ({kalshi.outcomes[0].name})"[:MAX_TEXT],
        event_id=_name(candidate.event_key)[:MAX_NAME],
        kalshi_market_ticker=kalshi.market_id,
        poly_yes_token=polymarket.outcomes[yes].token,
        poly_no_token=polymarket.outcomes[1 - yes].token,
        kalshi_rate_ppm=rate,
        kalshi_multiplier_ppm=multiplier,
        polymarket_rate_ppm=DEAREST_RATE if polymarket.fees.rate_ppm is None else polymarket.fees.rate_ppm,
        polymarket_exponent=polymarket.fees.exponent,
        kalshi_tick=_tick(kalshi),
        poly_tick=_tick(polymarket),
        kalshi_min_contracts=kalshi.min_quantity or Quantity(1),
        poly_min_notional=polymarket.min_notional or USD,
    )


def _kalshi_rate(kalshi: Listing) -> tuple[int, int]:
    """Rate and multiplier; the dearest where their product has more digits than the file holds."""
    multiplier = RATE_UNIT if kalshi.fees.multiplier_ppm is None else kalshi.fees.multiplier_ppm
    if multiplier < 0 or DEAREST_RATE * multiplier % RATE_UNIT:
        return DEAREST_RATE, RATE_UNIT
    return DEAREST_RATE, multiplier


def _tick(listing: Listing) -> Price:
    tick = listing.tick
    return tick if tick is not None and 0 < tick < DOLLAR and DOLLAR % tick == 0 else Price(1)


def _name(text: str) -> str:
    return _ODD.sub("_", text.encode("ascii", "replace").decode())
