"""Clients that are not ours, unmodified, believe that this is Kalshi."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from tests.sdk.environment import needed, run_json
from tests.venues.kalshi_exchange.kit import HOME, RAIN, SNOW, ed25519, rsa_key, serving, write_key

pytestmark = needed


def test_the_official_client_trades_reads_and_cancels(tmp_path: Path) -> None:
    async def play() -> dict[str, Any]:
        async with serving() as server:
            return await run_json("official_rest.py", server.rest_url, "ed", write_key(ed25519(), tmp_path / "key"))

    assert asyncio.run(play()) == {
        "filled": ["6.00", "0.00", "0.4700", "0.0183"],
        "refused": [
            [409, "order_already_exists"],
            [409, "fill_or_kill_insufficient_resting_volume"],
            [409, "order_already_exists"],
            [404, "not_found"],
            [400, "invalid_price"],
        ],
        "canceled": "6.00",
        "orders": [["o-resting", "canceled"], ["o-filled", "executed"]],
        "order": ["executed", "6.00", "0.110000"],
        "fills": [["6.00", "0.4700", "0.110000", True]],
        "positions": [[RAIN, "6.00"]],
        "balance": [199707, "1997.070000"],
        "book": [["0.4600", "20.00"], ["0.5200", "50.00"]],
        "status": [True, True],
        "markets": [RAIN, SNOW, HOME],
        "market": ["active", "linear_cent"],
        "limits": ["prestige", 6000],
    }


def test_an_independent_client_follows_book_fills_and_orders_and_mends_a_gap(tmp_path: Path) -> None:
    async def play() -> dict[str, Any]:
        async with serving() as server:
            key = write_key(rsa_key(), tmp_path / "key")
            return await run_json("independent.py", server.rest_url, server.ws_url, server.admin_url, "rsa", key)

    assert asyncio.run(play()) == {
        "placed": ["8.00", "0.4725"],
        "first": ["0.4600x20.00", "0.5300x6.00"],
        "book": ["0.4600x20.00", "0.5200x48.00"],
        "mended": ["0.4600x20.00", "0.5200x46.00"],
        "fill": ["6.00", "0.4700", "0.1100"],
        "trade": "6.00",
        "ticker": "0.4600",
        "change": "executed",
        "resting_levels": 3,
        "canceled": "8.00",
        "refused": 409,
        "orders": [
            ["i-after", "executed"],
            ["i-lost", "executed"],
            ["i-rests", "canceled"],
            ["i-filled", "executed"],
        ],
        "fills": ["1.00", "1.00", "2.00", "6.00"],
        "balance": "199508",
        "positions": ["10.00"],
    }
