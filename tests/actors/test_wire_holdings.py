"""An account over the wire: the same at the other end, and never more than a frame."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from actors.wire_holdings import off_the_wire, on_the_wire
from protocol.codec import MAX_FRAME_BYTES, decode, encode
from protocol.holdings import HeldContracts, Holdings, ListedOrder
from protocol.terms import KALSHI, Side
from protocol.units import Money, Quantity
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
)


def sent(held: Holdings) -> Told:
    text = encode(on_the_wire(3, KALSHI, held, paper=False))
    assert len(text.encode()) < MAX_FRAME_BYTES
    told = decode(text)
    assert isinstance(told, Told), told
    return told


@given(holdings)
def test_it_is_the_same_at_the_other_end_but_for_ids_that_are_not_ours(held: Holdings) -> None:
    said = off_the_wire(sent(held), "lisbon")
    found = said.holdings
    assert found is not None, said.failed
    assert (found.positions, found.accounts, found.nets) == (held.positions, held.accounts, held.nets)
    assert (found.moving, found.listed_from_us) == (held.moving, held.listed_from_us)
    assert sorted((one.order_id, one.market, one.filled, one.left) for one in found.orders) == sorted(
        (one.order_id, one.market, one.filled, one.left) for one in held.orders
    )


def test_of_too_many_orders_the_newest_are_told_what_rests_before_all_and_from_when_on() -> None:
    many = tuple(
        ListedOrder(f"leg-{t:030}", f"{t:036}", "KXTEST-26NOV22-T1", Quantity(1), Quantity(0), t) for t in range(2_000)
    )
    rests = ListedOrder("rests", "old", "KXOLD", Quantity(0), Quantity(5), 0)
    told = off_the_wire(sent(Holdings(positions=(), orders=(*many, rests), listed_from_us=0)), "lisbon").holdings
    assert told is not None
    assert 100 < len(told.orders) < 1_000
    assert rests in told.orders
    listed = {one.t_us for one in told.orders if one is not rests and one.client_id != "rests"}
    assert told.listed_from_us == min(listed)
    assert listed == set(range(min(listed), 2_000))


def test_what_does_not_fit_is_a_reason_and_no_shorter_list() -> None:
    many = tuple(HeldContracts(f"KXMARKET-{number:040}", Side.YES, Quantity(1)) for number in range(1_000))
    said = off_the_wire(sent(Holdings(positions=many)), "lisbon")
    assert said.holdings is None
    assert "1000 positions do not fit" in str(said.failed)
