"""The comparison itself: what is equal is no difference, and what differs beyond the unknown legs always is one."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from actors.facts import AnyFact
from actors.holdings_messages import LedgerAsked, LedgerHeld, UnknownLeg
from actors.ledger_state import LedgerState
from actors.ledger_sums import sums_of
from actors.reconciliation import CashBase, DriftKind, compare
from actors.risk.facts import PaidOut
from protocol.holdings import HeldContracts, Holdings, ListedOrder
from protocol.terms import KALSHI, Action, LegId, Side, TradeId
from protocol.units import USD, Money, Quantity
from tests.fact_kit import PAIR, T0, outcome, seen, sent
from tests.fact_kit import unknown as unproven

MARKETS = ("A", "B", "C")
Key = tuple[str, Side]
keys = st.tuples(st.sampled_from(MARKETS), st.sampled_from(Side))
counts = st.integers(1, 2_000).map(Quantity)
legs = st.builds(UnknownLeg, st.uuids().map(lambda u: LegId(str(u))), st.sampled_from(MARKETS), st.sampled_from(Side),
                 st.sampled_from(Action), counts)  # fmt: skip


def venue(
    held: Mapping[Key, int], *, nets: bool = False, orders: tuple[ListedOrder, ...] = (), cash: int = 0
) -> Holdings:
    """What a venue says that nets or does not."""
    if nets:
        net = {market: held.get((market, Side.YES), 0) - held.get((market, Side.NO), 0) for market in MARKETS}
        held = {(market, Side.YES if count > 0 else Side.NO): abs(count) for market, count in net.items()}
    positions = tuple(HeldContracts(*key, Quantity(count)) for key, count in held.items() if count)
    return Holdings(positions=positions, orders=orders, accounts=(("", Money(cash)),), nets=nets)


def ledger(held: Mapping[Key, int], *unknown: UnknownLeg, moving: frozenset[str] = frozenset(), cash: int = 0,
           orders: Mapping[str, Quantity | None] | None = None, settled: bool = True) -> LedgerHeld:  # fmt: skip
    ours = {key: Quantity(count) for key, count in held.items()}
    return LedgerHeld(ours, moving, unknown, orders or {}, Money(cash), settled)


@given(st.dictionaries(keys, counts), st.booleans())
def test_the_same_on_both_sides_is_no_difference(held: dict[Key, Quantity], nets: bool) -> None:
    found = compare(KALSHI, venue(held, nets=nets), ledger(held))
    assert (found.differences, found.tolerated) == ((), ())


@given(st.dictionaries(keys, counts), keys, st.integers(-500, 500).filter(bool), st.booleans())
def test_one_contract_too_many_or_too_few_is_one_difference(
    held: dict[Key, Quantity], key: Key, by: int, nets: bool
) -> None:
    there = {**held, key: max(0, held.get(key, 0) + by)}
    found = compare(KALSHI, venue(there, nets=nets), ledger(held)).differences
    if there.get(key, 0) == held.get(key, 0):
        assert found == ()
        return
    (one,) = found
    assert one.kind is DriftKind.POSITION
    assert one.what.split()[0] == key[0]
    assert one.reason
    assert one.fix
    assert compare(KALSHI, venue(there, nets=nets), ledger(held, moving=frozenset({key[0]}))).differences == ()


@given(st.dictionaries(keys, counts), st.lists(legs, max_size=4), st.data(), st.booleans())
def test_whatever_unknown_legs_filled_is_tolerated_and_one_more_is_not(
    held: dict[Key, Quantity], unknown: list[UnknownLeg], data: st.DataObject, nets: bool
) -> None:
    base = {(market, side): 10_000 + held.get((market, side), 0) for market in MARKETS for side in Side}
    there = dict(base)
    for leg in unknown:
        filled = data.draw(st.integers(0, leg.left))
        there[leg.market, leg.side] += filled if leg.action is Action.BUY else -filled
    assert compare(KALSHI, venue(there, nets=nets), ledger(base, *unknown)).differences == ()
    most = dict(base)
    for leg in unknown:
        if (leg.action is Action.BUY and leg.side is Side.YES) or (
            nets and leg.action is Action.SELL and leg.side is Side.NO
        ):
            most[leg.market, leg.side] += leg.left if leg.action is Action.BUY else -leg.left
    most["A", Side.YES] += 1
    (one,) = compare(KALSHI, venue(most, nets=nets), ledger(base, *unknown)).differences
    assert one.what.startswith("A")


def test_a_listed_order_is_known_foreign_or_of_no_interest() -> None:
    def order(client_id: str, filled: int, left: int = 0) -> ListedOrder:
        return ListedOrder(client_id, f"o-{client_id}", "A", Quantity(filled), Quantity(left))

    there = venue({}, orders=(order("ours", 100), order("foreign", 5), order("rests", 0, 7), order("idle", 0)))
    found = compare(KALSHI, there, ledger({}, orders={"ours": Quantity(100)}))
    assert [(one.kind, one.what) for one in found.differences] == [
        (DriftKind.ORDER, "foreign"),
        (DriftKind.ORDER, "rests"),
    ]
    later = compare(KALSHI, venue({}), ledger({}), earlier=found.strangers)
    assert [one.what for one in later.differences] == ["foreign"], "what rests no more and filled nothing is gone"
    assert compare(KALSHI, venue({}), ledger({}, orders={"foreign": None}), earlier=later.strangers).differences == ()


def test_a_fill_of_ours_that_the_venue_tells_otherwise_is_one_and_one_that_is_not_certain_is_none() -> None:
    there = venue({}, orders=(ListedOrder("ours", "o", "A", Quantity(100), Quantity(0)),))
    (one,) = compare(KALSHI, there, ledger({}, orders={"ours": Quantity(50)})).differences
    assert (one.kind, one.venue, one.ledger) == (DriftKind.FILL, "1 filled", "0.5 filled")
    assert compare(KALSHI, there, ledger({}, orders={"ours": None})).differences == ()


def test_cash_is_compared_with_the_first_quiet_look_and_netted_pairs_pay_a_dollar() -> None:
    first = compare(KALSHI, venue({}, nets=True, cash=100 * USD), ledger({}))
    assert first.base == CashBase(100 * USD, 0, 0)
    both = {("A", Side.YES): 300, ("A", Side.NO): 300}
    bought = ledger(both, cash=-2_700_000)
    agrees = compare(KALSHI, venue({}, nets=True, cash=100 * USD + 300_000), bought, base=first.base)
    assert (agrees.differences, agrees.base) == ((), first.base)
    (one,) = compare(KALSHI, venue({}, nets=True, cash=90 * USD), bought, base=first.base).differences
    assert one.kind is DriftKind.CASH
    under_way = ledger(both, cash=-2_700_000, settled=False)
    assert compare(KALSHI, venue({}, nets=True, cash=90 * USD), under_way, base=first.base).differences == ()


@st.composite
def histories(draw: st.DrawFn) -> list[AnyFact]:
    """Orders of three trades and their results, in any order, some told again, some corrected."""
    facts: list[AnyFact] = []
    for number in range(draw(st.integers(0, 6))):
        leg_id = f"t{number % 3}-{number}"
        market, side, action = (
            draw(st.sampled_from(MARKETS)),
            draw(st.sampled_from(Side)),
            draw(st.sampled_from(Action)),
        )
        facts.append(sent(leg_id, market=market, side=side, action=action))
        for revision in range(draw(st.integers(0, 3))):
            filled = draw(st.integers(0, 1_000))
            told = outcome(leg_id, filled=Quantity(filled), cost=Money(filled * 4_000), revision=revision,
                           paper=draw(st.booleans()))  # fmt: skip
            facts.append(seen(told if draw(st.booleans()) else unproven(leg_id, revision=revision)))
    return draw(st.permutations(facts))


@given(histories())
def test_sums_that_are_kept_are_those_of_a_recount(facts: list[AnyFact]) -> None:
    state = LedgerState()
    sums = sums_of(state, facts)
    for platform in {leg.asked.platform for leg in state.legs.values() if leg.asked is not None}:
        for paper in (False, True):
            again: dict[Key, int] = {}
            cash = 0
            for leg in state.legs.values():
                if leg.asked is None or leg.proven is None or leg.fill is None:
                    continue
                if leg.asked.platform == platform and leg.proven.paper is paper:
                    key = leg.asked.market, leg.asked.side
                    again[key] = again.get(key, 0) + leg.fill.contracts
                    cash -= leg.fill.paid + leg.fill.fees
            told = sums.told(LedgerAsked(1, platform, paper, 0, frozenset()))
            assert dict(told.held) == {key: count for key, count in again.items() if count}
            assert told.cash == cash


def test_what_was_paid_out_is_held_no_more_and_what_is_on_its_way_moves() -> None:
    facts: list[AnyFact] = [sent("t1-1", market="A"), seen(outcome("t1-1")), sent("t2-1", market="A")]
    state = LedgerState()
    sums = sums_of(state, facts)
    asked = LedgerAsked(1, KALSHI, paper=False, since_us=T0 + 10_000, ids=frozenset({"t1-1", "t2-1", "t3-1", "x"}))
    told = sums.told(asked, [sent("t3-1", market="B")])
    assert told.held == {("A", Side.YES): 1_000}
    assert [leg.leg_id for leg in told.unknown] == ["t2-1"]
    assert told.orders == {"t1-1": 1_000, "t2-1": None, "t3-1": None}
    assert (set(told.moving), told.settled) == ({"B"}, False)
    sums.add(PaidOut(t=T0, pair_id=PAIR, trade_ids=(TradeId("t1"),)))
    assert sums.told(asked).held == {}
    assert sums.told(msgspec.structs.replace(asked, since_us=T0)).moving == {"A"}
