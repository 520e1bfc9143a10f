"""What trading on Kalshi needs, tried one after the other without any order; each trouble with its fix."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final

import msgspec

from protocol.units import UnitError, show_money, show_price, show_quantity
from transport.kalshi.bucket import DEFAULT_COST
from transport.kalshi.port import CLOCK_US
from transport.kalshi.reads import KalshiReads
from transport.kalshi.rest import clock_wrong
from transport.venue_rest import ReadFailed
from venues.kalshi.account import Balance
from venues.kalshi.grid import MarketRules
from venues.kalshi.replies import TOO_MANY

SHARDS: Final = {0: "default", 1: "combos", 2: "crypto", 3: "tennis, baseball, basketball"}


class State(StrEnum):
    """How a check ended. Only ``FAILED`` keeps one from trading."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One line: what was tried, how it is, and what to do about it."""

    name: str
    state: State
    text: str
    fix: str | None = None


_BUSY: Final = "wait a moment: others read this account as fast as its tier allows, its traders for instance"
_NTP: Final = "set this machine's clock: turn on NTP (timedatectl set-ntp true)"
_NETWORK: Final = "check the network, and kalshi.environment and kalshi.rest_url in the configuration"
_KEY: Final = "compare kalshi.key_id with the id that Kalshi shows for this key; a key of the demo is none of live"


class Doctor:
    """Examines one account. Every check is made, whatever the others found, unless it needs what failed."""

    def __init__(self, reads: KalshiReads, *, market: str | None = None) -> None:
        self._reads = reads
        self._market = market
        self._balance: Balance | None = None

    async def examine(self) -> list[Check]:
        """All checks, in the order in which they are to be read."""
        checks = [await self._tried("exchange", self._exchange, _NETWORK)]
        checks.append(self._clock())
        limits = await self._tried("signature", self._limits, _KEY)
        checks.append(limits)
        if limits.state is State.FAILED:
            unasked = "not asked: the signature is not taken"
            checks.append(Check(name="balance", state=State.SKIPPED, text=unasked))
        else:
            checks.append(
                await self._tried("balance", self._cash, "try again in a second: it may be asked once a second")
            )
        checks.append(await self._tried("market", self._book, "name another market: --market TICKER"))
        return checks

    async def _tried(self, name: str, check: Callable[[], Awaitable[Check]], fix: str) -> Check:
        try:
            return await check()
        except ReadFailed as error:
            mend = _NTP if clock_wrong(error) else _BUSY if error.status == TOO_MANY else fix
            return Check(name=name, state=State.FAILED, text=str(error), fix=mend)
        except UnitError as error:
            return Check(name=name, state=State.FAILED, text=f"kalshi told an amount that is none: {error}", fix=fix)

    async def _exchange(self) -> Check:
        status = await self._reads.status()
        shards = [one for one in status.exchange_index_statuses if not (one.exchange_active and one.trading_active)]
        if not (status.exchange_active and status.trading_active):
            until = (
                f" until about {status.exchange_estimated_resume_time}" if status.exchange_estimated_resume_time else ""
            )
            fix = "wait; maintenance is on Thursdays from 03:00 to 05:00 in New York"
            return Check(name="exchange", state=State.FAILED, text=f"it does not trade{until}", fix=fix)
        if shards:
            names = ", ".join(_shard(one.exchange_index) for one in shards)
            text = f"it trades, but not on {names}"
            return Check(name="exchange", state=State.WARNING, text=text, fix="wait, or trade other markets")
        count = len(status.exchange_index_statuses)
        return Check(name="exchange", state=State.OK, text=f"it trades{f', on all {count} shards' if count else ''}")

    def _clock(self) -> Check:
        offset = self._reads.rest.offset
        if offset.offset_us is None:
            return Check(name="clock", state=State.SKIPPED, text="not measured: kalshi did not answer")
        if abs(offset.certain_us) > CLOCK_US:
            return Check(name="clock", state=State.FAILED, text=str(offset), fix=_NTP)
        return Check(name="clock", state=State.OK, text=str(offset))

    async def _limits(self) -> Check:
        limits = await self._reads.limits()
        orders, reads = limits.write.refill_rate // DEFAULT_COST, limits.read.refill_rate // DEFAULT_COST
        text = f"taken; tier {limits.usage_tier}: {orders} orders and {reads} reads a second"
        return Check(name="signature", state=State.OK, text=text)

    async def _cash(self) -> Check:
        self._balance = balance = await self._reads.balance()
        shards = [f"{_shard(one.exchange_index)}: {show_money(one.cash)}" for one in balance.balance_breakdown]
        text = f"{show_money(balance.cash)} in all" + (f" ({'; '.join(shards)})" if shards else "")
        if balance.cash <= 0:
            return Check(name="balance", state=State.WARNING, text=text, fix="pay in, or nothing can be bought")
        return Check(name="balance", state=State.OK, text=text)

    async def _book(self) -> Check:
        rules = await self._reads.some_market() if self._market is None else await self._reads.market(self._market)
        if rules is None:
            return Check(name="market", state=State.WARNING, text="no market is open", fix="name one: --market TICKER")
        book = await self._reads.book(rules.ticker)
        bid, ask = (
            f"{show_quantity(side[0][1])} at {show_price(side[0][0])}" if side else "none"
            for side in (book.bids, book.asks)
        )
        text = f"{rules.ticker} ({rules.status}): best bid {bid}, best ask {ask}"
        poor = self._unfunded(rules)
        if poor is not None:
            fix = "move cash to that shard at Kalshi: orders there fail as if the market did not exist"
            return Check(name="market", state=State.WARNING, text=f"{text}; {poor}", fix=fix)
        if not rules.trades:
            return Check(name="market", state=State.WARNING, text=text, fix="it takes no orders: name another one")
        return Check(name="market", state=State.OK, text=text)

    def _unfunded(self, rules: MarketRules) -> str | None:
        """Why nothing can be bought on the market, though there is cash elsewhere."""
        if self._balance is None or rules.shard is None or not self._balance.balance_breakdown:
            return None
        cash = {one.exchange_index: one.cash for one in self._balance.balance_breakdown}.get(rules.shard, 0)
        return None if cash > 0 else f"it is on {_shard(rules.shard)}, where no cash is"


def _shard(index: int) -> str:
    return f"shard {index} ({SHARDS[index]})" if index in SHARDS else f"shard {index}"
