"""Both channels: what a subscription begins with, what follows, and who is told."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings

from tests.venues.polymarket_exchange.kit import BOB_KEY, CHARGED, RAIN, SNOW, Member, break_down, new_service
from tests.venues.polymarket_exchange.socket_kit import Connection, Follower, true_book
from tests.venues.polymarket_exchange.test_money import actions_of_two, play
from venues.polymarket.exchange.changes import MarketChange, change_market
from venues.polymarket.exchange.listing import Listing
from venues.polymarket.feed import PolymarketDecoder


def kinds(events: list[dict[str, Any]]) -> list[str]:
    return [event["event_type"] for event in events]


def test_a_subscription_begins_with_an_array_of_books_best_last() -> None:
    member = Member(new_service())
    line = Connection(member.service)
    (text,) = line.say({"type": "market", "assets_ids": [member.yes(), member.no(), "1"]})
    assert text.startswith("[{")
    line.say_only({"operation": "subscribe", "assets_ids": [member.yes(SNOW), member.yes()]})
    (book,) = line.events()
    assert (book["asset_id"], book["market"]) == (member.yes(SNOW), member.market(SNOW).condition)
    assert [level["price"] for level in book["asks"]] == ["0.07", "0.061"]
    assert [level["price"] for level in book["bids"]] == ["0.05", "0.058"]
    assert (book["tick_size"], book["min_order_size"], book["neg_risk"]) == ("0.001", "5", True)


def test_ping_and_pong_are_text_and_nonsense_is_refused() -> None:
    line = Connection(new_service())
    assert line.say("PING") == ["PONG"]
    for nonsense in ("x", "[]", '{"operation":"dance"}', '{"type":"user"}'):
        assert line.say(nonsense) == ["INVALID OPERATION"]


def test_a_trade_is_a_change_a_price_and_the_book_again() -> None:
    member = Member(new_service())
    line = Connection(member.service)
    line.follow(member.yes(), custom=True)
    member.buy(member.yes(), "6.12", "0.48")
    change, *trades, book, best = line.events()
    assert kinds([change, *trades, book, best]) == [
        "price_change",
        "last_trade_price",
        "last_trade_price",
        "book",
        "best_bid_ask",
    ]
    assert [(one["asset_id"], one["side"], one["price"], one["size"]) for one in change["price_changes"]] == [
        (member.yes(), "SELL", "0.47", "0"),
        (member.no(), "BUY", "0.53", "0"),
        (member.yes(), "SELL", "0.48", "199"),
        (member.no(), "BUY", "0.52", "199"),
    ]
    assert {(one["best_bid"], one["best_ask"]) for one in change["price_changes"]} == {
        ("0.45", "0.48"),
        ("0.52", "0.55"),
    }
    assert [(one["price"], one["size"]) for one in trades] == [("0.47", "12"), ("0.48", "1")]
    assert (best["best_ask"], best["spread"]) == ("0.48", "0.03")


def test_what_is_custom_comes_only_where_it_was_asked_for() -> None:
    member = Member(new_service())
    plain, custom = Connection(member.service), Connection(member.service)
    plain.follow(member.yes())
    custom.follow(member.yes(), custom=True)
    exchange, market = member.service.exchange, member.market()
    exchange.list_market(Listing(slug="new"), member.now_us)
    change_market(exchange, market, MarketChange(market=RAIN, tick_size="0.001"), member.now_us)
    change_market(exchange, market, MarketChange(market=RAIN, winner="no"), member.now_us)
    assert kinds(plain.events()) == ["tick_size_change", "price_change"]
    told = custom.events()
    assert kinds(told) == ["new_market", "tick_size_change", "price_change", "best_bid_ask", "market_resolved"]
    assert (told[-1]["winning_asset_id"], told[-1]["winning_outcome"]) == (member.no(), "No")
    assert (told[1]["old_tick_size"], told[1]["new_tick_size"]) == ("0.01", "0.001")


def test_who_unsubscribes_hears_no_more() -> None:
    member = Member(new_service())
    line = Connection(member.service)
    line.follow(member.yes())
    line.say({"operation": "unsubscribe", "assets_ids": [member.yes()]})
    member.buy(member.yes(), "2.82", "0.47")
    assert line.events() == []


def test_the_user_channel_tells_of_orders_and_of_each_step_of_a_trade() -> None:
    service = new_service()
    ann, bob = Member(service), Member(service, BOB_KEY)
    mine, others, elsewhere = (Connection(service, "/ws/user") for _ in range(3))
    mine.open(ann)
    others.open(bob)
    elsewhere.open(ann, ann.market(SNOW).condition)
    ann.rest(ann.yes(), "BUY", "10", "0.46")
    bob.account.shares[bob.yes()] = 100_000_000
    bob.sell(bob.yes(), "4", "0.46")
    bob.wait(10)
    told = mine.events()
    assert [(one["event_type"], one.get("type"), one["status"]) for one in told] == [
        ("order", "PLACEMENT", "LIVE"),
        ("order", "UPDATE", "LIVE"),
        ("trade", "TRADE", "MATCHED"),
        ("trade", "TRADE", "MINED"),
        ("trade", "TRADE", "CONFIRMED"),
    ]
    assert (told[1]["size_matched"], told[2]["trader_side"]) == ("4", "MAKER")
    assert [one["trader_side"] for one in others.events() if one["event_type"] == "trade"] == ["TAKER"] * 3
    assert elsewhere.events() == []


def test_the_user_channel_opens_to_the_whole_key_alone() -> None:
    member = Member(new_service())
    for part in ("apiKey", "secret", "passphrase"):
        line = Connection(member.service, "/ws/user")
        auth = {"apiKey": member.api.key, "secret": member.api.secret, "passphrase": member.api.passphrase}
        line.say({"type": "user", "auth": auth | {part: "x"}})
        assert line.listener.session.broken


@settings(max_examples=25, deadline=None)
@given(actions_of_two)
def test_who_follows_the_changes_has_the_books(actions: list[Any]) -> None:
    service = new_service((CHARGED,))
    members = (Member(service), Member(service, BOB_KEY))
    line, follower = Connection(service), Follower()
    market = members[0].market("charged")
    follower.take(line.follow(*market.tokens))
    for action in actions:
        play(service, members, action)
        follower.take(line.events())
        assert follower.errors == []
        assert {token: true_book(market, token) for token in market.tokens} == follower.books


def test_our_own_reader_understands_every_frame() -> None:
    member = Member(new_service())
    line, decoder = Connection(member.service), PolymarketDecoder()
    line.say_only({"type": "market", "assets_ids": list(member.market().tokens), "custom_feature_enabled": True})
    member.buy(member.yes(), "6.12", "0.48")
    member.rest(member.no(), "BUY", "10", "0.3")
    change_market(member.service.exchange, member.market(), MarketChange(market=RAIN, winner="yes"), member.now_us)
    texts = line.texts()
    assert len(texts) > 6
    for text in texts:
        assert decoder.decode(text).error is None, text


# -- faults of frames --------------------------------------------------------------------------------------------------


def struck(name: str, **how: Any) -> tuple[Member, Connection, Follower]:
    """A reader of a book whose next change is struck by the fault."""
    member = Member(new_service())
    line, follower = Connection(member.service), Follower()
    follower.take(line.follow(member.yes()))
    break_down(member.service, name, **how)
    member.rest(member.yes(), "BUY", "10", "0.46")
    return member, line, follower


def test_a_gap_is_seen_by_nobody_but_the_next_best_price() -> None:
    member, line, follower = struck("gap")
    assert line.texts() == []
    member.rest(member.yes(), "BUY", "10", "0.3")
    follower.take(line.events())
    assert follower.errors != []


def test_a_silent_socket_answers_pings() -> None:
    member, line, _ = struck("silent", times=-1)
    member.buy(member.yes(), "2.82", "0.47")
    assert line.say("PING") == ["PONG"]
    member.service.mend("silent")
    member.rest(member.yes(), "BUY", "10", "0.3")
    assert kinds(line.events()) == ["price_change"]


def test_a_lie_about_the_book_disagrees_with_its_best_prices() -> None:
    for name in ("book_lie", "top_lie"):
        _, line, follower = struck(name)
        follower.take(line.events())
        assert follower.errors != []


def test_frames_twice_cut_off_and_of_a_type_that_nobody_knows() -> None:
    assert [len(struck(name)[1].texts()) for name in ("duplicate", "unknown_event")] == [2, 2]
    (whole,) = struck("as_array")[1].texts()
    assert whole.startswith('[{"event_type":"price_change"')
    (half,) = struck("garbled_frame")[1].texts()
    assert not half.endswith("}")


def test_a_socket_that_breaks_and_pings_that_are_not_answered() -> None:
    assert struck("socket_drop")[1].listener.session.broken
    line = Connection(new_service())
    break_down(line.service, "no_pongs")
    assert line.say("PING") == []


def test_a_fault_may_be_meant_for_one_channel_token_or_event() -> None:
    for how in ({"channel": "user"}, {"token": "1"}, {"event": "book"}):
        _, line, follower = struck("gap", **how)
        follower.take(line.events())
        assert follower.books != {}
        assert follower.errors == []
