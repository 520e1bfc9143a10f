"""A trader on the rehearsal exchange: what it trades agrees with the ledger, and what a hand orders there is found."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

from tests.cli.exchange_process import exchange
from tests.e2e.captures import ticker
from tests.e2e.processes import PATIENCE_S, Controller, Stage
from tests.e2e.test_kalshi_live import PAIRS, crossed_market, with_key
from tests.venues.kalshi.material import KEY_ID, ed25519
from tests.venues.kalshi_exchange.kit import headers, order_body, public_pem
from transport.feeds.port import WallClock

UNPAIRED = ticker(PAIRS)
"""Listed, and not traded by arb."""

ORDERS = "/trade-api/v2/portfolio/events/orders"


def listed(home: Path) -> str:
    """Markets with so much on both sides that one leg of every arb is filled."""
    quotes = {"bids": [["0.47", "1000"]], "asks": [["0.53", "1000"]]}
    file = home / "markets.json"
    file.write_text(json.dumps({"markets": [{"ticker": ticker(number), **quotes} for number in range(PAIRS + 1)]}))
    return str(file)


def by_hand(origin: str, client_id: str) -> None:
    """Two contracts, bought with another program."""
    body = order_body(ticker=UNPAIRED, client_order_id=client_id, count="2.00", price="0.5300")
    signed = headers("POST", ORDERS, WallClock().unix_us(), ed25519(), KEY_ID)
    request = Request(f"{origin}{ORDERS}", json.dumps(body).encode(), signed | {"content-type": "application/json"})  # noqa: S310
    with urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310 -- our own, on this machine
        assert json.load(reply)["fill_count"] == "2.00"


def account(said: dict[str, Any]) -> dict[str, Any]:
    found = [one for one in said.get("reconciliation", {}).get("accounts", []) if one["money"] == "real"]
    return found[0] if found else {}


def looks(controller: Controller, more: int) -> dict[str, Any]:
    """It was compared so often, with trades before and meanwhile."""
    seen: set[int] = set()

    def holds(said: dict[str, Any]) -> bool:
        found = account(said)
        if said["trades"]["naked"] >= PAIRS and found.get("compared_at_us"):
            assert found["differences"] == [], found
            seen.add(found["compared_at_us"])
        return len(seen) > more

    return account(controller.wait_until(holds, f"{more} looks"))


def test_what_is_traded_agrees_and_what_a_hand_orders_is_found_and_told_once(stage: Stage) -> None:
    public = stage.home / "public.pem"
    public.write_bytes(public_pem(ed25519()))
    words = ("--markets", listed(stage.home), "--quote-ms", "0", "--lag-ms", "200", "--tier", "prestige")
    with exchange("kalshi", *words, "--key-id", KEY_ID, "--public-key", str(public)) as ready:
        origin = ready["rest"].removesuffix("/trade-api/v2")
        controller = stage.controller("--live", *crossed_market(stage.home), ARB_RECONCILE_EVERY_S="1")
        trader = stage.trader(
            *("--live", "--venue", "live", "--platform", "kalshi", "--url", controller.url),
            **with_key(stage.home, origin),
        )
        trader.wait_for_line("ready for", "(live, level 2)")
        assert looks(controller, 3)["by"]
        facts = stage.arb("ledger", "legs", "--json").out.count("by-hand")
        by_hand(origin, "by-hand")
        said = controller.wait_until(
            lambda said: (
                {("order", "by-hand"), ("position", UNPAIRED)}
                <= {(one["kind"], one["what"]) for one in account(said).get("differences", []) if one["seen"] > 1}
            ),
            "the order is found",
        )
        assert said["counters"]["drift"] == 2
        shown = stage.arb("ledger", "drift")
        assert shown.code == 1
        assert "by-hand" in shown.out
        assert "to do:" in shown.out
        assert json.loads(stage.arb("ledger", "drift", "--json").out)["accounts"]
        assert "by-hand" in stage.arb("status", "--role", "controller").out
        assert stage.arb("ledger", "legs", "--json").out.count("by-hand") == facts == 0, "it was not adopted"
        assert trader.stop() == 0
        assert controller.stop() == 0
    assert KEY_ID not in "\n".join(trader.lines + controller.lines)
