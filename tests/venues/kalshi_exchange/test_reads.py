"""What members and everybody read: pages, filters, money by shard, and reads that come later than what happened."""

from __future__ import annotations

import pytest

from tests.venues.kalshi_exchange.kit import HOME, RAIN, SECOND, SNOW, Member, document, new_service, refusal
from venues.kalshi.exchange.buckets import Buckets, bucket
from venues.kalshi.exchange.faults import Fault
from venues.kalshi.exchange.refusal import Refusal

GTC = "good_till_canceled"


@pytest.fixture
def ann() -> Member:
    return Member(new_service())


def paged(member: Member, path: str, name: str, limit: int, **query: object) -> list[str]:
    """The ids of all pages."""
    key = {"orders": "order_id", "fills": "trade_id", "markets": "ticker", "market_positions": "ticker"}[name]
    seen, cursor = [], ""
    while True:
        page = member.get(path, limit=limit, **({"cursor": cursor} if cursor else {}), **query)
        assert len(page[name]) <= limit
        seen += [item[key] for item in page[name]]
        cursor = page["cursor"]
        if not cursor:
            return seen


def test_pages_hold_everything_once_newest_first(ann: Member) -> None:
    placed = [ann.order(count="1", price="0.4800", client_order_id=f"o{n}")["order_id"] for n in range(5)]
    assert paged(ann, "/portfolio/orders", "orders", 2) == placed[::-1]
    assert len(set(paged(ann, "/portfolio/fills", "fills", 2))) == 5
    assert paged(ann, "/markets", "markets", 2) == [RAIN, SNOW, HOME]


def test_what_is_added_between_two_pages_moves_nothing(ann: Member) -> None:
    placed = [ann.order(count="1", price="0.4800")["order_id"] for _ in range(4)]
    first = ann.get("/portfolio/orders", limit=2)
    ann.order(count="1", price="0.4800")
    second = ann.get("/portfolio/orders", limit=2, cursor=first["cursor"])
    assert [order["order_id"] for order in second["orders"]] == placed[1::-1]


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 1001}, {"limit": "x"}, {"cursor": "x"}, {"cursor": "bm9wZQ=="}]
)
def test_a_page_that_cannot_be_is_refused(ann: Member, query: dict[str, object]) -> None:
    assert refusal(ann.call("GET", "/portfolio/orders", **query)) == (400, "invalid_parameters")


def test_filters_choose(ann: Member) -> None:
    ann.order(count="1")
    ann.order(price="0.4000", time_in_force=GTC)
    ann.order(ticker=SNOW, price="0.061", count="1")
    assert len(ann.get("/portfolio/orders", status="resting")["orders"]) == 1
    assert len(ann.get("/portfolio/orders", ticker=SNOW)["orders"]) == 1
    assert len(ann.get("/portfolio/orders", exchange_index=3)["orders"]) == 0
    assert len(ann.get("/portfolio/orders", min_ts=ann.now_us // SECOND + 100)["orders"]) == 0
    assert len(ann.get("/portfolio/fills", ticker=f"{RAIN},{SNOW}")["fills"]) == 2
    assert refusal(ann.call("GET", "/portfolio/orders", status="open")) == (400, "invalid_parameters")
    assert [market["ticker"] for market in ann.get("/markets", series_ticker="KXDEMOGAME")["markets"]] == [HOME]
    assert ann.get("/markets", tickers=f"{SNOW},NOPE")["markets"][0]["price_level_structure"] == "tapered_deci_cent"
    assert ann.get("/markets", status="paused")["markets"] == []


def test_a_book_is_bids_only_and_the_best_is_the_last(ann: Member) -> None:
    book = ann.get(f"/markets/{RAIN}/orderbook")["orderbook_fp"]
    assert book["yes_dollars"] == [["0.4500", "100.00"], ["0.4600", "20.00"]]
    assert book["no_dollars"] == [["0.5200", "50.00"], ["0.5300", "6.00"]]
    assert ann.get(f"/markets/{RAIN}/orderbook", depth=1)["orderbook_fp"]["no_dollars"] == [["0.5300", "6.00"]]
    both = ann.get("/markets/orderbooks", tickers=f"{RAIN},NOPE,{SNOW}")["orderbooks"]
    assert [one["ticker"] for one in both] == [RAIN, SNOW]
    assert refusal(ann.call("GET", "/markets/NOPE")) == (404, "not_found")


def test_the_balance_is_told_by_shard(ann: Member) -> None:
    ann.order()
    balance = ann.get("/portfolio/balance")
    assert balance["balance_breakdown"] == [
        {"exchange_index": 0, "balance": "997.070000"},
        {"exchange_index": 3, "balance": "1000.000000"},
    ]
    assert (balance["balance"], balance["portfolio_value"]) == (199_707, 282)
    assert ann.get("/portfolio/balance", exchange_index=3)["balance"] == 100_000


def test_reads_lag_behind_by_what_is_asked_for(ann: Member) -> None:
    ann.service.break_down(Fault(name="lag", ms=1_000), ann.now_us)
    placed = ann.order(client_order_id="late")
    assert refusal(ann.call("GET", f"/portfolio/orders/{placed['order_id']}")) == (404, "not_found")
    assert ann.get("/portfolio/fills")["fills"] == []
    assert ann.get("/portfolio/positions")["market_positions"] == []
    assert ann.get("/portfolio/balance")["balance"] == 200_000
    as_of = ann.get("/exchange/user_data_timestamp")["as_of_time"]
    ann.now_us += SECOND
    assert ann.get(f"/portfolio/orders/{placed['order_id']}")["order"]["status"] == "executed"
    assert ann.get("/portfolio/balance")["balance"] == 199_707
    assert ann.get("/exchange/user_data_timestamp")["as_of_time"] > as_of
    assert ann.refused(client_order_id="late") == (409, "order_already_exists")


def test_a_clock_that_is_set_hides_nothing_and_empties_no_bucket(ann: Member) -> None:
    ann.service.break_down(Fault(name="clock_offset", ms=3_600_000), ann.now_us)
    placed = ann.order()
    ann.service.mend("clock_offset", ann.now_us)
    assert ann.get(f"/portfolio/orders/{placed['order_id']}")["order"]["status"] == "executed"
    assert ann.get("/portfolio/balance")["balance"] == 199_707
    assert ann.order(price="0.10")["fill_count"] == "0.00"


def test_positions_alone_may_lag(ann: Member) -> None:
    ann.service.break_down(Fault(name="lag", ms=1_000, kind="positions"), ann.now_us)
    ann.order()
    assert len(ann.get("/portfolio/fills")["fills"]) == 1
    assert ann.get("/portfolio/positions")["market_positions"] == []


def test_a_basic_member_places_ten_orders_a_second() -> None:
    ann = Member(new_service(tier="basic"))
    assert [ann.order(count="0.01", price="0.10")["fill_count"] for _ in range(10)] == ["0.00"] * 10
    reply = ann.call("POST", "/portfolio/events/orders", {})
    assert reply.status == 400
    assert ann.refused(count="0.01", price="0.10") == (429, "too_many_requests")
    ann.now_us += SECOND
    assert ann.order(count="0.01", price="0.10")["fill_count"] == "0.00"


def test_an_order_without_its_shard_is_billed_on_every_one() -> None:
    ann = Member(new_service(tier="basic"))
    for _ in range(10):
        ann.order(count="0.01", price="0.10", exchange_index=-1)
    other = {"ticker": HOME, "exchange_index": 3, "price": "0.10"}
    assert ann.refused(**other) == (429, "too_many_requests")


def test_the_balance_has_a_bucket_of_its_own() -> None:
    ann = Member(new_service(tier="basic"))
    ann.get("/portfolio/balance")
    assert refusal(ann.call("GET", "/portfolio/balance")) == (429, "too_many_requests")
    assert document(ann.call("GET", "/portfolio/orders"))["orders"] == []
    ann.now_us += SECOND
    ann.get("/portfolio/balance")


def test_a_bucket_holds_a_second_and_no_more() -> None:
    one = bucket(100)
    assert [one.take(50, 0) for _ in range(3)] == [True, True, False]
    assert one.take(1, 10_000)
    assert not one.take(101, 10_000_000)
    assert one.take(100, 10_000_000)


def test_cancels_are_cheap() -> None:
    buckets = Buckets("basic")
    for _ in range(50):
        buckets.write(2, (0,), 0)
    with pytest.raises(Refusal):
        buckets.write(2, (0,), 0)
