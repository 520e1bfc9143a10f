"""From both loopback exchanges' listings to a controller on approved pairs, and off when a venue changes a rule."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
import pytest

from cli.exit_codes import CONFIGURATION, OK
from tests.cli.process import arb_on_terminal
from tests.e2e.processes import Stage
from tests.venues.kalshi_exchange.kit import new_service
from transport.kalshi_exchange.server import KalshiServer
from transport.polymarket_exchange.server import PolymarketServer
from venues.kalshi.exchange.listing import Listing as KalshiListing
from venues.polymarket.exchange.listing import Listing as PolymarketListing
from venues.polymarket.exchange.service import PolymarketService

NAME = "KXRAIN-27JAN09"
QUESTION = "Will it rain in New York on January 9, 2027?"
RULES = f"{QUESTION} Times are ET. If it is canceled, the market resolves to No."


class Venues:
    """Both exchanges in a thread of their own, with one question that is the same."""

    def __init__(self) -> None:
        self.service = new_service((KalshiListing(ticker=NAME, title=QUESTION, rules_primary=RULES),))
        self.kalshi = KalshiServer(self.service)
        listing = PolymarketListing(slug="rain", question=QUESTION, description=RULES)
        self.polymarket = PolymarketServer(PolymarketService((listing,)))
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.over = asyncio.Event()

    def change_rules(self, text: str) -> None:
        market = self.service.exchange.markets[NAME]
        market.listing = msgspec.structs.replace(market.listing, rules_primary=text)

    async def run(self) -> None:
        await self.kalshi.start()
        await self.polymarket.start()
        try:
            self.ready.set()
            await self.over.wait()
        finally:
            await self.polymarket.stop()
            await self.kalshi.stop()


@contextmanager
def venues() -> Iterator[Venues]:
    both = Venues()
    thread = threading.Thread(target=lambda: both.loop.run_until_complete(both.run()), name="venues")
    thread.start()
    try:
        assert both.ready.wait(30)
        yield both
    finally:
        both.loop.call_soon_threadsafe(both.over.set)
        thread.join(30)
        both.loop.close()


def test_only_what_a_person_approved_is_traded_and_only_while_its_terms_stay(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    with venues() as both:
        env = {
            "ARB_KALSHI_REST_URL": f"http://127.0.0.1:{both.kalshi.port}",
            "ARB_POLYMARKET_URL": f"http://127.0.0.1:{both.polymarket.port}",
            "ARB_DISCOVERY_CHECK_S": "1",
            "ARB_FEEDS_POLYMARKET": "relay",
        }
        live = ("--feed", "live", "--pairs", "approved")

        fetched = stage.arb("pairs", "fetch", **env)
        assert (fetched.code, fetched.out.count("1 open markets: 1 new")) == (OK, 2), fetched.out + fetched.err
        assert stage.arb("pairs", "find").code == OK
        nothing = stage.arb("run", "controller", *live, **env)
        assert (nothing.code, "none is approved" in nothing.err) == (CONFIGURATION, True)

        for name, value in {"ARB_HOME": str(stage.home), "TERM": "xterm", "NO_COLOR": "1"}.items():
            monkeypatch.setenv(name, value)
        reviewed = arb_on_terminal(["pairs", "review"], [("[q]uit", "a")])
        assert (reviewed.code, "1 approved, 0 rejected, 0 still wait" in reviewed.out) == (OK, True), reviewed.out
        assert f"1 of 1  {NAME}" in reviewed.out

        controller = stage.controller(*live, **env)
        controller.wait_for_line("[PAIRS]", "1 approved pairs, terms compared with the venues")
        both.change_rules(f"{RULES} Snow counts as rain.")
        controller.wait_for_line("[PAIRS]", f"{NAME} is not traded any more: its terms changed: kalshi rules")
        controller.wait_for_line(f"nothing opens on {NAME} any more")
        assert controller.stop() == OK

        (listed,) = map(json.loads, stage.arb("pairs", "list", "--json").out.splitlines())
        assert (listed["state"], listed["changes"][0]["field"]) == ("latched", "kalshi rules")
        assert stage.arb("run", "controller", *live, **env).code == CONFIGURATION
