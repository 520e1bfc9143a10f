"""Kalshi's answers, as they come: pages, nested events, single markets, and what must be refused or left out."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from pairing.kalshi import read_kalshi
from pairing.listing import LeftOut, ListingError, Strike, terms_digest
from tests.pairing.kit import kalshi_game, one_kalshi


def market(**changes: Any) -> dict[str, Any]:
    return {**kalshi_game()["markets"][0], **changes}


def test_every_fact_of_a_market_is_kept() -> None:
    listing = one_kalshi(kalshi_game(strike_type="greater", floor_strike=3.5, exchange_index=3))
    assert listing.market_id == "KXNBAGAME-26JAN09TORBOS-BOS"
    assert listing.outcomes[0].name == "Boston"
    assert listing.outcomes[1].name == "not Boston"
    assert listing.outcomes[0].price == 6_100
    assert listing.close_time == datetime(2026, 1, 24, tzinfo=UTC)
    assert (listing.can_close_early, listing.settlement_timer_s, listing.tick, listing.shard) == (True, 300, 100, 3)
    assert listing.strike == Strike("greater", Decimal("3.5"))
    assert listing.sources == ("NBA", "https://www.nba.com/games")
    assert listing.rules.count("\n\n") == 1


@pytest.mark.parametrize(
    "page",
    [
        {"markets": [market(), market(ticker="KXNBAGAME-26JAN09TORBOS-TOR")], "cursor": "x"},
        {"events": [{**kalshi_game(), "markets": [market(), market(ticker="B-1")]}], "cursor": "", "milestones": []},
        {"event": {"event_ticker": "E"}, "markets": [market(), market(ticker="B-2")]},
        [{"markets": [market()]}, {"market": market(ticker="B-3")}],
        [market(), market(ticker="B-4", something_new={"deep": [1]})],
    ],
    ids=["markets", "events", "event", "pages", "list"],
)
def test_pages_of_every_kind_are_read(page: object) -> None:
    listings, unreadable = read_kalshi(page)
    assert unreadable == []
    assert len({listing.market_id for listing in listings}) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"mve_collection_ticker": "KXMVE-1"}, LeftOut.COMBO),
        ({"mve_selected_legs": [{"market_ticker": "A"}]}, LeftOut.COMBO),
        ({"market_type": "scalar"}, LeftOut.NOT_BINARY),
        ({"status": "finalized"}, LeftOut.CLOSED),
        ({"status": "a status of tomorrow"}, LeftOut.CLOSED),
        ({"status": "open"}, None),
    ],
)
def test_what_is_left_out_says_why(changes: dict[str, Any], reason: LeftOut | None) -> None:
    assert one_kalshi({"markets": [market(**changes)]}).left_out is reason


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"ticker": None}, "ticker"),
        ({"event_ticker": ""}, "event_ticker"),
        ({"close_time": "2026-01-24 00:00:00"}, "close_time: must name its zone"),
        ({"close_time": "soon"}, "close_time"),
        ({"can_close_early": "yes"}, "can_close_early"),
        ({"floor_strike": "NaN"}, "floor_strike"),
        ({"floor_strike": "1e999"}, "floor_strike"),
        ({"rules_primary": 7}, "rules_primary"),
        ({"price_ranges": "all"}, "price_ranges"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_others_are_kept(changes: dict[str, Any], word: str) -> None:
    listings, (bad,) = read_kalshi({"markets": [market(**changes), market(ticker="GOOD-1")]})
    assert [listing.market_id for listing in listings] == ["GOOD-1"]
    assert word in bad.reason


@pytest.mark.parametrize("page", [None, 7, "text", [7]])
def test_what_is_no_answer_is_refused(page: object) -> None:
    with pytest.raises(ListingError):
        read_kalshi(page)


def test_an_event_without_markets_gives_those_of_its_name_only_where_the_codes_fit() -> None:
    event = {
        "event_ticker": "KXNBAGAME-26JAN09TORBOS",
        "series_ticker": "KXNBAGAME",
        "title": "Toronto at Boston",
        "sub_title": "TOR at BOS (Jan 9)",
    }
    listings, _ = read_kalshi({"events": [event]})
    assert [listing.market_id[-3:] for listing in listings] == ["TOR", "BOS"]
    assert all(listing.derived for listing in listings)
    for wrong in ({"sub_title": "BOS at TOR (Jan 9)"}, {"sub_title": ""}, {"series_ticker": "KXNBAMVP"}):
        listings, (bad,) = read_kalshi({"events": [{**event, **wrong}]})
        assert listings == []
        assert bad.where == "KXNBAGAME-26JAN09TORBOS"


@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({"rules_primary": "Other rules."}, False),
        ({"close_time": "2026-01-25T00:00:00Z"}, False),
        ({"can_close_early": False}, False),
        ({"fee_waiver_expiration_time": "2026-01-25T00:00:00Z"}, False),
        ({"yes_sub_title": "Toronto"}, False),
        ({"yes_bid_dollars": "0.1000"}, True),
        ({"status": "closed"}, True),
        ({"volume_fp": "3.00"}, True),
    ],
)
def test_the_digest_of_terms_changes_with_the_terms_and_with_nothing_else(changes: dict[str, Any], same: bool) -> None:
    digest = terms_digest(one_kalshi(kalshi_game()))
    assert (terms_digest(one_kalshi(kalshi_game(**changes))) == digest) is same
