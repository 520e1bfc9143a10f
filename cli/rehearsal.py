"""A rehearsal's home and its other side: nothing of it may be taken for real, and nothing real for a rehearsal."""

from __future__ import annotations

from typing import Final

from cli.error import CliError
from cli.exit_codes import CONFIGURATION
from cli.pairs_source import named_pairs
from config.settings import Settings
from market.fees import FeeModel, polymarket_fees
from protocol.terms import Platform
from simulation.market_pairs import DEFAULT_PAIRS
from transport.pairs.schema import FILE_NAME as PAIRS_STORE
from transport.paper_account import PaperAccount
from transport.rehearsal import OtherSide
from venues.paper.venue import PaperVenue

MARK: Final = "rehearsal"
"""The file that says what a home is for."""


def own_home(settings: Settings) -> None:
    """Raise :class:`CliError` where a rehearsal would come into a home of real trades, or the other way round."""
    home = settings.home.ensure()
    mark = home / MARK
    if not settings.rehearsal:
        if mark.exists():
            raise CliError(
                CONFIGURATION, f"rehearsal: {home} is one's: set `rehearsal`, or ARB_HOME to another directory"
            )
        return
    if mark.exists():
        return
    used = next((file for file in home.glob("*.db") if file.name != PAIRS_STORE), None)
    # Another process of the same rehearsal, started in the same moment, marks the home before it makes a file.
    if used is not None and not mark.exists():
        raise CliError(CONFIGURATION, f"rehearsal: {used} may hold real trades: set ARB_HOME to a directory of its own")
    mark.write_text("what is in here was never real\n")


def other_side(settings: Settings, platform: Platform) -> OtherSide:
    """The made-up venue, with an account that survives its traders and the fees of the pairs."""
    pairs = list(DEFAULT_PAIRS) if settings.pairs is None else named_pairs(settings)
    rates = {token: pair.polymarket_rate_ppm for pair in pairs for token in (pair.poly_yes_token, pair.poly_no_token)}
    dearest = max(rates.values(), default=0)

    def fees(market: str) -> FeeModel:
        return polymarket_fees(rates.get(market, dearest), 1)

    account = PaperAccount(settings.home.ensure() / f"rehearsal-{platform}.db")
    return OtherSide(PaperVenue(platform, account=account, fees=fees))
