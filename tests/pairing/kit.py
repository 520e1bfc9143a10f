"""Made-up markets of both venues in their own JSON, of which everything is known and agrees until a test changes it."""

from __future__ import annotations

import json
from typing import Any

from pairing.candidates import judge
from pairing.gamma import read_gamma
from pairing.judgement import Judgement
from pairing.kalshi import read_kalshi
from pairing.leagues import Leagues
from pairing.listing import Listing
from transport.pair_tables import load_leagues

LEAGUES: Leagues = load_leagues()

VOID = (
    "If the game is postponed, this market will remain open until the game has been completed. "
    "If the game is canceled entirely, this market will resolve 50-50. "
    "The result includes any overtime periods."
)


def kalshi_game(**changes: Any) -> dict[str, Any]:
    """Kalshi's market "Boston wins", Toronto at Boston on 9 January 2026."""
    market = {
        "ticker": "KXNBAGAME-26JAN09TORBOS-BOS",
        "event_ticker": "KXNBAGAME-26JAN09TORBOS",
        "market_type": "binary",
        "title": "Toronto at Boston Winner?",
        "yes_sub_title": "Boston",
        "no_sub_title": "Boston",
        "status": "active",
        "rules_primary": "If Boston wins the Toronto at Boston game on Jan 9, 2026, the market resolves to Yes.",
        "rules_secondary": VOID,
        "yes_bid_dollars": "0.6000",
        "yes_ask_dollars": "0.6200",
        "no_bid_dollars": "0.3800",
        "no_ask_dollars": "0.4000",
        "close_time": "2026-01-24T00:00:00Z",
        "expected_expiration_time": "2026-01-10T03:00:00Z",
        "can_close_early": True,
        "settlement_timer_seconds": 300,
        "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
        **changes,
    }
    return {
        "event_ticker": market["event_ticker"],
        "series_ticker": market["event_ticker"].partition("-")[0],
        "title": "Toronto at Boston",
        "sub_title": "TOR at BOS (Jan 9)",
        "settlement_sources": [{"name": "NBA", "url": "https://www.nba.com/games"}],
        "markets": [market],
    }


def gamma_game(**changes: Any) -> dict[str, Any]:
    """Polymarket's market of the same game; outcomes and tokens as given here are lists, not yet texts."""
    market = {
        "conditionId": "0xc0",
        "question": "Raptors vs. Celtics",
        "slug": "nba-tor-bos-2026-01-09",
        "outcomes": ["Raptors", "Celtics"],
        "clobTokenIds": ["111", "222"],
        "outcomePrices": ["0.39", "0.61"],
        "description": f'If the Celtics win, the market will resolve to "Celtics".\n{VOID}',
        "sportsMarketType": "moneyline",
        "gameStartTime": "2026-01-10 00:30:00+00",
        "endDate": "2026-01-10T00:30:00Z",
        "active": True,
        "closed": False,
        "acceptingOrders": True,
        "enableOrderBook": True,
        "orderPriceMinTickSize": 0.01,
        "orderMinSize": 5,
        "feesEnabled": False,
        **changes,
    }
    for key in ("outcomes", "clobTokenIds", "outcomePrices"):
        market[key] = json.dumps(market[key])
    return {
        "id": "140909",
        "slug": "nba-tor-bos-2026-01-09",
        "title": "Raptors vs. Celtics",
        "resolutionSource": "https://www.nba.com/",
        "markets": [market],
    }


def kalshi_question(title: str, *, name: str = "", rules: str = "", **changes: Any) -> Listing:
    """A Kalshi market about anything, New York time, decided by the Associated Press."""
    market = {
        "ticker": "KXTHING-X",
        "event_ticker": "KXTHING",
        "title": title,
        "yes_sub_title": name,
        "status": "active",
        "rules_primary": rules or f"{title} Times are ET. If it is canceled, the market resolves to No.",
        **changes,
    }
    return one_kalshi({"markets": [market]}, {"settlement_sources": [{"name": "AP", "url": "https://apnews.com"}]})


def gamma_question(title: str, *, rules: str = "", **changes: Any) -> Listing:
    """A Polymarket market about anything, New York time, decided by the Associated Press."""
    market = {
        "conditionId": "0xc1",
        "question": title,
        "slug": "thing",
        "outcomes": json.dumps(["Yes", "No"]),
        "clobTokenIds": json.dumps(["1", "2"]),
        "description": rules or f"{title} Times are ET. If it is cancelled, this resolves to No.",
        "resolutionSource": "https://apnews.com/",
        **changes,
    }
    return one_gamma(market)


def one_kalshi(document: dict[str, Any], event: dict[str, Any] | None = None) -> Listing:
    """The one market of a Kalshi answer."""
    if event is not None:
        market = document["markets"][0]
        document = {"event_ticker": market["event_ticker"], "title": market["title"], **event, **document}
    listings, unreadable = read_kalshi(document)
    assert unreadable == []
    (listing,) = listings
    return listing


def one_gamma(document: dict[str, Any]) -> Listing:
    """The one market of a Gamma answer."""
    listings, unreadable = read_gamma(document)
    assert unreadable == []
    (listing,) = listings
    return listing


def judged(kalshi: dict[str, Any], polymarket: dict[str, Any]) -> Judgement:
    """The judgement of one market of each venue."""
    return judge(one_kalshi(kalshi), one_gamma(polymarket), LEAGUES)


def states(judgement: Judgement) -> dict[str, str]:
    """Each point's state by its name."""
    return {point.name: point.state.value for point in judgement.points}
