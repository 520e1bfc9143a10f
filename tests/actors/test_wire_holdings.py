"""An account over the wire: the same at the other end, and never more than a frame."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.holdings_messages import HoldingsSaid
from actors.wire_holdings import MAX_PARTS, HoldingsParts, off_the_wire, on_the_wire
from protocol.codec import MAX_FRAME_BYTES, decode, encode
from protocol.holdings import HeldContracts, Holdings, ListedOrder, SettledMarket
from protocol.terms import KALSHI, Side
from protocol.units import Money, Price, Quantity
from protocol.wire import Holdings as Told

counts = st.integers(0, 10**7).map(Quantity)
names = st.text("ABCXYZ-09", min_size=1, max_size=40)
anything = st.text(max_size=250)
orders = st.builds(ListedOrder, anything, names, names, counts, counts, st.integers(0, 2**52))
accounts = st.tuples(names, st.integers(-(10**12), 10**12).map(Money))
holdings = st.builds(
    Holdings,
    positions=st.lists(st.builds(HeldContracts, names, st.sampled_from(Side), counts), max_size=5).map(tuple),
    orders=st.lists(orders, max_size=5).map(tuple),
    accounts=st.lists(accounts, max_size=5).map(tuple),
    nets=st.booleans(),
    listed_from_us=st.none() | st.integers(0, 2**52),
    moving=st.lists(names, max_size=3).map(tuple),
    settled=st.lists(
        st.builds(SettledMarket, names, counts, counts, st.integers(0, 10_000).map(Price), st.integers(0, 2**52)),
        max_size=3,
    ).map(tuple),
)


def sent(held: Holdings, parts: int | None = None) -> list[Told]:
    found: list[Told] = []
    for frame in on_the_wire(3, KALSHI, held, paper=False, parts=parts):
        text = encode(frame)
        assert len(text.encode()) < MAX_FRAME_BYTES
        told = decode(text)
        assert isinstance(told, Told), told
        found.append(told)
    return found


def in_one(held: Holdings) -> Told:
    (told,) = sent(held)
    return told


def heard(told: Iterable[Told], who: str = "lisbon") -> list[HoldingsSaid]:
    """What comes out at the other end, part after part."""
    parts = HoldingsParts()
    return [whole for one in told if (whole := parts.take(off_the_wire(one, who))) is not None]


@given(holdings)
def test_it_is_the_same_at_the_other_end_but_for_ids_that_are_not_ours(held: Holdings) -> None:
    (said,) = heard(sent(held))
    found = said.holdings
    assert found is not None, said.failed
    assert (found.positions, found.accounts, found.nets) == (held.positions, held.accounts, held.nets)
    assert (found.moving, found.listed_from_us) == (held.moving, held.listed_from_us)
    assert sorted(found.settled, key=str) == sorted(held.settled, key=str)
    assert sorted((one.order_id, one.market, one.filled, one.left) for one in found.orders) == sorted(
        (one.order_id, one.market, one.filled, one.left) for one in held.orders
    )


def test_of_too_many_orders_the_newest_are_told_what_rests_before_all_and_from_when_on() -> None:
    many = tuple(
        ListedOrder(f"leg-{t:030}", f"{t:036}", "KXTEST-26NOV22-T1", Quantity(1), Quantity(0), t) for t in range(2_000)
    )
    rests = ListedOrder("rests", "old", "KXOLD", Quantity(0), Quantity(5), 0)
    told = off_the_wire(in_one(Holdings(positions=(), orders=(*many, rests), listed_from_us=0)), "lisbon").holdings
    assert told is not None
    assert 100 < len(told.orders) < 1_000
    assert rests in told.orders
    listed = {one.t_us for one in told.orders if one is not rests and one.client_id != "rests"}
    assert told.listed_from_us == min(listed)
    assert listed == set(range(min(listed), 2_000))


def test_what_does_not_fit_is_a_reason_and_no_shorter_list() -> None:
    many = tuple(HeldContracts(f"KXMARKET-{number:040}", Side.YES, Quantity(1)) for number in range(1_000))
    said = off_the_wire(in_one(Holdings(positions=many)), "lisbon")
    assert said.holdings is None
    assert "1000 positions do not fit" in str(said.failed)


LARGE = Holdings(
    positions=tuple(HeldContracts(f"KXMARKET-{number:040}", Side.YES, Quantity(number)) for number in range(1_000)),
    orders=tuple(
        ListedOrder(f"leg-{t:030}", f"{t:036}", "KXTEST-26NOV22-T1", Quantity(1), Quantity(0), t) for t in range(500)
    ),
    accounts=(("0", Money(5)), ("3", Money(7))),
    nets=True,
    listed_from_us=0,
    moving=("KXMOVES",),
    settled=(SettledMarket("KXOVER", Quantity(5), Quantity(0), Price(10_000), 9),),
)


def test_a_large_account_comes_in_parts_to_whoever_takes_them_and_is_whole_with_the_last() -> None:
    frames = sent(LARGE, MAX_PARTS)
    assert 3 < len(frames) < 8
    assert [(frame.part, frame.parts) for frame in frames] == [
        (number, len(frames)) for number in range(1, len(frames) + 1)
    ]
    (said,) = heard(frames)
    assert said.part is None
    assert said.holdings is not None
    assert said.holdings == msgspec.structs.replace(LARGE, orders=LARGE.orders[::-1])


def test_an_account_with_a_part_missing_twice_or_of_another_answer_never_was() -> None:
    one, two, three, *rest = sent(LARGE, MAX_PARTS)
    assert heard([one, three, *rest]) == []
    assert heard([two, three, *rest]) == []
    assert heard([one, one, two, two, three, *rest]) == []
    assert len(heard([one, two, one, two, three, *rest])) == 1, "it began anew"
    assert heard([one, two.model_copy(update={"number": 4}), three, *rest]) == []
    assert heard([one.model_copy(update={"parts": 10**6})]) == []
    assert [said.failed for said in heard([one, two, three.model_copy(update={"error": "gone"}), *rest])] == ["gone"]


def test_more_than_all_parts_hold_is_a_reason_too() -> None:
    many = tuple(HeldContracts(f"KX-{number:040}", Side.YES, Quantity(1)) for number in range(10_000))
    (frame,) = sent(Holdings(positions=many), MAX_PARTS)
    assert "10000 positions do not fit" in str(frame.error)
