"""Kalshi's cash by shard: whose cash pays for a market, what is open while nobody knows it, and markets that move."""

from __future__ import annotations

from actors.risk.approval import Reason
from actors.risk.reservation import MoneyBook
from actors.risk.terms import Account
from protocol.terms import KALSHI, TradeId
from tests.risk.kit import T0, a_book, a_leg, approved, arb, capped, closing, contracts, filled, refused, trade, usd
from tests.risk.recount import the_sums_are_those_of_the_legs


def on_shard(book: MoneyBook, pair_id: str, shard: str) -> None:
    """As the guard does it."""
    market = f"{pair_id}-market"
    if book.exposure.shards.tell(KALSHI, market, shard):
        book.exposure.moved_shard(KALSHI, market)
    the_sums_are_those_of_the_legs(book.exposure)


def shards(book: MoneyBook, asked_us: int = T0, **amounts: int) -> None:
    """Kalshi says what is on its shards: ``s3=5``."""
    book.cash.stated(KALSHI, {name[1:]: usd(amount) for name, amount in amounts.items()}, asked_us)


def test_a_shard_without_cash_takes_no_trade_and_others_do() -> None:
    book = a_book()
    book.cash.stated(KALSHI, {"3": usd(0), "0": usd(50)}, T0)
    answer = refused(book.approve(arb("t1", "pair_2"), T0))
    assert (answer.reason, answer.what) == (Reason.CASH, "kalshi shard 3")
    on_shard(book, "pair_0", "0")
    approved(book.approve(arb("t2", "pair_0"), T0))


def test_a_market_of_no_known_shard_is_not_traded_where_there_are_several() -> None:
    book = a_book()
    approved(book.approve(arb("t1"), T0))
    book.over(TradeId("t1"))
    shards(book, s0=50, s3=50)
    answer = refused(book.approve(arb("t2"), T0))
    assert (answer.reason, answer.what) == (Reason.NO_SHARD, "pair_0-market")
    assert answer.text == "kalshi has cash by shard, and on which shard pair_0-market is nobody has said yet"
    on_shard(book, "pair_0", "0")
    approved(book.approve(arb("t2"), T0))


def test_a_single_shard_is_that_of_every_market_and_one_that_is_not_stated_has_nothing() -> None:
    book = a_book()
    shards(book, s0=5)
    assert capped(book.approve(arb("t1", size=30), T0)).what == "kalshi shard 0"
    answer = refused(book.approve(arb("t2", "pair_2"), T0))
    assert (answer.reason, answer.what) == (Reason.CASH, "kalshi shard 3")


def test_each_shard_pays_for_its_own_markets_alone() -> None:
    book = a_book()
    shards(book, s0=10, s3=10)
    on_shard(book, "pair_0", "0")
    yes, _ = trade(book, "t1", size=20)
    assert book.exposure.spoken_for(Account(KALSHI, "0")) == usd(9)
    assert capped(book.approve(arb("t2", "pair_0", size=10), T0)).what == "kalshi shard 0"
    assert approved(book.approve(arb("t3", "pair_2", size=20), T0)).quantity == contracts(20)
    book.report(filled(yes), T0 + 1)
    assert book.cash.left(Account(KALSHI, "0")) == usd(1)
    assert book.cash.left(Account(KALSHI, "3")) == usd(10)


def test_what_is_open_on_no_known_shard_counts_on_every_one_until_it_is_told() -> None:
    book = a_book()
    yes, _ = trade(book, "t1", size=20)
    shards(book, s0=10, s3=10)
    assert capped(book.approve(arb("t2", "pair_2", size=20), T0)).what == "kalshi shard 3"
    book.over(TradeId("t2"))
    book.report(filled(yes, 10), T0 + 1)
    assert (book.cash.left(Account(KALSHI, "0")), book.cash.left(Account(KALSHI, "3"))) == (usd("5.5"), usd("5.5"))
    on_shard(book, "pair_0", "0")
    assert book.exposure.spoken_for(Account(KALSHI, "3")) == 0
    # What was paid is taken off both until the venue is asked again: nobody knows which it was.
    assert approved(book.approve(arb("t3", "pair_2", size=20), T0)).quantity == contracts(12)
    book.over(TradeId("t3"))
    shards(book, T0 + 2, s0=5, s3=10)
    assert approved(book.approve(arb("t4", "pair_2", size=20), T0)).quantity == contracts(20)


def test_a_market_that_moves_takes_its_new_trades_along_and_what_is_under_way_counts_on_both() -> None:
    book = a_book()
    shards(book, s0=10, s3=5)
    on_shard(book, "pair_0", "0")
    yes, no = trade(book, "t1", size=10)
    on_shard(book, "pair_0", "3")
    both = [book.exposure.spoken_for(Account(KALSHI, shard)) for shard in ("0", "3")]
    assert both == [usd("4.5"), usd("4.5")]
    book.report(filled(yes), T0 + 1)
    book.report(filled(no), T0 + 1)
    book.over(TradeId("t1"))
    assert (book.cash.left(Account(KALSHI, "0")), book.cash.left(Account(KALSHI, "3"))) == (usd("5.5"), usd("0.5"))
    assert [book.exposure.spoken_for(Account(KALSHI, shard)) for shard in ("0", "3")] == [0, 0]
    shards(book, T0 + 2, s0=5, s3=5)
    assert capped(book.approve(arb("t2", size=20), T0)).what == "kalshi shard 3"


def test_completing_is_paid_by_the_shard_on_which_the_market_is_now() -> None:
    book = a_book()
    shards(book, s0=10, s3=1)
    on_shard(book, "pair_0", "0")
    yes, no = trade(book)
    book.report(filled(yes, 0), T0)
    book.report(filled(no), T0)
    on_shard(book, "pair_0", "3")
    answer = refused(book.approve_closing(closing(a_leg(KALSHI, 45, 10)), T0))
    assert (answer.reason, answer.what) == (Reason.CASH, "kalshi shard 3")
