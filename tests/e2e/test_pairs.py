"""From the venues' listings to a controller on approved pairs, and off again when a venue changes a rule."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from cli.exit_codes import CONFIGURATION, OK
from tests.cli.process import arb_on_terminal
from tests.e2e.processes import Stage
from tests.pairing.kit import VOID, gamma_game
from tests.transport.kalshi.server import Request, says, serving
from tests.venues.kalshi_exchange.kit import new_service
from transport.kalshi_exchange.server import KalshiServer
from venues.kalshi.exchange.listing import Listing

NAME = "KXNBAGAME-26JAN09TORBOS-BOS"
GAME = Listing(
    ticker=NAME,
    event_ticker="KXNBAGAME-26JAN09TORBOS",
    title="Toronto at Boston Winner?",
    yes_sub_title="Boston",
    no_sub_title="Boston",
    close_time="2027-01-24T00:00:00Z",
    rules_primary="If Boston wins the Toronto at Boston game on Jan 9, 2026, the market resolves to Yes.",
    rules_secondary=VOID,
    bids=(("0.60", "500"),),
    asks=(("0.62", "500"),),
)


class Venues:
    """Kalshi as `arb exchange kalshi` is, and Gamma with one game, in a thread of their own."""

    def __init__(self) -> None:
        self.service = new_service((GAME,))
        self.kalshi = KalshiServer(self.service)
        self.gamma_url = ""
        self.ready = threading.Event()
        self.loop = asyncio.new_event_loop()
        self.over = asyncio.Event()

    def gamma(self, _request: Request) -> Any:  # noqa: ANN401 -- what the server does
        return says({"events": [gamma_game()]})

    def change_rules(self, text: str) -> None:
        market = self.service.exchange.markets[NAME]
        market.listing = msgspec.structs.replace(market.listing, rules_primary=text)

    async def run(self) -> None:
        await self.kalshi.start()
        try:
            async with serving(self.gamma) as gamma:
                self.gamma_url = f"http://127.0.0.1:{gamma.port}"
                self.ready.set()
                await self.over.wait()
        finally:
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
            "ARB_DISCOVERY_GAMMA_URL": both.gamma_url,
            "ARB_DISCOVERY_CHECK_S": "1",
        }
        live = ("--feed", "live", "--pairs", "approved")
        relayed = {**env, "ARB_FEEDS_POLYMARKET": "relay"}

        fetched = stage.arb("pairs", "fetch", **env)
        assert fetched.code == OK, fetched.err
        assert stage.arb("pairs", "find", **env).code == OK
        nothing = stage.arb("run", "controller", *live, **relayed)
        assert (nothing.code, "none is approved" in nothing.err) == (CONFIGURATION, True)

        for name, value in {**env, "ARB_HOME": str(stage.home), "TERM": "xterm", "NO_COLOR": "1"}.items():
            monkeypatch.setenv(name, value)
        reviewed = arb_on_terminal(["pairs", "review"], [("[q]uit", "a")])
        assert (reviewed.code, "1 approved, 0 rejected, 0 still wait" in reviewed.out) == (OK, True), reviewed.out
        assert "If Boston wins the Toronto at Boston" in reviewed.out

        controller = stage.controller(*live, **relayed)
        controller.wait_for_line("[PAIRS]", "1 approved pairs, terms compared with the venues 0 s ago")
        both.change_rules("If Boston wins by more than 2 points, the market resolves to Yes.")
        controller.wait_for_line("[PAIRS]", f"{NAME} is not traded any more: its terms changed: kalshi rules")
        controller.wait_for_line(f"nothing opens on {NAME} any more")
        assert controller.stop() == OK

        (listed,) = map(json.loads, stage.arb("pairs", "list", "--json").out.splitlines())
        assert (listed["state"], listed["changes"][0]["field"]) == ("latched", "kalshi rules")
        assert stage.arb("run", "controller", *live, **relayed).code == CONFIGURATION
