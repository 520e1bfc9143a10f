"""The paper venue: fills what a real one would at that book, and books the same fees."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.events import Level
from market.fees import FeeError, FeeModel, KalshiFees, PolymarketFees
from protocol.codec import decode
from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import KALSHI, POLYMARKET, Action, LegId, Platform, Side, Status
from protocol.units import DOLLAR, USD, Money, Price, Quantity
from protocol.wire import Book
from tests.market.builders import TICKER, YES, cents, contracts, levels
from venues.paper import venue as venue_module
from venues.paper.fill import PaperFill
from venues.paper.venue import PaperVenue


def free(_: str) -> FeeModel:
    return KalshiFees(0)


def leg(**fields: Any) -> Leg:
    values: dict[str, Any] = {
        "leg_id": LegId("leg_1"),
        "trade_id": None,
        "pair_id": None,
        "market_id": 0,
        "platform": KALSHI,
        "market": TICKER,
        "action": Action.BUY,
        "side": Side.YES,
        "limit": cents(53),
        "quantity": contracts(9),
    }
    return Leg(**{**values, **fields})


def kalshi_venue(*, fees: bool = False) -> PaperVenue:
    venue = PaperVenue(KALSHI, (lambda _: KalshiFees(70_000)) if fees else free)
    venue.see(TICKER, levels((48, 5), (47, 6)), levels((52, 7), (53, 8)))
    return venue


def prices(venue: PaperVenue) -> list[tuple[Price, Quantity]]:
    return [(fill.price, fill.quantity) for fill in venue.fills]


@pytest.mark.parametrize(
    ("fields", "fills"),
    [
        ({"action": Action.BUY, "side": Side.YES, "limit": cents(53)}, [(52, 7), (53, 2)]),
        ({"action": Action.SELL, "side": Side.YES, "limit": cents(47)}, [(48, 5), (47, 4)]),
        ({"action": Action.BUY, "side": Side.NO, "limit": cents(53)}, [(52, 5), (53, 4)]),
        ({"action": Action.SELL, "side": Side.NO, "limit": cents(47)}, [(48, 7), (47, 2)]),
    ],
)
def test_one_kalshi_book_serves_both_sides(fields: dict[str, Any], fills: list[tuple[int, int]]) -> None:
    venue = kalshi_venue()
    outcome = venue.execute(leg(**fields))
    assert outcome.status is Status.FILLED
    assert prices(venue) == list(levels(*fills))
    assert outcome.cost == sum(price * size for price, size in levels(*fills))


def test_a_polymarket_token_is_an_instrument_of_its_own() -> None:
    venue = PaperVenue(POLYMARKET, free)
    venue.see(YES, levels((48, 5)), levels((52, 7)))
    outcome = venue.execute(leg(platform=POLYMARKET, market=YES, side=Side.NO, quantity=contracts(7)))
    assert (outcome.status, outcome.cost) == (Status.FILLED, 3_640_000)


def test_an_outcome_says_everything() -> None:
    venue = kalshi_venue(fees=True)
    outcome = venue.execute(leg())
    # 7 at 52: 0.122304 aligns 3.762304 to 3.77, 2 at 53: 0.034874 aligns 1.094874 to 1.10, and a cent comes back.
    assert outcome == Outcome(
        leg_id=LegId("leg_1"),
        status=Status.FILLED,
        filled=contracts(9),
        cost=Money(4_700_000),
        fees=Money(160_000),
        order_id="paper-leg_1",
        paper=True,
    )
    assert outcome.final
    assert venue.fills[0] == PaperFill(
        leg_id=LegId("leg_1"),
        order_id="paper-leg_1",
        market=TICKER,
        action=Action.BUY,
        side=Side.YES,
        price=cents(52),
        quantity=contracts(7),
        fee=Money(130_000),
    )
    assert sum(fill.fee for fill in venue.fills) == outcome.fees
    assert venue.outcome(LegId("leg_1")) is outcome
    assert venue.outcome(LegId("leg_2")) is None


def test_what_is_filled_is_gone_until_the_book_is_seen_again() -> None:
    venue = kalshi_venue()
    book = (levels((48, 5), (47, 6)), levels((52, 7), (53, 8)))
    outcomes = [venue.execute(leg(leg_id=LegId(f"leg_{number}"))) for number in range(3)]
    assert [(outcome.status, outcome.filled) for outcome in outcomes] == [
        (Status.FILLED, contracts(9)),
        (Status.PARTIAL, contracts(6)),
        (Status.UNFILLED, 0),
    ]
    assert outcomes[2].error == "nothing to buy at 53c or less"
    venue.see(TICKER, *book)
    assert venue.execute(leg(leg_id=LegId("again"))).filled == contracts(9)


def test_nothing_at_the_limit_is_unfilled() -> None:
    venue = kalshi_venue()
    outcome = venue.execute(leg(action=Action.SELL, limit=cents(49)))
    assert (outcome.status, outcome.filled, outcome.cost, outcome.fees) == (Status.UNFILLED, 0, 0, 0)
    assert outcome.error == "nothing to sell at 49c or more"
    assert outcome.order_id == "paper-leg_1"
    assert not venue.fills


def test_without_a_book_nothing_is_filled_unless_the_order_is_blind() -> None:
    venue = PaperVenue(KALSHI, lambda _: KalshiFees(70_000))
    outcome = venue.execute(leg())
    assert (outcome.status, outcome.filled) == (Status.UNFILLED, 0)
    assert outcome.error == f"no book of {TICKER} was seen: nothing to fill against"
    blind = venue.execute(leg(leg_id=LegId("blind")), blind=True)
    assert (blind.status, blind.filled, blind.cost) == (Status.FILLED, contracts(9), 4_770_000)
    assert (blind.fees, blind.paper) == (160_000, True)
    assert prices(venue) == [(cents(53), contracts(9))]


def test_a_blind_order_uses_a_book_that_is_there() -> None:
    assert kalshi_venue().execute(leg(quantity=contracts(20)), blind=True).filled == contracts(15)


def test_a_forgotten_book_is_no_book() -> None:
    venue = kalshi_venue()
    venue.forget(TICKER)
    venue.forget("never seen")
    assert venue.execute(leg()).status is Status.UNFILLED


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"platform": POLYMARKET}, "platform: this is kalshi, the order is for polymarket"),
        ({"quantity": Quantity(0)}, "contracts: must be at least 0.01"),
        ({"quantity": Quantity(-1)}, "contracts: must be at least 0.01"),
        ({"limit": Price(0)}, "price: must be above 0 and below 100 cents"),
        ({"limit": DOLLAR}, "price: must be above 0 and below 100 cents"),
    ],
)
@pytest.mark.parametrize("blind", [True, False])
def test_a_senseless_order_is_refused(fields: dict[str, Any], reason: str, *, blind: bool) -> None:
    venue = kalshi_venue()
    outcome = venue.execute(leg(**fields), blind=blind)
    assert (outcome.status, outcome.error, outcome.order_id) == (Status.REJECTED, reason, None)
    assert not venue.fills


@pytest.mark.parametrize("action", Action)
def test_polymarket_refuses_orders_below_a_dollar(action: Action) -> None:
    venue = PaperVenue(POLYMARKET, free)
    venue.see(YES, levels((50, 50)), levels((50, 50)))
    order = leg(platform=POLYMARKET, market=YES, action=action, limit=cents(50), quantity=contracts("1.99"))
    refused = venue.execute(order)
    assert (refused.status, refused.filled) == (Status.REJECTED, 0)
    assert refused.error == "contracts: $0.995 at the limit is below the minimum order of $1.00"
    assert venue.execute(msgspec.structs.replace(order, quantity=contracts(2))).status is Status.FILLED
    assert PaperVenue(KALSHI, free).execute(leg(quantity=Quantity(1)), blind=True).status is Status.FILLED


def test_a_leg_id_is_executed_once() -> None:
    venue = kalshi_venue()
    first = venue.execute(leg())
    again = venue.execute(leg())
    assert (again.status, again.error) == (Status.REJECTED, "leg_id: order_already_exists: leg_1 was executed before")
    assert venue.outcome(LegId("leg_1")) is first
    assert len(venue.fills) == 2


def test_a_refused_order_does_not_use_up_its_id() -> None:
    venue = kalshi_venue()
    venue.execute(leg(quantity=Quantity(0)))
    assert venue.execute(leg()).status is Status.FILLED


def test_only_the_newest_are_kept_where_a_limit_is_given() -> None:
    venue = PaperVenue(KALSHI, free, keep=2)
    for number in range(4):
        venue.execute(leg(leg_id=LegId(f"leg_{number}")), blind=True)
    assert [fill.leg_id for fill in venue.fills] == ["leg_2", "leg_3"]
    assert [venue.outcome(LegId(f"leg_{number}")) is not None for number in range(4)] == [False, False, True, True]


def test_the_books_kept_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(venue_module, "MAX_BOOKS", 2)
    venue = PaperVenue(KALSHI, free)
    for market in ("A", "B", "A", "C"):
        venue.see(market, levels((48, 5)), levels((52, 5)))
    filled = [venue.execute(leg(leg_id=LegId(market), market=market)).filled for market in ("A", "B", "C")]
    assert filled == [0, contracts(5), contracts(5)]


# --- books from the wire --------------------------------------------------------------------------------------------


def message(text: str) -> Book:
    book = decode(text)
    assert isinstance(book, Book)
    return book


BOOK = '{"type":"book","platform":"kalshi","market":"%s","side":"%s","bids":[[48,5]],"asks":[[52,7.5]],"t":5%s}'


def test_a_book_message_is_the_book_with_its_fee_rate() -> None:
    venue = PaperVenue(KALSHI)
    venue.see_message(message(BOOK % (TICKER, "yes", ',"fee_rate":"0.035"')))
    outcome = venue.execute(leg(limit=cents(52)))
    assert (outcome.status, outcome.filled) == (Status.PARTIAL, contracts("7.5"))
    assert outcome.fees == KalshiFees(35_000).total([(cents(52), contracts("7.5"))])


def test_a_kalshi_book_in_no_terms_is_turned_round() -> None:
    venue = PaperVenue(KALSHI, free)
    venue.see_message(message(BOOK % (TICKER, "no", "")))
    assert venue.execute(leg(limit=cents(52))).cost == 5 * 520_000
    assert (
        venue.execute(leg(leg_id=LegId("2"), side=Side.NO, limit=cents(52), quantity=contracts(7))).cost == 7 * 520_000
    )


def test_a_polymarket_book_is_the_token_s_own_whichever_side_it_is() -> None:
    venue = PaperVenue(POLYMARKET)
    text = (BOOK % (YES, "no", ',"fee_rate":"0.25","fee_exponent":2')).replace("kalshi", "polymarket")
    venue.see_message(message(text))
    outcome = venue.execute(leg(platform=POLYMARKET, market=YES, side=Side.NO, limit=cents(52), quantity=contracts(7)))
    assert (outcome.cost, outcome.status) == (7 * 520_000, Status.FILLED)
    assert outcome.fees == PolymarketFees(250_000, 2).total([(cents(52), contracts(7))])


def test_a_fee_rate_that_is_none_is_an_error_for_whoever_sent_it() -> None:
    venue = PaperVenue(KALSHI)
    with pytest.raises(FeeError, match="7 %"):
        venue.see_message(message(BOOK % (TICKER, "yes", ',"fee_rate":"7"')))


@pytest.mark.parametrize(
    ("platform", "model"), [(KALSHI, KalshiFees(70_000)), (POLYMARKET, PolymarketFees(70_000))], ids=["kalshi", "poly"]
)
def test_without_a_rate_the_dearest_is_charged(platform: Platform, model: FeeModel) -> None:
    outcome = PaperVenue(platform).execute(leg(platform=platform), blind=True)
    assert outcome.fees == model.total([(cents(53), contracts(9))])


# --- any orders -----------------------------------------------------------------------------------------------------

ladders = st.lists(
    st.tuples(st.integers(1, 99).map(cents), st.integers(1, 2_000).map(Quantity)),
    max_size=6,
    unique_by=lambda level: level[0],
)
orders = st.fixed_dictionaries(
    {
        "action": st.sampled_from(Action),
        "side": st.sampled_from(Side),
        "limit": st.integers(1, 99).map(cents),
        "quantity": st.integers(1, 3_000).map(Quantity),
    }
)


@given(ladders, ladders, st.lists(orders, max_size=6))
def test_fills_fees_and_liquidity_are_conserved(
    bids: list[Level], asks: list[Level], many: list[dict[str, Any]]
) -> None:
    model = KalshiFees(70_000)
    venue = PaperVenue(KALSHI, lambda _: model)
    venue.see(TICKER, bids, asks)
    for number, fields in enumerate(many):
        order = leg(leg_id=LegId(f"leg_{number}"), **fields)
        outcome = venue.execute(order)
        fills = [fill for fill in venue.fills if fill.leg_id == order.leg_id]
        assert outcome.filled == sum(fill.quantity for fill in fills) <= order.quantity
        assert outcome.cost == sum(fill.price * fill.quantity for fill in fills)
        walked = [(fill.price, fill.quantity) for fill in fills]
        assert outcome.fees == sum(fill.fee for fill in fills) == model.total(walked, order.action)
        buying = order.action is Action.BUY
        assert all(price <= order.limit if buying else price >= order.limit for price, _ in walked)
        assert walked == sorted(walked, key=lambda level: level[0], reverse=not buying), "the best level goes first"
        assert (outcome.status is Status.FILLED) == (outcome.filled == order.quantity)
        assert (outcome.status is Status.UNFILLED) == (outcome.filled == 0)
    taken = {True: 0, False: 0}
    for fill in venue.fills:
        taken[(fill.action is Action.BUY) == (fill.side is Side.NO)] += fill.quantity
    assert taken[True] <= sum(size for _, size in bids)
    assert taken[False] <= sum(size for _, size in asks)
    assert Decimal(sum(fill.fee for fill in venue.fills)) >= 0


def test_what_is_bought_comes_off_the_cash_and_what_is_sold_is_added_and_nothing_goes_below_it() -> None:
    venue = PaperVenue(KALSHI, lambda _: KalshiFees(70_000), cash=Money(5 * USD))
    venue.see(TICKER, levels((48, 5), (47, 6)), levels((52, 7), (53, 8)))
    assert venue.execute(leg(limit=cents(53), quantity=contracts(10))).status is Status.REJECTED
    bought = venue.execute(leg(limit=cents(53), quantity=contracts(9)))
    assert bought.status is Status.FILLED, "exactly what the account can pay at the limit"
    assert venue.cash() == 5 * USD - bought.cost - bought.fees
    sold = venue.execute(leg(leg_id=LegId("leg_2"), action=Action.SELL, limit=cents(47), quantity=contracts(9)))
    assert venue.cash() == 5 * USD - bought.cost - bought.fees + sold.cost - sold.fees
    assert PaperVenue(KALSHI).cash() is None
