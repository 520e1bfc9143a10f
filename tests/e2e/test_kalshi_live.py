"""A trader with a key, against a server on loopback: real orders, once each, and their fees in the ledger."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.captures import SECOND, START, connected, ticker, write_capture
from tests.e2e.kalshi_server import FEE, Filling, kalshi
from tests.e2e.processes import Stage
from tests.venues.kalshi.material import KEY_ID, ed25519, pem


def with_key(home: Path, origin: str) -> dict[str, str]:
    """The trader's environment."""
    key = home / "kalshi.pem"
    key.write_bytes(pem(ed25519()))
    key.chmod(0o600)
    return {"ARB_KALSHI_KEY_ID": KEY_ID, "ARB_KALSHI_KEY_FILE": str(key), "ARB_KALSHI_REST_URL": origin}


PAIRS = 8


def crossed_market(home: Path) -> tuple[str, ...]:
    """The words of a controller that sees a crossed book a second, market by market: both legs are Kalshi's."""
    lines = connected(START)
    for index in range(400):
        sides = {"yes_dollars_fp": [["0.4700", "10.00"]], "no_dollars_fp": [["0.6000", "10.00"]]}
        for half, levels in enumerate((sides, {})):
            body = {"market_ticker": ticker(index % PAIRS), **levels}
            frame = {"type": "orderbook_snapshot", "sid": 1, "seq": 2 * index + half + 1, "msg": body}
            t = START + (2 * index + half + 2) * SECOND // 2
            lines.append({"t": t, "venue": "kalshi", "frame": json.dumps(frame)})
    tables = (
        f'[[pairs]]\npair_id = "p{number}"\nkalshi_market_ticker = "{ticker(number)}"\n' for number in range(PAIRS)
    )
    pairs = home / "pairs.toml"
    pairs.write_text("\n".join(tables))
    return ("--feed", f"replay:{write_capture(home / 'crossed.jsonl', lines)}", "--pairs", str(pairs), "--speed", "10")


def legs(stage: Stage) -> list[dict[str, Any]]:
    done = stage.arb("ledger", "legs", "--json")
    assert done.code == 0, done.err
    return [json.loads(line) for line in done.out.splitlines()]


@pytest.mark.parametrize("lost", [0, 1])
def test_its_legs_are_orders_at_kalshi_and_the_ledger_has_their_fees(stage: Stage, lost: int) -> None:
    filling = Filling(lost)
    with kalshi(filling) as origin:
        controller = stage.controller("--live", *crossed_market(stage.home))
        words = ("--live", "--venue", "live", "--platform", "kalshi", "--url", controller.url)
        trader = stage.trader(*words, **with_key(stage.home, origin))
        trader.wait_for_line("ready for", "(live, level 2)")
        controller.wait_for_trades(1)
        first = [order["client_order_id"] for order in filling.orders[:2]]
        controller.wait_until(
            lambda _: all(leg["final"] for leg in legs(stage) if leg["leg_id"] in first), "it is final"
        )
        assert trader.stop() == 0
        assert controller.stop() == 0
    assert filling.server is not None
    sent = [request.json["client_order_id"] for request in filling.server.posts]
    assert len(sent) == len(set(sent)) == len(filling.orders) > 1
    known = {leg["leg_id"]: leg for leg in legs(stage)}
    assert set(sent) <= set(known)
    # The first trade, one of whose answers may never have come, was proven by the venue's own lists.
    for leg_id, order in list(zip(sent, filling.orders, strict=True))[:2]:
        leg = known[leg_id]
        assert (leg["status"], leg["filled"], leg["order_id"]) == ("filled", 10, order["order_id"]), leg
        assert (leg["fees_usd"], leg["final"], leg["paper"]) == (float(FEE), True, False), leg
    assert KEY_ID not in "\n".join(trader.lines + controller.lines)
