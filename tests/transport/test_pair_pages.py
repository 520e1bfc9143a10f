"""The public listings of both venues over HTTP: whole or not at all, at a pace, and without any key."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from pairing.approval import State
from protocol.terms import KALSHI, POLYMARKET
from tests.pairing.kit import gamma_game, kalshi_game
from tests.transport.feed_clock import JumpingClock
from tests.transport.kalshi.server import Act, Drop, Reply, Request, Server, says, serving
from tests.transport.pair_store_kit import HOUR, NAME, approve, found, stored
from transport.feeds.port import WallClock
from transport.pairs.errors import PairStoreError
from transport.pairs.fetch import Fetcher
from transport.pairs.gamma_pages import GammaPages
from transport.pairs.kalshi_pages import MAX_SINGLE, KalshiPages
from transport.pairs.store import PairStore
from transport.polymarket.http import HttpPolicy
from transport.polymarket.http import ReadFailed as GammaFailed
from transport.venue_rest import ReadFailed, RestPolicy
from venues.polymarket.hosts import PolymarketHosts

HASTY = RestPolicy(timeout_s=2.0, attempts=2, retry_base_s=0.001, budget_s=5.0)
QUICK = HttpPolicy(timeout_s=2.0, attempts=2, retry_base_s=0.001, apart_us=0)
ROOT = "/trade-api/v2"
SERIES = {"ticker": "KXNBAGAME", "fee_type": "quadratic", "fee_multiplier": 0.5, "category": "Sports"}
SECOND = {"ticker": "KXNBAGAME-26JAN10AAABBB-AAA", "event_ticker": "KXNBAGAME-26JAN10AAABBB"}


class Venues:
    """Both venues on one port: two pages of events each, unless ``broken`` says what is answered instead."""

    def __init__(self) -> None:
        self.kalshi = [kalshi_game(), kalshi_game(**SECOND)]
        self.gamma = [gamma_game(), {**gamma_game(conditionId="0xc5", clobTokenIds=["5", "6"]), "id": "5"}]
        self.broken: Callable[[Request], Act | None] = lambda _request: None

    def __call__(self, request: Request) -> Act:
        broken = self.broken(request)
        if broken is not None:
            return broken
        query = request.query
        match request.path.removeprefix(ROOT).strip("/").split("/"):
            case ["events", "keyset"] if "id" in query:
                return says({"events": [each for each in self.gamma if each["id"] == query["id"]]})
            case ["events", "keyset"]:
                return page(self.gamma, query.get("after_cursor", ""), "next_cursor")
            case ["events"]:
                return page(self.kalshi, query.get("cursor", ""), "cursor")
            case ["series", *name]:
                return says({"series": SERIES if name else [SERIES]})
            case ["markets"]:
                return says({"markets": [market for event in self.kalshi[1:] for market in event["markets"]]})
            case ["events", ticker]:
                named = [each for each in self.kalshi if each["event_ticker"] == ticker]
                return says({"event": named[0]}) if named else says({"error": {"code": "not_found"}}, 404)
            case _:
                return says({}, 404)


def page(events: list[Any], cursor: str, name: str) -> Reply:
    """One event a page."""
    at = int(cursor or "0")
    return says({"events": events[at : at + 1], name: str(at + 1) if at + 1 < len(events) else ""})


def kalshi_pages(server: Server) -> KalshiPages:
    pages = KalshiPages(server.hosts, WallClock(), rng=Random(1), policy=HASTY)
    pages._rest.bucket.resize(1_000_000)
    return pages


def gamma_pages(server: Server) -> GammaPages:
    hosts = dataclasses.replace(PolymarketHosts.on_loopback(1), gamma=f"http://127.0.0.1:{server.port}")
    return GammaPages(hosts, WallClock(), rng=Random(1), policy=QUICK)


async def fetched(tmp_path: Path, venues: Venues, *, max_age_us: int = 0) -> list[str]:
    """Both venues, whole; what could not be read."""
    failed = []
    async with serving(venues) as server:
        with PairStore(tmp_path / "pairs.db") as store:
            fetcher = Fetcher(store, WallClock())
            for platform, pages in ((KALSHI, kalshi_pages(server)), (POLYMARKET, gamma_pages(server))):
                try:
                    await fetcher.whole(platform, pages, "test", max_age_us=max_age_us)
                except (ReadFailed, GammaFailed, PairStoreError) as error:
                    failed.append(str(error))
                finally:
                    await pages.close()
    return failed


def listed(tmp_path: Path) -> tuple[list[str], list[str]]:
    with PairStore(tmp_path / "pairs.db") as store:
        kalshi, polymarket = ([each.market_id for each in store.open_listings(name)] for name in (KALSHI, POLYMARKET))
        return kalshi, polymarket


def test_all_pages_of_both_venues_are_read(tmp_path: Path) -> None:
    assert asyncio.run(fetched(tmp_path, Venues())) == []

    assert listed(tmp_path) == ([NAME, SECOND["ticker"]], ["0xc0", "0xc5"])
    with PairStore(tmp_path / "pairs.db") as store:
        kept = store.universe.kept(KALSHI, NAME)
        assert kept is not None
        assert (kept.listing.fees.kind, kept.listing.fees.multiplier_ppm) == ("quadratic", 500_000)
        assert kept.listing.sources == ("NBA", "https://www.nba.com/games")


@pytest.mark.parametrize(
    "broken",
    [
        lambda request: Drop() if "1" in request.query.values() else None,
        lambda request: says({}, 503) if "1" in request.query.values() else None,
        lambda request: Reply(200, b'{"events": [') if "1" in request.query.values() else None,
        lambda request: says({"events": "none"}) if "1" in request.query.values() else None,
        lambda request: (
            page(Venues().kalshi, "", "cursor")
            if request.query.get("cursor")
            else (page(Venues().gamma, "", "next_cursor") if request.query.get("after_cursor") else None)
        ),
        lambda request: says({"events": []}) if request.path.startswith(("/events", f"{ROOT}/events")) else None,
    ],
    ids=["dropped", "503", "garbled", "another shape", "the same cursor again", "nothing at all"],
)
def test_a_broken_page_set_changes_nothing(tmp_path: Path, broken: Callable[[Request], Act | None]) -> None:
    asyncio.run(fetched(tmp_path, Venues()))
    before = listed(tmp_path)
    venues = Venues()
    venues.kalshi[0] = kalshi_game(rules_primary="Other rules.")
    venues.gamma[0] = gamma_game(description="Other rules.")
    venues.broken = broken

    failed = asyncio.run(fetched(tmp_path, venues))

    assert len(failed) == 2
    assert listed(tmp_path) == before
    with PairStore(tmp_path / "pairs.db") as store:
        rules = [each.rules for name in (KALSHI, POLYMARKET) for each in store.open_listings(name)]
        assert "Other rules." not in "".join(rules)


def test_what_is_young_enough_is_not_read_again(tmp_path: Path) -> None:
    asyncio.run(fetched(tmp_path, Venues()))
    venues = Venues()
    venues.broken = lambda _request: says({}, 500)

    assert asyncio.run(fetched(tmp_path, venues, max_age_us=HOUR)) == []
    assert len(asyncio.run(fetched(tmp_path, venues, max_age_us=0))) == 2


def test_a_set_that_mostly_makes_no_sense_changes_nothing(tmp_path: Path) -> None:
    venues = Venues()
    for event in venues.gamma:
        del event["markets"][0]["outcomes"]

    (failed,) = asyncio.run(fetched(tmp_path, venues))

    assert "2 of 2 markets cannot be read, and nothing was changed" in failed
    assert listed(tmp_path)[1] == []


def test_of_kalshi_only_what_changed_is_read(tmp_path: Path) -> None:
    async def main() -> list[str]:
        venues = Venues()
        async with serving(venues) as server:
            with PairStore(tmp_path / "pairs.db") as store:
                pages = kalshi_pages(server)
                fetcher = Fetcher(store, WallClock())
                assert await fetcher.changed(KALSHI, pages, pages.changed_since, "test") is None
                await fetcher.whole(KALSHI, pages, "test", max_age_us=0)
                venues.kalshi[1]["markets"][0]["rules_primary"] = "Other rules."
                before = len(server.requests)
                brought = await fetcher.changed(KALSHI, pages, pages.changed_since, "test")
                await pages.close()
                assert brought is not None
                assert brought.taken is not None
                assert (brought.taken.listed, brought.taken.changed, brought.taken.whole) == (1, 1, False)
                return [request.path.removeprefix(ROOT) for request in server.requests[before:]]

    paths = asyncio.run(main())

    assert paths == ["/markets", f"/events/{SECOND['event_ticker']}", "/series/KXNBAGAME"]
    assert len(listed(tmp_path)[0]) == 2


def test_the_markets_of_approved_pairs_are_read_by_name(tmp_path: Path) -> None:
    async def main() -> list[str]:
        venues = Venues()
        latched: list[str] = []
        async with serving(venues) as server:
            with stored(tmp_path) as store:
                found(store)
                # As the venues' own pages have them: with what the series adds.
                for platform, pages in ((KALSHI, kalshi_pages(server)), (POLYMARKET, gamma_pages(server))):
                    await Fetcher(store, WallClock()).whole(platform, pages, "test", max_age_us=0)
                    await pages.close()
                approve(store)
                venues.gamma[0] = gamma_game(description="Other rules.")
                for platform, pages in ((KALSHI, kalshi_pages(server)), (POLYMARKET, gamma_pages(server))):
                    entries = store.entries((State.APPROVED, State.LATCHED))
                    again = await Fetcher(store, WallClock()).again(platform, pages, "test", entries)
                    await pages.close()
                    latched += [each.note for each in again.latched]
                del venues.kalshi[0]
                pages = kalshi_pages(server)
                await Fetcher(store, WallClock()).again(KALSHI, pages, "test", store.entries())
                await pages.close()
                kept = store.universe.kept(KALSHI, NAME)
                assert kept is not None
                assert not kept.is_open
        return latched

    assert asyncio.run(main()) == ["polymarket rules"]


def test_reads_keep_their_pace() -> None:
    async def main() -> tuple[list[int], int]:
        clock = JumpingClock()
        async with serving(Venues()) as server:
            hosts = dataclasses.replace(PolymarketHosts.on_loopback(1), gamma=f"http://127.0.0.1:{server.port}")
            pages = GammaPages(hosts, clock, rng=Random(1))
            await pages.open_events()
            await pages.close()
            kalshi = KalshiPages(server.hosts, clock, rng=Random(1))
            wait_us = (kalshi._rest.bucket.take(10, clock.mono_us()), kalshi._rest.bucket.wait_us(10, clock.mono_us()))
            await kalshi.close()
            return clock.sleeps, wait_us[1]

    assert asyncio.run(main()) == ([100_000], 100_001)


def test_too_many_changes_are_not_asked_for_one_by_one() -> None:
    async def main() -> list[str] | None:
        venues = Venues()
        venues.kalshi += [kalshi_game(ticker=f"KXA-{n}-X", event_ticker=f"KXA-{n}") for n in range(MAX_SINGLE)]
        async with serving(venues) as server:
            pages = kalshi_pages(server)
            try:
                return await pages.changed_since(0)
            finally:
                await pages.close()

    assert asyncio.run(main()) is None
