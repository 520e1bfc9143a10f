"""The port of a trader, its journal, and a whole Polymarket on loopback, in one process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from protocol.leg import Leg
from protocol.outcome import Outcome
from protocol.terms import POLYMARKET, Action, LegId, Side, Status
from protocol.units import CENT, CONTRACT, Money, Price, Quantity
from transport.feeds.port import WallClock
from transport.journal_port import JournalFile
from transport.polymarket.access import PolymarketAccess, find_wallet
from transport.polymarket.live import live_port
from transport.polymarket.official import Kind
from transport.polymarket.policy import PortPolicy
from transport.polymarket.port import PolymarketPort
from transport.polymarket.rest import RestPolicy
from transport.polymarket.wallet_key import WalletKey, read_wallet_key
from transport.polymarket_exchange.server import PolymarketServer
from venues.polymarket.exchange.faults import Fault
from venues.polymarket.exchange.listing import DEMO
from venues.polymarket.exchange.market import Market
from venues.polymarket.exchange.service import PolymarketService
from venues.polymarket.exchange.wallets import WalletKind
from venues.polymarket.hosts import PolymarketHosts

KEY = "0x" + "11" * 32
KINDS = {"eoa": WalletKind.EOA, "proxy": WalletKind.PROXY, "safe": WalletKind.SAFE, "deposit": WalletKind.DEPOSIT}
HASTY = PortPolicy(timeout_s=1.0, waits_s=(0.02,), heartbeat_s=0.05, again_s=0.05)
REST = RestPolicy(timeout_s=1.0, attempts=2, retry_base_s=0.001, budget_s=3)
WITHIN_S = 10.0


def wallet_key(directory: Path) -> WalletKey:
    file = directory / "wallet.hex"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(f"{KEY}\n", encoding="ascii")
    return read_wallet_key(file)


def leg(
    token: str,
    *,
    leg_id: str = "t1.a",
    buys: bool = True,
    limit: int = 47,
    contracts: int = 6,
    expires_at_ms: int | None = None,
) -> Leg:
    return Leg(
        leg_id=LegId(leg_id),
        trade_id=None,
        pair_id=None,
        market_id=1,
        platform=POLYMARKET,
        market=token,
        action=Action.BUY if buys else Action.SELL,
        side=Side.YES,
        limit=Price(limit * CENT),
        quantity=Quantity(contracts * CONTRACT),
        expires_at_ms=expires_at_ms,
    )


@dataclass
class Stage:
    """All of it. ``told``: every outcome that the port has reported, leg by leg."""

    server: PolymarketServer
    directory: Path
    kind: Kind
    port: PolymarketPort
    journal: JournalFile
    lines: list[str]
    told: dict[str, list[Outcome]] = field(default_factory=dict)
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def service(self) -> PolymarketService:
        return self.server.service

    @property
    def market(self) -> Market:
        return next(iter(self.service.exchange.markets.values()))

    @property
    def token(self) -> str:
        return self.market.tokens[0]

    def fault(self, name: str, **how: Any) -> None:
        self.service.break_down(Fault(name=name, **how))

    def note(self, outcome: Outcome) -> None:
        self.told.setdefault(outcome.leg_id, []).append(outcome)
        self.heard.set()

    def place(self, order: Leg) -> None:
        """As the trader does: the intent first."""
        assert self.journal.begin(order, dry=False, refused=None, owner=None, now_us=1) is None
        self.port.place(order, self.note, blind=False)

    def last(self, order: Leg) -> Outcome | None:
        return self.told.get(order.leg_id, [None])[-1]

    async def until(self, what: Callable[[], bool]) -> None:
        async with asyncio.timeout(WITHIN_S):
            while not what():
                self.heard.clear()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        await self.heard.wait()

    async def traded(self, order: Leg, status: Status | None = None, *, final: bool | None = None) -> Outcome:
        """Place it, and wait for such a word on it."""
        self.place(order)
        return await self.hears(order, status, final=final)

    async def hears(self, order: Leg, status: Status | None = None, *, final: bool | None = None) -> Outcome:
        def said() -> bool:
            last = self.last(order)
            return last is not None and status in {None, last.status} and final in {None, last.final}

        await self.until(said)
        found = self.last(order)
        assert found is not None
        return found

    async def asked(self, order: Leg) -> tuple[Outcome | None, str | None]:
        """One look-up."""
        answer: asyncio.Future[tuple[Outcome | None, str | None]] = asyncio.get_running_loop().create_future()

        def report(outcome: Outcome | None, failed: str | None) -> None:
            if answer.done():
                assert outcome is not None
                self.note(outcome)
            else:
                answer.set_result((outcome, failed))

        self.port.lookup(order, report)
        return await asyncio.wait_for(answer, WITHIN_S)

    async def ask(self, how: Callable[[Callable[[Any, str | None], None]], None]) -> tuple[Any, str | None]:
        """The answer to a question about the account."""
        answer: asyncio.Future[tuple[Any, str | None]] = asyncio.get_running_loop().create_future()
        how(lambda found, failed: answer.set_result((found, failed)))
        return await asyncio.wait_for(answer, WITHIN_S)

    def posts(self) -> int:
        """Orders that the exchange has, of this wallet."""
        return len([one for one in self.service.exchange.orders.values() if not one.account.unlimited])

    def state(self) -> dict[str, Any]:
        """The exchange's own books of the wallet."""
        from venues.polymarket.exchange.portfolio import state  # noqa: PLC0415 -- asked for by few

        wallet = self.port._session._found.wallet.address
        found: dict[str, Any] = state(self.service.exchange)[wallet]
        return found

    async def restart(self) -> None:
        """The trader dies and comes back, with its journal."""
        await self.port.close()
        self.journal.close()
        self.journal, self.port = await started(self.server.hosts, self.directory, self.kind, self.lines, self.token)


async def started(
    hosts: PolymarketHosts, directory: Path, kind: Kind, lines: list[str], *tokens: str
) -> tuple[JournalFile, PolymarketPort]:
    key = wallet_key(directory)
    found = PolymarketAccess(hosts, key, find_wallet(key.address, kind, None))
    port = live_port(
        found, timeout_s=1.0, rng=Random(1), markets=tokens, report=lines.append, policy=HASTY, rest_policy=REST
    )
    journal = JournalFile(directory / "journal.db")
    port.keep_in(journal)
    await port.start()
    return journal, port


@contextlib.asynccontextmanager
async def staged(
    directory: Path, *, kind: Kind = "eoa", cash: int = 100, auto: bool = True, fast: bool = True, step: int = 10_000
) -> AsyncIterator[Stage]:
    """A Polymarket with the demo's markets, and a trader of it with so many dollars."""
    service = PolymarketService(DEMO, share_step=step)
    settlement = service.exchange.settlement
    settlement.auto = auto
    if fast:
        settlement.mined_us, settlement.confirmed_us = 100_000, 200_000
    server = PolymarketServer(service)
    await server.start()
    lines: list[str] = []
    try:
        key = wallet_key(directory)
        service.fund(key.address, KINDS[kind], Money(cash * 1_000_000))
        token = next(iter(service.exchange.markets.values())).tokens[0]
        journal, port = await started(server.hosts, directory, kind, lines, token)
        stage = Stage(server, directory, kind, port, journal, lines)
        try:
            yield stage
        finally:
            await stage.port.close()
            stage.journal.close()
    finally:
        await server.stop()


def dollars(text: str) -> Money:
    return Money(int(Decimal(text) * 1_000_000))


def now_ms() -> int:
    return WallClock().unix_us() // 1_000


Scenario = Callable[[Stage], Awaitable[None]]


def played(directory: Path, scenario: Scenario, *, kind: Kind = "eoa", auto: bool = True) -> None:
    """A scenario on a stage of its own."""

    async def play() -> None:
        async with staged(directory, kind=kind, auto=auto) as stage:
            await scenario(stage)

    asyncio.run(play())
