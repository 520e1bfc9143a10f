"""Several traders that relay the same platform, and peers that relay nothing."""

from __future__ import annotations

from market.events import BooksLost, BookSnapshot, FeedBatch, FeedUp, LevelSet
from protocol.terms import KALSHI
from protocol.units import Quantity
from tests.market.builders import TICKER, cents, contracts, levels
from tests.relay.kit import Relayed, up

WANTED = {KALSHI: (TICKER,)}


def book(size: int) -> FeedBatch:
    return up(BookSnapshot(TICKER, levels((40, size)), ()))


def one(size: int) -> tuple[tuple[tuple[int, Quantity], ...], tuple[()]]:
    return ((cents(40), contracts(size)),), ()


def two_traders() -> Relayed:
    world = Relayed(WANTED, traders=2)
    for number in (0, 1):
        world.feed(book(number + 1), trader=number)
        world.connect(number)
    return world


def test_the_first_trader_relays_and_the_second_stands_by_unasked() -> None:
    with two_traders() as world:
        assert world.book(TICKER) == one(1)
        row = world.row()
        assert (row["trader"], row["standing_by"]) == ("trader-1", ["trader-2"])
        assert world.controller.frames(world.wires[1].conn_id, "want_books") == []


def test_the_second_takes_over_when_the_first_is_gone() -> None:
    with two_traders() as world:
        world.wires.pop(0).cut()
        assert world.book(TICKER) is None
        world.settle()
        assert world.book(TICKER) == one(2)
        assert (world.row()["trader"], world.row()["failovers"]) == ("trader-2", 1)


def test_the_second_takes_over_when_the_firsts_feed_is_down() -> None:
    with two_traders() as world:
        world.feed(FeedBatch(KALSHI, 2, (BooksLost("maintenance"),), is_data=False))
        assert world.book(TICKER) == one(2)
        assert world.row()["trader"] == "trader-2"


def test_the_second_takes_over_when_the_firsts_feed_is_silent() -> None:
    with two_traders() as world:
        for _ in range(31):
            world.feed(FeedBatch(KALSHI, 3, ()), trader=1)
            world.pass_time(1)
        assert world.row()["trader"] == "trader-2"
        assert world.book(TICKER) == one(2)


def test_the_second_takes_over_when_the_first_relay_is_dead() -> None:
    with two_traders() as world:
        dead = world.wires.pop(0)
        world.pass_time(4)
        assert world.row()["trader"] == "trader-2"
        assert world.book(TICKER) == one(2)
        world.feed(FeedBatch(KALSHI, 2, (LevelSet(TICKER, True, cents(40), contracts(9)),)), settle=False)  # noqa: FBT003
        dead.settle()
        assert world.book(TICKER) == one(2), "what the dead one says after all is not mixed in"


def test_two_traders_whose_feeds_are_both_down_are_not_asked_in_a_circle() -> None:
    with two_traders() as world:
        for number in (0, 1):
            world.feed(FeedBatch(KALSHI, 2, (BooksLost("maintenance"),), is_data=False), trader=number)
        before = world.row()["streams"]
        world.pass_time(9)
        assert world.row()["streams"] == before
        world.feed(book(5), trader=0)
        world.feed(book(6), trader=1)
        world.pass_time(2)
        assert world.book(TICKER) in (one(5), one(6))


def test_a_gap_after_every_snapshot_asks_no_more_than_once_a_second() -> None:
    with Relayed(WANTED) as world:
        world.feed(book(1))
        wire = world.connect()
        for _ in range(100):
            gap = {"type": "book_delta", "sub": world.row()["streams"], "seq": 9_999, "t": 1, "at": 1, "d": []}
            world.controller.receive(wire.conn_id, gap)
            world.settle()
            world.pass_time(0.1)
        assert 10 <= int(str(world.row()["streams"])) <= 12


def test_level_one_peers_are_asked_nothing_and_the_operator_sees_why_there_is_no_feed() -> None:
    with Relayed(WANTED) as world:
        world.controller.say_hello(9)
        reason = "no trader relays kalshi (127.0.0.1:9 speaks level 1)"
        assert world.row()["reason"] == reason
        (feed, _) = world.controller.status()["feeds"]
        assert feed["state"] == "down"
        frames = world.controller.frames(9)
        assert [frame for frame in frames if "book" in frame["type"]] == []


def test_a_trader_of_level_two_without_a_feed_is_asked_nothing() -> None:
    with Relayed(WANTED) as world:
        world.controller.say_hello(9, protocol=2, trader_id="old", relays=["nasdaq"])
        assert world.row()["reason"] == "no trader relays kalshi (old has no feed of kalshi to relay)"
        world.controller.say_hello(10, protocol=2, trader_id="older")
        assert world.controller.frames(10, "want_books") == []


def test_a_trader_that_executes_nothing_that_was_asked_for_may_relay_all_the_same() -> None:
    with Relayed(WANTED) as world:
        world.controller.say_hello(9, ["nasdaq"], protocol=2, trader_id="eyes", relays=["kalshi"])
        (wanted,) = world.controller.frames(9, "want_books")
        assert wanted["add"] == [TICKER]


def test_a_controller_that_wants_no_relayed_books_asks_for_none() -> None:
    with Relayed({}) as world:
        world.controller.say_hello(9, protocol=2, trader_id="eyes", relays=["kalshi"])
        world.controller.receive(
            9,
            {"type": "book_state", "sub": 1, "seq": 1, "t": 1, "at": 1, "heard": 1}
            | {"offset_us": 0, "feed": "up", "markets": 0},
        )
        assert world.controller.frames(9, "want_books") == []
        assert "relays" not in world.controller.status()


def test_a_controller_of_level_one_is_told_of_no_relay() -> None:
    with Relayed(WANTED) as world:
        (trader,) = world.traders
        trader.say_init(5)
        trader.receive(5, {"type": "want_books", "platform": "kalshi", "sub": 1, "add": [TICKER]})
        (ack,) = trader.frames(5, "init_ack")
        assert "relays" not in ack
        assert [frame for frame in trader.frames(5) if "book" in frame["type"]] == []


def test_the_first_data_of_a_feed_that_had_only_connected_needs_no_second_question() -> None:
    with Relayed(WANTED) as world:
        world.feed(FeedBatch(KALSHI, 1, (FeedUp(),), is_data=False))
        world.connect()
        world.feed(FeedBatch(KALSHI, 2, (BookSnapshot(TICKER, levels((40, 3)), ()),)))
        assert world.book(TICKER) == one(3)
        assert world.row()["streams"] == 1


def test_nothing_is_told_before_the_clocks_are_compared() -> None:
    with Relayed(WANTED) as world:
        (trader,) = world.traders
        trader.feed(book(1))
        trader.say_init(5, protocol=2, controller_id="c")
        trader.receive(5, {"type": "want_books", "platform": "kalshi", "sub": 1, "add": [TICKER]})
        assert trader.frames(5, "book") == []
        (ping,) = trader.frames(5, "ping")
        sent = ping["sent_us"]
        trader.receive(5, {"type": "pong", "timestamp": ping["timestamp"], "sent_us": sent, "at_us": sent + 7})
        (state,) = trader.frames(5, "book_state")
        assert state["offset_us"] == 7
        (told,) = trader.frames(5, "book")
        assert told["market"] == TICKER


def test_a_platform_that_the_trader_does_not_relay_is_not_answered_and_logged() -> None:
    with Relayed(WANTED) as world:
        world.connect()
        world.traders[0].receive(1, {"type": "want_books", "platform": "nasdaq", "sub": 9, "add": ["X"]})
        assert world.traders[0].notes("asks for books of nasdaq, which this trader does not relay")
