"""The doctor: each check fine, and each trouble with its fix."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from email.utils import formatdate
from random import Random
from types import MappingProxyType
from typing import Final

import pytest

from tests.transport.kalshi.server import Act, Drop, Reply, Request, says, serving
from tests.transport.kalshi.test_port import LIMITS, MARKET
from tests.transport.kalshi.test_rest import HASTY
from tests.venues.kalshi.material import KEY_ID, TICKER, credentials
from tests.venues.kalshi.test_replies import error
from transport.feeds.port import WallClock
from transport.kalshi.doctor import Check, Doctor, State
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import KalshiRest
from venues.kalshi.hosts import API

TRADES = {"exchange_active": True, "trading_active": True}
SHARD = {"exchange_index": 3, "description": "x", "intra_exchange_transfers_active": True, **TRADES}
NOTHING: Final[Mapping[str, Act]] = MappingProxyType({})


def well() -> dict[str, Act]:
    shards = [{"exchange_index": 0, "balance": "90.000000"}, {"exchange_index": 3, "balance": "10.000000"}]
    return {
        "/exchange/status": says(TRADES | {"exchange_index_statuses": [SHARD]}),
        "/account/limits": says(LIMITS | {"read": {"refill_rate": 200, "bucket_capacity": 200}}),
        "/portfolio/balance": says({"balance": 10_000, "balance_dollars": "100.0", "balance_breakdown": shards}),
        "/markets": says({"markets": [MARKET], "cursor": "more"}),
        f"/markets/{TICKER}": says({"market": MARKET}),
        f"/markets/{TICKER}/orderbook": says(
            {"orderbook_fp": {"yes_dollars": [["0.4500", "100.00"]], "no_dollars": [["0.5200", "50.00"]]}}
        ),
    }


def examined(market: str | None = None, changed: Mapping[str, Act] = NOTHING) -> dict[str, Check]:
    answers = well() | dict(changed)

    def act(request: Request) -> Act:
        return answers.get(request.path.removeprefix(API), says(None, 404))

    async def main() -> list[Check]:
        async with serving(act) as server:
            server.answers_probes = False
            rest = KalshiRest(server.hosts, credentials(), WallClock(), rng=Random(1), policy=HASTY)
            try:
                return await Doctor(KalshiReads(rest), market=market).examine()
            finally:
                await rest.close()

    checks = asyncio.run(main())
    assert KEY_ID not in str(checks)
    assert all(check.fix for check in checks if check.state in {State.FAILED, State.WARNING})
    return {check.name: check for check in checks}


@pytest.mark.parametrize("market", [None, TICKER])
def test_all_is_well(market: str | None) -> None:
    checks = examined(market)
    assert [check.state for check in checks.values()] == [State.OK] * 5
    assert checks["exchange"].text == "it trades, on all 1 shards"
    assert checks["signature"].text == "taken; tier basic: 100 orders and 20 reads a second"
    assert checks["balance"].text == (
        "$100.00 in all (shard 0 (default): $90.00; shard 3 (tennis, baseball, basketball): $10.00)"
    )
    assert checks["market"].text == f"{TICKER} (active): best bid 100 at 45c, best ask 50 at 48c"


def late(seconds: int) -> dict[str, str]:
    return {"Date": formatdate(WallClock().unix_us() / 1e6 + seconds, usegmt=True)}


EXPIRED = Reply(401, error("header_timestamp_expired"))
Answers = Mapping[str, Act]


@pytest.mark.parametrize(
    ("changed", "name", "state", "words", "fix"),
    [
        ({"/exchange/status": Drop()}, "exchange", State.FAILED, "Error", "network"),
        ({"/exchange/status": says({**TRADES, "trading_active": False})}, "exchange", State.FAILED, "trade", "wait"),
        (
            {"/exchange/status": says(TRADES | {"exchange_index_statuses": [SHARD | {"trading_active": False}]})},
            "exchange", State.WARNING, "not on shard 3", "other markets",
        ),
        ({"/account/limits": Reply(401, error("not_found"))}, "signature", State.FAILED, "401", "kalshi.key_id"),
        ({"/account/limits": EXPIRED}, "signature", State.FAILED, "header_timestamp_expired", "NTP"),
        ({"/account/limits": EXPIRED}, "balance", State.SKIPPED, "not asked", None),
        ({"/portfolio/balance": Reply(403, error("no"))}, "balance", State.FAILED, "403", "once a second"),
        (
            {"/portfolio/balance": says({"balance_dollars": "0.0", "balance_breakdown": []})},
            "balance", State.WARNING, "$0.00", "pay in",
        ),
        (
            {"/portfolio/balance": says(
                {"balance_dollars": "9.0", "balance_breakdown": [{"exchange_index": 0, "balance": "9.0"}]}
            )},
            "market", State.WARNING, "on shard 3 (tennis, baseball, basketball), where no cash is", "move cash",
        ),
        ({"/markets": says({"markets": []})}, "market", State.WARNING, "no market is open", "--market"),
        ({"/markets": says({"markets": [MARKET | {"status": "closed"}]})}, "market", State.WARNING, "closed", "name"),
    ],
)  # fmt: skip
def test_each_trouble_has_its_fix(changed: Answers, name: str, state: State, words: str, fix: str | None) -> None:
    check = examined(None, changed)[name]
    assert (check.state, words in check.text) == (state, True), check
    assert (fix or "") in (check.fix or "")


@pytest.mark.parametrize("seconds", [-30, 30])
def test_a_clock_that_is_off_is_measured(seconds: int) -> None:
    status = says(TRADES)
    off: Act = Reply(200, status.body, late(seconds))
    check = examined(None, {"/exchange/status": off})["clock"]
    assert check.state is State.FAILED
    assert ("behind" if seconds < 0 else "ahead") in check.text
    assert "NTP" in (check.fix or "")


def test_a_market_that_is_not_there_is_said() -> None:
    check = examined("KXNONE")["market"]
    assert (check.state, "404" in check.text) == (State.FAILED, True)
