"""A start: the book of money taken up from the ledger."""

from __future__ import annotations

import pytest

from actors.facts import AnyFact
from actors.ledger_state import fold
from actors.risk.approval import Approval
from protocol.terms import KALSHI, POLYMARKET, LegId, TradeId
from protocol.units import Money, Quantity
from tests import fact_kit
from tests.risk.kit import T0, a_book, a_leg, approved, arb, closing, filled, order, total, trade, usd, venue


def rebuilt(*facts: AnyFact, paper: bool = False) -> dict[str, Money]:
    book = a_book()
    book.rebuild(fold(facts), paper=paper)
    return {str(scope): amount for scope, amount in book.exposure.every() if scope == total()}


def test_a_start_counts_what_is_held_and_what_is_not_proven() -> None:
    sent, opened = fact_kit.sent(), fact_kit.opened()
    assert rebuilt(opened, sent) == {"in total": usd("5.20")}
    assert rebuilt(opened, sent, fact_kit.seen(fact_kit.unknown(filled=Quantity(0)))) == {"in total": usd("5.20")}
    assert rebuilt(opened, sent, fact_kit.seen(), fact_kit.over()) == {"in total": usd("5.37")}
    assert rebuilt(opened, sent, fact_kit.seen(fact_kit.unfilled()), fact_kit.over(state="flat")) == {}


def test_a_start_knows_what_was_proven_before_a_leg_became_unknown() -> None:
    book = a_book()
    part = fact_kit.outcome(filled=Quantity(400), cost=usd("2.08"), fees=Money(0), final=False)
    doubt = fact_kit.unknown(revision=1)
    book.rebuild(fold((fact_kit.opened(), fact_kit.sent(), fact_kit.seen(part), fact_kit.seen(doubt))), paper=False)
    assert book.exposure.held(book.exposure.legs[LegId("t1-1")].key) == 400
    assert book.exposure.at_stake(total()) == usd("5.20")


def test_real_money_and_paper_are_never_added_up() -> None:
    paper = fact_kit.seen(fact_kit.outcome(paper=True))
    assert rebuilt(fact_kit.opened(), fact_kit.sent(), paper, fact_kit.over()) == {}
    assert rebuilt(fact_kit.opened(), fact_kit.sent(), paper, fact_kit.over(), paper=True) == {"in total": usd("5.37")}
    dry = fact_kit.opened(dry_run=True)
    assert rebuilt(dry, fact_kit.sent()) == {}
    assert rebuilt(dry, fact_kit.sent(), paper=True) == {"in total": usd("5.20")}


def test_an_answer_that_proves_nothing_does_not_say_whether_it_was_paper() -> None:
    dry, doubt = fact_kit.opened(dry_run=True), fact_kit.seen(fact_kit.unknown(filled=Quantity(0)))
    assert rebuilt(dry, fact_kit.sent(), doubt) == {}
    assert rebuilt(dry, fact_kit.sent(), doubt, paper=True) == {"in total": usd("5.20")}


def test_a_leg_of_a_trade_that_was_adopted_is_of_the_kind_of_its_other_leg() -> None:
    doubt = fact_kit.seen(fact_kit.unknown(filled=Quantity(0)))
    other = fact_kit.seen(fact_kit.outcome("t1-2", paper=True, fees=Money(0)))
    facts = (fact_kit.adopted(), doubt, fact_kit.adopted("t1-2"), other)
    assert rebuilt(*facts) == {}
    assert rebuilt(*facts, paper=True) == {"in total": usd("10.40")}
    told = fact_kit.seen(fact_kit.unknown(filled=Quantity(0), paper=True))
    assert rebuilt(fact_kit.adopted(), told) == {}
    assert rebuilt(fact_kit.adopted(), doubt) == {"in total": usd("5.20")}


def test_a_leg_that_may_have_left_counts_until_it_is_told_of() -> None:
    book = a_book()
    assumed = order(arb(), 1, "t1-2")
    book.rebuild(fold((fact_kit.opened(), fact_kit.sent())), paper=False, assumed=[assumed])
    assert book.exposure.at_stake(total()) == usd("9.70")
    assert LegId("t1-2") in book.exposure.unknown


@pytest.mark.parametrize(("price", "fits"), [(60, False), (48, True)])
def test_nothing_is_kept_for_a_leg_that_only_may_have_left(price: int, *, fits: bool) -> None:
    book = a_book(per_pair=usd(10))
    assumed = order(arb(poly=99), 1, "t1-2")
    facts = (fact_kit.opened(), fact_kit.sent(), fact_kit.seen(fact_kit.outcome(fees=Money(0))))
    book.rebuild(fold(facts), paper=False, assumed=[assumed])
    book.report(fact_kit.unfilled("t1-2"), T0)
    answer = book.approve_closing(closing(a_leg(POLYMARKET, price)), T0)
    assert isinstance(answer, Approval) is fits


def test_a_leg_that_is_told_of_twice_counts_once() -> None:
    book = a_book()
    yes, _ = trade(book)
    book.report(filled(yes, 4), T0)
    book.over(TradeId("t1"))
    book.take(yes, TradeId("t1"))
    assert book.exposure.at_stake(venue(KALSHI)) == usd("1.80")
    book.report(filled(yes, 5, revision=2), T0)
    assert book.exposure.at_stake(venue(KALSHI)) == usd("2.25")


def test_what_was_paid_out_is_at_stake_no_more() -> None:
    book = a_book(total=usd(9))
    for leg in trade(book):
        book.report(filled(leg), T0)
    book.over(TradeId("t1"))
    book.paid_out([TradeId("t1")])
    assert dict(book.exposure.every()) == {}
    approved(book.approve(arb("t2"), T0))


def test_a_leg_whose_money_is_of_the_other_kind_moves_there() -> None:
    real, paper = a_book(), a_book()
    yes, _ = trade(real)
    real.move_to(paper, yes.leg_id)
    assert paper.exposure.at_stake(venue(KALSHI)) == usd("4.50")
    real.over(TradeId("t1"))
    assert real.exposure.at_stake(venue(KALSHI)) == 0
