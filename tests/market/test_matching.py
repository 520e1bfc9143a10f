"""The matching engine: price first, then time; nothing is lost and nothing is made."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from market.book import Book
from market.feed_state import FeedState
from market.matching.match_book import MatchBook
from market.matching.order import Arrival, SelfTrade, TimeInForce
from market.matching.plan import Ended, Plan
from protocol.terms import KALSHI
from protocol.units import DOLLAR, Price, Quantity

GTC = TimeInForce.GOOD_TILL_CANCELED
IOC = TimeInForce.IMMEDIATE_OR_CANCEL
FOK = TimeInForce.FILL_OR_KILL


def arrival(
    name: str,
    price: int,
    quantity: int,
    *,
    is_bid: bool,
    force: TimeInForce = GTC,
    owner: str = "",
    **more: Any,
) -> Arrival:
    return Arrival(
        order_id=name,
        owner=owner or name,
        is_bid=is_bid,
        price=Price(price),
        quantity=Quantity(quantity),
        time_in_force=force,
        **more,
    )


def submit(book: MatchBook, order: Arrival) -> Plan:
    plan = book.plan(order)
    book.apply(plan)
    return plan


def with_asks(*orders: tuple[str, int, int]) -> MatchBook:
    book = MatchBook()
    for name, price, quantity in orders:
        submit(book, arrival(name, price, quantity, is_bid=False))
    return book


def matched(plan: Plan) -> list[tuple[str, int, int]]:
    return [(match.maker.order_id, match.maker.price, match.quantity) for match in plan.matches]


def test_the_best_price_comes_first_and_at_one_price_who_was_there_first() -> None:
    book = with_asks(("late", 5000, 100), ("dear", 5100, 100), ("early", 4900, 50), ("later", 5000, 100))
    plan = submit(book, arrival("taker", 5050, 200, is_bid=True, force=IOC))
    assert matched(plan) == [("early", 4900, 50), ("late", 5000, 100), ("later", 5000, 50)]
    assert (plan.filled, plan.canceled, plan.ended) == (200, 0, None)
    assert book.levels(is_bid=False) == [(5000, 50), (5100, 100)]


def test_an_order_that_was_reduced_keeps_its_place() -> None:
    book = with_asks(("a", 5000, 100), ("b", 5000, 100))
    assert book.reduce("a", Quantity(60)) == 60
    assert matched(submit(book, arrival("t", 5000, 50, is_bid=True, force=IOC))) == [("a", 5000, 40), ("b", 5000, 10)]


def test_what_is_not_filled_rests_or_ends_or_kills() -> None:
    def after(force: TimeInForce) -> tuple[Plan, MatchBook]:
        book = with_asks(("a", 5000, 100))
        return submit(book, arrival("t", 5000, 150, is_bid=True, force=force)), book

    plan, book = after(GTC)
    assert (plan.filled, plan.rests, book.levels(is_bid=True)) == (100, 50, [(5000, 50)])
    plan, book = after(IOC)
    assert (plan.filled, plan.canceled, plan.ended) == (100, 50, Ended.UNFILLED_REST)
    assert book.levels(is_bid=True) == []
    plan, book = after(FOK)
    assert (plan.filled, plan.canceled, plan.ended) == (0, 150, Ended.KILLED)
    assert book.levels(is_bid=False) == [(5000, 100)]


def test_post_only_never_takes() -> None:
    book = with_asks(("a", 5000, 100))
    crossing = submit(book, arrival("t", 5000, 10, is_bid=True, post_only=True))
    assert (crossing.canceled, crossing.ended) == (10, Ended.POST_ONLY_CROSS)
    assert submit(book, arrival("u", 4900, 10, is_bid=True, post_only=True)).rests == 10


def test_an_own_order_ends_the_taker_or_gives_way() -> None:
    def book() -> MatchBook:
        made = with_asks(("a", 4900, 10))
        submit(made, arrival("mine", 5000, 10, is_bid=False, owner="me"))
        submit(made, arrival("b", 5000, 10, is_bid=False))
        return made

    first = book()
    plan = submit(first, arrival("t", 5000, 30, is_bid=True, owner="me"))
    assert (matched(plan), plan.canceled, plan.ended) == ([("a", 4900, 10)], 20, Ended.SELF_TRADE)
    assert "mine" in first
    second = book()
    plan = submit(second, arrival("t", 5000, 30, is_bid=True, owner="me", self_trade=SelfTrade.MAKER))
    assert matched(plan) == [("a", 4900, 10), ("b", 5000, 10)]
    assert (plan.rests, "mine" in second) == (10, False)


_orders = st.lists(
    st.tuples(
        st.booleans(),
        st.integers(1, 20),
        st.integers(1, 500),
        st.sampled_from(list(TimeInForce)),
        st.sampled_from(["ann", "bob"]),
        st.sampled_from(list(SelfTrade)),
        st.booleans(),
    ),
    max_size=40,
)


@given(_orders)
def test_nothing_is_lost_nothing_crosses_and_a_plan_changes_nothing(
    orders: list[tuple[bool, int, int, TimeInForce, str, SelfTrade, bool]],
) -> None:
    book = MatchBook()
    for number, (is_bid, price, quantity, force, owner, self_trade, post_only) in enumerate(orders):
        order = arrival(
            str(number),
            price * 100,
            quantity,
            is_bid=is_bid,
            force=force,
            owner=owner,
            self_trade=self_trade,
            post_only=post_only and force is GTC,
        )
        before = [book.levels(is_bid=side) for side in (True, False)]
        plan = book.plan(order)
        assert [book.levels(is_bid=side) for side in (True, False)] == before
        assert plan.filled + plan.rests + plan.canceled == quantity
        assert force is not FOK or plan.filled in {0, quantity}
        assert not plan.rests or force is GTC
        assert all(match.maker.owner != owner for match in plan.matches)
        assert all(
            match.maker.price <= order.price if is_bid else match.maker.price >= order.price for match in plan.matches
        )
        prices = [match.maker.price for match in plan.matches]
        assert prices == sorted(prices, reverse=not is_bid)
        book.apply(plan)
        bid, ask = book.best(is_bid=True), book.best(is_bid=False)
        assert bid is None or ask is None or bid < ask
        resting = [*book.orders(is_bid=True), *book.orders(is_bid=False)]
        assert all(one.left > 0 for one in resting)


_levels = st.dictionaries(st.integers(1, 99), st.integers(1, 1_000), max_size=6)


@given(_levels, st.booleans(), st.booleans(), st.integers(1, 99), st.integers(0, 3_000))
def test_a_feeds_book_is_taken_as_if_each_level_were_an_order(
    levels: dict[int, int], buying: bool, mirrored: bool, cents: int, quantity: int
) -> None:
    takes_asks = buying is not mirrored
    ladder = [(Price(price * 100), Quantity(size)) for price, size in levels.items()]
    feed = Book(FeedState(KALSHI), "M")
    feed.replace([] if takes_asks else ladder, ladder if takes_asks else [], 0)
    book = MatchBook()
    for number, (price, size) in enumerate(ladder):
        submit(book, arrival(str(number), price, size, is_bid=not takes_asks))
    limit = DOLLAR - cents * 100 if mirrored else cents * 100
    plan = submit(book, arrival("taker", limit, quantity, is_bid=takes_asks, force=IOC))
    fills = feed.consume(Quantity(quantity), Price(cents * 100), buying=buying, mirrored=mirrored)
    assert [(DOLLAR - price if mirrored else price, size) for price, size in fills] == [
        (match.maker.price, match.quantity) for match in plan.matches
    ]
    assert feed.levels(buying=takes_asks) == book.levels(is_bid=not takes_asks)
