"""`arb doctor polymarket` against the loopback exchange: each trouble with its fix, and no order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from protocol.units import Money
from tests.transport.polymarket.trade_kit import KINDS, REST, wallet_key
from transport.feeds.port import WallClock
from transport.kalshi.doctor import Check, State
from transport.polymarket.access import PolymarketAccess, find_wallet
from transport.polymarket.doctor import Doctor
from transport.polymarket.official import Kind
from transport.polymarket.rest import PolymarketRest
from transport.polymarket_exchange.server import PolymarketServer
from venues.polymarket.exchange.contracts import NEG_RISK_EXCHANGE
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.listing import DEMO
from venues.polymarket.exchange.service import PolymarketService

Change = Callable[[PolymarketService], None]


def examined(
    directory: Path, change: Change = lambda _: None, *, kind: Kind = "safe", cash: int = 5
) -> dict[str, Check]:
    async def scenario() -> dict[str, Check]:
        service = PolymarketService(DEMO)
        server = PolymarketServer(service)
        await server.start()
        key, clock = wallet_key(directory), WallClock()
        service.fund(key.address, KINDS[kind], Money(cash * 1_000_000))
        change(service)
        rest = PolymarketRest(server.hosts, clock, rng=Random(1), policy=REST)
        try:
            found = PolymarketAccess(server.hosts, key, find_wallet(key.address, kind, None))
            checks = await Doctor(found, rest, clock).examine()
        finally:
            await rest.close()
            await server.stop()
        assert not [one for one in service.exchange.orders.values() if not one.account.unlimited]
        return {check.name: check for check in checks}

    return asyncio.run(scenario())


def test_all_is_well(tmp_path: Path) -> None:
    checks = examined(tmp_path)
    assert {check.state for check in checks.values()} == {State.OK}
    assert list(checks) == [
        "wallet",
        "exchange",
        "credentials",
        "account",
        "balance",
        "allowance standard",
        "allowance neg-risk",
        "allowance v3",
        "market",
    ]
    assert "Gnosis Safe" in checks["wallet"].text
    assert checks["balance"].text == "$5.00 on the chain"
    assert "best bid 100 at 0.45, best ask 12 at 0.47" in checks["market"].text


def test_a_contract_that_may_take_nothing_is_named_with_the_fix(tmp_path: Path) -> None:
    def change(service: PolymarketService) -> None:
        for account in service.exchange.accounts.values():
            account.allowances[NEG_RISK_EXCHANGE] = 0

    checks = examined(tmp_path, change)
    assert checks["allowance neg-risk"].state is State.WARNING
    assert "approve it" in (checks["allowance neg-risk"].fix or "")
    assert checks["allowance standard"].state is State.OK


def test_no_money_and_a_clock_that_is_off(tmp_path: Path) -> None:
    checks = examined(tmp_path, lambda service: service.break_down(Fault(name="clock_offset", ms=4_000)), cash=0)
    assert checks["balance"].state is State.WARNING
    assert checks["exchange"].state is State.FAILED
    assert "NTP" in (checks["exchange"].fix or "")


@pytest.mark.parametrize("path", ["/auth/derive-api-key"])
def test_without_credentials_nothing_of_the_account_is_asked(tmp_path: Path, path: str) -> None:
    checks = examined(tmp_path, lambda service: service.break_down(Fault(name="unauthorized", path=path, times=-1)))
    assert checks["credentials"].state is State.FAILED
    assert (checks["account"].state, checks["balance"].state) == (State.SKIPPED, State.SKIPPED)
    assert checks["market"].state is State.OK
