"""Average cost to the micro-dollar: whatever is bought and sold, in whatever order it is told, nothing is lost."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.ledger_book import Fill, PositionBook
from actors.ledger_holding import NOTHING, Holding, moved, share
from protocol.units import Money, Quantity

CONTRACTS = st.integers(0, 10**7)
MONEY = st.integers(0, 10**12)


@st.composite
def fills(draw: st.DrawFn) -> Fill:
    sign = draw(st.sampled_from((1, -1)))
    return Fill(sign * draw(CONTRACTS), sign * draw(MONEY), draw(st.integers(-1_000, 10**6)))


def held(contracts: int, cost: int) -> Holding:
    return Holding(Quantity(contracts), Money(cost))


@pytest.mark.parametrize(
    ("before", "contracts", "paid", "after", "realised"),
    [
        (NOTHING, 300, 1_000, held(300, 1_000), 0),
        (held(300, 1_000), 100, 500, held(400, 1_500), 0),
        # A third of 1,000 is 333 and a bit: the bit stays with what is still held.
        (held(300, 1_000), -100, -400, held(200, 667), 67),
        (held(200, 667), -100, -400, held(100, 334), 67),
        (held(100, 334), -100, -400, NOTHING, 66),
        (held(300, 1_000), -300, -900, NOTHING, -100),
        # More than is held: 300 close, for 3/4 of what the sale brought; 100 are short, for the rest.
        (held(300, 1_000), -400, -2_000, held(-100, -500), 500),
        (NOTHING, -100, -500, held(-100, -500), 0),
        (held(-100, -500), -100, -300, held(-200, -800), 0),
        (held(-200, -800), 100, 250, held(-100, -400), 150),
        (held(-100, -400), 300, 900, held(200, 600), 100),
        # Money without contracts is gained or lost at once.
        (held(100, 400), 0, 7, held(100, 400), -7),
        (held(100, 0), -100, 0, NOTHING, 0),
    ],
)
def test_the_rule(before: Holding, contracts: int, paid: int, after: Holding, realised: int) -> None:
    assert moved(before, contracts, paid) == (after, realised)


@given(amount=st.integers(-(10**12), 10**12), whole=st.integers(1, 10**6), data=st.data())
def test_a_share_never_takes_more_than_there_is(amount: int, whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    taken = share(amount, part, whole)
    assert abs(taken) <= abs(amount)
    assert abs(taken * whole - amount * part) < whole
    assert share(amount, whole, whole) == amount


@given(story=st.lists(fills()))
def test_spent_less_received_is_cost_less_realised_at_every_step(story: list[Fill]) -> None:
    at, realised, paid = NOTHING, 0, 0
    for fill in story:
        at, gain = moved(at, fill.contracts, fill.paid)
        realised += gain
        paid += fill.paid
        assert paid == at.cost - realised
        # A cost has the sign of what it is the cost of, and nothing held has none.
        assert at.contracts * at.cost >= 0
        assert at.contracts or not at.cost
    assert at.contracts == sum(fill.contracts for fill in story)


@given(bought=st.lists(st.tuples(st.integers(1, 1_000), MONEY), min_size=1), cuts=st.lists(st.integers(1, 500)))
def test_selling_bit_by_bit_takes_exactly_all_of_the_cost(bought: list[tuple[int, int]], cuts: list[int]) -> None:
    at = NOTHING
    for contracts, paid in bought:
        at, _ = moved(at, contracts, paid)
    spent, realised = sum(paid for _, paid in bought), 0
    for cut in [*cuts, at.contracts]:
        part = min(cut, at.contracts)
        if part:
            at, gain = moved(at, -part, 0)
            realised += gain
    if at.contracts:
        at, gain = moved(at, -at.contracts, 0)
        realised += gain
    assert (at, realised) == (NOTHING, -spent)


PLACES = st.integers(0, 12)
CHANGES = st.lists(st.tuples(PLACES, st.none() | fills()), max_size=40)


def expected(now: dict[int, Fill]) -> tuple[Holding, int, dict[int, Money]]:
    at, realised, by = NOTHING, 0, dict[int, Money]()
    for place in sorted(now):
        at, by[place] = moved(at, now[place].contracts, now[place].paid)
        realised += by[place]
    return at, realised, by


@given(changes=CHANGES)
def test_a_book_is_what_its_fills_are_now_however_they_came(changes: list[tuple[int, Fill | None]]) -> None:
    book, now = PositionBook(), dict[int, Fill]()
    for place, fill in changes:
        book.put(place, fill)
        if fill is None:
            now.pop(place, None)
        else:
            now[place] = fill
        at, realised, by = expected(now)
        assert (book.holding, book.realised) == (at, realised)
        assert {number: book.realised_by(number) for number in now} == by
        assert book.realised_by(99) == 0
        assert bool(book) is bool(now)
        assert book.fees == sum(found.fees for found in now.values())
        assert book.spent == sum(found.paid for found in now.values() if found.paid > 0)
        assert book.received == -sum(found.paid for found in now.values() if found.paid < 0)
        assert book.spent - book.received == book.holding.cost - book.realised


def test_a_late_buy_is_counted_before_the_sale_that_followed_it() -> None:
    book = PositionBook()
    book.put(1, Fill(1_000, 5_000_000, 0))
    book.put(2, Fill(-1_000, -6_000_000, 0))
    assert (book.holding, book.realised) == (NOTHING, 1_000_000)
    book.put(0, Fill(1_000, 3_000_000, 0))
    assert (book.holding, book.realised) == (held(1_000, 4_000_000), 2_000_000)
    book.put(0, None)
    assert (book.holding, book.realised) == (NOTHING, 1_000_000)


def test_what_a_book_costs_grows_with_what_changed_and_not_with_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = 0
    book = PositionBook()

    def counted(at: Holding, contracts: int, paid: int) -> tuple[Holding, Money]:
        nonlocal steps
        steps += 1
        return moved(at, contracts, paid)

    monkeypatch.setattr("actors.ledger_book.moved", counted)
    counts = []
    for place in range(300):
        before = steps
        book.put(place, Fill(1, 1, 0))
        counts.append(steps - before)
    assert all(one == other for one, other in pairwise(counts))
    assert counts[0] == 1
