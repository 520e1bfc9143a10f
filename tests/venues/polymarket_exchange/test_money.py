"""Whatever is traded, settled or thrown back: dollars and shares are neither made nor lost, and NO mirrors YES."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from protocol.units import DOLLAR
from tests.venues.polymarket_exchange.kit import BOB_KEY, CHARGED, Member, new_service
from venues.polymarket.exchange.order import TradeStatus
from venues.polymarket.exchange.refusal import Refusal
from venues.polymarket.exchange.service import PolymarketService

_trades = st.tuples(
    st.booleans(),
    st.booleans(),
    st.sampled_from(["BUY", "SELL"]),
    st.sampled_from(["FAK", "FOK", "GTC"]),
    st.integers(1, 99),
    st.integers(100, 2_000),
)
_steps = st.tuples(st.sampled_from(["MINED", "CONFIRMED", "RETRYING", "FAILED"]), st.integers(0, 5))
actions_of_two = st.lists(st.one_of(_trades, _steps), min_size=1, max_size=14)


def play(service: PolymarketService, members: tuple[Member, Member], action: tuple[Any, ...]) -> None:
    if len(action) == 2:
        settle(service, *action)
        return
    who, yes, side, kind, cents, size = action
    member = members[who]
    token = member.yes("charged") if yes else member.no("charged")
    price = f"{cents / 100:.2f}"
    if kind == "GTC":
        member.rest(token, side, f"{size / 100:.2f}", price)
    elif side == "BUY":
        member.buy(token, f"{size / 100:.2f}", price, kind)
    else:
        member.sell(token, f"{size / 100:.2f}", price, kind)


def settle(service: PolymarketService, status: TradeStatus, place: int) -> None:
    unfinished = service.exchange.settlement.unfinished
    if place < len(unfinished):
        try:
            service.exchange.settlement.step(unfinished[place], status, 0)
        except Refusal:
            return


@settings(max_examples=40, deadline=None)
@given(actions_of_two, st.sampled_from([1, 10_000]))
def test_nothing_is_made_and_nothing_is_lost(actions: list[Any], share_step: int) -> None:
    service = new_service((CHARGED,), share_step=share_step)
    service.exchange.settlement.auto = False
    members = (Member(service), Member(service, BOB_KEY))
    yes, no = members[0].yes("charged"), members[0].no("charged")
    for member in members:
        member.account.shares[yes] = member.account.shares[no] = 50_000_000
    for action in actions:
        play(service, members, action)
        accounts = service.exchange.accounts.values()
        pairs = sum(account.shares[yes] for account in accounts)
        assert pairs == sum(account.shares[no] for account in accounts)
        # A pair of YES and NO is a dollar that lies with the exchange's contract.
        assert sum(account.cash for account in accounts) + pairs == 2_000 * 10**6 + 100 * 10**6
        for member in members:
            assert member.account.owed_cash >= 0
            assert all(owed >= 0 for owed in member.account.owed_shares.values())
    for trade in service.exchange.settlement.unfinished:
        service.exchange.settlement.step(trade, "CONFIRMED", 0)
    for member in members:
        assert member.account.owed_cash == 0
        assert not any(member.account.owed_shares.values())


@settings(max_examples=25, deadline=None)
@given(actions_of_two)
def test_no_is_the_mirror_of_yes_and_no_book_is_crossed(actions: list[Any]) -> None:
    service = new_service((CHARGED,))
    members = (Member(service), Member(service, BOB_KEY))
    for action in actions:
        play(service, members, action)
        market = members[0].market("charged")
        yes, no = market.tokens
        for is_bid in (True, False):
            mirrored = [(DOLLAR - price, size) for price, size in market.levels(no, is_bid=not is_bid)]
            assert market.levels(yes, is_bid=is_bid) == mirrored
        bid, ask = (market.book.best(is_bid=is_bid) for is_bid in (True, False))
        assert bid is None or ask is None or bid < ask


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 99), st.integers(100, 3_000), st.booleans())
def test_an_order_gets_its_limit_or_better_and_never_spends_more(cents: int, size: int, buys_yes: bool) -> None:
    service = new_service((CHARGED,))
    member = Member(service)
    token = member.yes("charged") if buys_yes else member.no("charged")
    reply = member.buy(token, f"{size / 100:.2f}", f"{cents / 100:.2f}")
    if reply.status != 200:
        return
    trades = service.exchange.settlement.trades.values()
    spent, got = sum(trade.money for trade in trades), sum(trade.size for trade in trades)
    assert spent <= size * 10_000
    assert spent * DOLLAR <= got * cents * 100 + DOLLAR
    assert -sum(move.money for trade in trades for move in trade.moves if move.account is member.account) == (
        spent + sum(trade.fee for trade in trades)
    )
