"""The book of money: reserved whole, capped exactly, followed until the trade is over, rebuilt from the ledger."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.risk.approval import NotApproved, Proposal, Reason
from actors.risk.limits import Limits
from actors.risk.terms import Account
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, PairId, Platform, Side, TradeId
from protocol.units import USD, Money, Quantity
from tests.risk.kit import (
    FEES,
    NO_FEES,
    SECOND,
    T0,
    Market,
    a_book,
    a_leg,
    approved,
    arb,
    capped,
    closing,
    contracts,
    event,
    filled,
    order,
    pair,
    refused,
    send,
    total,
    trade,
    unknown,
    usd,
    venue,
)


def test_money_for_all_legs_is_reserved_before_anything_is_sent() -> None:
    book = a_book()
    approval = approved(book.approve(arb(size=10, kalshi=45, poly=50), T0))
    assert approval.money == usd("9.50")
    assert book.exposure.at_stake(total()) == usd("9.50")
    assert book.exposure.at_stake(venue(KALSHI)) == usd("4.50")
    assert book.exposure.at_stake(pair()) == book.exposure.at_stake(event("game")) == usd("9.50")


def test_sending_and_filling_at_the_limit_changes_nothing_that_is_at_stake() -> None:
    book = a_book()
    legs = trade(book)
    assert book.exposure.at_stake(total()) == usd("9.00")
    for leg in legs:
        book.report(filled(leg), T0)
    book.over(TradeId("t1"))
    assert book.exposure.at_stake(total()) == usd("9.00")
    assert book.in_flight == 0


@pytest.mark.parametrize(("most", "given"), [("9.00", 10), ("8.99", 9), ("0.90", 1)])
def test_exactly_at_the_limit_is_allowed_and_beyond_it_is_capped(most: str, given: int) -> None:
    approval = approved(a_book(per_pair=usd(most)).approve(arb(size=10), T0))
    assert approval.quantity == contracts(given)
    assert [leg.quantity for leg in approval.legs] == [contracts(given)] * 2
    assert (approval.cap is None) is (given == 10)


def test_below_the_least_that_a_venue_takes_it_is_refused_with_the_numbers() -> None:
    answer = refused(a_book(per_pair=usd("0.89")).approve(arb(size=10), T0))
    assert answer.reason is Reason.PER_PAIR
    assert answer.text == "pair pair_0: $0.90 more than $0.00, of $0.89"


@pytest.mark.parametrize(
    ("limits", "reason", "given"),
    [
        (Limits(per_pair=usd(5)), Reason.PER_PAIR, 5),
        (Limits(per_event=usd(5)), Reason.PER_EVENT, 5),
        (Limits(per_venue=usd(5)), Reason.PER_VENUE, 11),
        (Limits(total=usd(5)), Reason.TOTAL, 5),
        (Limits(contracts_per_leg=contracts(7)), Reason.CONTRACTS, 7),
    ],
)
def test_each_limit_caps(limits: Limits, reason: Reason, given: int) -> None:
    answer = a_book(limits).approve(arb(size=20), T0)
    assert capped(answer).reason is reason
    assert approved(answer).quantity == contracts(given)


def test_two_pairs_of_one_event_share_its_limit_and_a_third_pair_does_not() -> None:
    book = a_book(per_event=usd(10))
    trade(book, "t1", pair_id="pair_0", size=10)
    assert approved(book.approve(arb("t2", "pair_1", size=10), T0)).quantity == contracts(1)
    assert approved(book.approve(arb("t3", "pair_2", size=10), T0)).quantity == contracts(10)


def sized(proposal: Proposal, hundredths: int) -> Proposal:
    """So many hundredths of a contract of every leg."""
    quantity = Quantity(hundredths)
    legs = tuple(msgspec.structs.replace(leg, quantity=quantity) for leg in proposal.legs)
    return msgspec.structs.replace(proposal, quantity=quantity, legs=legs)


def test_least_notional_and_dust_count_into_the_smallest_trade() -> None:
    book = a_book(market=Market(NO_FEES, least_notional=usd(1)), per_pair=usd(1))
    assert refused(book.approve(arb(size=10, kalshi=40, poly=50), T0)).reason is Reason.PER_PAIR
    # At 30 cents 3.33 contracts are worth $0.999, and 3.34 are worth $1.002.
    cheap = a_book(market=Market(NO_FEES, least_notional=usd(1), step=Quantity(1)))
    assert refused(cheap.approve(sized(arb(kalshi=30), 333), T0)).reason is Reason.TOO_SMALL
    approved(cheap.approve(sized(arb(kalshi=30), 334), T0))
    proposal = arb("t2", size=4, kalshi=40, poly=50)
    dusty = msgspec.structs.replace(proposal.legs[0], quantity=contracts(1))
    refusal = refused(
        a_book(market=Market(NO_FEES, least=contracts(2))).approve(
            msgspec.structs.replace(proposal, legs=(dusty, proposal.legs[1])), T0
        )
    )
    assert refusal.reason is Reason.TOO_SMALL


def test_a_cap_keeps_the_dust_that_a_leg_takes_in() -> None:
    proposal = arb(size=10)
    dusty = msgspec.structs.replace(proposal.legs[0], quantity=contracts(8))
    book = a_book(contracts_per_leg=contracts(5))
    approval = approved(book.approve(msgspec.structs.replace(proposal, legs=(dusty, proposal.legs[1])), T0))
    assert [leg.quantity for leg in approval.legs] == [contracts(3), contracts(5)]


def test_trades_in_flight_are_counted_until_they_are_over() -> None:
    book = a_book(trades_in_flight=1)
    for leg in trade(book):
        book.report(filled(leg, 0), T0)
    assert refused(book.approve(arb("t2"), T0)).reason is Reason.IN_FLIGHT
    book.over(TradeId("t1"))
    approved(book.approve(arb("t2"), T0))


def test_a_limit_of_nothing_allows_nothing_and_a_negative_one_is_refused() -> None:
    assert refused(a_book(total=usd(0)).approve(arb(), T0)).reason is Reason.TOTAL
    assert refused(a_book(trades_in_flight=0).approve(arb(), T0)).reason is Reason.IN_FLIGHT
    with pytest.raises(ValueError, match="per_pair must not be negative"):
        Limits(per_pair=Money(-1))
    with pytest.raises(ValueError, match="orders_per_second of kalshi"):
        Limits(orders_per_second={KALSHI: -1})


# -- what happens to the money -----------------------------------------------------------------------------------------


def test_a_leg_that_filled_nothing_leaves_its_money_for_completing() -> None:
    book = a_book(total=usd(9))
    yes, no = trade(book)
    book.report(filled(yes), T0)
    book.report(filled(no, 0), T0)
    assert book.exposure.at_stake(total()) == usd(9)
    assert refused(book.approve(arb("t2", "pair_2", size=1), T0)).reason is Reason.TOTAL
    assert book.exposure.unhedged == usd("4.50")
    approved(book.approve_closing(closing(a_leg(POLYMARKET, 45, 10)), T0))
    assert book.exposure.at_stake(total()) == usd(9)


def test_completing_at_a_worse_price_needs_room_and_selling_needs_none() -> None:
    book = a_book(per_pair=usd(9))
    yes, no = trade(book)
    book.report(filled(yes), T0)
    book.report(filled(no, 0), T0)
    answer = refused(book.approve_closing(closing(a_leg(POLYMARKET, 46, 10)), T0))
    assert (answer.reason, answer.text) == (Reason.PER_PAIR, "pair pair_0: $0.10 more than $9.00, of $9.00")
    approval = approved(book.approve_closing(closing(a_leg(KALSHI, 40, 10, Action.SELL)), T0))
    sale = order(approval, 0, "s1")
    book.sent(approval, [sale], T0)
    assert book.exposure.at_stake(total()) == usd(9)
    book.report(filled(sale), T0)
    book.over(TradeId("t1"))
    assert dict(book.exposure.every()) == {}


def test_a_sale_frees_money_when_it_is_final_and_not_before() -> None:
    book = a_book()
    yes, no = trade(book)
    book.report(filled(yes), T0)
    book.report(filled(no, 0), T0)
    approval = approved(book.approve_closing(closing(a_leg(KALSHI, 40, 10, Action.SELL)), T0))
    sale = order(approval, 0, "s1")
    book.sent(approval, [sale], T0)
    book.over(TradeId("t1"))
    book.report(filled(sale, 6, final=False), T0)
    assert book.exposure.at_stake(total()) == usd("4.50")
    answer = refused(book.approve_closing(closing(a_leg(KALSHI, 40, 1, Action.SELL)), T0))
    assert answer.reason is Reason.NOT_HELD
    book.report(filled(sale, 4, revision=2), T0)
    assert book.exposure.at_stake(total()) == usd("2.70")


def test_what_is_being_sold_is_not_sold_twice() -> None:
    book = a_book()
    yes, no = trade(book)
    book.report(filled(yes), T0)
    book.report(filled(no, 0), T0)
    approval = approved(book.approve_closing(closing(a_leg(KALSHI, 40, 6, Action.SELL)), T0))
    sale = order(approval, 0, "s1")
    book.sent(approval, [sale], T0)
    answer = refused(book.approve_closing(closing(a_leg(KALSHI, 40, 5, Action.SELL)), T0))
    assert answer.reason is Reason.NOT_HELD
    assert answer.text == "to sell 5 yes on kalshi, where 4 are held and not being sold"
    book.report(filled(sale, 1), T0)
    approved(book.approve_closing(closing(a_leg(KALSHI, 40, 9, Action.SELL)), T0))


def test_an_unknown_leg_counts_at_its_worst_and_a_claim_beyond_that_as_claimed() -> None:
    book = a_book()
    yes, _ = trade(book)
    book.report(unknown(yes), T0)
    assert book.exposure.at_stake(venue(KALSHI)) == usd("4.50")
    assert set(book.exposure.unknown) == {yes.leg_id}
    book.report(unknown(yes, revision=1, filled=contracts(12), cost=usd("5.40")), T0)
    assert book.exposure.at_stake(venue(KALSHI)) == usd("5.40")
    book.report(filled(yes, 0, revision=2), T0)
    book.over(TradeId("t1"))
    assert book.exposure.at_stake(venue(KALSHI)) == 0
    assert not book.exposure.unknown


def test_a_provisional_fill_stays_at_its_worst_until_it_is_final() -> None:
    book = a_book()
    yes, _ = trade(book)
    book.report(filled(yes, 3, final=False), T0)
    book.over(TradeId("t1"))
    assert book.exposure.at_stake(venue(KALSHI)) == usd("4.50")
    book.report(filled(yes, 3, revision=2), T0)
    assert book.exposure.at_stake(venue(KALSHI)) == usd("1.35")


def test_an_overfill_counts_over_the_limit_and_then_nothing_is_approved() -> None:
    book = a_book(per_pair=usd(9))
    yes, no = trade(book)
    book.report(filled(yes, 12), T0)
    book.report(filled(no), T0)
    book.over(TradeId("t1"))
    assert book.exposure.at_stake(pair()) == usd("9.90")
    assert book.room(pair()) == 0
    assert refused(book.approve(arb("t2", size=1), T0)).reason is Reason.PER_PAIR


def test_late_news_of_a_trade_that_is_over_counts_again() -> None:
    book = a_book()
    yes, no = trade(book)
    for leg in (yes, no):
        book.report(filled(leg, 0), T0)
    book.over(TradeId("t1"))
    assert dict(book.exposure.every()) == {}
    book.report(filled(yes, 2, revision=2), T0)
    assert book.exposure.at_stake(total()) == usd("0.90")
    assert book.exposure.unhedged == usd("0.90")


def test_a_short_counts_what_it_can_still_lose() -> None:
    book = a_book()
    yes, no = trade(book)
    book.report(filled(yes), T0)
    book.report(filled(no, 0), T0)
    approval = approved(book.approve_closing(closing(a_leg(KALSHI, 40, 10, Action.SELL)), T0))
    sale = order(approval, 0, "s1")
    book.sent(approval, [sale], T0)
    book.report(filled(sale), T0)
    book.over(TradeId("t1"))
    book.report(filled(yes, 8, revision=2), T0)
    # Two contracts sold that were never held: 40 cents each were received, a dollar each may have to be paid.
    assert book.exposure.at_stake(total()) == usd("1.20") == book.exposure.unhedged


def test_the_same_news_again_and_older_news_change_nothing() -> None:
    book = a_book()
    yes, _ = trade(book)
    book.report(filled(yes, 4, revision=3), T0)
    before = dict(book.exposure.every())
    for again in (filled(yes, 4, revision=3), filled(yes, 9, revision=2), unknown(yes, revision=1)):
        book.report(again, T0)
        assert dict(book.exposure.every()) == before
    assert not book.report(filled(order(arb(), 0, "stranger")), T0)


def test_matched_contracts_are_hedged_over_venues_and_the_rest_counts_at_its_share() -> None:
    book = a_book()
    yes, no = trade(book, kalshi=40, poly=50)
    book.report(filled(yes), T0)
    book.report(filled(no, 7), T0)
    assert book.exposure.unhedged == usd("1.20")
    book.report(filled(no, revision=2), T0)
    assert book.exposure.unhedged == 0


# -- cash and rate -----------------------------------------------------------------------------------------------------


def test_a_purchase_between_the_first_question_and_its_answer_is_taken_off() -> None:
    book = a_book()
    asked = book.cash.asking(T0)
    yes, _ = trade(book)
    book.report(filled(yes), T0 + 2)
    assert book.cash.left(Account(KALSHI)) is None
    book.cash.stated(KALSHI, {"": usd(10)}, asked)
    assert book.cash.left(Account(KALSHI)) == usd("5.50")
    book.cash.stated(KALSHI, {"": usd("5.50")}, book.cash.asking(T0 + 3))
    assert book.cash.left(Account(KALSHI)) == usd("5.50")


def test_cash_is_a_limit_by_account_and_what_was_spent_since_the_asking_is_gone() -> None:
    book = a_book()
    book.cash.stated(KALSHI, {"": usd(10)}, T0)
    yes, no = trade(book, size=10)
    assert capped(book.approve(arb("t2", "pair_1", size=20), T0)).reason is Reason.CASH
    book.over(TradeId("t2"))
    for leg in (yes, no):
        book.report(filled(leg), T0 + 5)
    book.over(TradeId("t1"))
    assert approved(book.approve(arb("t3", "pair_1", size=20), T0)).quantity == contracts(12)
    book.over(TradeId("t3"))
    # Asked before the fill was proven: the answer may not have it. Asked after: it has.
    book.cash.stated(KALSHI, {"": usd(10)}, T0 + 4)
    assert approved(book.approve(arb("t4", "pair_1", size=20), T0)).quantity == contracts(12)
    book.over(TradeId("t4"))
    book.cash.stated(KALSHI, {"": usd(10)}, T0 + 6)
    assert approved(book.approve(arb("t5", "pair_1", size=20), T0)).quantity == contracts(20)


def test_completing_takes_no_cash_that_is_promised_and_not_there_and_selling_needs_none() -> None:
    book = a_book()
    yes, no = trade(book)
    book.report(filled(yes), T0)
    book.report(filled(no, 0), T0)
    # $4.50 are kept for it, since before anybody asked the venue.
    book.cash.stated(POLYMARKET, {"": usd("4.49")}, T0)
    answer = refused(book.approve_closing(closing(a_leg(POLYMARKET, 45, 10)), T0))
    assert (answer.reason, answer.text) == (Reason.CASH, "cash of polymarket: $4.50 more than $0.00, of $4.49")
    approved(book.approve_closing(closing(a_leg(KALSHI, 40, 10, Action.SELL)), T0))
    book.cash.stated(POLYMARKET, {"": usd("4.50")}, T0)
    approved(book.approve_closing(closing(a_leg(POLYMARKET, 45, 10)), T0))


def test_orders_that_are_approved_and_not_sent_yet_hold_their_place_in_the_second() -> None:
    book = a_book(orders_per_second={KALSHI: 2})
    first = approved(book.approve(arb("t1", "pair_0"), T0))
    approved(book.approve(arb("t2", "pair_1"), T0))
    assert refused(book.approve(arb("t3", "pair_2"), T0)).reason is Reason.ORDER_RATE
    send(book, first)
    book.over(TradeId("t2"))
    approved(book.approve(arb("t3", "pair_2"), T0))
    assert refused(book.approve(arb("t4", "pair_3"), T0 + SECOND - 1)).reason is Reason.ORDER_RATE
    approved(book.approve(arb("t4", "pair_3"), T0 + SECOND))


def test_what_one_more_leg_can_be_worth() -> None:
    assert a_book().cap(Account(KALSHI)) is None
    book = a_book(per_pair=usd(10), per_venue=usd(12), total=usd(30))
    assert book.cap(Account(KALSHI)) == usd(10)
    trade(book, kalshi=50, poly=20)
    assert book.cap(Account(KALSHI)) == usd(7)
    assert book.cap(Account(POLYMARKET)) == usd(10)
    book.cash.stated(POLYMARKET, {"": usd(3)}, T0)
    assert book.cap(Account(POLYMARKET)) == usd(1)
    book.cash.stated(POLYMARKET, {"": usd(1)}, T0)
    assert book.cap(Account(POLYMARKET)) == 0
    assert a_book(total=usd(5)).cap(Account(KALSHI)) == usd(5)
    assert a_book(per_event=usd(4)).cap(Account(KALSHI)) == usd(4)


# -- what an approval covers -------------------------------------------------------------------------------------------


def test_only_what_was_approved_leaves_and_only_once() -> None:
    book = a_book()
    approval = approved(book.approve(arb(), T0))
    yes, no = (order(approval, index) for index in (0, 1))
    wrong: list[dict[str, Any]] = [
        {"quantity": contracts(11)},
        {"limit": yes.limit + 1},
        {"side": Side.NO},
        {"market": "another"},
        {"platform": POLYMARKET},
        {"action": Action.SELL},
        {"trade_id": TradeId("t2")},
        {"quantity": Quantity(0)},
    ]
    for fields in wrong:
        with pytest.raises(NotApproved):
            book.sent(approval, [msgspec.structs.replace(yes, **fields)], T0)
    with pytest.raises(NotApproved):
        book.sent(approval, [yes, msgspec.structs.replace(yes, leg_id=LegId("again"))], T0)
    assert not book.exposure.legs
    book.sent(approval, [yes], T0)
    with pytest.raises(NotApproved):
        book.sent(approval, [msgspec.structs.replace(yes, leg_id=LegId("again"))], T0)
    book.sent(approval, [no], T0)
    with pytest.raises(NotApproved, match="used up"):
        book.sent(approval, [no], T0)


def test_an_approval_ends_with_its_trade_and_when_something_is_closed_instead() -> None:
    book = a_book()
    approval = approved(book.approve(arb(), T0))
    book.over(TradeId("t1"))
    with pytest.raises(NotApproved):
        send(book, approval)
    first = approved(book.approve(arb("t2"), T0))
    yes = order(first, 0)
    book.sent(first, [yes], T0)
    book.report(filled(yes), T0)
    approved(book.approve_closing(closing(a_leg(KALSHI, 40, 10, Action.SELL), trade_id="t2"), T0))
    with pytest.raises(NotApproved):
        book.sent(first, [order(first, 1)], T0)


def test_another_books_approval_opens_nothing() -> None:
    approval = approved(a_book().approve(arb(), T0))
    with pytest.raises(NotApproved):
        send(a_book(), approval)


def test_a_trade_is_approved_once() -> None:
    book = a_book()
    trade(book)
    with pytest.raises(ValueError, match="ids are never used twice"):
        book.approve(arb(), T0)


@given(
    kalshi=st.integers(1, 99),
    poly=st.integers(1, 99),
    size=st.integers(1, 500),
    most=st.integers(0, 50 * USD),
    free=st.booleans(),
)
def test_a_cap_is_the_largest_size_that_fits(kalshi: int, poly: int, size: int, most: int, free: bool) -> None:
    market = Market(NO_FEES if free else FEES)
    proposal = arb(size=size, kalshi=kalshi, poly=poly)
    answer = a_book(market=market, per_pair=Money(most)).approve(proposal, T0)

    def need(number: int) -> int:
        legs = proposal.legs
        return sum(market(PairId("pair_0"), Platform(leg.platform)).worst(leg.limit, contracts(number)) for leg in legs)

    fits = [number for number in range(1, size + 1) if need(number) <= most]
    if fits:
        assert approved(answer).quantity == contracts(max(fits))
        assert approved(answer).money == need(max(fits))
    else:
        refused(answer)
