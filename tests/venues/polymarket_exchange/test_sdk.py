"""Polymarket's own client, unmodified, believes that this is Polymarket."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from polymarket import AsyncSecureClient
from polymarket.errors import OrderHeartbeatMismatchError, RequestRejectedError
from polymarket.models.clob.market_events import MarketBookEvent, MarketPriceChangeEvent, MarketTickSizeChangeEvent
from polymarket.models.clob.order_response import AcceptedOrder
from polymarket.models.clob.user_events import UserTradeEvent
from polymarket.streams import MarketSpec, UserSpec

from protocol.units import USD, Money
from tests.venues.polymarket_exchange.kit import ANN_KEY, HOME, RAIN, SNOW, serving
from transport.polymarket.environment import environment
from transport.polymarket_exchange.server import PolymarketServer
from venues.polymarket.exchange.changes import MarketChange, change_market
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.wallets import WalletKind

ADDRESS = "0x19E7E376E7C213B7E7e7e46cc70A5dD086DAff2A"
PATIENCE_S = 20.0


def market(server: PolymarketServer, slug: str = RAIN) -> Market:
    return next(one for one in server.service.exchange.markets.values() if one.listing.slug == slug)


@asynccontextmanager
async def client(server: PolymarketServer, kind: WalletKind) -> AsyncIterator[AsyncSecureClient]:
    account = server.service.fund(ADDRESS, kind, Money(1_000 * USD))
    made = await AsyncSecureClient.create(
        private_key="0x" + ANN_KEY.hex(), wallet=account.wallet, environment=environment(server.hosts)
    )
    try:
        yield made
    finally:
        await made.close()


def settles_at_once(server: PolymarketServer) -> None:
    settlement = server.service.exchange.settlement
    settlement.mined_us = settlement.confirmed_us = 0


async def accepted(one: AsyncSecureClient, order: Any) -> AcceptedOrder:  # noqa: ANN401 -- the client's own
    answer = await one.post_order(order)
    assert isinstance(answer, AcceptedOrder), answer
    return answer


KINDS = [pytest.param(kind, marks=[] if kind is WalletKind.DEPOSIT else pytest.mark.hunt) for kind in WalletKind]


@pytest.mark.parametrize("kind", KINDS)
def test_it_creates_and_posts_on_each_kind_of_market_with_each_kind_of_wallet(kind: WalletKind) -> None:
    async def play() -> list[tuple[str, Decimal, Decimal]]:
        async with serving() as server, client(server, kind) as ann:
            told: list[tuple[str, Decimal, Decimal]] = []
            for slug, price in ((RAIN, "0.47"), (SNOW, "0.061"), (HOME, "0.62")):
                order = await ann.create_market_order(
                    token_id=market(server, slug).tokens[0],
                    side="BUY",
                    amount=Decimal("1.22"),
                    max_price=Decimal(price),
                    order_type="FAK",
                )
                answer = await accepted(ann, order)
                told.append((answer.status, answer.making_amount, answer.taking_amount))
            return told

    assert asyncio.run(play()) == [
        ("matched", Decimal("1.22"), Decimal("2.595744")),
        ("matched", Decimal("1.22"), Decimal(20)),
        ("matched", Decimal("1.22"), Decimal("1.967741")),
    ]


def test_it_reads_orders_trades_balances_and_markets_and_cancels() -> None:
    async def play() -> dict[str, Any]:
        async with serving() as server, client(server, WalletKind.EOA) as ann:
            settles_at_once(server)
            yes, no = market(server).tokens
            limit = await ann.create_limit_order(token_id=no, price="0.5", size="10", side="BUY")
            resting = await accepted(ann, limit)
            now = await ann.create_limit_order(token_id=yes, price="0.47", size="6", side="BUY")
            filled = await accepted(ann, replace(now, order_type="FAK"))
            with pytest.raises(RequestRejectedError, match="Duplicated"):
                await ann.post_order(replace(now, order_type="FAK"))
            server.service.break_down(Fault(name="maker_not_allowed"))
            with pytest.raises(RequestRejectedError, match="please use the deposit wallet flow"):
                await ann.post_order(replace(now, order_type="FAK"))
            order = await ann.get_order(order_id=filled.order_id)
            beat = await ann.send_order_heartbeat()
            with pytest.raises(OrderHeartbeatMismatchError):
                await ann.send_order_heartbeat(heartbeat_id="another")
            open_before = [one.id async for one in ann.list_open_orders().iter_items()]
            canceled = await ann.cancel_order(order_id=resting.order_id)
            book = await ann.get_order_book(token_id=yes)
            listed = await ann.get_market(slug=RAIN)
            return {
                "open": open_before == [resting.order_id],
                "canceled": canceled.canceled == (resting.order_id,),
                "order": (order.status, order.size_matched),
                "trades": [(one.status, one.size) async for one in ann.list_account_trades().iter_items()],
                "shares": (await ann.get_balance_allowance(asset_type="CONDITIONAL", token_id=yes)).balance,
                "cash": (await ann.get_balance_allowance(asset_type="COLLATERAL")).balance,
                "beat": bool(beat.heartbeat_id),
                "book": (book.bids[-1].price, book.asks[-1].price, book.asks[-1].size),
                "market": (listed.outcomes.yes.token_id == yes, listed.trading.minimum_tick_size),
                "markets": [one.slug async for one in ann.list_markets().iter_items()],
                "events": len([one.slug async for one in ann.list_events().iter_items()]),
                "books": len(await ann.get_order_books(token_ids=[yes, no])),
                "prices": (await ann.get_price(token_id=yes, side="BUY"), await ann.get_midpoint(token_id=no)),
            }

    assert asyncio.run(play()) == {
        "open": True,
        "canceled": True,
        "order": ("ORDER_STATUS_MATCHED", Decimal(6)),
        "trades": [("CONFIRMED", Decimal(6))],
        "shares": 6_000_000,
        "cash": 1_000_000_000 - 2_820_000 - 59_780,
        "beat": True,
        "book": (Decimal("0.45"), Decimal("0.47"), Decimal(6)),
        "market": (True, Decimal("0.01")),
        "markets": [RAIN, SNOW, HOME],
        "events": 3,
        "books": 2,
        "prices": (Decimal("0.45"), Decimal("0.54")),
    }


def test_it_follows_a_book_and_its_own_trades() -> None:
    async def play() -> list[Any]:
        async with serving() as server, client(server, WalletKind.EOA) as ann:
            settles_at_once(server)
            token = market(server).tokens[0]
            spec = MarketSpec(token_ids=[token], custom_feature_enabled=True)
            stream = await ann.subscribe([spec, UserSpec()])
            told: list[Any] = []
            async for event in stream:
                match event:
                    case MarketBookEvent() if not told:
                        told.append((event.payload.bids[-1].price, event.payload.asks[-1].size))
                        order = await ann.create_market_order(
                            token_id=token, side="BUY", amount="2.82", max_price="0.47"
                        )
                        await accepted(ann, order)
                    case MarketPriceChangeEvent():
                        change = event.payload.price_changes[0]
                        told.append((change.price, change.size, change.best_bid, change.best_ask))
                        change_market(
                            server.service.exchange,
                            market(server),
                            MarketChange(market=RAIN, tick_size="0.001"),
                            server.now_us(),
                        )
                        server.flush()
                    case MarketTickSizeChangeEvent():
                        told.append(event.payload.new_tick_size)
                    case UserTradeEvent():
                        told.append(str(event.payload.status))
                    case _:
                        continue
                if {"CONFIRMED", Decimal("0.001")} <= set(told):
                    return told
            return told

    told = asyncio.run(asyncio.wait_for(play(), PATIENCE_S))
    assert told[0] == (Decimal("0.45"), Decimal(12))
    assert (Decimal("0.47"), Decimal(6), Decimal("0.45"), Decimal("0.47")) in told
    assert [one for one in told if isinstance(one, str)] == ["MATCHED", "MINED", "CONFIRMED"]
