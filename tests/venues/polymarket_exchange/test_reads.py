"""What everybody may read, what a key may read of itself, and the operator's hand; nothing that is sent breaks it."""

from __future__ import annotations

import gzip
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.shared_data import shared_data
from tests.venues.loopback_kit import T0
from tests.venues.polymarket_exchange.kit import BOB_KEY, HOME, RAIN, SNOW, Member, document, error, new_service, placed
from venues.loopback.listing import ListingError
from venues.loopback.message import Reply, Request
from venues.polymarket.exchange.admin import Admin
from venues.polymarket.exchange.listing import DEMO, Listing, read_listings
from venues.polymarket.exchange.makers import Makers


def test_books_of_many_come_in_another_order_and_without_those_that_nobody_knows() -> None:
    member = Member(new_service())
    asked = [{"token_id": token} for token in (member.yes(), "1", member.no(SNOW), member.yes(HOME))]
    told = [book["asset_id"] for book in document(member.call("POST", "/books", asked))]
    assert told == [member.yes(HOME), member.no(SNOW), member.yes()]
    assert member.call("POST", "/books", [{"token_id": "1"}] * 501).status == 400
    assert member.call("GET", "/book", token_id="1").status == 404


def test_prices_middles_spreads_and_the_like() -> None:
    member = Member(new_service())
    token = member.no()
    assert member.get("/price", token_id=token, side="BUY") == {"price": "0.53"}
    assert member.get("/midpoint", token_id=token) == {"mid": "0.54"}
    assert member.get("/spread", token_id=token) == {"spread": "0.02"}
    assert member.get("/tick-size", token_id=member.yes(SNOW)) == {"minimum_tick_size": 0.001}
    assert member.get("/neg-risk", token_id=member.yes(SNOW)) == {"neg_risk": True}
    assert member.get("/last-trade-price", token_id=token) == {"price": "0.5", "side": ""}
    asked = [{"token_id": token, "side": side} for side in ("BUY", "SELL")]
    assert document(member.call("POST", "/prices", asked)) == {token: {"BUY": "0.53", "SELL": "0.55"}}
    assert document(member.call("POST", "/midpoints", asked)) == {token: "0.54"}
    assert member.get("/time") == member.now_us // 10**6
    assert member.get("/version") == {"version": 2}


def test_a_market_by_its_token_and_condition() -> None:
    member = Member(new_service())
    named = member.get(f"/markets-by-token/{member.no(SNOW)}")
    assert (named["primary_token_id"], named["secondary_token_id"]) == member.market(SNOW).tokens
    market = member.get(f"/clob-markets/{named['condition_id']}")
    assert [one["o"] for one in market["t"]] == ["Yes", "No"]
    assert {key: market[key] for key in ("mts", "mos", "nr", "fd", "v")} == {
        "mts": 0.001,
        "mos": 5,
        "nr": True,
        "fd": {"r": 0.05, "e": 1, "to": True},
        "v": "v1",
    }
    free = member.get(f"/clob-markets/{member.market(HOME).condition}")
    assert (free["fd"], free["v"]) == (None, "v2")
    assert member.call("GET", "/clob-markets/0x00").status == 404


def test_gamma_hides_arrays_in_texts() -> None:
    member = Member(new_service())
    market = member.get(f"/gamma/markets/slug/{RAIN}")
    assert json.loads(market["clobTokenIds"]) == list(member.market().tokens)
    assert (json.loads(market["outcomes"]), json.loads(market["outcomePrices"])) == (["Yes", "No"], ["0.46", "0.54"])
    assert market["feeSchedule"] == {"exponent": 1, "rate": 0.04, "takerOnly": True, "rebateRate": 0}
    second = member.get(f"/gamma/markets/slug/{HOME}")
    assert (second["positionIds"], second["version"]) == (list(member.market(HOME).tokens), "v2")
    assert second["feeSchedule"] is None
    page = member.get("/gamma/markets/keyset", limit=2)
    rest = member.get("/gamma/markets/keyset", limit=2, after_cursor=page["next_cursor"])
    assert [one["slug"] for one in page["markets"] + rest["markets"]] == [listing.slug for listing in DEMO]
    assert "next_cursor" not in rest
    found = member.get("/gamma/markets/keyset", clob_token_ids=f"{member.yes()},{member.no(SNOW)}")
    assert [one["slug"] for one in found["markets"]] == [RAIN, SNOW]
    event = member.get(f"/gamma/events/slug/{RAIN}-event")
    assert [one["slug"] for one in event["markets"]] == [RAIN]
    assert member.call("GET", "/gamma/markets/slug/none").status == 404
    assert member.call("GET", "/gamma/markets/keyset", limit=101).status == 400


def test_pages_of_trades_survive_what_is_added_in_between() -> None:
    member = Member(new_service())
    member.service.exchange.set_book(member.market(), (), [(4700, 10**12)], T0)  # type: ignore[list-item]
    for _ in range(130):
        placed(member.buy(member.yes(), "1", "0.47"))
    first = member.get("/data/trades")
    placed(member.buy(member.yes(), "1", "0.47"))
    second = member.get("/data/trades", next_cursor=first["next_cursor"])
    assert (len(first["data"]), len(second["data"]), second["next_cursor"]) == (100, 30, "LTE=")
    assert len({trade["id"] for trade in first["data"] + second["data"]}) == 130
    assert member.get("/data/trades", next_cursor="LTE=")["data"] == []
    assert member.call("GET", "/data/trades", next_cursor="x").status == 400


def test_trades_are_chosen() -> None:
    member = Member(new_service())
    placed(member.buy(member.yes(), "1", "0.47"))
    placed(member.buy(member.no(SNOW), "1", "0.95"))
    trade = member.get("/data/trades")["data"][1]
    for query in ({"id": trade["id"]}, {"asset_id": member.yes()}, {"market": member.market().condition}):
        assert [one["id"] for one in member.get("/data/trades", **query)["data"]] == [trade["id"]]
    assert member.get("/data/trades", after=member.now_us // 10**6 + 1)["data"] == []
    assert len(member.get("/data/trades", maker_address=member.address.lower())["data"]) == 2
    assert member.get("/data/trades", before=1)["data"] == []


def test_nobody_reads_what_is_anothers() -> None:
    service = new_service()
    ann, bob = Member(service), Member(service, BOB_KEY)
    order_id = document(ann.rest(ann.yes(), "BUY", "10", "0.4"))["orderID"]
    placed(ann.buy(ann.yes(), "1", "0.47"))
    assert bob.get(f"/data/order/{order_id}") is None
    assert (bob.get("/data/orders")["data"], bob.get("/data/trades")["data"]) == ([], [])
    assert list(document(bob.call("DELETE", "/order", {"orderID": order_id}))["not_canceled"]) == [order_id]
    assert document(bob.call("DELETE", "/cancel-all"))["canceled"] == []


def test_positions_are_what_is_on_the_chain() -> None:
    member = Member(new_service())
    placed(member.buy(member.no(), "5.5", "0.55"))
    path = "/data-api/positions"
    assert member.get(path, user=member.address) == []
    member.wait(3)
    (position,) = member.get(path, user=member.address.lower(), sizeThreshold=0, limit=100, offset=0)
    assert (position["asset"], position["size"], position["outcome"], position["outcomeIndex"]) == (
        member.no(),
        10,
        "No",
        1,
    )
    assert member.get(path, user=member.address, limit=100, offset=1) == []


# -- the operator ------------------------------------------------------------------------------------------------------


def admin(member: Member, method: str, path: str, body: object = None, **query: str) -> Reply:
    raw = b"" if body is None else msgspec.json.encode(body)
    request = Request(method=method, path=f"/arb-admin/{path}", query=query, body=raw)
    return Admin(member.service).handle(request, member.now_us)


def test_the_books_of_the_exchange_are_exact() -> None:
    member = Member(new_service())
    placed(member.buy(member.yes(), "2.82", "0.47"))
    books = document(admin(member, "GET", "state"))["accounts"][member.account.wallet]
    assert (books["cash"], books["cash_settled"], books["cash_free"]) == ("1000", "997.12022", "997.12022")
    assert (books["shares"], books["shares_settled"]) == ({}, {member.yes(): "6"})
    assert [(trade["fee"], trade["money"]) for trade in books["trades"]] == [("0.05978", "2.82")]
    member.wait(10)
    whole = document(admin(member, "GET", "state"))
    assert (whole["posted_twice"], whole["heartbeats_stopped"]) == (0, 0)
    books = whole["accounts"][member.account.wallet]
    assert (books["cash"], books["shares"]) == ("997.12022", {member.yes(): "6"})


def test_the_operator_lists_changes_funds_and_opens() -> None:
    member = Member(new_service())
    assert admin(member, "POST", "markets", {"slug": "one-more", "asks": [["0.5", "10"]]}).status == 200
    assert admin(member, "POST", "markets", {"slug": "one-more"}).status == 400
    assert admin(member, "POST", "book", {"market": "one-more", "asks": [["0.6", "10"]]}).status == 200
    assert placed(member.buy(member.yes("one-more"), "3", "0.6")) == ("matched", "3", "5")
    changed = {"market": member.yes("one-more"), "tick_size": "0.001", "fee_rate": "0.07", "seconds_delay": 1}
    assert admin(member, "POST", "market", changed).status == 200
    assert (member.market("one-more").tick, member.market("one-more").fees.rate_ppm) == (10, 70_000)
    assert admin(member, "POST", "market", {"market": "one-more", "tick_size": "0.02"}).status == 400
    opened = document(admin(member, "POST", "wallets", {"signer": member.address, "kind": "safe", "dollars": "5"}))
    assert opened == {"wallet": "0x75F00B003FBBBA193FABEB06284c3187a4C1232E", "kind": "safe"}
    safe = member.service.exchange.accounts[opened["wallet"]]
    funds = {"wallet": opened["wallet"], "dollars": "-1", "token": member.yes(), "shares": "2"}
    assert admin(member, "POST", "funds", funds).status == 200
    assert (safe.cash, safe.shares[member.yes()]) == (4_000_000, 2_000_000)
    spender = member.market().exchange
    closed = {"wallet": member.address, "spender": spender, "dollars": "1", "approved": False}
    assert admin(member, "POST", "allowance", closed).status == 200
    assert error(member.buy(member.yes(), "2", "0.47"))[1].startswith("not enough balance / allowance: the allowance")
    for wrong in ("dance", "book", "funds", "keys", "settle", "clock", "faults"):
        assert admin(member, "POST", wrong, {"x": 1}).status in {400, 404}


def test_a_key_of_ones_own() -> None:
    member = Member(new_service())
    key = {"key": "k", "secret": "c2VjcmV0", "passphrase": "p", "address": member.address}
    assert admin(member, "POST", "keys", key).status == 200
    assert member.service.keys.keys["k"].passphrase == "p"
    assert "c2VjcmV0" not in repr(member.service.keys.keys["k"])


def test_markets_of_the_real_gamma_can_be_listed() -> None:
    """Every market of the dump that has two outcomes and tokens is taken as it is."""
    with gzip.open(shared_data("polymarket_gamma_events_nba_20260109.json.gz")) as file:
        events: list[dict[str, Any]] = json.load(file)
    markets = [market for event in events for market in event["markets"] if market.get("clobTokenIds")][:50]
    listings = read_listings(msgspec.json.encode({"markets": markets}))
    service = new_service(listings)
    assert len(service.exchange.markets) == len(markets) == 50


@pytest.mark.parametrize(
    "listing",
    [
        {"slug": ""},
        {"slug": "a", "outcomes": ["Yes", "Yes"]},
        {"slug": "a", "clobTokenIds": ["1"]},
        {"slug": "a", "clobTokenIds": "no list"},
        {"slug": "a", "orderPriceMinTickSize": 0.02},
        {"slug": "a", "feeSchedule": {"rate": 2}},
        {"slug": "a", "asks": [["1", "5"]]},
        {"slug": "a", "asks": [["0.5", "0"]]},
    ],
)
def test_a_market_that_cannot_be_is_named(listing: dict[str, Any]) -> None:
    with pytest.raises(ListingError):
        read_listings(msgspec.json.encode({"markets": [listing]}))


def test_the_makers_move_a_market_the_same_way_for_the_same_dice() -> None:
    class Dice:
        def randint(self, a: int, b: int) -> int:
            return (a + 2 * b) // 3

    books = []
    for _ in range(2):
        service = new_service()
        makers = Makers(service.exchange, Dice())
        for moment in range(5):
            assert makers.step(moment) is not None
        books.append([one.levels(one.tokens[0], is_bid=True) for one in service.exchange.markets.values()])
    assert books[0] == books[1]


# -- anything ----------------------------------------------------------------------------------------------------------

_scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
)
_json = st.recursive(
    _scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
)
_paths = st.sampled_from(
    [
        "/order",
        "/orders",
        "/cancel-all",
        "/cancel-market-orders",
        "/v1/heartbeats",
        "/books",
        "/prices",
        "/data/order/x",
        "/data/trades",
        "/balance-allowance",
        "/gamma/markets/keyset",
        "/gamma/x",
        "/data-api/positions",
        "/relayer/deployed",
        "/auth/api-key",
        "/x",
        "",
    ]
)
_names = st.sampled_from(
    ["limit", "next_cursor", "after_cursor", "token_id", "asset_type", "signature_type", "after", "user", "offset"]
)


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["GET", "POST", "DELETE", "PUT"]), _paths, _json, st.dictionaries(_names, st.text(max_size=6)))
def test_whatever_is_asked_is_answered(method: str, path: str, body: object, query: dict[str, str]) -> None:
    member = Member(new_service((Listing(slug="a"),)))
    assert 200 <= member.call(method, path, body, **query).status < 500
    assert admin(member, method, path.strip("/"), body, **query).status < 500


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["salt", "maker", "signer", "tokenId", "makerAmount", "signature", "metadata", "side"]), _json)
def test_whatever_an_order_holds_it_is_answered(name: str, value: object) -> None:
    member = Member(new_service((Listing(slug="a", asks=(("0.5", "10"),)),)))
    body = member.body(member.yes("a"), "BUY", 1_000_000, 2_000_000)
    body["order"][name] = value
    assert member.post(body).status in {200, 400}
