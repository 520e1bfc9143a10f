"""A trader with a key relays a Kalshi on loopback to a controller that has none."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from market.books import Books
from protocol.terms import KALSHI, PairId
from protocol.units import DOLLAR, Price, Quantity, price_from_dollars, quantity_from_text
from tests.market.builders import pair
from tests.relay.kit import Levels
from tests.relay.kit import levels as tradable
from tests.relay.sockets import relay_of, relaying
from tests.venues.kalshi_exchange.kit import HOME, RAIN, SNOW, Member, ed25519, new_service, serving, write_key
from transport.feeds.port import WallClock
from transport.kalshi.access import access
from transport.kalshi.feed import FeedPolicy
from transport.kalshi.live import DirectFeed
from venues.kalshi.exchange.makers import Makers
from venues.kalshi.hosts import Hosts

MARKETS = (RAIN, SNOW, HOME)
PAIRS = [
    pair(number, pair_id=PairId(f"p{number}"), kalshi_market_ticker=market, poly_yes_token=None, poly_no_token=None)
    for number, market in enumerate(MARKETS)
]


def at_the_venue(member: Member, market: str) -> Levels:
    """The book as its REST API shows it, in YES terms."""
    book = member.get(f"/markets/{market}/orderbook")["orderbook_fp"]

    def side(name: str) -> list[tuple[Price, Quantity]]:
        return [(price_from_dollars(price), quantity_from_text(size)) for price, size in book[name] or ()]

    asks = [(Price(DOLLAR - price), size) for price, size in side("no_dollars")]
    return tuple(sorted(side("yes_dollars"), reverse=True)), tuple(sorted(asks))


def test_the_controllers_books_are_the_exchanges_through_changes_and_a_dropped_socket(tmp_path: Path) -> None:
    async def play() -> None:
        service = new_service()
        async with serving(service) as server:
            origin = f"{server.host}:{server.port}"
            found = access(
                Hosts(f"http://{origin}", f"ws://{origin}"), "ed", write_key(ed25519(), tmp_path / "key.pem")
            )
            feed = DirectFeed(found, (), rng=Random(1), policy=FeedPolicy(backoff_s=0.01))
            async with relaying(tmp_path, {KALSHI: MARKETS}, PAIRS, feed) as (controller, (trader,)):
                member, makers = Member(service, now_us=WallClock().unix_us()), Makers(service.exchange, Random(2))

                def same(books: Books) -> bool:
                    return all(
                        tradable(books.get(KALSHI, market)) == at_the_venue(member, market) for market in MARKETS
                    )

                for _ in range(20):
                    for _ in range(5):
                        makers.step(service.now_us(WallClock().unix_us()))
                        server.flush()
                    await controller.until(lambda: same(controller.books))
                for socket in tuple(server.sockets):
                    socket.drop()
                await controller.until(lambda: feed.feed.connections > 1)
                makers.step(service.now_us(WallClock().unix_us()))
                server.flush()
                await controller.until(lambda: same(controller.books))
                # Each book was told whole before and after, and nothing was taken over.
                assert relay_of(trader).streams[KALSHI].snapshots >= 2 * len(MARKETS)

    asyncio.run(play())
