"""A paper venue fills what the loopback exchange fills, for the same money: one engine, the same fees."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from protocol.leg import Leg
from protocol.terms import KALSHI, Action, LegId, Side
from protocol.units import DOLLAR, USD, Money, Price, Quantity
from venues.kalshi.exchange.exchange import KalshiExchange
from venues.kalshi.exchange.listing import Listing
from venues.kalshi.exchange.order_request import OrderRequest
from venues.kalshi.grid import CENTS, MarketRules
from venues.kalshi.orders import order_fields
from venues.paper.venue import PaperVenue

M = "KXPAPER-26-T"
MONEY = Money(1_000_000 * USD)
HELD = 100_000

_levels = st.dictionaries(st.integers(1, 99), st.integers(1, 1_000), max_size=6)
_legs = st.tuples(st.sampled_from(list(Action)), st.sampled_from(list(Side)), st.integers(1, 99), st.integers(1, 1_500))


def leg(number: int, action: Action, side: Side, cents: int, quantity: int) -> Leg:
    return Leg(
        leg_id=LegId(f"x{number}"),
        trade_id=None,
        pair_id=None,
        market_id=1,
        platform=KALSHI,
        market=M,
        action=action,
        side=side,
        limit=Price(cents * 100),
        quantity=Quantity(quantity),
    )


@given(_levels, st.integers(1, 99), st.lists(_legs, min_size=1, max_size=4))
def test_the_same_orders_fill_the_same_and_cost_the_same(
    levels: dict[int, int], middle: int, orders: list[tuple[Action, Side, int, int]]
) -> None:
    """One after the other into one book; what was taken is gone at both."""
    bids = [(Price(price * 100), Quantity(size)) for price, size in levels.items() if price < middle]
    asks = [(Price(price * 100), Quantity(size)) for price, size in levels.items() if price >= middle]
    paper = PaperVenue(KALSHI)
    paper.see(M, bids, asks)
    exchange = KalshiExchange([Listing(ticker=M)])
    exchange.set_book(exchange.markets[M], bids, asks, 0)
    for number, (action, side, cents, quantity) in enumerate(orders):
        wanted = leg(number, action, side, cents, quantity)
        # An account of its own for each, that holds what is sold and has nothing to net.
        account = exchange.open_account(f"ann {number}")
        exchange.fund(account, 0, MONEY, 0)
        if action is Action.SELL:
            account.position(M).net = HELD if side is Side.YES else -HELD
        request = msgspec.convert(order_fields(wanted, MarketRules(M, CENTS, shard=0)), OrderRequest)
        placed = exchange.place(account, request, 0)
        outcome = paper.execute(wanted)
        filled = [fill for fill in paper.fills if fill.leg_id == wanted.leg_id]
        mirrored = [(DOLLAR - fill.price if side is Side.NO else fill.price, fill.quantity) for fill in filled]
        assert [(fill.price, fill.quantity) for fill in account.fills] == mirrored
        assert [fill.fee for fill in account.fills] == [fill.fee for fill in filled]
        assert (outcome.filled, outcome.fees) == (placed.filled, placed.fees)
        paid = outcome.cost if action is Action.BUY else -outcome.cost
        assert account.cash[0] == MONEY - paid - outcome.fees
